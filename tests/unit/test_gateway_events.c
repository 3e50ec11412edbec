/* Events through a real gateway, to clients on bare sockets: WebSocket and Server-Sent Events. */
#define _GNU_SOURCE

#include "events_client.h"

#include "fault.h"
#include "gateway/stream.h"

/* ---- the handshake ---------------------------------------------------- */

Test(gateway_events, a_websocket_is_opened_as_the_standard_says)
{
	static struct house house;
	struct reader *reader;

	house_open(&house, NULL);
	reader = house_ready(&house, house_read(&house, "", house.admin));
	/* RFC 6455, 1.3. */
	cr_assert_not_null(strcasestr(reader->head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	cr_assert_not_null(strcasestr(reader->head, "\r\nUpgrade: websocket\r\n"));
	cr_assert_null(strcasestr(reader->head, "Sec-WebSocket-Extensions"));
	house_close(&house);
}

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static const struct {
	int status;
	const char *headers;
	bool good; /* with a token that is */
	const char *has;
} handshakes[] = {
	{401, UPGRADE KEY VERSION, false, "WWW-Authenticate:"},
	{401, UPGRADE KEY VERSION "Authorization: Bearer nonsense\r\n", false, "WWW-Authenticate:"},
	{401, UPGRADE KEY VERSION "Authorization: Bearer wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n", false,
	 "WWW-Authenticate:"},
	{426, UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", true, "Sec-WebSocket-Version: 13\r\n"},
	{426, UPGRADE KEY, true, "Sec-WebSocket-Version: 13\r\n"},
	{400, UPGRADE VERSION, true, ""},
	{400, UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n", true, ""},
	{400, UPGRADE VERSION "Sec-WebSocket-Key: AAAA\r\n", true, ""},
	{400, "Upgrade: websocket\r\n" KEY VERSION, true, ""},
	{400, "Upgrade: websocket\r\nConnection: keep-alive\r\n" KEY VERSION, true, ""},
	{101, UPGRADE KEY VERSION "Sec-WebSocket-Extensions: permessage-deflate\r\n", true, "Sec-WebSocket-Accept"},
	{101, "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n" KEY VERSION, true, "Sec-WebSocket-Accept"},
};

Test(gateway_events, other_handshakes_are_refused)
{
	static struct house house;
	char request[1024];
	size_t i;

	house_open(&house, NULL);
	for (i = 0; i < sizeof(handshakes) / sizeof(*handshakes); i++) {
		struct reader *reader;

		snprintf(request, sizeof(request),
			 "GET /api/telephony/events HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s\r\n", handshakes[i].headers,
			 handshakes[i].good ? "Authorization: Bearer " : "", handshakes[i].good ? house.admin : "",
			 handshakes[i].good ? "\r\n" : "");
		reader = house_connect(&house, true, request);
		HOUSE_UNTIL(&house, reader->status);
		cr_assert_eq(reader->status, handshakes[i].status, "%s: %s", handshakes[i].headers, reader->head);
		cr_assert_not_null(strcasestr(reader->head, handshakes[i].has), "%s", reader->head);
		cr_assert_null(strcasestr(reader->head, "Sec-WebSocket-Extensions"));
		house_leave(&house, reader);
	}
	house_close(&house);
}

/* ---- what is heard ---------------------------------------------------- */

static size_t count_of(const struct reader *reader, const char *name)
{
	size_t found = 0, i;

	for (i = 0; i < reader->count; i++)
		found += strncmp(reader->names[i], name, strlen(name)) == 0;
	return found;
}

/* Ids of one and the same boot, one after the other. */
static void follow_each_other(const struct reader *reader)
{
	unsigned long before = 0;
	size_t i;

	for (i = 0; i < reader->count; i++) {
		unsigned long number = strtoul(strchr(reader->ids[i], '-') + 1, NULL, 10);

		cr_assert(!i || number == before + 1, "%s after %lu", reader->ids[i], before);
		before = number;
	}
}

Test(gateway_events, each_hears_what_it_may)
{
	static struct house house;
	struct reader *admin, *agent, *stream, *narrow;
	size_t i;

	house_open(&house, NULL);
	admin = house_ready(&house, house_read(&house, "", house.admin));
	agent = house_ready(&house, house_read(&house, "", house.agent));
	stream = house_ready(&house, house_stream(&house, "", house.supervisor));
	narrow = house_ready(&house, house_read(&house, "", house.supervisor));
	cr_assert_not_null(strcasestr(stream->head, "\r\nContent-Type: text/event-stream\r\n"));
	reader_frame(narrow, 0x81, "{\"subscribe\": [\"call:hangup\"]}");
	reader_frame(narrow, 0x89, "now");
	HOUSE_UNTIL(&house, narrow->pongs);
	cr_assert_str_eq(narrow->pong, "now");
	house_call(&house, "1001", 5);
	house_call(&house, "1002", 6);
	house_calls_end(&house);
	HOUSE_UNTIL(&house, count_of(admin, "call:hangup") == 2 && count_of(stream, "call:hangup") == 2);
	follow_each_other(admin);
	cr_assert_eq(stream->count, admin->count);
	cr_assert_eq(memcmp(stream->ids, admin->ids, sizeof(admin->ids)), 0);
	for (i = 0; i < agent->count; i++)
		cr_assert_eq(agent->agents[i], 5, "%s", agent->names[i]);
	cr_assert_eq(count_of(agent, "call:hangup"), 1);
	cr_assert_eq(count_of(agent, "call:new"), 1);
	cr_assert_eq(count_of(agent, "call:answered"), 1);
	cr_assert_eq(narrow->count, 2);
	cr_assert_eq(count_of(narrow, "call:hangup"), 2);
	house_close(&house);
}

Test(gateway_events, an_agent_hears_of_its_own_account)
{
	static struct house house;
	struct reader *agent, *admin;

	house_open(&house, NULL);
	agent = house_ready(&house, house_read(&house, "", house.agent));
	admin = house_ready(&house, house_read(&house, "", house.admin));
	cr_assert_eq(
		wtel_sim_inject(house.world.sim,
				wtel_slice_of("Event: DeviceStateChange\r\nPrivilege: call,all\r\n"
					      "Device: PJSIP/1002\r\nState: NOT_INUSE\r\n\r\n"
					      "Event: PeerStatus\r\nPrivilege: system,all\r\nChannelType: PJSIP\r\n"
					      "Peer: PJSIP/1002\r\nPeerStatus: Reachable\r\n\r\n"
					      "Event: PeerStatus\r\nPrivilege: system,all\r\nChannelType: PJSIP\r\n"
					      "Peer: PJSIP/1001\r\nPeerStatus: Reachable\r\n\r\n")),
		0);
	HOUSE_UNTIL(&house, count_of(agent, "peer:status"));
	HOUSE_UNTIL(&house, count_of(admin, "peer:status") >= 2);
	cr_assert_eq(count_of(agent, "peer:status"), 1);
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(agent->last, "data"), "name")), "1001");
	house_close(&house);
}

/* Comes back over either way with what it knows, and hears each event once. */
static void come_back(bool first_websocket, bool then_websocket)
{
	static struct house house;
	struct reader *all, *reader;
	char query[96], header[96];
	size_t before, i;

	house_open(&house, NULL);
	all = house_ready(&house, house_read(&house, "", house.admin));
	reader = house_ready(&house, first_websocket ? house_read(&house, "", house.admin)
						     : house_stream(&house, "", house.admin));
	house_call(&house, "1001", 5);
	HOUSE_UNTIL(&house, reader->count >= 2);
	before = reader->count;
	snprintf(query, sizeof(query), "?x=1&lastEventId=%s&y", reader->ids[before - 1]);
	snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", reader->ids[before - 1]);
	house_leave(&house, reader);
	house_call(&house, "1002", 6);
	house_calls_end(&house);
	reader = house_ready(&house, then_websocket ? house_read(&house, query, house.admin)
						    : house_stream(&house, header, house.admin));
	HOUSE_UNTIL(&house, before + reader->count == all->count);
	house_call(&house, "1003", 7);
	house_calls_end(&house);
	HOUSE_UNTIL(&house, before + reader->count == all->count);
	for (i = 0; i < reader->count; i++)
		cr_assert_str_eq(reader->ids[i], all->ids[before + i]);
	follow_each_other(all);
	house_close(&house);
}

Test(gateway_events, whoever_comes_back_hears_each_event_once)
{
	come_back(true, true);
	come_back(false, false);
	come_back(true, false);
	come_back(false, true);
}

static void short_history(struct house *house)
{
	house->options.event_history = 4;
}

Test(gateway_events, a_gap_is_told_first)
{
	static struct house house;
	struct reader *reader;
	char query[96];

	house_open(&house, short_history);
	reader = house_ready(&house, house_read(&house, "", house.admin));
	house_call(&house, "1001", 5);
	house_calls_end(&house);
	HOUSE_UNTIL(&house, reader->count > 5);
	snprintf(query, sizeof(query), "?lastEventId=%s", reader->ids[0]);
	reader = house_ready(&house, house_read(&house, query, house.admin));
	HOUSE_UNTIL(&house, reader->count == 5);
	cr_assert_str_eq(reader->names[0], "overflow");
	cr_assert_str_eq(reader->ids[0], "");
	reader = house_ready(&house, house_read(&house, "?lastEventId=another-17", house.admin));
	HOUSE_UNTIL(&house, reader->count == 1);
	cr_assert_str_eq(reader->names[0], "overflow");
	cr_assert(json_is_null(json_object_get(json_object_get(reader->last, "data"), "lost")));
	house_close(&house);
}

/* ---- what clients say ------------------------------------------------- */

static char big[5000];

static const struct {
	const char *what;
	int code; /* 0: it stays */
	const char *octets;
	size_t length;
} said[] = {
#define SAID(what, code, octets)                                                                                       \
	{                                                                                                              \
		what, code, octets, sizeof(octets) - 1                                                                 \
	}
	SAID("a text that is no JSON", 0, "\x81\x83\0\0\0\0abc"),
	SAID("an empty text", 0, "\x81\x80\1\2\3\4"),
	SAID("a pong that nobody asked for", 0, "\x8a\x82\0\0\0\0ab"),
	SAID("a text in three pieces, a ping between", 0,
	     "\x01\x81\0\0\0\0a\x89\x80\0\0\0\0\0\x81\0\0\0\0b\x80\x80\0\0\0\0"),
	SAID("a length in more octets than it needs", 0, "\x81\xfe\0\3\0\0\0\0abc"),
	SAID("not masked", 1002, "\x81\3abc"),
	SAID("a reserved bit", 1002, "\xc1\x80\0\0\0\0"),
	SAID("an unknown opcode", 1002, "\x83\x80\0\0\0\0"),
	SAID("an unknown control opcode", 1002, "\x8b\x80\0\0\0\0"),
	SAID("the end of no text", 1002, "\x80\x80\0\0\0\0"),
	SAID("a text inside a text", 1002, "\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b"),
	SAID("a ping in pieces", 1002, "\x09\x80\0\0\0\0"),
	SAID("a long ping", 1002, "\x89\xfe\0\x7e\0\0\0\0"),
	SAID("binary", 1003, "\x82\x81\0\0\0\0a"),
	SAID("not UTF-8", 1007, "\x81\x82\0\0\0\0\xc3\x28"),
	SAID("longer than allowed", 1009, "\x81\xfe\x10\x01\0\0\0\0"),
	SAID("much longer than allowed", 1009, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
	SAID("a length that is negative", 1009, "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
	SAID("close", 1000, "\x88\x82\0\0\0\0\x03\xe8"),
	SAID("close with a reason", 3001,
	     "\x88\x85\0\0\0\0\x0b\xb9"
	     "bye"),
	SAID("close without a code", 1000, "\x88\x80\0\0\0\0"),
	SAID("close with half a code", 1002, "\x88\x81\0\0\0\0\x03"),
	SAID("close with a code that nobody may say", 1002, "\x88\x82\0\0\0\0\x03\xed"),
	SAID("close with a reason that is no UTF-8", 1007, "\x88\x83\0\0\0\0\x03\xe8\xff"),
};

static void says(struct house *house, size_t which, bool by_octet)
{
	struct reader *reader = house_ready(house, house_read(house, "", house->admin));
	size_t i;

	if (by_octet)
		for (i = 0; i < said[which].length; i++) {
			reader_send(reader, said[which].octets + i, 1);
			house_turn(house);
		}
	else
		reader_send(reader, said[which].octets, said[which].length);
	if (said[which].code) {
		HOUSE_UNTIL(house, reader->ended);
		cr_assert_eq(reader->close_code, said[which].code, "%s: %d %s", said[which].what, reader->close_code,
			     reader->close_text);
	} else {
		reader_frame(reader, 0x89, "still there");
		HOUSE_UNTIL(house, strcmp(reader->pong, "still there") == 0 || reader->ended);
		cr_assert_not(reader->ended, "%s: %d", said[which].what, reader->close_code);
	}
	house_leave(house, reader);
}

Test(gateway_events, clients_are_understood_or_told_what_was_wrong)
{
	static struct house house;
	struct reader *other;
	size_t i;

	house_open(&house, NULL);
	other = house_ready(&house, house_read(&house, "", house.admin));
	for (i = 0; i < sizeof(said) / sizeof(*said); i++) {
		says(&house, i, false);
		says(&house, i, true);
	}
	cr_assert_not(other->ended);
	house_close(&house);
}

Test(gateway_events, a_filter_may_come_in_pieces)
{
	static struct house house;
	struct reader *reader;

	house_open(&house, NULL);
	reader = house_ready(&house, house_read(&house, "", house.admin));
	reader_frame(reader, 0x01, "{\"subscribe\": [\"ca");
	reader_frame(reader, 0x89, "between");
	reader_frame(reader, 0x00, "ll:hang");
	reader_frame(reader, 0x80, "up\"]}");
	reader_frame(reader, 0x89, "after");
	HOUSE_UNTIL(&house, strcmp(reader->pong, "after") == 0);
	house_call(&house, "1001", 5);
	house_calls_end(&house);
	HOUSE_UNTIL(&house, reader->count);
	cr_assert_eq(reader->count, 1);
	cr_assert_str_eq(reader->names[0], "call:hangup");
	/* The longest that is allowed, and too many of them. */
	memset(big, ' ', STREAM_MESSAGE_MAX);
	memcpy(big, "{\"subscribe\": [\"call:*\"]}", 25);
	reader_frame(reader, 0x81, big);
	house_call(&house, "1001", 5);
	house_calls_end(&house);
	HOUSE_UNTIL(&house, reader->count > 4);
	while (!reader->ended) {
		(void)!send(reader->fd, "\x8a\x80\0\0\0\0\x8a\x80\0\0\0\0\x8a\x80\0\0\0\0", 18, MSG_NOSIGNAL);
		house_turn(&house);
	}
	cr_assert_eq(reader->close_code, 1008);
	house_close(&house);
}

/* ---- ends ------------------------------------------------------------- */

Test(gateway_events, withdrawn_and_expired_access_ends_soon)
{
	static struct house house;
	char secret[WTEL_ACCESS_SECRET_SIZE];
	struct reader *revoked, *expired, *stream, *other;
	int64_t started, end;
	bool opened;

	house_open(&house, NULL);
	revoked = house_ready(&house, house_read(&house, "", house.agent));
	stream = house_ready(&house, house_stream(&house, "", house.agent));
	other = house_ready(&house, house_read(&house, "", house.admin));
	/* Where the machine stood still, that was over before it was used. */
	do {
		end = wtel_time_now().wall + 2000000;
		house_token(&house, secret, WTEL_ROLE_ADMIN, 1, end);
		expired = house_read(&house, "", secret);
		HOUSE_UNTIL(&house, expired->status);
		cr_assert(expired->open || wtel_time_now().wall >= end, "%s", expired->head);
		opened = expired->open;
		if (!opened)
			house_leave(&house, expired);
	} while (!opened);
	house_run(&house, 1000);
	cr_assert_not(revoked->ended || stream->ended);
	cr_assert(!expired->close_code || wtel_time_now().wall >= end);
	cr_assert_eq(wtel_store_token_revoke(house.world.store, house.agent_id), 0);
	started = house.passed;
	HOUSE_UNTIL(&house, revoked->close_code && stream->ended);
	/* A second, and what a busy machine needs. */
	cr_assert_lt(house.passed - started, 4000000);
	cr_assert_eq(revoked->close_code, 1008);
	cr_assert_str_eq(revoked->close_text, "access was withdrawn");
	HOUSE_UNTIL(&house, expired->close_code);
	cr_assert_eq(expired->close_code, 1008);
	cr_assert_not(other->close_code || other->ended);
	/* Whoever does not answer is ended all the same. */
	HOUSE_UNTIL(&house, revoked->ended && expired->ended);
	house_close(&house);
}

static void told(void *user)
{
	struct house *house = user;

	house->stopped = true;
}

Test(gateway_events, a_stop_is_told)
{
	static struct house house;
	struct reader *reader, *stream;

	house_open(&house, NULL);
	reader = house_ready(&house, house_read(&house, "", house.admin));
	stream = house_ready(&house, house_stream(&house, "", house.admin));
	wtel_gateway_stop(house.gateway, 5000000, told, &house);
	HOUSE_UNTIL(&house, reader->close_code && stream->ended);
	cr_assert_eq(reader->close_code, 1001);
	reader_frame(reader, 0x88, "\x03\xe9");
	HOUSE_UNTIL(&house, reader->ended && house.stopped);
	house_close(&house);
}

Test(gateway_events, a_gateway_goes_whoever_is_connected)
{
	static struct house house;

	house_open(&house, NULL);
	(void)house_read(&house, "", house.agent);
	(void)house_stream(&house, "", house.agent);
	house_run(&house, 3);
	(void)house_read(&house, "", house.agent);
	house_turn(&house);
	house_close(&house);
}

static void small_patience(struct house *house)
{
	house->options.max_unsent = 65536;
	house->options.event_history = 100000;
}

/* Long enough that a few hundred fill every buffer on the way. */
static void flood(struct house *house, int count)
{
	static char text[8192];
	struct wtel_notice notice = {WTEL_NOTICE_TRUNK_UP, 1, NULL, 1, "Carrier A", "", text, 0};

	memset(text, 'x', sizeof(text) - 1);
	while (count-- > 0)
		hub_publish(house->gateway->hub, &notice);
}

Test(gateway_events, a_slow_reader_is_cut_off_and_nobody_else)
{
	static struct house house;
	struct reader *slow, *stream, *quick;
	int turns;

	house_open(&house, small_patience);
	slow = house_ready(&house, house_read(&house, "", house.admin));
	stream = house_ready(&house, house_stream(&house, "", house.admin));
	quick = house_ready(&house, house_read(&house, "", house.admin));
	slow->asleep = stream->asleep = true;
	for (turns = 0; turns < 5000 && house.gateway->streams->count > 1; turns++) {
		flood(&house, 2);
		house_turn(&house);
	}
	cr_assert_eq(house.gateway->streams->count, 1);
	cr_assert_not(quick->ended);
	house_call(&house, "1001", 5);
	HOUSE_UNTIL(&house, count_of(quick, "call:answered"));
	slow->asleep = stream->asleep = false;
	HOUSE_UNTIL(&house, slow->ended && stream->ended);
	house_close(&house);
}

/* Reads on before it is ended by force: then it hears why. */
Test(gateway_events, a_slow_reader_hears_why)
{
	static struct house house;
	struct reader *slow;
	int turns;

	house_open(&house, small_patience);
	slow = house_ready(&house, house_read(&house, "", house.admin));
	slow->asleep = true;
	for (turns = 0; turns < 5000 && !house.gateway->streams->first->close_code; turns++) {
		flood(&house, 2);
		house_turn(&house);
	}
	slow->asleep = false;
	HOUSE_UNTIL(&house, slow->close_code);
	cr_assert_eq(slow->close_code, 1013);
	cr_assert_str_eq(slow->close_text, "too slow");
	house_close(&house);
}

/* ---- silence ---------------------------------------------------------- */

Test(gateway_events, silence_is_broken_and_the_dead_are_let_go)
{
	static struct house house;
	struct reader *answers, *silent, *stream;
	unsigned answered = 0;

	house_open(&house, NULL);
	house.gateway->streams->ping_every = 600000;
	house.gateway->streams->pong_within = 2500000;
	house.gateway->streams->heartbeat_every = 600000;
	answers = house_ready(&house, house_read(&house, "", house.admin));
	silent = house_ready(&house, house_read(&house, "", house.admin));
	stream = house_ready(&house, house_stream(&house, "", house.admin));
	while (!silent->ended || answers->pings < 2 || stream->comments < 3) {
		HOUSE_UNTIL(&house, answers->pings > answered || answers->ended);
		cr_assert_not(answers->ended || stream->ended);
		reader_frame(answers, 0x8a, "");
		answered = answers->pings;
	}
	cr_assert_eq(silent->pings, 1);
	house_close(&house);
}

/* ---- memory ----------------------------------------------------------- */

/* Comes, hears, says something and goes, with one allocation failing after another: refused, ended, or served. */
static unsigned visit(struct house *house, bool websocket, unsigned *served)
{
	struct reader *reader = websocket ? house_read(house, "", house->agent) : house_stream(house, "", house->agent);
	unsigned heard;

	HOUSE_UNTIL(house, reader->status || reader->ended);
	if (reader->open && websocket)
		(void)!send(reader->fd, "\x81\x83\0\0\0\0abc\x89\x80\0\0\0\0", 15, MSG_NOSIGNAL);
	house_run(house, 20);
	flood(house, 1);
	house_run(house, 5);
	*served += reader->open && !reader->ended;
	heard = reader->status ? (unsigned)reader->status : 0;
	house_leave(house, reader);
	HOUSE_UNTIL(house, !house->gateway->streams->count);
	return heard;
}

Test(gateway_events, readers_without_memory_harm_nobody)
{
	static struct house house;
	static struct fault fault;
	static const struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_detail detail = {"", ""};
	struct wtel_gateway *first;
	unsigned served = 0, refused = 0;
	size_t nth;

	house_open(&house, NULL);
	first = house.gateway;
	cr_assert_eq(gateway_new(&house.gateway, house.loop, &house.options, &allocator, &detail), 0);
	for (nth = 1; nth <= 24; nth++) {
		unsigned status;

		fault.calls = 0;
		fault.fail = nth;
		status = visit(&house, nth & 1, &served);
		cr_assert(status == 101 || status == 200 || status == 503 || !status, "%u", status);
		refused += status == 503;
	}
	fault.fail = 0;
	cr_assert_gt(refused, 0);
	cr_assert_gt(served, 0);
	visit(&house, true, &served);
	wtel_gateway_free(house.gateway);
	house.gateway = first;
	house_close(&house);
	cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
}
