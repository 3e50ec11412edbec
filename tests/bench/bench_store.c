/*
 * Durable calls in PostgreSQL, and reservations.
 * usage: bench_store URL [CALLS [BATCH]]
 *
 * In a database of its own, that it makes and removes:
 *  - the library: each call is written when it begins, when it is answered and when it ends, with one and then two
 *    legs, in waves of 5000, each wave flushed three times: everything is on disk after each flush;
 *  - the platform's design before it: the same three writes as an INSERT and two UPDATEs, each a transaction of its
 * own, over a pool of 10 connections, without legs; by libpq, so without what the ORM costs on top (which is several
 * times that);
 *  - reservations a second from one process and from eight; every hundredth ends those it made. Once ranked as the
 *    service does it, by what is known of the loads, and once in a fixed order with nine full trunks before the free
 *    one.
 * Prints "NAME FIGURE" lines.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wtel/wtel.h>

enum { WAVE = 5000, POOL = 10, TRUNKS = 10, LIMIT = 40, PROCESSES = 8 };

static char url[1024];
static size_t batch; /* rows in one write; 0: the library's own */

static double seconds(void)
{
	return (double)wtel_time_now().mono / 1e6;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, why);
	exit(1);
}

static struct wtel_store *open_store(void)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_store *store = NULL;
	struct wtel_detail detail = {"", ""};

	options.url = url;
	if (batch)
		options.max_batch = batch;
	if (wtel_store_open(&store, &options, NULL, &detail))
		fail("open", detail.text);
	return store;
}

static void must(struct wtel_store *store, int code, const char *what)
{
	if (code)
		fail(what, wtel_store_error(store)->text);
}

/* ---- SQL beside the library ------------------------------------------- */

static PGconn *connect_to(const char *where)
{
	PGconn *pq = PQconnectdb(where);

	if (PQstatus(pq) != CONNECTION_OK)
		fail("connect", PQerrorMessage(pq));
	return pq;
}

