#include "postgres_fixture.h"

#include "base/timestamp.h"

Test(store_postgres, a_server_that_is_not_there_is_an_error_without_the_password)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct store_driver *driver = NULL;
	struct wtel_detail detail = {0};

	options.password = "open-sesame";
	cr_assert_eq(ops->open(&driver, &options, "postgresql://u@127.0.0.1:1/x", NULL, &detail), WTEL_ESTORE);
	cr_assert_neq(detail.text[0], '\0');
	cr_assert_null(strstr(detail.text, "sesame"));
	cr_assert_eq(ops->open(&driver, &options, "postgresql://u:open-sesame%zz@h:1/x", NULL, &detail), WTEL_ECONFIG);
	cr_assert_null(strstr(detail.text, "sesame"));
	cr_assert_null(driver);
}

Test(store_postgres, an_address_that_swallows_packets_costs_no_more_than_the_timeout)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct store_driver *driver = NULL;
	struct wtel_detail detail = {0};
	int64_t began = wtel_time_now().mono, took;

	options.connect_timeout = 300000;
	/* 192.0.2.0/24 is for documentation: nobody answers, or the network refuses at once. */
	cr_assert_eq(ops->open(&driver, &options, "postgresql://u@192.0.2.1:5432/x", NULL, &detail), WTEL_ESTORE);
	took = wtel_time_now().mono - began;
	cr_assert_lt(took, 30000000, "took %lld us", (long long)took);
}

