/*
 * A PostgreSQL driver in a schema of its own, and ways to ask it and wait. WTEL_TEST_PG is the URL of a server
 * (tests/tools/postgres.sh starts one); without it every test says that it did not run.
 */
#ifndef TESTS_POSTGRES_FIXTURE_H
#define TESTS_POSTGRES_FIXTURE_H

#include "fault.h"

#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"
#include "store/driver.h"
#include "store/schema.h"

struct answer {
	int code;
	int64_t changed;
	size_t rows;
	bool null;
	size_t length;
	char text[256]; /* first column of the first row, or the error */
	char field[64];
	int order; /* the how-manieth answer it was, from 1 */
};

struct fixture {
	const char *url; /* of the server */
	char schema[64];
	struct store_driver *driver;
	int answers;
	unsigned statements;
};

static const struct store_driver_ops *const ops = &store_postgres;

static inline void fixture_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct answer *answer = user;

	answer->code = code ? code : 1;
	if (rows && rows->row_count && rows->column_count) {
		store_value value = rows->column(rows, 0, 0);

		answer->null = !value.data;
		answer->length = value.length;
		base_slice_copy(answer->text, sizeof(answer->text), value);
	}
	if (rows) {
		answer->rows = rows->row_count;
		answer->changed = rows->changed;
	}
	if (code) {
		snprintf(answer->text, sizeof(answer->text), "%s", detail->text);
		snprintf(answer->field, sizeof(answer->field), "%s", detail->field);
	}
}

static inline void turn(struct store_driver *driver)
{
	struct pollfd wait = {.fd = ops->fd(driver), .events = ops->events(driver)};
	int64_t deadline = ops->deadline(driver), left = deadline - wtel_time_now().mono;

	poll(&wait, 1, deadline == 0 || left <= 0 ? 0 : left > 100000 ? 100 : (int)(left / 1000) + 1);
	cr_assert_eq(ops->dispatch(driver, wtel_time_now()), 0);
}

/* Waits for the answer; 0 in *code is "not yet", 1 is success. */
static inline int wait_for(struct store_driver *driver, struct answer *answer)
{
	int64_t until = wtel_time_now().mono + 60000000;

	while (!answer->code && wtel_time_now().mono < until)
		turn(driver);
	cr_assert_neq(answer->code, 0, "no answer within a minute");
	return answer->code == 1 ? 0 : answer->code;
}

/* Statements live as long as the driver may know them. */
static inline struct store_statement *statement_of(struct fixture *fixture, const char *sql)
{
	struct store_statement *statement = calloc(1, sizeof(*statement));
	char *name = malloc(32);

	snprintf(name, 32, "test_%u", fixture->statements++);
	statement->name = name;
	statement->postgres = statement->sqlite = sql;
	return statement;
}

static inline struct answer ask(struct fixture *fixture, const char *sql)
{
	struct answer answer = {0};

	cr_assert_eq(ops->query(fixture->driver, statement_of(fixture, sql), NULL, 0, fixture_done, &answer), 0);
	answer.code = wait_for(fixture->driver, &answer);
	return answer;
}

static inline long long number(struct fixture *fixture, const char *sql)
{
	struct answer answer = ask(fixture, sql);

	cr_assert_eq(answer.code, 0, "%s: %s", sql, answer.text);
	return atoll(answer.text);
}

static inline int run_script(struct fixture *fixture, const char *sql, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	cr_assert_eq(ops->script(fixture->driver, sql, fixture_done, answer), 0);
	return answer->code = wait_for(fixture->driver, answer);
}

/* Connects in the fixture's schema. */
static inline struct store_driver *connect_again(const struct fixture *fixture, const struct wtel_allocator *allocator,
						 int *code)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct store_driver *driver = NULL;
	struct wtel_detail detail = {0};
	char url[512];

	snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3D%s", fixture->url,
		 strchr(fixture->url, '?') ? '&' : '?', fixture->schema);
	*code = ops->open(&driver, &options, url, allocator, &detail);
	if (*code && *code != WTEL_ENOMEM)
		cr_assert_fail("%s: %s", wtel_error_name(*code), detail.text);
	return driver;
}

