/* The ring of events: who sees what, who comes back, who is too slow, and no memory. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "gateway/hub.h"

enum { HISTORY = 8 };

static void *plain_allocate(size_t size, void *user)
{
	(void)user;
	return malloc(size);
}

static void *plain_reallocate(void *pointer, size_t size, void *user)
{
	(void)user;
	return realloc(pointer, size);
}

static void plain_release(void *pointer, void *user)
{
	(void)user;
	free(pointer);
}

static const struct wtel_allocator plain = {plain_allocate, plain_reallocate, plain_release, NULL};

static struct hub *make(size_t history, size_t max_unsent)
{
	struct hub_options options = {NULL, &plain, "boot", history, max_unsent};
	struct hub *hub = NULL;

	cr_assert_eq(hub_new(&hub, &options), 0);
	return hub;
}

static const struct wtel_call empty_call = {.call_id = "WLCM-1-a",
					    .channel = "",
					    .caller_number = "1001",
					    .callee_number = "34600",
					    .reason = "",
					    .recording_url = ""};

static void publish(struct hub *hub, enum wtel_notice_type type, int64_t agent_id, const char *name)
{
	struct wtel_notice notice = {type, INT64_C(1761951600000000), NULL, 0, name, "", "", 0};
	struct wtel_call call = empty_call;

	call.agent_id = agent_id;
	if (strncmp(wtel_notice_name(type), "call:", 5) == 0)
		notice.call = &call;
	hub_publish(hub, &notice);
}

static void publish_many(struct hub *hub, int count)
{
	while (count-- > 0)
		publish(hub, WTEL_NOTICE_CALL_STATE, 5, "");
}

struct listener {
	struct hub_reader reader;
	unsigned wakes;
	bool leaves; /* inside its first wake */
};

static void woken(struct hub_reader *reader)
{
	struct listener *listener = reader->user;

	listener->wakes++;
	if (listener->leaves)
		hub_leave(reader);
}

static void listen_to(struct hub *hub, struct listener *listener, enum wtel_role role, int64_t user_id,
		      const char *extension, const char *last_id)
{
	memset(listener, 0, sizeof(*listener));
	hub_join(hub, &listener->reader, wtel_slice_of(last_id), woken, listener);
	hub_admit(&listener->reader, role, user_id, extension);
}

/* While somebody is there, who then leaves. */
static void publish_to_one(struct hub *hub, int count)
{
	struct listener listener;

	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
	publish_many(hub, count);
	hub_leave(&listener.reader);
}

/* What the frame says, as a document that the caller frees: its header is looked at here. */
static json_t *document_of(const struct hub_event *event)
{
	const unsigned char *frame = (const unsigned char *)event->frame.data;
	size_t length = event->frame.length - event->skip, said = frame[1], i;
	json_t *document;

	cr_assert_eq(frame[0], 0x81, "one whole text frame");
	if (said == 126)
		said = (size_t)frame[2] << 8 | frame[3];
	else if (said == 127)
		for (said = 0, i = 2; i < 10; i++)
			said = said << 8 | frame[i];
	cr_assert_eq(said, length);
	cr_assert_eq(event->skip, length < 126 ? 2 : length < 65536 ? 4 : 10);
	document = json_loadb(event->frame.data + event->skip, length, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(json_is_object(document));
	return document;
}

/* The next one's id, "overflow N" of one without, or "" if there is none. */
static const char *next_of(struct listener *listener)
{
	static char text[80];
	struct hub_event event;
	json_t *document;
	const char *id;

	if (!hub_peek(&listener->reader, &event))
		return "";
	document = document_of(&event);
	id = json_string_value(json_object_get(document, "id"));
	if (id) {
		char head[128];

		snprintf(text, sizeof(text), "%s", id);
		snprintf(head, sizeof(head), "id: %s\nevent: %s\ndata: ", id,
			 json_string_value(json_object_get(document, "event")));
		cr_assert_eq(event.head.length, strlen(head));
		cr_assert_eq(memcmp(event.head.data, head, strlen(head)), 0);
	} else {
		json_t *lost = json_object_get(json_object_get(document, "data"), "lost");

		cr_assert_str_eq(json_string_value(json_object_get(document, "event")), "overflow");
		cr_assert(json_is_null(lost) || json_is_integer(lost));
		snprintf(text, sizeof(text), json_is_null(lost) ? "overflow null" : "overflow %d",
			 (int)json_integer_value(lost));
	}
	json_decref(document);
	hub_take(&listener->reader);
	return text;
}

static void reads(struct listener *listener, int from, int to)
{
	char id[40];

	for (; from <= to; from++) {
		snprintf(id, sizeof(id), "boot-%d", from);
		cr_assert_str_eq(next_of(listener), id);
	}
	cr_assert_str_eq(next_of(listener), "");
	cr_assert_eq(listener->reader.unsent, 0);
}

Test(gateway_hub, an_event_is_the_notice_with_an_id)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener listener;
	struct hub_event event;
	json_t *document, *data;

	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
	publish(hub, WTEL_NOTICE_CALL_ANSWERED, 5, "");
	cr_assert(hub_peek(&listener.reader, &event));
	document = document_of(&event);
	cr_assert_eq(json_object_size(document), 4);
	cr_assert_str_eq(json_string_value(json_object_get(document, "id")), "boot-1");
	cr_assert_str_eq(json_string_value(json_object_get(document, "event")), "call:answered");
	cr_assert_str_eq(json_string_value(json_object_get(document, "time")), "2025-10-31T23:00:00.000Z");
	data = json_object_get(document, "data");
	cr_assert_null(json_object_get(data, "event"));
	cr_assert_null(json_object_get(data, "time"));
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(data, "call"), "callId")), "WLCM-1-a");
	json_decref(document);
	hub_free(hub);
}

