#include "postgres_fixture.h"

#include <libpq-fe.h>

static void with_platform(struct fixture *fixture)
{
	ask(fixture, "CREATE TABLE usuarios (id int PRIMARY KEY)");
	ask(fixture, "INSERT INTO usuarios VALUES (7)");
	ask(fixture, "ALTER TABLE calls ADD FOREIGN KEY (agent_id) REFERENCES usuarios (id) ON DELETE SET NULL");
}

static const char totals[] =
	"SELECT sum(total_calls) || ' ' || sum(successful_calls) || ' ' || sum(failed_calls) FROM trunks";

Test(store_postgres_write, a_call_is_inserted_answered_and_ended)
{
	enum { COUNT = 50 };
	struct fixture fixture = fixture_new("life");
	static struct sample samples[COUNT];
	struct answer answer;
	int i;

	for (i = 0; i < COUNT; i++)
		sample_init(&samples[i], i);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls WHERE end_time IS NULL AND disposition IS NULL"),
		     COUNT);
	for (i = 0; i < COUNT; i++)
		sample_answer(&samples[i]);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	cr_assert_eq(number(&fixture, "SELECT count(answer_time) FROM calls"), COUNT);
	for (i = 0; i < COUNT; i++)
		sample_end(&samples[i], i % 5 == 4 ? WTEL_DISPOSITION_FAILED : WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	answer = ask(&fixture,
		     "SELECT count(*) || ' ' || min(duration) || ' ' || max(billsec) || ' ' || min(agent_id) || ' '"
		     " || min(direction) || ' ' || min(callee_number) FROM calls WHERE end_time IS NOT NULL");
	cr_assert_str_eq(answer.text, "50 65 60 7 outbound +15551234567");
	cr_assert_str_eq(ask(&fixture, totals).text, "50 40 10");
	answer = ask(&fixture,
		     "SELECT count(*) || ' ' || min(state) || ' ' || min(owner) || ' ' || min(cause) FROM wtel_calls");
	cr_assert_str_eq(answer.text, "50 ended owner 16");
	answer = ask(&fixture, "SELECT count(*) || ' ' || count(answer_time) || ' ' || count(end_time) || ' ' ||"
			       " count(trunk_id) FROM wtel_legs");
	cr_assert_str_eq(answer.text, "100 100 100 50");
	fixture_free(&fixture);
}

