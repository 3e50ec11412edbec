#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

/*
 * Every query is followed by a sync: it is a transaction of its own, and its error skips nothing of its neighbours. A
 * sync costs five bytes each way; newer versions of libpq do not even flush at each.
 */
static bool sync_point(PGconn *pq)
{
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
	return PQsendPipelineSync(pq);
#else
	return PQpipelineSync(pq);
#endif
}

/* The name on the server: it changes when all must be prepared anew. */
static void server_name(char *out, size_t room, const struct postgres_connection *connection, const char *name)
{
	snprintf(out, room, "%s_%u", name, connection->sequence);
}

static void forget_prepared(struct postgres_connection *connection)
{
	base_map_free(&connection->prepared, &connection->driver->allocator);
	connection->sequence++;
}

bool postgres_send_prepared(struct postgres_connection *connection, struct postgres_query *query, const char *name,
			    const char *sql, const struct postgres_parameters *parameters)
{
	struct wtel_slice key = wtel_slice_of(name);
	PGconn *pq = connection->pq;
	char prepared[64];

	/* The second time it stands for itself: whatever else fails to be prepared beside it cannot touch it again. */
	if (query->again)
		return PQsendQueryParams(pq, sql, (int)parameters->count, NULL, parameters->values, parameters->lengths,
					 parameters->formats, 0) &&
		       sync_point(pq);
	server_name(prepared, sizeof(prepared), connection, name);
	if (!base_map_get(&connection->prepared, key)) {
		/* Not remembered for want of memory, it would be prepared twice, which fails and is then sent anew. */
		if (!PQsendPrepare(pq, prepared, sql, 0, NULL))
			return false;
		if (base_map_put(&connection->prepared, &connection->driver->allocator, key, connection))
			connection->sequence++;
		query->prepares = true;
	}
	return PQsendQueryPrepared(pq, prepared, (int)parameters->count, parameters->values, parameters->lengths,
				   parameters->formats, 0) &&
	       sync_point(pq);
}

/*
 * A statement_timeout of the server's or the user's own is left. Batches join arrays whose length the planner cannot
 * know, and look calls up in a table that was small when the plan was made: there its estimates must neither be trusted
 * with a nested loop or a scan of the table nor asked again for every batch.
 */
#define SETTINGS                                                                                                       \
	"SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false),"                     \
	" set_config('idle_in_transaction_session_timeout', '30s', false),"                                            \
	" CASE current_setting('statement_timeout') WHEN '0' THEN set_config('statement_timeout', '60s', false) END"
#define LANE_SETTINGS                                                                                                  \
	SETTINGS ", set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),"      \
		 " set_config('enable_nestloop', 'off', false), set_config('enable_seqscan', 'off', false), "          \
		 "set_config('enable_mergejoin', 'off', false)"

bool postgres_settings(struct postgres_connection *connection)
{
	struct postgres_query *query = postgres_query_new(connection->driver, POSTGRES_SETTINGS, 0);
	const char *sql = connection->index ? LANE_SETTINGS : SETTINGS;

	if (!query) {
		base_fail(&connection->trouble, 0, NULL, "out of memory");
		connection->no_memory = true;
		return false;
	}
	postgres_list_append(&connection->sent, query);
	return PQsendQueryParams(connection->pq, sql, 0, NULL, NULL, NULL, NULL, 0) && sync_point(connection->pq);
}

/* Multi-statement text exists only outside of pipeline mode: one simple query, which is one transaction. */
static int send_script(struct postgres_connection *connection, struct postgres_query *query)
{
	if (!PQexitPipelineMode(connection->pq) || !PQsendQuery(connection->pq, query->sql))
		return WTEL_ECLOSED;
	connection->phase = POSTGRES_SIMPLE;
	return 0;
}

static int send_one(struct postgres_connection *connection, struct postgres_query *query)
{
	const struct postgres_parameters parameters = {query->count, query->values, NULL, NULL};

	switch (query->kind) {
	case POSTGRES_STATEMENT:
		return postgres_send_prepared(connection, query, query->statement->name, query->statement->postgres,
					      &parameters)
			       ? 0
			       : WTEL_ECLOSED;
	case POSTGRES_BOOKINGS:
		return postgres_booking_send(connection, query);
	case POSTGRES_SCRIPT:
		return send_script(connection, query);
	case POSTGRES_WRITE:
		return postgres_batch_send(connection, query);
	case POSTGRES_SETTINGS:
		break;
	}
	return WTEL_ECLOSED;
}

bool postgres_sendable(const struct postgres_connection *connection)
{
	const struct postgres_query *query = connection->waiting.head;

	if (connection->phase != POSTGRES_PIPELINE || !query || connection->sent.count >= POSTGRES_MAX_SENT)
		return false;
	if (!connection->sent.head)
		return true;
	return query->kind != POSTGRES_SCRIPT && !postgres_booking_waits(connection, query) &&
	       !(query->kind == POSTGRES_WRITE && postgres_batch_waits(connection, query));
}

