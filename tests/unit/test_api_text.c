/* Answers that are written as text are those that documents would give, and are kept no longer than they are true. */
#include <wtel/json.h>

#include "api/text.h"
#include "api_world.h"
#include "call/tracker.h"

#include "fault.h"
#include "service/service.h"

static const char *const texts[] = {NULL,
				    "",
				    "1001",
				    "PJSIP/carrier-a-0000002a",
				    "a \"quoted\" \\ back\tand\nlines\x01",
				    "Mu\xc3\xb1oz",
				    "broken \xff\xc3",
				    "\xf0\x9f\x93\x9e\x7f",
				    "WLCM-1635789123456-abc123"};
static const int64_t times[] = {0,
				1,
				-1,
				INT64_C(1761388200123999),
				INT64_C(1761388200000000),
				INT64_C(253402300799999999),
				INT64_C(253402300800000000),
				INT64_C(-30610224000000000),
				INT64_C(-30610224000000001),
				INT64_C(951782399999999),
				INT64_C(951782400000000),
				INT64_MAX,
				INT64_MIN};

#define ANY(array) (array)[(size_t)rand_r(seed) % (sizeof(array) / sizeof(*(array)))]

static const char *any_text(unsigned *seed)
{
	return ANY(texts);
}

static int64_t any_time(unsigned *seed)
{
	if (rand_r(seed) % 2)
		return ANY(times);
	return ((int64_t)rand_r(seed) << 31 | rand_r(seed)) % INT64_C(300000000000000000) - INT64_C(40000000000000000);
}

static struct wtel_leg any_leg(unsigned *seed)
{
	struct wtel_leg leg = {
		any_text(seed),	 any_text(seed),   any_text(seed),     (enum wtel_leg_role)(rand_r(seed) % 3),
		WTEL_CHANNEL_UP, rand_r(seed) % 3, any_time(seed),     any_time(seed),
		any_time(seed),	 any_time(seed),   rand_r(seed) % 128, rand_r(seed) % 2 * 486};
	return leg;
}

static void any_call(struct wtel_call *call, struct wtel_leg *legs, unsigned *seed)
{
	size_t i;

	memset(call, 0, sizeof(*call));
	call->id = rand_r(seed) % 3 * 1000000007;
	call->call_id = any_text(seed);
	call->channel = any_text(seed);
	call->direction = (enum wtel_direction)(rand_r(seed) % 2);
	call->state = (enum wtel_call_state)(rand_r(seed) % 6);
	call->disposition = (enum wtel_disposition)(rand_r(seed) % WTEL_DISPOSITIONS);
	call->estimated = rand_r(seed) % 2;
	call->transferred = rand_r(seed) % 2;
	call->agent_id = rand_r(seed) % 3;
	call->campaign_id = rand_r(seed) % 3;
	call->lead_id = rand_r(seed) % 3;
	call->trunk_id = rand_r(seed) % 3;
	call->caller_number = any_text(seed);
	call->callee_number = any_text(seed);
	call->start = any_time(seed) / 2;
	call->ringing = any_time(seed);
	call->answer = any_time(seed) / 2;
	call->end = any_time(seed) / 2;
	call->cause = rand_r(seed) % 128;
	call->sip_code = rand_r(seed) % 2 * 503;
	call->reason = any_text(seed);
	call->recording_url = any_text(seed);
	call->legs = legs;
	call->leg_count = (size_t)(rand_r(seed) % 5);
	for (i = 0; i < call->leg_count; i++)
		legs[i] = any_leg(seed);
}

static void is_written(const struct base_buffer *buffer, json_t *document)
{
	char *expected = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	cr_assert(base_buffer_length(buffer) == strlen(expected) &&
			  memcmp(base_buffer_front(buffer), expected, strlen(expected)) == 0,
		  "%.*s\nexpected %s", (int)base_buffer_length(buffer), base_buffer_front(buffer), expected);
	free(expected);
	json_decref(document);
}

Test(api_text, calls_are_written_as_their_documents)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct text text = {&buffer, &allocator, 0};
	struct wtel_leg legs[5];
	struct wtel_call call;
	unsigned seed = 11, i;

	for (i = 0; i < 20000; i++) {
		const char *campaign = any_text(&seed), *lead = any_text(&seed);

		any_call(&call, legs, &seed);
		buffer.start = buffer.end = 0;
		text_put_call(&text, &call, campaign, lead);
		cr_assert_eq(text.code, 0);
		is_written(&buffer, wtel_json_call(&call, campaign, lead));
	}
	base_buffer_free(&buffer, &allocator);
}