static long long sql(PGconn *pq, const char *text)
{
	PGresult *result = PQexec(pq, text);
	long long value = 0;

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(text, PQerrorMessage(pq));
	if (PQntuples(result))
		value = atoll(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

/* ---- the library ------------------------------------------------------ */

struct life {
	struct wtel_call call;
	struct wtel_leg legs[2];
	char call_id[48];
	char leg_id[32];
};

static void life_begin(struct life *life, long number)
{
	struct wtel_call *call = &life->call;
	int64_t start = wtel_time_now().wall;

	memset(life, 0, sizeof(*life));
	snprintf(life->call_id, sizeof(life->call_id), "WLCM-%lld-%08lx", (long long)(start / 1000),
		 number * 2654435761 % 0xffffffff);
	snprintf(life->leg_id, sizeof(life->leg_id), "%lld.%ld", (long long)(start / 1000000), number);
	call->call_id = life->call_id;
	call->channel = call->caller_number = call->callee_number = call->reason = call->recording_url = "";
	call->state = WTEL_CALL_AGENT;
	call->channel = "PJSIP/1001-0000a3f1";
	call->caller_number = "1001";
	call->callee_number = "+15551234567";
	call->agent_id = number % 200 + 1;
	call->campaign_id = number % 10 + 1;
	call->lead_id = number + 1;
	call->trunk_id = number % TRUNKS + 1;
	call->start = start;
	call->legs = life->legs;
	call->leg_count = 1;
	life->legs[0] =
		(struct wtel_leg){life->call_id, call->channel, "1001", WTEL_LEG_AGENT, 0, 0, start, 0, 0, 0, 0, 0};
	life->legs[1] = (struct wtel_leg){life->leg_id,
					  "PJSIP/twilio-main-0000a3f2",
					  call->callee_number,
					  WTEL_LEG_CUSTOMER,
					  0,
					  call->trunk_id,
					  start + 2000000,
					  0,
					  0,
					  0,
					  0,
					  0};
}

static void life_answer(struct life *life)
{
	struct wtel_call *call = &life->call;

	call->state = WTEL_CALL_ANSWERED;
	call->ringing = call->start + 3000000;
	call->answer = call->start + 8000000;
	call->leg_count = 2;
	life->legs[0].answer = call->start + 2000000;
	life->legs[1].ringing = call->ringing;
	life->legs[1].answer = call->answer;
}

static void life_end(struct life *life)
{
	struct wtel_call *call = &life->call;

	call->state = WTEL_CALL_ENDED;
	call->disposition = WTEL_DISPOSITION_ANSWERED;
	call->end = call->start + 100000000;
	call->cause = life->legs[0].cause = life->legs[1].cause = 16;
	life->legs[0].end = life->legs[1].end = call->end;
}

static double durable(long calls)
{
	struct wtel_store *store = open_store();
	struct life *lives = calloc(WAVE, sizeof(*lives));
	double began, took;
	long wave, i;
	int phase;

	if (!lives)
		fail("memory", "none");
	began = seconds();
	for (wave = 0; wave < calls; wave += WAVE)
		for (phase = 0; phase < 3; phase++) {
			for (i = 0; i < WAVE && wave + i < calls; i++) {
				if (phase == 0)
					life_begin(&lives[i], wave + i);
				else if (phase == 1)
					life_answer(&lives[i]);
				else
					life_end(&lives[i]);
				must(store, wtel_store_write(store, &lives[i].call), "write");
			}
			must(store, wtel_store_flush(store), "flush");
		}
	took = seconds() - began;
	free(lives);
	wtel_store_close(store);
	return (double)calls / took;
}

/* ---- the design before ------------------------------------------------ */

static const char *const statements[3] = {
	"INSERT INTO before.calls (call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number,"
	" callee_number, start_time, created_at, updated_at) VALUES ('%s-%ld', %ld, %ld, %ld, %ld, 'outbound', '1001',"
	" '+15551234567', now(), now(), now()) RETURNING *",
	"UPDATE before.calls SET answer_time = now(), updated_at = now() WHERE call_id = '%s-%ld'",
	"UPDATE before.calls SET end_time = now(), duration = 100, billsec = 92, disposition = 'ANSWERED',"
	" updated_at = now() WHERE call_id = '%s-%ld'",
};

struct worker {
	PGconn *pq;
	long call;
	int phase;
};

static void send_next(struct worker *worker)
{
	char text[512];
	long n = worker->call;

	snprintf(text, sizeof(text), statements[worker->phase], "WLCM-1761388200000", n, n % 200 + 1, n % 10 + 1, n + 1,
		 n % TRUNKS + 1);
	if (!PQsendQuery(worker->pq, text))
		fail("send", PQerrorMessage(worker->pq));
}

/* True: its statement is done and the next one is to be sent. */
static bool take_result(struct worker *worker)
{
	PGresult *result;

	if (!PQconsumeInput(worker->pq))
		fail("receive", PQerrorMessage(worker->pq));
	while (!PQisBusy(worker->pq)) {
		result = PQgetResult(worker->pq);
		if (!result)
			return true;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR)
			fail("statement", PQerrorMessage(worker->pq));
		PQclear(result);
	}
	return false;
}

static double before(long calls)
{
	struct worker workers[POOL];
	struct pollfd polls[POOL];
	long next = 0, done = 0;
	double began;
	int i;

	for (i = 0; i < POOL; i++) {
		workers[i] = (struct worker){connect_to(url), next++, 0};
		polls[i] = (struct pollfd){PQsocket(workers[i].pq), POLLIN, 0};
	}
	began = seconds();
	for (i = 0; i < POOL; i++)
		send_next(&workers[i]);
	while (done < calls) {
		poll(polls, POOL, 1000);
		for (i = 0; i < POOL; i++) {
			if (!polls[i].revents || !take_result(&workers[i]))
				continue;
			if (++workers[i].phase == 3) {
				workers[i].phase = 0;
				workers[i].call = next++;
				done++;
			}
			if (workers[i].call < calls)
				send_next(&workers[i]);
		}
	}
	began = seconds() - began;
	for (i = 0; i < POOL; i++)
		PQfinish(workers[i].pq);
	return (double)done / began;
}

/* ---- reservations ----------------------------------------------------- */

/* What one process did. */
struct reserved {
	long made;
	long long cpu; /* microseconds of this process alone */
};

static long long cpu_time(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return spent.tv_sec * 1000000LL + spent.tv_nsec / 1000;
}

/* The trunks in their fixed order, or as a service has them: ranked by the loads that bookings found. */
static size_t rank(struct wtel_route *routes, struct wtel_router *router)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	size_t count = TRUNKS, i;

	request.loads_are_old = true;
	if (router && wtel_router_rank(router, routes, &count, TRUNKS, &request, wtel_time_now().wall))
		fail("rank", "no trunk");
	for (i = 0; !router && i < count; i++)
		routes[i].trunk_id = (int64_t)i + 1;
	return count;
}