Test(store_postgres_write, an_ended_row_is_not_touched_and_counted_once)
{
	struct fixture fixture = fixture_new("ended");
	struct sample sample;

	sample_init(&sample, 1);
	sample_answer(&sample);
	sample_end(&sample, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	sample.change.call.disposition = WTEL_DISPOSITION_BUSY;
	sample.change.call.end += 5000000;
	sample.change.owner = "other";
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	cr_assert_str_eq(ask(&fixture, totals).text, "1 1 0");
	cr_assert_str_eq(ask(&fixture,
			     "SELECT disposition || ' ' || duration || ' ' || owner FROM calls JOIN wtel_calls"
			     " USING (id)")
				 .text,
			 "ANSWERED 65 owner");
	fixture_free(&fixture);
}

/* A process that took the call over does not know that it was answered. */
Test(store_postgres_write, what_the_row_knows_is_kept)
{
	struct fixture fixture = fixture_new("kept");
	struct sample sample;
	struct wtel_call *call = &sample.change.call;

	sample_init(&sample, 1);
	sample_answer(&sample);
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	call->answer = call->agent_id = call->trunk_id = 0;
	call->callee_number = "";
	sample.legs[1].answer = sample.legs[1].ringing = 0;
	sample.legs[1].start += 7;
	sample.change.owner = "other";
	sample_end(&sample, WTEL_DISPOSITION_NO_ANSWER);
	call->leg_count = 2;
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	cr_assert_str_eq(ask(&fixture,
			     "SELECT disposition || ' ' || billsec || ' ' || agent_id || ' ' || trunk_id || ' ' ||"
			     " callee_number || ' ' || owner FROM calls JOIN wtel_calls USING (id)")
				 .text,
			 "ANSWERED 60 7 2 +15551234567 owner");
	cr_assert_eq(number(&fixture,
			    "SELECT count(*) FROM wtel_legs l JOIN calls c USING (id) WHERE role = 'customer' AND"
			    " l.answer_time = c.answer_time AND l.start_time = c.start_time + interval '1 second'"
			    " AND l.ringing_time = c.start_time + interval '2 second'"),
		     1);
	cr_assert_str_eq(ask(&fixture, totals).text, "1 1 0");
	fixture_free(&fixture);
}

Test(store_postgres_write, a_foreign_key_to_nothing_costs_no_record)
{
	enum { COUNT = 40 };
	struct fixture fixture = fixture_new("foreign");
	static struct sample samples[COUNT];
	int i;

	with_platform(&fixture);
	for (i = 0; i < COUNT; i++) {
		sample_init(&samples[i], i);
		samples[i].change.call.agent_id = i % 2 ? 7 : 8000 + i;
		samples[i].change.call.trunk_id = i % 4 ? 3 : 77;
		sample_end(&samples[i], WTEL_DISPOSITION_BUSY);
	}
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	cr_assert_str_eq(ask(&fixture, "SELECT count(*) || ' ' || count(agent_id) || ' ' || count(trunk_id) || ' ' ||"
				       " count(campaign_id) FROM calls")
				 .text,
			 "40 20 30 40");
	cr_assert_str_eq(ask(&fixture, totals).text, "30 0 30");
	fixture_free(&fixture);
}

/* Something of the platform's refuses one row: the others are there all the same. */
Test(store_postgres_write, a_row_that_is_refused_stands_alone)
{
	enum { COUNT = 200 };
	struct fixture fixture = fixture_new("refused");
	static struct sample samples[COUNT];
	struct answer answer;
	int i;

	ask(&fixture, "ALTER TABLE calls ADD CHECK (lead_id <> 78)");
	for (i = 0; i < COUNT; i++)
		sample_init(&samples[i], i);
	answer = write_all(fixture.driver, samples, COUNT);
	cr_assert_eq(answer.code, WTEL_ESTORE);
	cr_assert_null(strstr(answer.text, samples[77].call_id));
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls"), COUNT - 1);
	fixture_free(&fixture);
}

Test(store_postgres_write, several_changes_of_one_call_in_a_batch_take_their_turn)
{
	struct fixture fixture = fixture_new("turns");
	struct sample samples[5];

	sample_init(&samples[0], 1);
	sample_init(&samples[1], 2);
	sample_init(&samples[2], 1);
	sample_answer(&samples[2]);
	sample_init(&samples[3], 1);
	sample_answer(&samples[3]);
	sample_end(&samples[3], WTEL_DISPOSITION_ANSWERED);
	sample_init(&samples[4], 1);
	cr_assert_eq(write_all(fixture.driver, samples, 5).code, 0);
	cr_assert_str_eq(
		ask(&fixture, "SELECT count(*) || ' ' || count(end_time) || ' ' || sum(billsec) FROM calls").text,
		"2 1 60");
	cr_assert_str_eq(ask(&fixture, totals).text, "1 1 0");
	fixture_free(&fixture);
}

/* Whatever bytes the texts have, they are stored; times, ids and counts at the edges too. */
Test(store_postgres_write, any_bytes_are_stored_as_they_are)
{
	enum { COUNT = 200 };
	static const char *const pieces[] = {"'", "\"", "\\", "{",  "}", ",",  "NULL", "\xc3\xa9", "\xf0\x9f\x93\x9e",
					     " ", "\n", "$1", "--", ";", "%s", "a",    "()",	   "\t"};
	struct fixture fixture = fixture_new("bytes");
	static struct sample samples[COUNT];
	static char reasons[COUNT][128];
	unsigned seed = 7, i, k;

	for (i = 0; i < COUNT; i++) {
		sample_init(&samples[i], (int)i);
		for (k = 0; k < i % 20 + 1; k++) {
			seed = seed * 1103515245 + 12345;
			strcat(reasons[i], pieces[seed / 65536 % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		samples[i].change.call.reason = reasons[i];
		samples[i].legs[0].channel = reasons[i];
	}
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	for (i = 0; i < COUNT; i++) {
		struct store_statement *read = statement_of(
			&fixture,
			"SELECT count(*) FROM calls c JOIN wtel_calls w USING (id) JOIN wtel_legs l USING (id)"
			" WHERE c.call_id = $1 AND w.reason = $2 AND l.channel = $2");
		store_value values[2] = {wtel_slice_of(samples[i].call_id), wtel_slice_of(reasons[i])};
		struct answer answer = {0};

		cr_assert_eq(ops->query(fixture.driver, read, values, 2, fixture_done, &answer), 0);
		cr_assert_eq(wait_for(fixture.driver, &answer), 0, "%s", answer.text);
		cr_assert_str_eq(answer.text, "1", "%u: %s", i, reasons[i]);
	}
	fixture_free(&fixture);
}

Test(store_postgres_write, hostile_values_cost_no_record)
{
	struct fixture fixture = fixture_new("hostile");
	static char longest[100000];
	struct sample samples[4];
	struct wtel_call *call;
	int i;

	memset(longest, '\xe9', sizeof(longest) - 1);
	for (i = 0; i < 4; i++)
		sample_init(&samples[i], i);
	samples[0].change.call.caller_number = "Jos\xe9";
	call = &samples[1].change.call;
	call->caller_number = call->callee_number = call->recording_url = call->reason = call->channel = longest;
	samples[1].legs[0].channel = samples[1].legs[0].number = longest;
	call = &samples[2].change.call;
	call->agent_id = call->lead_id = INT64_MAX;
	call->trunk_id = -5;
	call->start = 1;
	call->answer = 2;
	call->end = INT64_MAX;
	call->cause = INT32_MIN;
	samples[2].legs[0].end = INT64_MAX;
	call->disposition = WTEL_DISPOSITION_ANSWERED;
	call = &samples[3].change.call;
	samples[3].legs[1].unique_id = samples[3].legs[0].unique_id;
	call->leg_count = 2;
	call->start = 0;
	cr_assert_eq(write_all(fixture.driver, samples, 4).code, 0);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls"), 4);
	cr_assert_str_eq(ask(&fixture, "SELECT caller_number FROM calls WHERE lead_id = 1").text, "Jos\xc3\xa9");
	cr_assert_eq(number(&fixture, "SELECT length(caller_number) FROM calls WHERE lead_id = 2"), 50);
	cr_assert_eq(number(&fixture, "SELECT duration FROM calls WHERE agent_id IS NULL AND end_time > start_time"),
		     INT32_MAX);
	fixture_free(&fixture);
}

/* Ids that cannot be taken beforehand, or that are in use already where only the database knows. */
Test(store_postgres_write, ids_are_the_databases_matter)
{
	enum { COUNT = 20 };
	struct fixture fixture = fixture_new("ids");
	static struct sample samples[COUNT];
	int i;

	for (i = 0; i < COUNT; i++)
		sample_init(&samples[i], i);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT / 2).code, 0);
	/* Our rows stay behind, under the ids that come next. */
	cr_assert_eq(ask(&fixture, "TRUNCATE calls RESTART IDENTITY").code, 0);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT / 2).code, 0);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls JOIN wtel_calls USING (id)"), COUNT / 2);
	cr_assert_eq(ask(&fixture, "ALTER SEQUENCE calls_id_seq OWNED BY NONE").code, 0);
	cr_assert_eq(write_all(fixture.driver, samples + COUNT / 2, COUNT / 2).code, 0);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls JOIN wtel_calls USING (id)"), COUNT);
	for (i = 0; i < COUNT; i++)
		sample_end(&samples[i], WTEL_DISPOSITION_BUSY);
	cr_assert_eq(write_all(fixture.driver, samples, COUNT).code, 0);
	cr_assert_str_eq(ask(&fixture, totals).text, "20 0 20");
	fixture_free(&fixture);
}

