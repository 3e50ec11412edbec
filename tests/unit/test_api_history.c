/* History page by page while calls come, its filters, and recordings; on both databases where WTEL_TEST_PG says where.
 */
#include <libpq-fe.h>
#include <unistd.h>

#include "api_world.h"

#define START	   INT64_C(1761951600000000)
#define SECONDS(n) ((n)*INT64_C(1000000))

/* ---- both databases --------------------------------------------------- */

static char database[64];

static void on_server(const char *format, const char *name)
{
	PGconn *connection = PQconnectdb(getenv("WTEL_TEST_PG"));
	char sql[128];
	PGresult *result;

	cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
	snprintf(sql, sizeof(sql), "%s \"%s\"", format, name);
	result = PQexec(connection, sql);
	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

static void server_url(char *out, size_t room)
{
	const char *server = getenv("WTEL_TEST_PG");

	snprintf(out, room, "%.*s/%s", (int)(strrchr(server, '/') - server), server, database);
}

static void open_postgres(struct world *world)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	char url[512];

	snprintf(database, sizeof(database), "api_history_%d", (int)getpid());
	on_server("CREATE DATABASE", database);
	server_url(url, sizeof(url));
	world_prepare(world);
	wtel_store_close(world->store);
	options.url = url;
	options.max_delay = 0;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	world->trunk = world_trunk(world, "Carrier A", true, 10);
	world_start(world);
}

static void on_both(void (*run)(struct world *world))
{
	struct world world;

	world_open(&world);
	run(&world);
	world_close(&world);
	if (!getenv("WTEL_TEST_PG"))
		return;
	open_postgres(&world);
	run(&world);
	world_close(&world);
	on_server("DROP DATABASE", database);
}

/* ---- calls ------------------------------------------------------------ */

struct past {
	const char *id;
	const char *caller;
	const char *callee;
	enum wtel_direction direction;
	int64_t agent_id;
	int64_t lead_id;
	int64_t start;
};

static void keep(struct world *world, const struct past *past)
{
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.call_id = past->id;
	call.channel = call.reason = call.recording_url = "";
	call.caller_number = past->caller;
	call.callee_number = past->callee;
	call.direction = past->direction;
	call.agent_id = past->agent_id;
	call.lead_id = past->lead_id;
	call.start = past->start;
	call.end = past->start + SECONDS(30);
	call.state = WTEL_CALL_ENDED;
	call.disposition = WTEL_DISPOSITION_BUSY;
	cr_assert_eq(wtel_store_write(world->store, &call), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0, "%s", wtel_store_error(world->store)->text);
}

static void keep_many(struct world *world, const char *prefix, int count, int64_t start, int64_t step)
{
	char id[32];
	int i;

	for (i = 0; i < count; i++) {
		struct past past = {id, "1001", "+34600123456", WTEL_OUTBOUND, i % 2 ? 5 : 6, i % 10, start + i * step};

		snprintf(id, sizeof(id), "%.16s%03d", prefix, i % 1000);
		keep(world, &past);
	}
}

/* The ids of a page, one after another, and where it goes on; "" at the end. */
static void page(struct world *world, char ids[1024], char next[64], struct who who, const char *query)
{
	char line[256];
	json_t *document, *call;
	size_t i;

	snprintf(line, sizeof(line), "GET calls/history?%s%s%s", query, *next ? "&cursor=" : "", next);
	document = api_ask(world, 200, who, line, NULL);
	cr_assert_eq(json_is_null(api_at(document, "count")), *next != '\0', "%s", line);
	ids[0] = '\0';
	json_array_foreach(json_object_get(document, "calls"), i, call)
	{
		snprintf(ids + strlen(ids), 1024 - strlen(ids), "%s ", api_text(call, "callId"));
	}
	cr_assert_not_null(json_object_get(document, "next"));
	snprintf(next, 64, "%s", api_text(document, "next"));
	json_decref(document);
}

static void pages(struct world *world)
{
	char ids[1024], next[64] = "", all[2048] = "", expected[2048] = "";
	int i, count;

	/* Three at each moment: ids tell them apart. */
	for (i = 0; i < 8; i++) {
		char prefix[8];

		snprintf(prefix, sizeof(prefix), "%c", 'A' + i);
		keep_many(world, prefix, 3, START + SECONDS(i), 0);
	}
	for (count = 0; count < 100; count++) {
		page(world, ids, next, supervisor, "agentId=0&limit=5");
		strcat(all, ids);
		if (!*next)
			break;
		/* Calls come in between, and none of the older ones is lost or seen twice. */
		snprintf(ids, sizeof(ids), "N%d", count);
		keep_many(world, ids, 2, START + SECONDS(100 + count), 1);
	}
	cr_assert_eq(count, 4);
	for (i = 7; i >= 0; i--)
		for (count = 2; count >= 0; count--)
			sprintf(expected + strlen(expected), "%c%03d ", 'A' + i, count);
	cr_assert_str_eq(all, expected);
}

Test(api_history, pages_stay_where_they_are)
{
	on_both(pages);
}