Test(api_text, every_day_of_a_thousand_years)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct text text = {&buffer, &allocator, 0};
	int64_t day;

	for (day = -200000; day < 200000; day++) {
		int64_t wall = day * INT64_C(86400000000) + (day * 7919 % 86400) * 1000000 + day % 1000 * 1000;

		buffer.start = buffer.end = 0;
		text_put_time(&text, wall);
		is_written(&buffer, wtel_json_time(wall));
	}
	base_buffer_free(&buffer, &allocator);
}

Test(api_text, the_status_is_written_as_its_document)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct text text = {&buffer, &allocator, 0};
	struct wtel_service_stats stats;
	unsigned seed = 3, i;

	for (i = 0; i < 2000; i++) {
		memset(&stats, 0, sizeof(stats));
		stats.connected = rand_r(&seed) % 2;
		stats.synchronised = rand_r(&seed) % 2;
		stats.active_calls = (size_t)rand_r(&seed);
		stats.store_queue = (size_t)(rand_r(&seed) % 2);
		stats.round_trip = rand_r(&seed) % 3 ? rand_r(&seed) % 10000000 : -1;
		stats.host = any_text(&seed);
		stats.version = any_text(&seed);
		buffer.start = buffer.end = 0;
		text_put_status(&text, &stats);
		is_written(&buffer, wtel_json_status(&stats));
	}
	base_buffer_free(&buffer, &allocator);
}

Test(api_text, times_are_written_as_people_would)
{
	static const struct {
		int64_t trip;
		const char *text;
	} cases[] = {{998, "\"roundTrip\":0.000998,"},
		     {100000, "\"roundTrip\":0.1,"},
		     {1234567, "\"roundTrip\":1.234567,"},
		     {2000000, "\"roundTrip\":2.0,"},
		     {-1, "\"roundTrip\":null,"}};
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct text text = {&buffer, &allocator, 0};
	struct wtel_service_stats stats;
	json_t *third;
	size_t i;

	memset(&stats, 0, sizeof(stats));
	stats.host = stats.version = "";
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer.start = buffer.end = 0;
		stats.round_trip = cases[i].trip;
		text_put_status(&text, &stats);
		cr_assert_eq(base_buffer_append(&buffer, &allocator, "", 1), 0);
		cr_assert_not_null(strstr(base_buffer_front(&buffer), cases[i].text), "%s", base_buffer_front(&buffer));
	}
	/* What 15 digits would change keeps all of its own. */
	buffer.start = buffer.end = 0;
	third = json_real(1.0 / 3);
	text_put_real(&text, third);
	json_decref(third);
	cr_assert_eq(base_buffer_append(&buffer, &allocator, "", 1), 0);
	cr_assert_float_eq(strtod(base_buffer_front(&buffer), NULL), 1.0 / 3, 0);
	base_buffer_free(&buffer, &allocator);
}

static int keep_text(const char *data, size_t length, void *user)
{
	const struct wtel_allocator allocator = base_allocator(NULL);

	return base_buffer_append(user, &allocator, data, length);
}

static json_t *event_of(const struct wtel_notice *notice, const char *id)
{
	json_t *data = wtel_json_notice(notice), *event = json_object();

	cr_assert_eq(json_object_set_new(event, "id", wtel_json_text(id)), 0);
	cr_assert_eq(json_object_set(event, "event", json_object_get(data, "event")), 0);
	cr_assert_eq(json_object_set(event, "time", json_object_get(data, "time")), 0);
	cr_assert_eq(json_object_del(data, "event"), 0);
	cr_assert_eq(json_object_del(data, "time"), 0);
	cr_assert_eq(json_object_set_new(event, "data", data), 0);
	return event;
}

static int refuse_text(const char *data, size_t length, void *user)
{
	(void)data;
	(void)length;
	(void)user;
	return -7;
}

Test(api_text, events_are_written_as_their_documents)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct wtel_notice notice;
	struct wtel_leg legs[5];
	struct wtel_call call;
	unsigned seed = 7, i;

	for (i = 0; i < 20000; i++) {
		any_call(&call, legs, &seed);
		memset(&notice, 0, sizeof(notice));
		notice.type = (enum wtel_notice_type)(rand_r(&seed) % WTEL_NOTICES);
		notice.wall = any_time(&seed);
		notice.call = rand_r(&seed) % 2 ? &call : NULL;
		notice.trunk_id = rand_r(&seed) % 2 * 42;
		notice.name = any_text(&seed);
		notice.status = any_text(&seed);
		notice.text = any_text(&seed);
		notice.lost = (uint64_t)(rand_r(&seed) % 2 * 17);
		buffer.start = buffer.end = 0;
		cr_assert_eq(wtel_json_event(&notice, "k3x9-17", NULL, keep_text, &buffer), 0);
		is_written(&buffer, event_of(&notice, "k3x9-17"));
	}
	cr_assert_eq(wtel_json_event(&notice, "k3x9-17", NULL, refuse_text, NULL), -7);
	base_buffer_free(&buffer, &allocator);
}