static int64_t reserve_one(struct wtel_store *store, struct wtel_router *router, const struct wtel_call *call)
{
	struct wtel_route routes[TRUNKS] = {{0}};
	static struct wtel_booking booking;
	size_t count = rank(routes, router), i;

	must(store, wtel_store_reserve(store, &booking, call, routes, count, "\"number\":\"+15551234567\""), "reserve");
	for (i = 0; router && i < booking.look_count; i++)
		if (booking.looks[i].active_calls >= 0)
			wtel_router_set_load(router, routes[i].trunk_id, booking.looks[i].active_calls);
	return routes[booking.taken].trunk_id;
}

/* All begin together: each says that it is ready on `ready` and waits for a byte from `go`. */
static struct reserved reserve_for(double length, bool ranked, int ready, int go)
{
	struct wtel_store *store = open_store();
	struct wtel_router *router = NULL;
	struct reserved reserved = {0, 0};
	static struct life lives[100];
	double until;
	int i;

	if (ranked)
		must(store, wtel_store_router(store, &router, NULL), "router");
	if (write(ready, "", 1) != 1 || read(go, &(char){0}, 1) != 1)
		fail("start", strerror(errno));
	reserved.cpu = cpu_time();
	until = seconds() + length;
	while (seconds() < until) {
		for (i = 0; i < 100 && seconds() < until; i++, reserved.made++) {
			life_begin(&lives[i], reserved.made);
			snprintf(lives[i].call_id, sizeof(lives[i].call_id), "WLCM-%d-%ld", getpid(), reserved.made);
			lives[i].call.trunk_id = reserve_one(store, router, &lives[i].call);
		}
		while (i--) {
			life_answer(&lives[i]);
			life_end(&lives[i]);
			must(store, wtel_store_write(store, &lives[i].call), "write");
		}
		must(store, wtel_store_flush(store), "flush");
	}
	wtel_router_free(router);
	wtel_store_close(store);
	reserved.cpu = cpu_time() - reserved.cpu;
	return reserved;
}

/* A second; *cpu: microseconds of a client's processor for each. */
static double reservations(int processes, double length, bool ranked, double *cpu)
{
	struct reserved one, all = {0, 0};
	int pipes[2], ready[2], go[2], i;
	char bytes[PROCESSES] = {0};

	if (pipe(pipes) || pipe(ready) || pipe(go))
		fail("pipe", strerror(errno));
	for (i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork", strerror(errno));
		if (child)
			continue;
		one = reserve_for(length, ranked, ready[1], go[0]);
		_exit(write(pipes[1], &one, sizeof(one)) != sizeof(one));
	}
	close(pipes[1]);
	close(ready[1]);
	for (i = 0; i < processes; i++)
		if (read(ready[0], bytes, 1) != 1)
			fail("reserve", "a process failed");
	if (write(go[1], bytes, (size_t)processes) != processes)
		fail("start", strerror(errno));
	for (i = 0; i < processes; i++) {
		int status = 0;

		if (wait(&status) < 0 || status || read(pipes[0], &one, sizeof(one)) != sizeof(one))
			fail("reserve", "a process failed");
		all.made += one.made;
		all.cpu += one.cpu;
	}
	close(pipes[0]);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
	*cpu = (double)all.cpu / (double)all.made;
	return (double)all.made / length;
}