/* Of those that stand for several. */
static void finish_part(struct postgres_connection *connection, struct postgres_query *query)
{
	if (query->kind == POSTGRES_BOOKINGS)
		postgres_booking_finish(connection, query);
	else
		postgres_batch_finish(connection, query);
}

static void flush(struct postgres_connection *connection, int64_t mono)
{
	int left = PQflush(connection->pq);

	if (left < 0)
		postgres_lose(connection, mono);
	else
		postgres_watch(connection, left ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void postgres_send(struct postgres_connection *connection, int64_t mono)
{
	while (postgres_sendable(connection)) {
		struct postgres_query *query =
			postgres_booking_join(connection, postgres_list_take(&connection->waiting));
		int code = send_one(connection, query);

		if (code == WTEL_ENOMEM) {
			query->code = code;
			base_fail(&query->detail, code, NULL, "out of memory");
			finish_part(connection, query);
			continue;
		}
		if (code) {
			/* Whatever is half in libpq's buffer goes with the connection; this one was not executed. */
			postgres_query_reset(query);
			postgres_list_prepend(&connection->waiting, query);
			postgres_lose(connection, mono);
			return;
		}
		postgres_list_append(&connection->sent, query);
	}
	if (connection->phase == POSTGRES_PIPELINE || connection->phase == POSTGRES_SIMPLE)
		flush(connection, mono);
}

static void absorb(struct postgres_connection *connection, struct postgres_query *query, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
		PQclear(query->rows);
		query->rows = result;
		return;
	}
	/* What follows the first error of a query only says that it is skipped. */
	if (status != PGRES_PIPELINE_ABORTED && !query->code) {
		query->code = postgres_result_error(connection->driver, result, &query->detail);
		base_slice_copy(query->state, sizeof(query->state), wtel_slice_of(state ? state : ""));
	}
	PQclear(result);
}

/*
 * The server does not know the prepared statement (a pooler gave us another session, its preparation failed before us),
 * knows it already, or its plan outlived a change of the table's columns: nothing was executed, preparing it anew is
 * all.
 */
static bool prepare_anew(const struct postgres_query *query)
{
	static const char *const states[] = {"26000", "42P05", "0A000"};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(query->state, states[i]) == 0)
			return !query->again;
	return false;
}

static void complete(struct postgres_connection *connection, struct postgres_query *query)
{
	if (connection->booking == query)
		connection->booking = NULL;
	if (query->code && query->prepares)
		forget_prepared(connection);
	if (query->kind != POSTGRES_SETTINGS && query->kind != POSTGRES_SCRIPT && prepare_anew(query)) {
		forget_prepared(connection);
		postgres_query_reset(query);
		query->again = true;
		postgres_list_again(&connection->waiting, query);
		return;
	}
	if (query->kind == POSTGRES_WRITE || query->kind == POSTGRES_BOOKINGS) {
		finish_part(connection, query);
		return;
	}
	if (query->kind == POSTGRES_STATEMENT && postgres_state_passes(query->state) &&
	    query->tries++ < POSTGRES_MAX_TRIES) {
		postgres_query_reset(query);
		postgres_list_again(&connection->waiting, query);
		return;
	}
	if (query->kind == POSTGRES_SETTINGS && query->code)
		connection->trouble = query->detail;
	else if (query->kind == POSTGRES_SETTINGS)
		connection->attempts = 0;
	postgres_query_finish(connection->driver, query);
}

static void receive_simple(struct postgres_connection *connection)
{
	while (connection->sent.head && !PQisBusy(connection->pq)) {
		PGresult *result = PQgetResult(connection->pq);
		struct postgres_query *query;

		if (result) {
			absorb(connection, connection->sent.head, result);
			continue;
		}
		if (PQstatus(connection->pq) != CONNECTION_OK || !PQenterPipelineMode(connection->pq))
			return;
		/* A script changes tables: what was prepared before may no longer fit. */
		forget_prepared(connection);
		connection->phase = POSTGRES_PIPELINE;
		query = postgres_list_take(&connection->sent);
		PQclear(query->rows);
		query->rows = NULL;
		complete(connection, query);
	}
}

static void receive_pipeline(struct postgres_connection *connection)
{
	bool ended = false;

	while (connection->sent.head && !PQisBusy(connection->pq)) {
		PGresult *result = PQgetResult(connection->pq);

		/* One NULL ends a statement's results; two in a row: nothing more is there. */
		if (!result) {
			if (ended)
				return;
			ended = true;
			continue;
		}
		ended = false;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			complete(connection, postgres_list_take(&connection->sent));
		} else {
			absorb(connection, connection->sent.head, result);
		}
		if (PQstatus(connection->pq) != CONNECTION_OK)
			return;
	}
}

void postgres_receive(struct postgres_connection *connection, int64_t mono)
{
	bool alive = PQconsumeInput(connection->pq);

	if (connection->phase == POSTGRES_SIMPLE)
		receive_simple(connection);
	if (connection->phase == POSTGRES_PIPELINE)
		receive_pipeline(connection);
	if (!alive || PQstatus(connection->pq) != CONNECTION_OK || connection->trouble.text[0])
		postgres_lose(connection, mono);
}