Test(api_text, without_memory_it_says_so)
{
	struct wtel_leg legs[5];
	struct wtel_call call;
	unsigned seed = 5, i;

	any_call(&call, legs, &seed);
	FAULT_LOOP(allocator)
	{
		struct base_buffer buffer = {NULL, 0, 0, 0, 0};
		struct text text = {&buffer, &allocator, 0};

		for (i = 0; i < 40; i++)
			text_put_call(&text, &call, "", "");
		cr_assert(text.code == 0 || text.code == WTEL_ENOMEM);
		base_buffer_free(&buffer, &allocator);
	}
}

/* ---- what is kept ----------------------------------------------------- */

struct given {
	unsigned count;
	const char *data; /* only to compare */
	char *text;
	size_t length;
};

static void take(int status, struct wtel_slice json, void *user)
{
	struct given *given = user;

	cr_assert_eq(status, 200);
	given->count++;
	given->data = json.data;
	free(given->text);
	given->text = malloc(json.length + 1);
	memcpy(given->text, json.data, json.length);
	given->text[json.length] = '\0';
	given->length = json.length;
}

static void ask_active(struct world *world, struct given *given, struct who who)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	unsigned before = given->count;

	request.path = "/api/telephony/calls/active";
	request.role = who.role;
	request.user_id = who.user_id;
	cr_assert_eq(wtel_api_call(world->service, &request, take, given), 0);
	WORLD_UNTIL(world, given->count > before);
}

/* What it would be as a document. */
static void is_true_now(struct world *world, const struct given *given, struct who who)
{
	json_t *document = json_object(), *calls = json_array();
	const struct wtel_call *call;
	size_t position = 0;
	char *expected;

	while ((call = wtel_service_walk(world->service, &position)))
		if (who.role != WTEL_ROLE_AGENT || call->agent_id == who.user_id)
			json_array_append_new(calls, wtel_json_call(call, "", ""));
	json_object_set_new(document, "success", json_true());
	json_object_set_new(document, "count", json_integer((json_int_t)json_array_size(calls)));
	json_object_set_new(document, "calls", calls);
	expected = json_dumps(document, JSON_COMPACT);
	cr_assert_str_eq(given->text, expected);
	free(expected);
	json_decref(document);
}

static void expect_call(struct world *world, const char *id, int64_t agent_id)
{
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.call_id = id;
	call.channel = call.reason = call.recording_url = "";
	call.caller_number = "1001";
	call.callee_number = "+34600123456";
	call.agent_id = agent_id;
	call.start = wtel_time_now().wall;
	cr_assert_eq(wtel_tracker_expect(world->service->tracker, &call), 0);
}

Test(api_text, calls_under_way_are_kept_until_one_changes)
{
	struct given all = {0}, own = {0};
	struct world world;
	const char *kept;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	ask_active(&world, &all, supervisor);
	is_true_now(&world, &all, supervisor);
	expect_call(&world, "A", 5);
	expect_call(&world, "B", 6);
	ask_active(&world, &all, supervisor);
	is_true_now(&world, &all, supervisor);
	kept = all.data;
	ask_active(&world, &all, admin);
	cr_assert_eq(all.data, kept, "it was written once more");
	is_true_now(&world, &all, admin);
	ask_active(&world, &own, agent);
	is_true_now(&world, &own, agent);
	ask_active(&world, &own, other);
	is_true_now(&world, &own, other);
	cr_assert_eq(
		wtel_tracker_fail(world.service->tracker, "A", WTEL_DISPOSITION_FAILED, "gone", wtel_time_now().wall),
		0);
	ask_active(&world, &all, admin);
	is_true_now(&world, &all, admin);
	ask_active(&world, &own, agent);
	is_true_now(&world, &own, agent);
	free(all.text);
	free(own.text);
	world_close(&world);
}

/* A thousand answers, each compared, while calls of the simulated Asterisk come and go. */
Test(api_text, calls_under_way_are_true_at_every_moment)
{
	struct given all = {0};
	struct world world;
	char id[WTEL_CALL_ID_SIZE];
	int i;

	world_prepare(&world);
	world.sim_options.talk = 20000;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	for (i = 0; i < 1000; i++) {
		if (i % 50 == 0)
			(void)!world_originate(&world, id, "1001", "+1234567890");
		ask_active(&world, &all, supervisor);
		(void)world_turn(&world, 1);
		ask_active(&world, &all, supervisor);
		is_true_now(&world, &all, supervisor);
	}
	cr_assert_gt(world_stats(&world).tracker.ended, 5);
	free(all.text);
	world_close(&world);
}
