/*
 * What the language packages stand on: one handle with values that every language can carry: numbers, UTF-8 text,
 * bytes. Behind it are a store, a service and one observer. Nothing waits; nothing calls back: the package polls
 * binding_fd(), calls binding_dispatch(), then takes what there is. Wrapped by wtel.i; not installed.
 *
 * Every function that fails gives a negative code of <wtel/error.def>; binding_error() is then the JSON text
 * {"code": "WTEL_EINVAL", "message": "...", "field": "..."} until the next call.
 */
#ifndef BINDING_H
#define BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct binding;

/* Bytes, borrowed until the next call with the same handle. data NULL: none. */
struct binding_bytes {
	const char *data;
	size_t length;
};

/*
 * `options`: a JSON object; all keys may be missing: "ami" and "db" (URLs, stronger than the environment, which is read
 * as wtel_config_read() does), "country", "technology", "caFile", "tlsName", "allowPlain", "originateTimeout" and
 * "dialTimeout" (milliseconds), "maxAttempts", "maxQueue" (notices kept for a slow reader), "migrate" (true: the schema
 * is brought up to date first, for which a PostgreSQL server is waited for; false: it is not; without the key: SQLite's
 * is), "store" (false: none). An unknown key, a wrong type: WTEL_ECONFIG, field set. Secrets are never in the error.
 * NULL: see binding_error().
 */
struct binding *binding_new(const char *options);

/* Ends at once what is under way; replies are lost. After binding_close() there is nothing left to lose. What a
 * database has not got yet is written first, if it answers: this may wait. Once; NULL is allowed. */
void binding_free(struct binding *binding);

/* Of the last failure; `binding` NULL: of binding_new() and parser_new(). Never NULL. */
const char *binding_error(const struct binding *binding);

/* Readable while there is something to do or to take. The same number until binding_free(). */
int binding_fd(const struct binding *binding);

/* 0, or WTEL_ENOMEM: call again. Afterwards take replies, notices and raw events until there are none. */
int binding_dispatch(struct binding *binding);

/*
 * ---- what goes in: each gives an id above 0 (or an error at once), answered by one reply -------
 *
 * Any text is answered, whatever it holds: WTEL_EINVAL (no JSON, a wrong type, an unknown key, half a surrogate pair),
 * WTEL_EINJECTION (NUL, CR, LF), WTEL_ELIMIT (a text over 1 MiB, all together over 16 MiB), with the field:
 * "customerPhone", "variables.NAME". WTEL_ESTATE after binding_close(); WTEL_ECONNECT.
 */

/* {"agentExtension", "customerPhone", "campaignId", "leadId", "agentId", "timeout" (ms), "callerId", "variables": {}}.
 * The reply's data: {"success": true, "callId", "trunk": "Twilio Main", "call": {...}}. */
int64_t binding_originate(struct binding *binding, const char *request);
/* Channel name or call id. Data: {"success": true}. */
int64_t binding_hangup(struct binding *binding, const char *channel_or_call_id);
/* wtel_api_call(). `request`: {"method": "GET", "path", "query", "body" (text), "userId", "role": "agent",
 * "actor", "address"}; the last two are for the audit log. Data:
 * {"status": 200, "body": {...}}. */
int64_t binding_api(struct binding *binding, const char *request);
/* Any AMI action: {"action": "Ping", "fields": [["Name", "value"], ...], "timeout": ms}. Data: {"response": {...},
 * "items": [...]}, each {"Name": "value"}, and an array of values for a name that comes more than once. */
int64_t binding_action(struct binding *binding, const char *request);
/* Everything written so far is durable, then Asterisk is logged off: no new calls are taken from now on. Data: {}. */
int64_t binding_close(struct binding *binding);

/* ---- what comes out: data NULL if there is nothing ----------------------------------------- */

/* One JSON array of at most `most` replies: [{"id": 7, "data": {...}}, {"id": 8, "error": {code, message, field}}]. */
struct binding_bytes binding_replies(struct binding *binding, size_t most);

/* One JSON array of at most `most` notices as wtel_json_notice() gives them; what is not taken stays in the queue of
 * "maxQueue", whose overflow is told. */
struct binding_bytes binding_notices(struct binding *binding, size_t most);

/* The library's log since the last time, errors to information, at most 256 lines: [["warning", "..."], ...]. */
struct binding_bytes binding_logs(struct binding *binding);

/* Which notices binding_notices() gives from now on: names separated by commas, "" for none, NULL for all, as at the
 * start. The rest, but "overflow", is passed over, which costs far less than its text. WTEL_EINVAL for a name that is
 * none. */
int binding_want(struct binding *binding, const char *names);

/* {"connected": true, "activeCalls": 3, "callsInProgress": 2, ...}: wtel_json_status(). */
struct binding_bytes binding_statistics(struct binding *binding);

/* Active calls, a JSON array. */
struct binding_bytes binding_calls(struct binding *binding);

/*
 * Raw events from now on, at most `most_bytes` between two takes (beyond it the oldest are dropped and counted in
 * "rawLost" of the statistics); 0: no more. A block holds whole events as they came from the wire,
 * each "Name: value\r\n" lines and an empty line; `ends` are the offsets behind each event, native 32-bit integers.
 */
int binding_raw(struct binding *binding, size_t most_bytes);
struct binding_bytes binding_raw_take(struct binding *binding);
struct binding_bytes binding_raw_ends(struct binding *binding); /* of the block just taken */

/* ---- the parser alone ---------------------------------------------------------------- */

struct parser;
struct parser *parser_new(void); /* NULL: see binding_error(NULL) */
void parser_free(struct parser *parser);
/* Any piece of a stream. 0; WTEL_ENOMEM: feed nothing (length 0) again later. Then take: messages (events and
 * responses) as above. */
int parser_feed(struct parser *parser, const char *data, size_t length);
struct binding_bytes parser_take(struct parser *parser);
struct binding_bytes parser_ends(struct parser *parser);
uint64_t parser_skipped(const struct parser *parser); /* messages beyond the limits */

#ifdef __cplusplus
}
#endif
#endif