static inline struct fixture fixture_new(const char *name)
{
	struct fixture fixture = {.url = getenv("WTEL_TEST_PG")};
	struct answer answer;
	int code;

	if (!fixture.url || !*fixture.url)
		cr_skip_test("WTEL_TEST_PG is not set: NOTHING of PostgreSQL was tested here");
	snprintf(fixture.schema, sizeof(fixture.schema), "t_%s_%d", name, getpid());
	fixture.driver = connect_again(&fixture, NULL, &code);
	snprintf(answer.text, sizeof(answer.text), "CREATE SCHEMA %s", fixture.schema);
	cr_assert_eq(ask(&fixture, strdup(answer.text)).code, 0);
	cr_assert_eq(run_script(&fixture, store_schema_postgres[0], &answer), 0, "%s", answer.text);
	ask(&fixture, "INSERT INTO trunks (name, provider, host) SELECT 't' || g, 'custom', 'h'"
		      " FROM generate_series(1, 5) g");
	return fixture;
}

static inline void fixture_free(struct fixture *fixture)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", fixture->schema);
	cr_assert_eq(ask(fixture, sql).code, 0);
	ops->close(fixture->driver);
}

/* ---- calls ------------------------------------------------------------ */

struct sample {
	struct store_change change;
	char call_id[64];
	struct wtel_leg legs[2];
	char leg_id[64];
};

enum { START = 1761388200 };

static inline void sample_init(struct sample *sample, int number)
{
	struct wtel_call *call = &sample->change.call;

	memset(sample, 0, sizeof(*sample));
	snprintf(sample->call_id, sizeof(sample->call_id), "WLCM-%d-%06d", START, number);
	snprintf(sample->leg_id, sizeof(sample->leg_id), "%d.%d", START, number);
	*call = (struct wtel_call){.call_id = sample->call_id,
				   .channel = "PJSIP/1001-00000001",
				   .state = WTEL_CALL_AGENT,
				   .agent_id = 7,
				   .campaign_id = 3,
				   .lead_id = number + 1,
				   .trunk_id = number % 5 + 1,
				   .caller_number = "1001",
				   .callee_number = "+15551234567",
				   .start = START * INT64_C(1000000) + number,
				   .reason = "",
				   .recording_url = ""};
	sample->change.owner = "owner";
	sample->legs[0] = (struct wtel_leg){.unique_id = sample->call_id,
					    .channel = "PJSIP/1001-00000001",
					    .number = "1001",
					    .role = WTEL_LEG_AGENT,
					    .start = call->start};
	sample->legs[1] = (struct wtel_leg){.unique_id = sample->leg_id,
					    .channel = "PJSIP/trunk-00000002",
					    .number = "+15551234567",
					    .role = WTEL_LEG_CUSTOMER,
					    .trunk_id = call->trunk_id,
					    .start = call->start + 1000000};
	call->legs = sample->legs;
	call->leg_count = 1;
}

static inline void sample_answer(struct sample *sample)
{
	struct wtel_call *call = &sample->change.call;

	call->leg_count = 2;
	call->state = WTEL_CALL_ANSWERED;
	call->answer = call->start + 5000000;
	sample->legs[0].answer = call->start + 1000000;
	sample->legs[1].ringing = call->start + 2000000;
	sample->legs[1].answer = call->answer;
}

static inline void sample_end(struct sample *sample, enum wtel_disposition disposition)
{
	struct wtel_call *call = &sample->change.call;

	call->state = WTEL_CALL_ENDED;
	call->end = call->start + 65000000;
	call->disposition = disposition;
	call->cause = 16;
	sample->legs[0].end = sample->legs[1].end = call->end;
	sample->legs[0].cause = sample->legs[1].cause = 16;
}

static inline void chain(struct sample *samples, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		samples[i].change.next = i + 1 < count ? &samples[i + 1].change : NULL;
}

static inline struct answer write_all(struct store_driver *driver, struct sample *samples, size_t count)
{
	struct answer answer = {0};

	chain(samples, count);
	cr_assert_eq(ops->write(driver, &samples[0].change, count, fixture_done, &answer), 0);
	answer.code = wait_for(driver, &answer);
	return answer;
}

#endif