/* Batches leave while the next one gathers; what is written of a call meanwhile waits for its turn. */
Test(store_postgres_write, batches_under_way_do_not_overtake_each_other)
{
	enum { COUNT = 200 };
	struct fixture fixture = fixture_new("flights");
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	static struct sample samples[COUNT];
	struct wtel_store *store = NULL;
	char url[512];
	int phase, i, tries;

	snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3D%s", fixture.url, strchr(fixture.url, '?') ? '&' : '?',
		 fixture.schema);
	options.url = url;
	options.max_batch = 30;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, NULL), 0);
	for (i = 0; i < COUNT; i++)
		sample_init(&samples[i], i);
	/* The lanes are opened with the first batch. */
	cr_assert_eq(wtel_store_write(store, &samples[0].change.call), 0);
	cr_assert_eq(wtel_store_flush(store), 0);
	for (phase = 0; phase < 3; phase++)
		for (i = 0; i < COUNT; i++) {
			if (phase == 1)
				sample_answer(&samples[i]);
			if (phase == 2)
				sample_end(&samples[i], WTEL_DISPOSITION_ANSWERED);
			cr_assert_eq(wtel_store_write(store, &samples[i].change.call), 0);
		}
	for (tries = 0; tries < 6000 && number(&fixture, "SELECT count(*) FROM calls") < 2; tries++)
		usleep(10000);
	cr_assert_lt(tries, 6000, "no batch left before the flush");
	cr_assert_eq(wtel_store_flush(store), 0);
	wtel_store_close(store);
	cr_assert_str_eq(ask(&fixture, totals).text, "200 200 0");
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM wtel_calls WHERE state = 'ended'"), COUNT);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM wtel_legs WHERE end_time IS NOT NULL"), 2 * COUNT);
	fixture_free(&fixture);
}

/* ---- several at once -------------------------------------------------- */

enum { SHARED = 300, PROCESSES = 4 };