Test(gateway_hub, texts_of_any_length_are_framed)
{
	static char name[70000];
	static const size_t lengths[] = {1, 20, 40, 60, 125, 126, 1000, 65000, 65400, 65530, 66000, 69000};
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener listener;
	size_t i;

	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		memset(name, 'x', lengths[i]);
		name[lengths[i]] = '\0';
		publish(hub, WTEL_NOTICE_TRUNK_UP, 0, name);
		reads(&listener, (int)i + 1, (int)i + 1);
	}
	hub_free(hub);
}

Test(gateway_hub, readers_hear_from_when_they_came_and_are_woken_once)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener listener;
	char id[HUB_ID_SIZE];

	publish_many(hub, 3);
	hub_last_id(hub, id);
	cr_assert_str_eq(id, "boot-3");
	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
	cr_assert_eq(listener.wakes, 0);
	cr_assert_str_eq(next_of(&listener), "");
	publish_many(hub, 3);
	cr_assert_eq(listener.wakes, 1);
	reads(&listener, 4, 6);
	publish_many(hub, 1);
	cr_assert_eq(listener.wakes, 2);
	hub_leave(&listener.reader);
	hub_leave(&listener.reader);
	publish_many(hub, 1);
	cr_assert_eq(listener.wakes, 2);
	hub_free(hub);
}

Test(gateway_hub, nothing_is_heard_or_missed_before_admission)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener listener;

	memset(&listener, 0, sizeof(listener));
	hub_join(hub, &listener.reader, wtel_slice_of(NULL), woken, &listener);
	publish_many(hub, 2);
	cr_assert_eq(listener.wakes, 0);
	cr_assert_str_eq(next_of(&listener), "");
	hub_admit(&listener.reader, WTEL_ROLE_SUPERVISOR, 0, "");
	cr_assert_eq(listener.wakes, 1);
	reads(&listener, 1, 2);
	hub_free(hub);
}

Test(gateway_hub, whoever_comes_back_hears_each_event_once)
{
	static const struct {
		const char *last_id;
		const char *gap;
		int from;
	} cases[] = {
		{"boot-20", "", 21},
		{"boot-14", "", 15},
		{"boot-12", "", 13},
		{"boot-11", "overflow 1", 13},
		{"boot-2", "overflow 10", 13},
		{"boot-0", "overflow 12", 13},
		{"boot-21", "overflow null", 21}, /* not yet given: of nobody we know */
		{"older-19", "overflow null", 21},
		{"boot-", "overflow null", 21},
		{"boot-1x", "overflow null", 21},
		{"boot--1", "overflow null", 21},
		{"boot-99999999999999999999999999", "overflow null", 21},
		{"", "overflow null", 21},
	};
	struct hub *hub = make(HISTORY, 1 << 20);
	size_t i;

	publish_to_one(hub, 20);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct listener listener;

		listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", cases[i].last_id);
		cr_assert_eq(listener.wakes, *cases[i].gap || cases[i].from <= 20, "%s", cases[i].last_id);
		if (*cases[i].gap)
			cr_assert_str_eq(next_of(&listener), cases[i].gap, "%s", cases[i].last_id);
		reads(&listener, cases[i].from, 20);
		hub_leave(&listener.reader);
	}
	hub_free(hub);
}

