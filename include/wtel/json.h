/*
 * What the library's values look like as JSON: the seed's camelCase, field by field. For programs that use jansson
 * themselves; <wtel/api.h> gives the same as text. Each function gives a new reference that the caller owns, or NULL:
 * out of memory. Times are ISO 8601 in UTC with milliseconds; what is unknown is null; bytes that are not UTF-8 become
 * U+FFFD.
 */
#ifndef WTEL_JSON_H
#define WTEL_JSON_H

#include <jansson.h>
#include <wtel/service.h>

#ifdef __cplusplus
extern "C" {
#endif

WTEL_API json_t *wtel_json_text(const char *text); /* null for NULL and "" */
WTEL_API json_t *wtel_json_id(int64_t id);	   /* null for 0 */
WTEL_API json_t *wtel_json_time(int64_t wall);	   /* null for 0 */

/* `campaign` and `lead`: names from the platform's tables, "" unknown. */
WTEL_API json_t *wtel_json_call(const struct wtel_call *call, const char *campaign, const char *lead);
/* How its trunk was chosen (call->route): an array with an object for each booking. */
WTEL_API json_t *wtel_json_route(const struct wtel_call *call);
WTEL_API json_t *wtel_json_trunk(const struct wtel_trunk *trunk);
/* "66.67" as the seed's answerRate; delay and duration in seconds. */
WTEL_API json_t *wtel_json_health(const struct wtel_trunk_health *health);
/* `route` (may be NULL): what would be dialled there; `order`: its place among those that may carry the call, 0 none.
 */
WTEL_API json_t *wtel_json_step(const struct wtel_route_step *step, const struct wtel_route *route, size_t order);
/* `trunks` (may be NULL): where the names are. */
WTEL_API json_t *wtel_json_campaign(const struct wtel_campaign *campaign, const struct wtel_trunk_list *trunks);
WTEL_API json_t *wtel_json_peer(const struct wtel_peer *peer);
WTEL_API json_t *wtel_json_stats(const struct wtel_call_stats *stats);
WTEL_API json_t *wtel_json_status(const struct wtel_service_stats *stats);

/* {"event": "call:new", "time": ..., and what <wtel/service.h> says of each}. */
WTEL_API json_t *wtel_json_notice(const struct wtel_notice *notice);

/* {"id": id, "event": ..., "time": ..., "data": {the rest of it}} as text, given to `write` in one piece. No tree of it
 * is made: for whoever writes many. `allocator` (NULL: the C library's) for as long as it runs. 0, WTEL_ENOMEM, or what
 * `write` gave. */
WTEL_API int wtel_json_event(const struct wtel_notice *notice, const char *id, const struct wtel_allocator *allocator,
			     json_dump_callback_t write, void *user) WTEL_MUST_CHECK;

/* {"code": "WTEL_EINVAL", "message": ..., "field": ...}: of the seed's {success: false, error: ...}. */
WTEL_API json_t *wtel_json_error(int code, const struct wtel_detail *detail);

#ifdef __cplusplus
}
#endif
#endif