/* Every process writes every call through its life, each in another order and in batches of another size. */
static int write_life(const struct fixture *fixture, unsigned process)
{
	static struct sample samples[SHARED];
	struct store_driver *driver;
	unsigned seed = process + 1, phase, i;
	int code;

	driver = connect_again(fixture, NULL, &code);
	for (i = 0; i < SHARED; i++)
		sample_init(&samples[i], (int)i);
	for (phase = 0; phase < 3; phase++) {
		for (i = 0; i < SHARED; i++) {
			if (phase == 1)
				sample_answer(&samples[i]);
			if (phase == 2)
				sample_end(&samples[i], WTEL_DISPOSITION_ANSWERED);
		}
		for (i = 0; i < SHARED;) {
			struct store_change *chosen[64];
			size_t count = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 64, k;
			struct answer answer = {0};

			for (k = 0; k < count; k++, i++)
				chosen[k] = &samples[(i * (2 * process + 1) + process * 50) % SHARED].change;
			for (k = 0; k < count; k++)
				chosen[k]->next = k + 1 < count ? chosen[k + 1] : NULL;
			if (ops->write(driver, chosen[0], count, fixture_done, &answer))
				return 2;
			if (wait_for(driver, &answer)) {
				fprintf(stderr, "process %u: %s\n", process, answer.text);
				return 3;
			}
		}
	}
	ops->close(driver);
	return 0;
}

Test(store_postgres_write, four_processes_that_write_the_same_calls, .timeout = 300)
{
	struct fixture fixture = fixture_new("shared");
	pid_t children[PROCESSES];
	unsigned i;

	for (i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(write_life(&fixture, i));
	}
	for (i = 0; i < PROCESSES; i++) {
		int status = -1;

		waitpid(children[i], &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %u ended with %d", i, status);
	}
	cr_assert_str_eq(ask(&fixture, totals).text, "300 300 0");
	cr_assert_str_eq(
		ask(&fixture, "SELECT count(*) || ' ' || count(end_time) || ' ' || min(billsec) FROM calls").text,
		"300 300 60");
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM wtel_calls WHERE state = 'ended'"), SHARED);
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM wtel_legs WHERE end_time IS NOT NULL"), 2 * SHARED);
	fixture_free(&fixture);
}

/* Whoever writes loses his session, again and again until the other end of `stop` is closed. */
static void end_sessions(const struct fixture *fixture, int stop)
{
	struct pollfd wait = {.fd = stop, .events = POLLIN};
	PGconn *pq = PQconnectdb(fixture->url);
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE"
		 " l.relation = '%s.calls'::regclass AND a.backend_type = 'client backend' AND a.pid <> "
		 "pg_backend_pid()",
		 fixture->schema);
	while (poll(&wait, 1, 150) == 0)
		PQclear(PQexec(pq, sql));
	PQfinish(pq);
}

/* It repeats what was not confirmed. */
Test(store_postgres_write, lost_connections_lose_and_double_nothing, .timeout = 300)
{
	enum { COUNT = 2000, BATCH = 50 };
	struct fixture fixture = fixture_new("lost");
	static struct sample samples[COUNT];
	int i, phase, lost = 0, ends[2];
	pid_t killer;

	cr_assert_eq(pipe(ends), 0);
	killer = fork();
	if (!killer) {
		close(ends[1]);
		end_sessions(&fixture, ends[0]);
		_exit(0);
	}
	close(ends[0]);
	for (i = 0; i < COUNT; i++)
		sample_init(&samples[i], i);
	for (phase = 0; phase < 3 || (lost < 4 && phase < 1000); phase++) {
		for (i = 0; i < COUNT; i++) {
			if (phase == 1)
				sample_answer(&samples[i]);
			if (phase == 2)
				sample_end(&samples[i], WTEL_DISPOSITION_ANSWERED);
		}
		for (i = 0; i < COUNT; i += BATCH) {
			int code;

			do {
				code = write_all(fixture.driver, &samples[i], BATCH).code;
				cr_assert(code == 0 || code == WTEL_ECLOSED, "%d", code);
				lost += code != 0;
			} while (code);
		}
	}
	cr_assert_gt(lost, 0, "no session was ended");
	close(ends[1]);
	cr_assert_eq(waitpid(killer, NULL, 0), killer);
	/* The last one may have been ended when it had nothing to do any more. */
	(void)ask(&fixture, "SELECT 1");
	cr_assert_str_eq(ask(&fixture, totals).text, "2000 2000 0");
	cr_assert_str_eq(
		ask(&fixture, "SELECT count(*) || ' ' || count(end_time) || ' ' || sum(billsec) FROM calls").text,
		"2000 2000 120000");
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM wtel_legs WHERE end_time IS NOT NULL"), 2 * COUNT);
	fixture_free(&fixture);
}