static void ends(struct world *world)
{
	char ids[1024], next[64] = "";

	keep_many(world, "A", 4, START, SECONDS(1));
	page(world, ids, next, supervisor, "agentId=0&limit=4");
	cr_assert_str_eq(ids, "A003 A002 A001 A000 ");
	cr_assert_str_eq(next, "", "a page that ends where the calls do has no next");
	page(world, ids, next, supervisor, "agentId=0&limit=0");
	cr_assert_str_eq(ids, "");
	next[0] = '\0';
	page(world, ids, next, supervisor, "agentId=0&limit=3&offset=1");
	cr_assert_str_eq(ids, "A002 A001 A000 ");
	cr_assert_str_eq(next, "");
	/* By one agent: the cursor of a page is within what was asked for. */
	page(world, ids, next, agent, "limit=1");
	cr_assert_str_eq(ids, "A003 ");
	page(world, ids, next, agent, "limit=1");
	cr_assert_str_eq(ids, "A001 ");
	cr_assert_str_eq(next, "");
	/* `to` before the cursor goes first. */
	page(world, ids, next, supervisor, "agentId=0&limit=1");
	page(world, ids, next, supervisor, "agentId=0&to=2025-10-31T23:00:01Z");
	cr_assert_str_eq(ids, "A000 ");
}

Test(api_history, pages_end)
{
	on_both(ends);
}

static void has(struct world *world, struct who who, const char *query, const char *wanted)
{
	char ids[1024], next[64] = "";

	page(world, ids, next, who, query);
	cr_assert_str_eq(ids, wanted, "%s: %s", query, ids);
}

static void filters(struct world *world)
{
	static const struct past calls[] = {
		{"A", "1001", "+34600123456", WTEL_OUTBOUND, 5, 7, START},
		{"B", "1002", "+34911222333", WTEL_OUTBOUND, 6, 7, START + SECONDS(1)},
		{"C", "+34600999888", "1001", WTEL_INBOUND, 5, 0, START + SECONDS(2)},
		{"D", "%_", "600", WTEL_INBOUND, 0, 8, START + SECONDS(3)},
	};
	json_t *document;
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		keep(world, &calls[i]);
	has(world, supervisor, "agentId=0&leadId=7", "B A ");
	has(world, supervisor, "agentId=6&leadId=7", "B ");
	has(world, agent, "leadId=7", "A ");
	has(world, agent, "leadId=8", "");
	has(world, supervisor, "agentId=0&direction=inbound", "D C ");
	has(world, supervisor, "agentId=0&direction=outbound", "B A ");
	has(world, supervisor, "agentId=0&number=+34600", "C A ");
	has(world, supervisor, "agentId=0&number=%2B34600&direction=inbound", "C ");
	has(world, supervisor, "agentId=0&number=600", "D ");
	has(world, supervisor, "agentId=0&number=1001", "C A ");
	has(world, supervisor, "agentId=0&number=34", "");
	has(world, supervisor, "agentId=0&number=+34600123456", "A ");
	has(world, supervisor, "agentId=0&number=+346001234567", "");
	has(world, supervisor, "agentId=0&disposition=BUSY&leadId=8", "D ");
	document = api_ask(world, 200, supervisor, "GET calls/stats?agentId=0&direction=inbound", NULL);
	cr_assert_eq(api_number(document, "stats/totalCalls"), 2);
	json_decref(document);
	document = api_ask(world, 200, supervisor, "GET calls/stats?agentId=0&leadId=7&number=+349", NULL);
	cr_assert_eq(api_number(document, "stats/totalCalls"), 1);
	json_decref(document);
	api_refuses(world, 400, "number", supervisor, "GET calls/history?number=%25", NULL);
	api_refuses(world, 400, "number", supervisor, "GET calls/history?number=", NULL);
	api_refuses(world, 400, "number", supervisor, "GET calls/stats?number=a", NULL);
	api_refuses(world, 400, "direction", supervisor, "GET calls/history?direction=both", NULL);
	api_refuses(world, 400, "leadId", supervisor, "GET calls/history?leadId=x", NULL);
}

Test(api_history, is_filtered)
{
	on_both(filters);
}

Test(api_history, cursors_that_are_none)
{
	static const char *const odd[] = {"",
					  "c",
					  "c1",
					  "c1-",
					  "c-1",
					  "c1-1x",
					  "C1-1",
					  "c1-0",
					  "c0-1",
					  "c1-80000000",
					  "cffffffffffffffff-1",
					  "c11111111111111111-1",
					  "c7fffffffffffffff-1",
					  "1-1",
					  "c1-1%00",
					  "c+1-1"};
	struct world world;
	char line[128];
	size_t i;

	world_open(&world);
	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		snprintf(line, sizeof(line), "GET calls/history?cursor=%s", odd[i]);
		api_refuses(&world, 400, strstr(odd[i], "%00") ? "query" : "cursor", supervisor, line, NULL);
	}
	api_refuses(&world, 400, "offset", supervisor, "GET calls/history?cursor=c1-1&offset=1", NULL);
	api_is(&world, 200, supervisor, "GET calls/history?cursor=c1-1&offset=0", NULL);
	world_close(&world);
}

/* ---- recordings ------------------------------------------------------- */