/* Whatever bytes a name has, they come back as they went: text as text, latin-1 as UTF-8, NUL left out. */
Test(store_postgres, parameters_come_back_as_they_went)
{
	static const char *const pieces[] = {"'", "\"", "\\", "{",  "}", ",",  "NULL", "\xc3\xa9", "\xf0\x9f\x93\x9e",
					     " ", "\n", "$1", "--", ";", "%s", "a",    "()",	   "\t"};
	struct fixture fixture = fixture_new("parameters");
	struct store_statement *echo = statement_of(&fixture, "SELECT $1::text, $2::text");
	unsigned seed = 1, round, i;

	for (round = 0; round < 300; round++) {
		struct answer answer = {0};
		char text[256] = "";
		store_value values[2] = {{text, 0}, {NULL, 0}};

		for (i = 0; i < round % 20; i++) {
			seed = seed * 1103515245 + 12345;
			strcat(text, pieces[seed / 65536 % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		values[0].length = strlen(text);
		cr_assert_eq(ops->query(fixture.driver, echo, values, 2, fixture_done, &answer), 0);
		cr_assert_eq(wait_for(fixture.driver, &answer), 0, "%s", answer.text);
		cr_assert_not(answer.null);
		cr_assert_str_eq(answer.text, text);
	}
	{
		struct answer answer = {0};
		store_value values[2] = {{"Jos\xe9\0x", 6}, {NULL, 0}};

		cr_assert_eq(ops->query(fixture.driver, echo, values, 2, fixture_done, &answer), 0);
		cr_assert_eq(wait_for(fixture.driver, &answer), 0, "%s", answer.text);
		cr_assert_str_eq(answer.text, "Jos\xc3\xa9x");
	}
	{
		struct answer answer = {0};
		store_value values[2] = {{NULL, 0}, {NULL, 0}};

		cr_assert_eq(ops->query(fixture.driver, echo, values, 2, fixture_done, &answer), 0);
		cr_assert_eq(wait_for(fixture.driver, &answer), 0);
		cr_assert(answer.null);
	}
	fixture_free(&fixture);
}

Test(store_postgres, huge_values_pass)
{
	struct fixture fixture = fixture_new("huge");
	struct store_statement *length = statement_of(&fixture, "SELECT length($1::text)");
	struct answer answer[4] = {{0}, {0}, {0}, {0}};
	size_t size = 8 << 20, i;
	char *text = malloc(size);
	store_value value = {text, size};

	memset(text, 'x', size);
	for (i = 0; i < 4; i++)
		cr_assert_eq(ops->query(fixture.driver, length, &value, 1, fixture_done, &answer[i]), 0);
	for (i = 0; i < 4; i++) {
		cr_assert_eq(wait_for(fixture.driver, &answer[i]), 0, "%s", answer[i].text);
		cr_assert_eq(atoll(answer[i].text), (long long)size);
	}
	free(text);
	fixture_free(&fixture);
}

Test(store_postgres, an_error_leaves_its_neighbours_alone)
{
	enum { COUNT = 300 };
	struct fixture fixture = fixture_new("neighbours");
	struct store_statement *insert =
		statement_of(&fixture, "INSERT INTO numbers VALUES ($1::int, 100 / ($2::int))");
	struct store_statement *nowhere = statement_of(&fixture, "SELECT * FROM nowhere");
	static struct answer answers[COUNT];
	size_t i;

	ask(&fixture, "CREATE TABLE numbers (n int PRIMARY KEY, q int)");
	for (i = 0; i < COUNT; i++) {
		char key[16], divisor[16];
		store_value values[2] = {{key, 0}, {divisor, 0}};

		values[0].length = (size_t)snprintf(key, sizeof(key), "%zu", i % 5 == 4 ? i - 1 : i);
		values[1].length = (size_t)snprintf(divisor, sizeof(divisor), "%zu", i % 7);
		if (i % 11 == 10)
			cr_assert_eq(ops->query(fixture.driver, nowhere, NULL, 0, fixture_done, &answers[i]), 0);
		else
			cr_assert_eq(ops->query(fixture.driver, insert, values, 2, fixture_done, &answers[i]), 0);
	}
	for (i = 0; i < COUNT; i++) {
		bool before = i && (i - 1) % 11 != 10 && (i - 1) % 7;
		int wanted = i % 11 == 10	    ? WTEL_ESCHEMA
			     : i % 7 == 0	    ? WTEL_ESTORE
			     : i % 5 == 4 && before ? WTEL_EEXISTS
						    : 0;

		cr_assert_eq(wait_for(fixture.driver, &answers[i]), wanted, "%zu: %s", i, answers[i].text);
		if (wanted == WTEL_EEXISTS)
			cr_assert_str_eq(answers[i].field, "n");
		cr_assert_null(strstr(answers[i].text, "(n)"), "DETAIL stands in %s", answers[i].text);
	}
	fixture_free(&fixture);
}

Test(store_postgres, a_script_is_one_transaction_and_keeps_its_place)
{
	struct fixture fixture = fixture_new("script");
	struct store_statement *count = statement_of(&fixture, "SELECT count(*) FROM things");
	struct answer first = {0}, script = {0}, after = {0}, bad = {0}, last = {0};

	cr_assert_eq(ops->query(fixture.driver, count, NULL, 0, fixture_done, &first), 0);
	cr_assert_eq(ops->script(fixture.driver, "CREATE TABLE things (a int); INSERT INTO things VALUES (1), (2);",
				 fixture_done, &script),
		     0);
	cr_assert_eq(ops->query(fixture.driver, count, NULL, 0, fixture_done, &after), 0);
	cr_assert_eq(ops->script(fixture.driver, "INSERT INTO things VALUES (3); SELECT 1 / 0; DROP TABLE things;",
				 fixture_done, &bad),
		     0);
	cr_assert_eq(ops->query(fixture.driver, count, NULL, 0, fixture_done, &last), 0);
	cr_assert_eq(wait_for(fixture.driver, &last), 0, "%s", last.text);
	cr_assert_eq(first.code, WTEL_ESCHEMA);
	cr_assert_eq(script.code, 1);
	cr_assert_str_eq(after.text, "2");
	cr_assert_eq(bad.code, WTEL_ESTORE);
	cr_assert_str_eq(last.text, "2");
	fixture_free(&fixture);
}

/* Another process changes a table under our prepared statement. */
Test(store_postgres, a_plan_that_outlived_its_table_is_prepared_anew)
{
	struct fixture fixture = fixture_new("plan");
	struct store_statement *all = statement_of(&fixture, "SELECT * FROM things");
	struct answer answer = {0};
	int round;

	ask(&fixture, "CREATE TABLE things (a int)");
	ask(&fixture, "INSERT INTO things VALUES (1)");
	for (round = 0; round < 3; round++) {
		memset(&answer, 0, sizeof(answer));
		cr_assert_eq(ops->query(fixture.driver, all, NULL, 0, fixture_done, &answer), 0);
		cr_assert_eq(wait_for(fixture.driver, &answer), 0, "%s", answer.text);
		cr_assert_eq(
			ask(&fixture, round ? "ALTER TABLE things ADD c int" : "ALTER TABLE things ADD b int").code,
			round == 2 ? WTEL_ESTORE : 0);
	}
	ask(&fixture, "DEALLOCATE ALL");
	memset(&answer, 0, sizeof(answer));
	cr_assert_eq(ops->query(fixture.driver, all, NULL, 0, fixture_done, &answer), 0);
	cr_assert_eq(wait_for(fixture.driver, &answer), 0, "%s", answer.text);
	fixture_free(&fixture);
}

Test(store_postgres, times_are_utc_to_the_microsecond)
{
	struct fixture fixture = fixture_new("times");
	struct sample sample;
	struct answer answer;
	int64_t wall = 0;

	sample_init(&sample, 123457);
	cr_assert_eq(write_all(fixture.driver, &sample, 1).code, 0);
	answer = ask(&fixture, "SELECT start_time FROM calls");
	cr_assert(base_time_parse(&wall, answer.text), "%s", answer.text);
	cr_assert_eq(wall, sample.change.call.start);
	fixture_free(&fixture);
}

/* ---- the connection is lost ------------------------------------------- */

static void end_sessions(struct fixture *fixture)
{
	char url[512], command[1024];

	/* By another session, so that ours are ended in the middle of whatever they do. */
	snprintf(url, sizeof(url), "%s", fixture->url);
	snprintf(command, sizeof(command),
		 "psql -X -q -A -t '%s' -c \"SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a"
		 " WHERE a.application_name = '%s'\" >/dev/null",
		 url, fixture->schema);
	cr_assert_eq(system(command), 0);
}

/* The sessions of this test are known by their application_name. */
static void name_sessions(struct fixture *fixture)
{
	char *sql = malloc(128);

	snprintf(sql, 128, "SET application_name = %s", fixture->schema);
	cr_assert_eq(ask(fixture, sql).code, 0);
}

Test(store_postgres, queries_of_a_lost_connection_are_told_and_the_waiting_ones_catch_up)
{
	enum { COUNT = 400 };
	struct fixture fixture = fixture_new("lost");
	struct store_statement *insert =
		statement_of(&fixture, "INSERT INTO numbers SELECT $1::int FROM"
				       " pg_sleep(CASE $1::int WHEN 50 THEN 3600 ELSE 0.002 END)");
	static struct answer answers[COUNT];
	size_t i, told = 0, done = 0;
	struct answer answer;

	ask(&fixture, "CREATE TABLE numbers (n int)");
	name_sessions(&fixture);
	for (i = 0; i < COUNT; i++) {
		char key[16];
		store_value value = {key, (size_t)snprintf(key, sizeof(key), "%zu", i)};

		cr_assert_eq(ops->query(fixture.driver, insert, &value, 1, fixture_done, &answers[i]), 0);
	}
	wait_for(fixture.driver, &answers[20]);
	end_sessions(&fixture);
	for (i = 0; i < COUNT; i++) {
		int code = wait_for(fixture.driver, &answers[i]);

		cr_assert(code == 0 || code == WTEL_ECLOSED, "%d: %s", code, answers[i].text);
		told += code == WTEL_ECLOSED;
		done += code == 0;
	}
	cr_assert_gt(told, 0);
	cr_assert_gt(done, COUNT / 2, "only %zu", done);
	cr_assert(ops->connected(fixture.driver));
	/* What was answered is there; of the lost ones each may be there, but once. */
	cr_assert_geq(number(&fixture, "SELECT count(*) FROM numbers"), (long long)done);
	cr_assert_eq(number(&fixture, "SELECT count(*) - count(DISTINCT n) FROM numbers"), 0);
	answer = ask(&fixture, "SELECT max(n) FROM numbers");
	cr_assert_str_eq(answer.text, "399");
	fixture_free(&fixture);
}

Test(store_postgres, the_queue_of_statements_has_an_end)
{
	struct fixture fixture = fixture_new("full");
	struct store_statement *one = statement_of(&fixture, "SELECT 1");
	size_t taken = 0;

	while (!ops->query(fixture.driver, one, NULL, 0, NULL, NULL))
		taken++;
	cr_assert_eq(ops->query(fixture.driver, one, NULL, 0, NULL, NULL), WTEL_EOVERFLOW);
	cr_assert_eq(taken, 65536);
	while (ops->deadline(fixture.driver) == 0)
		turn(fixture.driver);
	ask(&fixture, "SELECT 1");
	fixture_free(&fixture);
}

/* ---- memory ----------------------------------------------------------- */

Test(store_postgres, every_allocation_may_fail, .timeout = 300)
{
	struct fixture fixture = fixture_new("memory");

	ask(&fixture, "CREATE TABLE usuarios (id int PRIMARY KEY)");
	ask(&fixture, "ALTER TABLE calls ADD FOREIGN KEY (agent_id) REFERENCES usuarios (id)");
	FAULT_LOOP(allocator)
	{
		static const struct store_statement one = {.name = "one", .postgres = "SELECT $1::text"};
		struct sample samples[3];
		struct answer written = {0}, asked = {0}, ran = {0};
		store_value value = {"x", 1};
		struct store_driver *driver;
		int code, i;

		driver = connect_again(&fixture, &allocator, &code);
		if (!driver)
			continue;
		for (i = 0; i < 3; i++)
			sample_init(&samples[i], i);
		chain(samples, 3);
		if (ops->query(driver, &one, &value, 1, fixture_done, &asked))
			asked.code = WTEL_ENOMEM;
		if (ops->script(driver, "SELECT 1", fixture_done, &ran))
			ran.code = WTEL_ENOMEM;
		if (ops->write(driver, &samples[0].change, 3, fixture_done, &written))
			written.code = WTEL_ENOMEM;
		wait_for(driver, &asked);
		wait_for(driver, &ran);
		wait_for(driver, &written);
		cr_assert(asked.code == 1 || asked.code == WTEL_ENOMEM, "%d %s", asked.code, asked.text);
		cr_assert(ran.code == 1 || ran.code == WTEL_ENOMEM, "%d %s", ran.code, ran.text);
		cr_assert(written.code == 1 || written.code == WTEL_ENOMEM || written.code == WTEL_ENOTFOUND, "%d %s",
			  written.code, written.text);
		ops->close(driver);
	}
	cr_assert_eq(number(&fixture, "SELECT count(*) FROM calls WHERE agent_id IS NULL"), 3);
	fixture_free(&fixture);
}

static void never(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	(void)code, (void)rows, (void)detail, (void)user;
	cr_assert_fail("told after the end");
}

Test(store_postgres, closing_drops_what_is_under_way_without_a_word)
{
	struct fixture fixture = fixture_new("closing");
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	static const struct store_statement slow = {.name = "slow", .postgres = "SELECT pg_sleep(0.2)"};
	struct sample samples[8];
	int code, i;
	struct store_driver *driver = connect_again(&fixture, &allocator, &code);

	for (i = 0; i < 8; i++)
		sample_init(&samples[i], i);
	chain(samples, 8);
	for (i = 0; i < 500; i++)
		cr_assert_eq(ops->query(driver, &slow, NULL, 0, never, NULL), 0);
	cr_assert_eq(ops->script(driver, "SELECT 1", never, NULL), 0);
	cr_assert_eq(ops->write(driver, &samples[0].change, 8, never, NULL), 0);
	turn(driver);
	cr_assert_eq(ops->write(driver, &samples[0].change, 8, never, NULL), 0);
	ops->close(driver);
	cr_assert_eq(fault.out, 0);
	fixture_free(&fixture);
}
