/* Calls over several trunks of the simulated Asterisk, whose endpoints say what becomes of them (see <wtel/sim.h>). */
#ifndef TESTS_FAILOVER_WORLD_H
#define TESTS_FAILOVER_WORLD_H

#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

#include "service_world.h"

static inline void failover_sql(const char *url, const char *sql)
{
	PGconn *connection = PQconnectdb(url);
	PGresult *result = PQexec(connection, sql);

	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

/* From here on the world's store is a PostgreSQL database of its own. false: WTEL_TEST_PG says of no server. */
static inline bool failover_postgres(struct world *world)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	const char *server = getenv("WTEL_TEST_PG");
	static unsigned number;
	char sql[128], url[512];

	if (!server || !*server)
		return false;
	snprintf(sql, sizeof(sql), "CREATE DATABASE wtel_service_%d_%u", (int)getpid(), ++number);
	failover_sql(server, sql);
	snprintf(url, sizeof(url), "%.*s/%s", (int)(strrchr(server, '/') - server), server,
		 strstr(sql, "wtel_service"));
	wtel_store_close(world->store);
	options.url = url;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, NULL), 0);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	return true;
}

/* A trunk that needs no registration. The name "Carrier 503" is the endpoint carrier-503, which answers 503. */
static inline int64_t failover_trunk(struct world *world, const char *name, int priority, const char *settings)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;

	trunk.name = name;
	trunk.host = "carrier.example";
	trunk.priority = priority;
	trunk.needs_registration = false;
	trunk.advanced_settings = settings ? settings : "{}";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0, "%s", wtel_store_error(world->store)->text);
	return id;
}

/* Without the trunk of other tests. */
static inline void failover_prepare(struct world *world)
{
	world_prepare(world);
	cr_assert_eq(wtel_store_trunk_remove(world->store, world->trunk), 0);
	world->sim_options.agent_pickup = world->sim_options.ring = world->sim_options.talk = 10000;
}

static inline void failover_start(struct world *world)
{
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
}

static inline unsigned failover_count(const char *text, const char *word)
{
	unsigned count = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		count++;
	return count;
}

/* One call to its end. */
static inline void failover_call(struct world *world, char *call_id, const char *extension)
{
	unsigned ends = failover_count(world->notices, "call:hangup");

	cr_assert_eq(world_originate(world, call_id, extension, "+15550001"), 0, "%s",
		     wtel_service_error(world->service)->text);
	WORLD_UNTIL_MS(world, 60000, failover_count(world->notices, "call:hangup") > ends);
	world_run(world, 20);
}

/* "3/1/2": total, successful, failed. */
static inline const char *failover_statistics(struct world *world, int64_t trunk_id)
{
	static char text[4][64];
	static unsigned next;
	struct wtel_trunk_list *list;
	char *out = text[next++ % 4];
	size_t i;

	cr_assert_eq(wtel_store_flush(world->store), 0);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	for (i = 0; i < list->count; i++)
		if (list->trunks[i].id == trunk_id)
			snprintf(out, sizeof(text[0]), "%d/%d/%d", (int)list->trunks[i].total_calls,
				 (int)list->trunks[i].successful_calls, (int)list->trunks[i].failed_calls);
	wtel_trunk_list_free(list);
	return out;
}

/* Where the row is, who tried it ("3 5"), and how it ended. */
static inline void failover_expect(struct world *world, const char *call_id, enum wtel_disposition disposition,
				   int64_t trunk_id, size_t customer_legs)
{
	struct wtel_call_list *list = world_row(world, call_id);
	const struct wtel_call *call = &list->calls[0];
	size_t i, legs = 0, agents = 0;

	cr_assert_eq(call->disposition, disposition, "%s\n%s", wtel_disposition_name(call->disposition), world->log);
	cr_assert_eq(call->trunk_id, trunk_id, "trunk %d\n%s", (int)call->trunk_id, world->log);
	for (i = 0; i < call->leg_count; i++) {
		legs += call->legs[i].role == WTEL_LEG_CUSTOMER;
		agents += call->legs[i].role == WTEL_LEG_AGENT;
	}
	cr_assert_eq(legs, customer_legs, "%zu legs", legs);
	cr_assert_eq(agents, 1);
	cr_assert_neq(call->end, 0);
	wtel_call_list_free(list);
}

#endif