/* ---- all -------------------------------------------------------------- */

static void prepare(PGconn *pq)
{
	struct wtel_store *store = open_store();
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	char name[32];
	int64_t id;
	int i;

	must(store, wtel_store_migrate(store, NULL, NULL), "migrate");
	trunk.name = name;
	trunk.host = "sip.example.net";
	trunk.registered = true;
	for (i = 0; i < TRUNKS; i++) {
		snprintf(name, sizeof(name), "trunk %d", i);
		/* All but the last are soon full. */
		trunk.max_channels = i < TRUNKS - 1 ? LIMIT : 100000;
		must(store, wtel_store_trunk_save(store, &id, &trunk), "trunk");
	}
	wtel_store_close(store);
	sql(pq, "UPDATE trunks SET registered = true");
	sql(pq, "CREATE SCHEMA before");
	sql(pq, "CREATE TABLE before.calls (LIKE calls INCLUDING DEFAULTS, PRIMARY KEY (id), UNIQUE (call_id),"
		" FOREIGN KEY (trunk_id) REFERENCES trunks (id))");
	sql(pq, "CREATE INDEX ON before.calls (agent_id, start_time)");
	sql(pq, "CREATE INDEX ON before.calls (campaign_id, disposition)");
	sql(pq, "CREATE INDEX ON before.calls (lead_id)");
	sql(pq, "CREATE INDEX ON before.calls (trunk_id)");
}

static void measure(PGconn *pq, long calls)
{
	double rates[2], best = 0, old = 0, cpu;
	int round;

	/* The best of three each: other work on the machine can only make it worse. */
	for (round = 0; round < 3; round++) {
		rates[0] = durable(calls);
		rates[1] = before(calls / 10);
		best = rates[0] > best ? rates[0] : best;
		old = rates[1] > old ? rates[1] : old;
		sql(pq, "TRUNCATE before.calls");
	}
	if (sql(pq, "SELECT count(*) FROM calls WHERE billsec = 92") != 3 * calls ||
	    sql(pq, "SELECT sum(successful_calls) FROM trunks") != 3 * calls ||
	    sql(pq, "SELECT count(*) FROM wtel_legs WHERE end_time IS NOT NULL") != 6 * calls)
		fail("durable calls", "rows are missing");
	printf("durable_calls %.0f\nbefore_calls %.0f\nratio %.1f\n", best, old, best / old);
	fflush(stdout);
	best = reservations(1, 2, true, &cpu);
	printf("reserve_1 %.0f\nreserve_1_client_us %.0f\n", best, cpu);
	fflush(stdout);
	best = reservations(PROCESSES, 3, true, &cpu);
	printf("reserve_8 %.0f\nreserve_8_client_us %.0f\n", best, cpu);
	fflush(stdout);
	printf("reserve_8_full_first %.0f\n", reservations(PROCESSES, 3, false, &cpu));
}

int main(int argc, char **argv)
{
	char database[64], text[128];
	const char *slash;
	PGconn *root, *pq;

	if (argc < 2 || !(slash = strrchr(argv[1], '/'))) {
		fprintf(stderr, "usage: bench_store postgresql://user@host:port/database [CALLS [BATCH]]\n");
		return 2;
	}
	batch = argc > 3 ? (size_t)atol(argv[3]) : 0;
	root = connect_to(argv[1]);
	snprintf(database, sizeof(database), "wtel_bench_%d", (int)getpid());
	snprintf(text, sizeof(text), "CREATE DATABASE %s", database);
	sql(root, text);
	snprintf(url, sizeof(url), "%.*s/%s", (int)(slash - argv[1]), argv[1], database);
	pq = connect_to(url);
	prepare(pq);
	measure(pq, argc > 2 ? atol(argv[2]) : 30000);
	PQfinish(pq);
	snprintf(text, sizeof(text), "DROP DATABASE %s WITH (FORCE)", database);
	sql(root, text);
	PQfinish(root);
	return 0;
}