Test(gateway_hub, events_are_kept_for_as_long_as_somebody_may_come_back)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct hub_figures figures;
	struct listener listener;
	char id[40];
	int i;

	/* Before the first reader there is nobody to keep them for. */
	publish_many(hub, 3);
	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", "boot-0");
	cr_assert_str_eq(next_of(&listener), "overflow 3");
	publish_many(hub, 2);
	reads(&listener, 4, 5);
	hub_leave(&listener.reader);
	publish_many(hub, HISTORY);
	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", "boot-5");
	reads(&listener, 6, 5 + HISTORY);
	hub_leave(&listener.reader);
	publish_many(hub, HISTORY + 4);
	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", "boot-13");
	/* Whoever stays away for longer than that has lost some anyway: nothing is kept any more. */
	cr_assert_str_eq(next_of(&listener), "overflow 4");
	for (i = 18; i <= 21; i++) {
		snprintf(id, sizeof(id), "boot-%d", i);
		cr_assert_str_eq(next_of(&listener), id);
	}
	cr_assert_str_eq(next_of(&listener), "overflow 4");
	cr_assert_str_eq(next_of(&listener), "");
	hub_figures(hub, &figures);
	cr_assert_eq(figures.events, 5 + 2 * HISTORY + 4);
	cr_assert_eq(figures.failed, 0);
	hub_free(hub);
}

Test(gateway_hub, a_reader_whom_the_ring_overtakes_is_told_how_much_it_lost)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener supervisor, agent;

	listen_to(hub, &supervisor, WTEL_ROLE_SUPERVISOR, 0, "", NULL);
	listen_to(hub, &agent, WTEL_ROLE_AGENT, 5, "", NULL);
	publish_many(hub, HISTORY + 5);
	cr_assert_str_eq(next_of(&supervisor), "overflow 5");
	reads(&supervisor, 6, HISTORY + 5);
	/* How many events there are is not an agent's business. */
	cr_assert_str_eq(next_of(&agent), "overflow null");
	reads(&agent, 6, HISTORY + 5);
	hub_free(hub);
}

/* ---- who sees what ---------------------------------------------------- */

struct seen_case {
	enum wtel_notice_type type;
	int64_t agent_id;
	const char *name;
	const char *by; /* a: agent 5 with 1001; n: an agent of no user; s: supervisor; A: admin */
};

static const struct seen_case seen_cases[] = {
	{WTEL_NOTICE_AMI_CONNECTED, 0, "host:5038", "ansA"},
	{WTEL_NOTICE_AMI_DISCONNECTED, 0, "host:5038", "ansA"},
	{WTEL_NOTICE_CALL_NEW, 5, "", "asA"},
	{WTEL_NOTICE_CALL_NEW, 6, "", "sA"},
	{WTEL_NOTICE_CALL_NEW, 0, "", "sA"},
	{WTEL_NOTICE_CALL_STATE, 5, "", "asA"},
	{WTEL_NOTICE_CALL_STATE, 6, "", "sA"},
	{WTEL_NOTICE_CALL_RINGING, 5, "", "asA"},
	{WTEL_NOTICE_CALL_RINGING, 6, "", "sA"},
	{WTEL_NOTICE_CALL_ANSWERED, 5, "", "asA"},
	{WTEL_NOTICE_CALL_ANSWERED, 6, "", "sA"},
	{WTEL_NOTICE_CALL_HANGUP, 5, "", "asA"},
	{WTEL_NOTICE_CALL_HANGUP, 6, "", "sA"},
	{WTEL_NOTICE_CALL_FAILOVER, 5, "Carrier B", "asA"},
	{WTEL_NOTICE_CALL_FAILOVER, 6, "Carrier B", "sA"},
	{WTEL_NOTICE_TRUNK_REGISTRY, 0, "Carrier A", "sA"},
	{WTEL_NOTICE_TRUNK_DOWN, 0, "Carrier A", "sA"},
	{WTEL_NOTICE_TRUNK_UP, 0, "1001", "sA"},
	{WTEL_NOTICE_TRUNK_FULL, 0, "Carrier A", "sA"},
	{WTEL_NOTICE_PEER_STATUS, 0, "1001", "asA"},
	{WTEL_NOTICE_PEER_STATUS, 0, "1002", "sA"},
	{WTEL_NOTICE_PEER_STATUS, 0, "10010", "sA"},
	{WTEL_NOTICE_PEER_STATUS, 0, "", "sA"},
	{WTEL_NOTICE_SECURITY, 0, "1001", "A"},
	{WTEL_NOTICE_OVERFLOW, 0, "", "ansA"},
};