static void set(struct world *world, int status, const char *url)
{
	json_t *body = json_object(), *document;
	char *text;

	json_object_set_new(body, "recordingUrl", url ? json_string(url) : json_null());
	text = json_dumps(body, 0);
	document = api_ask(world, status, supervisor, "PATCH calls/A", text);
	if (status == 200) {
		cr_assert_str_eq(api_text(document, "call/recordingUrl"), url ? url : "");
		cr_assert_str_eq(api_text(document, "call/callId"), "A");
	} else {
		cr_assert_str_eq(api_text(document, "error/field"), "recordingUrl", "%s", text);
	}
	json_decref(document);
	json_decref(body);
	free(text);
}

static void recordings(struct world *world)
{
	static const char *const good[] = {"https://media.example/2025/10/a.wav?x=1#t=3",
					   "http://10.0.0.1:8080/a",
					   "/var/spool/asterisk/monitor/a.wav",
					   "2025/10/a.b..c.wav",
					   "https://media.example",
					   "https://media.example/a@b:c"};
	static const char *const bad[] = {"javascript:alert(1)",
					  "ftp://media.example/a.wav",
					  "https://",
					  "https:///a.wav",
					  "https://user:secret@media.example/a.wav",
					  "//media.example/a.wav",
					  "file:///etc/passwd",
					  "data:audio/wav;base64,AAAA",
					  "/var/spool/../../etc/passwd",
					  "..",
					  "a b.wav",
					  "a\nb.wav",
					  "a\"b.wav",
					  "a\\b.wav",
					  "HTTPS://media.example/a.wav"};
	const struct past past = {"A", "1001", "+34600123456", WTEL_OUTBOUND, 5, 7, START};
	char path[502];
	json_t *document;
	size_t i;

	keep(world, &past);
	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		set(world, 200, good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		set(world, 422, bad[i]);
	memset(path, 'a', sizeof(path));
	path[501] = '\0';
	set(world, 422, path);
	path[500] = '\0';
	set(world, 200, path);
	document = api_ask(world, 200, agent, "GET calls/A", NULL);
	cr_assert_str_eq(api_text(document, "call/recordingUrl"), path);
	json_decref(document);
	document = api_ask(world, 200, agent, "GET calls/history", NULL);
	cr_assert_str_eq(api_text(document, "calls/0/recordingUrl"), path);
	json_decref(document);
	set(world, 200, NULL);
	set(world, 200, "/a.wav");
	set(world, 200, "");
	api_refuses(world, 404, "callId", supervisor, "PATCH calls/B", "{\"recordingUrl\": \"/a.wav\"}");
	api_refuses(world, 400, "recordingUrl", supervisor, "PATCH calls/A", "{}");
	api_refuses(world, 400, "recordingUrl", supervisor, "PATCH calls/A", "{\"recordingUrl\": 7}");
}

Test(api_history, recordings_are_set)
{
	on_both(recordings);
}

/* ---- at scale --------------------------------------------------------- */

static int64_t explained(PGconn *connection, const char *sql)
{
	char text[2048];
	PGresult *result;
	int64_t found;

	snprintf(text, sizeof(text), "EXPLAIN (COSTS OFF) %s", sql);
	result = PQexec(connection, text);
	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
	text[0] = '\0';
	for (found = 0; found < PQntuples(result); found++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", PQgetvalue(result, (int)found, 0));
	PQclear(result);
	cr_assert_null(strstr(text, "Seq Scan on calls"), "%s\n%s", sql, text);
	return found;
}

/* What is asked of a hundred thousand calls is found by an index; here as the store's statements say it. */
Test(api_history, is_found_by_indexes)
{
	PGconn *connection;
	struct world world;
	char url[512];

	if (!getenv("WTEL_TEST_PG"))
		cr_skip_test("WTEL_TEST_PG is not set");
	open_postgres(&world);
	server_url(url, sizeof(url));
	connection = PQconnectdb(url);
	PQclear(PQexec(
		connection,
		"INSERT INTO calls (call_id, agent_id, lead_id, direction, start_time, end_time, disposition,"
		" callee_number) SELECT 'x' || n, n % 200, n % 30000, 'outbound', now() - n * interval '1 minute',"
		" now(), 'BUSY', '+34' || n FROM generate_series(1, 100000) n"));
	PQclear(PQexec(connection, "ANALYZE calls"));
	explained(connection, "SELECT * FROM calls c WHERE c.start_time >= '0001-01-01' AND c.start_time < now()"
			      " ORDER BY c.start_time DESC, c.id DESC LIMIT 51");
	explained(connection, "SELECT * FROM calls c WHERE c.start_time < now() AND c.agent_id = 7"
			      " ORDER BY c.start_time DESC, c.id DESC LIMIT 51");
	explained(connection, "SELECT * FROM calls c WHERE c.start_time < now() AND c.lead_id = 7"
			      " ORDER BY c.start_time DESC, c.id DESC LIMIT 51");
	explained(connection, "SELECT * FROM calls c WHERE c.call_id = 'x7'");
	PQfinish(connection);
	world_close(&world);
	on_server("DROP DATABASE", database);
}