Test(gateway_hub, each_role_sees_what_it_may)
{
	struct hub *hub = make(64, 1 << 20);
	struct listener listeners[4];
	bool all[WTEL_NOTICES] = {false};
	size_t i, j;

	listen_to(hub, &listeners[0], WTEL_ROLE_AGENT, 5, "1001", NULL);
	listen_to(hub, &listeners[1], WTEL_ROLE_AGENT, 0, "", NULL);
	listen_to(hub, &listeners[2], WTEL_ROLE_SUPERVISOR, 5, "1001", NULL);
	listen_to(hub, &listeners[3], WTEL_ROLE_ADMIN, 0, "", NULL);
	for (i = 0; i < sizeof(seen_cases) / sizeof(*seen_cases); i++) {
		const struct seen_case *seen = &seen_cases[i];

		all[seen->type] = true;
		publish(hub, seen->type, seen->agent_id, seen->name);
		for (j = 0; j < 4; j++)
			cr_assert_eq(*next_of(&listeners[j]) != '\0', strchr(seen->by, "ansA"[j]) != NULL, "%s %s: %c",
				     wtel_notice_name(seen->type), seen->name, "ansA"[j]);
	}
	for (i = 0; i < WTEL_NOTICES; i++)
		cr_assert(all[i], "%s is in no case", wtel_notice_name((enum wtel_notice_type)i));
	hub_free(hub);
}

Test(gateway_hub, a_filter_narrows_and_never_widens)
{
	static const struct {
		const char *json;
		int code;
		const char *heard; /* of call:new, call:hangup, peer:status 1001, security, overflow */
	} cases[] = {
		{"{\"subscribe\": [\"call:*\"]}", 0, "nh--o"},
		{"{\"subscribe\": [\"call:hangup\", \"peer:status\"]}", 0, "-hp-o"},
		{"{\"subscribe\": [\"*\"]}", 0, "nhp-o"},
		{"{\"subscribe\": [\"security\"]}", 0, "----o"},
		{"{\"subscribe\": [\"call:\", \"call:hang\", \"\", \"nothing:*\"]}", 0, "----o"},
		{"{\"subscribe\": []}", 0, "----o"},
		{"{\"subscribe\": \"call:*\"}", WTEL_EINVAL, "nhp-o"},
		{"{\"subscribe\": [\"call:new\", 3]}", WTEL_EINVAL, "nhp-o"},
		{"{\"subscribe\": [\"call:new\"], \"subscribe\": []}", WTEL_EINVAL, "nhp-o"},
		{"{}", WTEL_EINVAL, "nhp-o"},
		{"[]", WTEL_EINVAL, "nhp-o"},
		{"call:*", WTEL_EINVAL, "nhp-o"},
		{"", WTEL_EINVAL, "nhp-o"},
		{"{\"subscribe\": [\"\xff\"]}", WTEL_EINVAL, "nhp-o"},
	};
	static const enum wtel_notice_type types[] = {WTEL_NOTICE_CALL_NEW, WTEL_NOTICE_CALL_HANGUP,
						      WTEL_NOTICE_PEER_STATUS, WTEL_NOTICE_SECURITY,
						      WTEL_NOTICE_OVERFLOW};
	struct hub *hub = make(64, 1 << 20);
	size_t i, j;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct listener listener;

		listen_to(hub, &listener, WTEL_ROLE_SUPERVISOR, 0, "", NULL);
		cr_assert_eq(hub_filter(&listener.reader, wtel_slice_of(cases[i].json)), cases[i].code, "%s",
			     cases[i].json);
		for (j = 0; j < 5; j++) {
			publish(hub, types[j], 5, "1001");
			cr_assert_eq(*next_of(&listener) != '\0', cases[i].heard[j] != '-', "%s: %s", cases[i].json,
				     wtel_notice_name(types[j]));
		}
		cr_assert_eq(listener.reader.unsent, 0);
		hub_leave(&listener.reader);
	}
	hub_free(hub);
}

Test(gateway_hub, a_filter_has_at_most_so_many_patterns)
{
	struct hub *hub = make(64, 1 << 20);
	struct listener listener;
	char json[1024];
	int count;

	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
	for (count = HUB_FILTER_MAX; count <= HUB_FILTER_MAX + 1; count++) {
		size_t length = (size_t)snprintf(json, sizeof(json), "{\"subscribe\": [\"a\"");
		int i;

		for (i = 1; i < count; i++)
			length += (size_t)snprintf(json + length, sizeof(json) - length, ",\"a\"");
		snprintf(json + length, sizeof(json) - length, "]}");
		cr_assert_eq(hub_filter(&listener.reader, wtel_slice_of(json)),
			     count > HUB_FILTER_MAX ? WTEL_EINVAL : 0);
	}
	hub_free(hub);
}

/* ---- slow readers ----------------------------------------------------- */

Test(gateway_hub, a_slow_reader_is_cut_off_and_nobody_else)
{
	struct hub *hub = make(64, 4096);
	struct listener slow, quick, narrow;
	struct hub_figures figures;
	int i;

	listen_to(hub, &slow, WTEL_ROLE_ADMIN, 0, "", NULL);
	listen_to(hub, &quick, WTEL_ROLE_ADMIN, 0, "", NULL);
	listen_to(hub, &narrow, WTEL_ROLE_ADMIN, 0, "", NULL);
	cr_assert_eq(hub_filter(&narrow.reader, wtel_slice_of("{\"subscribe\": [\"call:new\"]}")), 0);
	for (i = 1; i <= 40; i++) {
		publish_many(hub, 1);
		reads(&quick, i, i);
	}
	cr_assert(slow.reader.cut);
	cr_assert_gt(slow.reader.unsent, 4096);
	cr_assert_lt(slow.reader.unsent, 8192, "counting ends there");
	cr_assert_eq(slow.wakes, 2, "for the first event, and because it was cut off");
	cr_assert_str_eq(next_of(&slow), "");
	cr_assert_not(quick.reader.cut);
	cr_assert_not(narrow.reader.cut, "what it does not want does not count");
	hub_figures(hub, &figures);
	cr_assert_eq(figures.cut, 1);
	cr_assert_eq(figures.events, 40);
	cr_assert_eq(figures.readers, 3);
	hub_free(hub);
}

Test(gateway_hub, catching_up_is_not_being_slow)
{
	struct hub *hub = make(64, 4096);
	struct listener listener;

	publish_to_one(hub, 64);
	listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", "boot-0");
	cr_assert_eq(listener.reader.unsent, 0);
	publish_many(hub, 1);
	cr_assert_not(listener.reader.cut);
	cr_assert_str_eq(next_of(&listener), "overflow 1");
	reads(&listener, 2, 65);
	hub_free(hub);
}

Test(gateway_hub, a_reader_may_leave_while_it_is_woken)
{
	struct hub *hub = make(HISTORY, 1 << 20);
	struct listener first, leaving, last;

	listen_to(hub, &first, WTEL_ROLE_ADMIN, 0, "", NULL);
	listen_to(hub, &leaving, WTEL_ROLE_ADMIN, 0, "", NULL);
	listen_to(hub, &last, WTEL_ROLE_ADMIN, 0, "", NULL);
	leaving.leaves = true;
	publish_many(hub, 2);
	cr_assert_eq(leaving.wakes, 1);
	reads(&first, 1, 2);
	reads(&last, 1, 2);
	hub_free(hub);
}

/* ---- memory ----------------------------------------------------------- */

Test(gateway_hub, events_without_memory_are_a_gap_that_is_told)
{
	FAULT_LOOP(allocator)
	{
		struct hub_options options = {NULL, &allocator, "boot", HISTORY, 1 << 20};
		struct listener listener;
		struct hub *hub = NULL;
		unsigned heard = 0;
		const char *id;
		int code = hub_new(&hub, &options);

		if (code) {
			cr_assert_eq(code, WTEL_ENOMEM);
			continue;
		}
		listen_to(hub, &listener, WTEL_ROLE_ADMIN, 0, "", NULL);
		publish_many(hub, 3);
		while (*(id = next_of(&listener))) {
			unsigned lost;

			heard += sscanf(id, "overflow %u", &lost) == 1 ? lost : 1;
		}
		cr_assert_eq(heard, 3);
		hub_free(hub);
	}
}
