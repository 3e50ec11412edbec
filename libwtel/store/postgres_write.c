#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

/* One write(): its parts go over the lanes; the last one to come back answers. */
struct writing {
	store_done_fn *done;
	void *user;
	size_t parts;
	int64_t changed;
	int code;
	struct wtel_detail detail;
};

struct postgres_batch {
	struct writing *writing;
	bool checked; /* foreign keys are looked up first, and no row is taken for fresh */
	unsigned tries;
	size_t count;
	const struct store_change *rows[]; /* by call_id, none twice; borrowed from the writer */
};

/*
 * The whole batch, legs and statistics in one statement: one round trip, one transaction, one wait for the disk.
 *
 *  - unnest() in the SELECT list runs all arrays in step and costs a fifth of unnest() in FROM.
 *  - `fresh` are beginnings of calls that have no row: they are inserted as they are, with ids taken beforehand, at two
 *    thirds of what ON CONFLICT asks for (a speculative insertion is confirmed by a second write of row and log, twice
 * a call). Another process that inserts one at the same moment makes the statement fail; it is then sent again in the
 *    checked form, which takes none for fresh. Rows for which an answer or an end is known are seldom new: there the
 *    look-up would be lost.
 *  - Rows of `calls` are locked in the arrays' order, which is sorted, and trunks by id after all of them: two batches
 *    never wait for each other in a circle, nor long for each other's trunks. wtel_count() does it, and not this
 *    statement, because a function's statements see what was committed while they waited: an UPDATE that waited for
 *    a version that its snapshot does not have waits for it twice, and whoever came in between waits for it.
 *  - `written` has the rows that had not ended; an end_time there means that this statement ended it.
 *  - %s are the associations: plain columns, or looked up where a foreign key would refuse them; then, what must hold
 *    for a row to be fresh.
 */
static const char write_form[] =
	"WITH d AS MATERIALIZED (SELECT r.*, %s AS agent, %s AS campaign, %s AS lead, %s AS trunk FROM (SELECT"
	" generate_subscripts($1::text[], 1) AS n, unnest($1::text[]) AS call_id,"
	" unnest($2::int4[]) AS agent_id, unnest($3::int4[]) AS campaign_id, unnest($4::int4[]) AS lead_id,"
	" unnest($5::int4[]) AS trunk_id, unnest($6::text[]) AS direction, unnest($7::text[]) AS caller_number,"
	" unnest($8::text[]) AS callee_number, unnest($9::timestamptz[]) AS start_time,"
	" unnest($10::timestamptz[]) AS answer_time, unnest($11::timestamptz[]) AS end_time,"
	" unnest($12::int4[]) AS duration, unnest($13::int4[]) AS billsec, unnest($14::text[]) AS disposition,"
	" unnest($15::text[]) AS recording_url, unnest($16::text[]) AS state, unnest($17::text[]) AS channel,"
	" unnest($18::bool[]) AS estimated, unnest($19::bool[]) AS transferred,"
	" unnest($20::timestamptz[]) AS ringing_time, unnest($21::int4[]) AS cause, unnest($22::int4[]) AS sip_code,"
	" unnest($23::text[]) AS reason, unnest($24::bool[]) AS answer_estimated, unnest($25::text[]) AS owner,"
	" unnest($26::text[]) AS legs) r),\n"
	"fresh AS MATERIALIZED (SELECT nextval((SELECT pg_get_serial_sequence('calls', 'id')::regclass))::int4 AS id,"
	" d.* FROM d WHERE %s AND d.answer_time IS NULL AND d.end_time IS NULL"
	" AND (SELECT c.id FROM calls c WHERE c.call_id = d.call_id) IS NULL),\n"
	"made AS (INSERT INTO calls (id, call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number,"
	" callee_number, start_time, recording_url) OVERRIDING SYSTEM VALUE\n"
	" SELECT d.id, d.call_id::varchar(255), d.agent, d.campaign, d.lead, d.trunk,"
	" d.direction::enum_calls_direction, d.caller_number::varchar(50), d.callee_number::varchar(50),"
	" coalesce(d.start_time, now()), d.recording_url::varchar(500) FROM fresh d RETURNING 1),\n"
	"begun AS (INSERT INTO wtel_calls (id, owner, state, channel, estimated, transferred, ringing_time, cause,"
	" sip_code, reason, legs, legs_by)\n"
	" SELECT d.id, d.owner, d.state, d.channel, d.estimated, d.transferred, d.ringing_time, d.cause, d.sip_code,"
	" d.reason, d.legs, d.owner FROM fresh d RETURNING 1),\n"
	"written AS (INSERT INTO calls AS c (call_id, agent_id, campaign_id, lead_id, trunk_id, direction,"
	" caller_number, callee_number, start_time, answer_time, end_time, duration, billsec, disposition,"
	" recording_url)\n"
	" SELECT d.call_id::varchar(255), d.agent, d.campaign, d.lead, d.trunk, d.direction::enum_calls_direction,"
	" d.caller_number::varchar(50), d.callee_number::varchar(50), coalesce(d.start_time, now()), d.answer_time,"
	" d.end_time, d.duration, d.billsec, d.disposition::enum_calls_disposition, d.recording_url::varchar(500)"
	" FROM d WHERE d.n NOT IN (SELECT f.n FROM fresh f)\n"
	" ON CONFLICT (call_id) DO UPDATE SET agent_id = coalesce(excluded.agent_id, c.agent_id),"
	" campaign_id = coalesce(excluded.campaign_id, c.campaign_id), lead_id = coalesce(excluded.lead_id, c.lead_id),"
	" trunk_id = coalesce(excluded.trunk_id, c.trunk_id),"
	" caller_number = coalesce(excluded.caller_number, c.caller_number),"
	" callee_number = coalesce(excluded.callee_number, c.callee_number),"
	" answer_time = least(excluded.answer_time, c.answer_time), end_time = excluded.end_time,"
	" duration = CASE WHEN excluded.end_time IS NULL OR excluded.start_time = c.start_time THEN excluded.duration"
	" ELSE greatest(0, floor(extract(epoch FROM excluded.end_time - c.start_time)))::int4 END,"
	" billsec = CASE WHEN excluded.end_time IS NULL OR c.answer_time IS NULL OR"
	" excluded.answer_time <= c.answer_time THEN excluded.billsec ELSE"
	" greatest(0, floor(extract(epoch FROM excluded.end_time - c.answer_time)))::int4 END,"
	" disposition = CASE WHEN excluded.end_time IS NULL OR c.answer_time IS NULL OR"
	" excluded.answer_time IS NOT NULL THEN excluded.disposition ELSE 'ANSWERED' END,"
	" recording_url = coalesce(excluded.recording_url, c.recording_url), updated_at = now()"
	" WHERE c.end_time IS NULL RETURNING c.id, c.call_id, c.trunk_id, c.answer_time, c.end_time, c.disposition),\n"
	"states AS (INSERT INTO wtel_calls AS s (id, owner, state, channel, estimated, transferred, ringing_time,"
	" cause, sip_code, reason, legs, legs_by)\n"
	" SELECT w.id, d.owner, d.state, d.channel, d.estimated AND NOT coalesce(d.answer_estimated AND w.answer_time <"
	" d.answer_time, false), d.transferred, d.ringing_time, d.cause, d.sip_code,"
	" d.reason, d.legs, d.owner FROM written w JOIN d ON d.call_id = w.call_id\n"
	" ON CONFLICT (id) DO UPDATE SET owner = coalesce(s.owner, excluded.owner), state = excluded.state,"
	" channel = coalesce(excluded.channel, s.channel), estimated = excluded.estimated,"
	" transferred = s.transferred OR excluded.transferred,"
	" ringing_time = coalesce(s.ringing_time, excluded.ringing_time), cause = excluded.cause,"
	" sip_code = excluded.sip_code, reason = coalesce(excluded.reason, s.reason),"
	/* Merged legs are nobody's: whoever writes next merges again. */
	" legs_by = CASE WHEN s.legs IS NULL OR s.legs_by = excluded.legs_by THEN excluded.legs_by ELSE '' END,"
	" legs = CASE WHEN excluded.legs IS NULL THEN s.legs"
	" WHEN s.legs IS NULL OR s.legs_by = excluded.legs_by THEN excluded.legs"
	" ELSE wtel_merge_legs(s.legs, excluded.legs) END RETURNING 1),\n"
	"ended AS MATERIALIZED (SELECT w.trunk_id AS id, count(*) AS total,"
	" count(*) FILTER (WHERE w.disposition = 'ANSWERED') AS successful FROM written w"
	" WHERE w.end_time IS NOT NULL AND w.trunk_id IS NOT NULL"
	/* Always so: the trunks wait until all else is written. */
	" AND (SELECT count(*) FROM made) + (SELECT count(*) FROM begun) + (SELECT count(*) FROM states) >= 0"
	" GROUP BY w.trunk_id)\n"
	"SELECT wtel_count(array_agg(e.id ORDER BY e.id), array_agg(e.total::int4 ORDER BY e.id),"
	" array_agg(e.successful::int4 ORDER BY e.id)) FROM ended e HAVING count(*) > 0";

/* What write_form leaves open, in its order. */
enum { ASSOCIATIONS = 4 };
static const char *const associations[ASSOCIATIONS] = {"agent_id", "campaign_id", "lead_id", "trunk_id"};
static const char *const plain[ASSOCIATIONS] = {"r.agent_id", "r.campaign_id", "r.lead_id", "r.trunk_id"};
/* A table whose ids come from elsewhere takes none of ours. */
static const char any_fresh[] = "(SELECT pg_get_serial_sequence('calls', 'id')) IS NOT NULL", none_fresh[] = "false";

/* Which associations have a foreign key depends on the platform's tables: ask, and look its values up there. */
static const struct store_statement find_references = {
	.name = "find_references",
	.postgres = "SELECT a.attname, format('(SELECT p.%I FROM %s p WHERE p.%I = r.%I)', b.attname,"
		    " c.confrelid::regclass, b.attname, a.attname) FROM pg_constraint c"
		    " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
		    " JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]"
		    " WHERE c.conrelid = 'calls'::regclass AND c.contype = 'f' AND array_length(c.conkey, 1) = 1",
};

static char *make_sql(struct store_driver *driver, const char *const expressions[ASSOCIATIONS], const char *fresh)
{
	size_t room = sizeof(write_form) + strlen(fresh), i;
	char *sql;

	for (i = 0; i < ASSOCIATIONS; i++)
		room += strlen(expressions[i]);
	sql = base_allocate(&driver->allocator, room);
	if (sql)
		snprintf(sql, room, write_form, expressions[0], expressions[1], expressions[2], expressions[3], fresh);
	return sql;
}

static void references_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_driver *driver = user;
	char looked_up[ASSOCIATIONS][512];
	const char *expressions[ASSOCIATIONS];
	size_t row, i;

	(void)detail;
	memcpy(expressions, plain, sizeof(expressions));
	for (row = 0; !code && row < rows->row_count; row++)
		for (i = 0; i < ASSOCIATIONS; i++)
			if (base_slice_is(rows->column(rows, row, 0), associations[i]) &&
			    base_slice_copy(looked_up[i], sizeof(looked_up[i]), rows->column(rows, row, 1)))
				expressions[i] = looked_up[i];
	base_release(&driver->allocator, driver->checked_sql);
	driver->checked_sql = make_sql(driver, expressions, none_fresh);
}

/* ---- splitting -------------------------------------------------------- */

/* A row on its way into parts. */
struct sorted {
	const struct store_change *row;
	uint32_t position; /* in the caller's list */
	uint32_t part;	   /* round * lanes + lane */
};

static int by_call(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = strcmp(x->row->call.call_id, y->row->call.call_id);

	return order ? order : x->position < y->position ? -1 : 1;
}

static int by_trunk(const void *a, const void *b)
{
	const struct sorted *const *x = a, *const *y = b;
	int64_t one = (*x)->row->call.trunk_id, other = (*y)->row->call.trunk_id;

	return one != other ? (one < other ? -1 : 1) : *x < *y ? -1 : 1;
}

/*
 * Each lane gets as many rows as the others, and its trunks as far as possible for itself: lanes that check, count and
 * index the same trunks at once get in each other's way (6 % of the server's time).
 */
static int choose_lanes(struct store_driver *driver, struct sorted *sorted, size_t count)
{
	struct sorted **ranked = base_allocate(&driver->allocator, count * sizeof(*ranked));
	size_t i;

	if (!ranked)
		return WTEL_ENOMEM;
	for (i = 0; i < count; i++)
		ranked[i] = &sorted[i];
	qsort(ranked, count, sizeof(*ranked), by_trunk);
	for (i = 0; i < count; i++)
		ranked[i]->part = (uint32_t)(i * driver->lanes / count);
	base_release(&driver->allocator, ranked);
	return 0;
}

/*
 * By call_id, and each row numbered: the n-th change of one call goes into the n-th round of one lane, because one
 * statement cannot touch a row twice. *parts is their number.
 */
static int number_parts(size_t *parts, struct store_driver *driver, struct sorted *sorted, size_t count)
{
	size_t rounds = 1, round = 0, i;
	int code;

	for (i = 1; i < count && by_call(&sorted[i - 1], &sorted[i]) < 0; i++)
		;
	/* The queue gives them in order. */
	if (i < count)
		qsort(sorted, count, sizeof(*sorted), by_call);
	code = choose_lanes(driver, sorted, count);
	for (i = 1; i < count && !code; i++) {
		bool same = strcmp(sorted[i].row->call.call_id, sorted[i - 1].row->call.call_id) == 0;

		round = same ? round + 1 : 0;
		if (same)
			sorted[i].part = sorted[i - 1].part + (uint32_t)driver->lanes;
		if (round + 1 > rounds)
			rounds = round + 1;
	}
	*parts = rounds * driver->lanes;
	return code;
}

static struct postgres_query *new_part(struct store_driver *driver, struct writing *writing, size_t count)
{
	size_t size = sizeof(struct postgres_batch) + count * sizeof(struct store_change *);
	struct postgres_query *query = postgres_query_new(driver, POSTGRES_WRITE, size);

	if (!query)
		return NULL;
	query->batch = (struct postgres_batch *)(query + 1);
	memset(query->batch, 0, sizeof(*query->batch));
	query->batch->writing = writing;
	return query;
}

/* Parts with their rows, in order of `part`; those without rows are left out. */
static int make_parts(struct store_driver *driver, struct postgres_query **parts, struct writing *writing,
		      const struct sorted *sorted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct postgres_query **part = &parts[sorted[i].part];
		size_t k, rows = 0;

		if (!*part) {
			for (k = i; k < count; k++)
				rows += sorted[k].part == sorted[i].part;
			*part = new_part(driver, writing, rows);
			if (!*part)
				return WTEL_ENOMEM;
			writing->parts++;
		}
		(*part)->batch->rows[(*part)->batch->count++] = sorted[i].row;
	}
	return 0;
}

static int split(struct store_driver *driver, struct writing *writing, struct sorted *sorted, size_t count)
{
	struct postgres_query **made = NULL;
	size_t parts = 0, i;
	int code = number_parts(&parts, driver, sorted, count);

	if (!code) {
		made = base_allocate_zero(&driver->allocator, parts * sizeof(*made));
		code = made ? make_parts(driver, made, writing, sorted, count) : WTEL_ENOMEM;
	}
	for (i = 0; made && i < parts; i++) {
		if (made[i] && code)
			postgres_query_free(driver, made[i]);
		else if (made[i])
			postgres_list_append(&driver->connections[1 + i % driver->lanes].waiting, made[i]);
	}
	base_release(&driver->allocator, made);
	return code;
}

int postgres_write(struct store_driver *driver, const struct store_change *changes, size_t count, store_done_fn *done,
		   void *user)
{
	struct writing *writing;
	struct sorted *sorted;
	size_t i;
	int code;

	if (driver->closing || !count)
		return driver->closing ? WTEL_ESTATE : WTEL_EINVAL;
	writing = base_allocate_zero(&driver->allocator, sizeof(*writing));
	sorted = base_allocate_zero(&driver->allocator, count * sizeof(*sorted));
	code = writing && sorted ? 0 : WTEL_ENOMEM;
	for (i = 0; i < count && changes && !code; i++, changes = changes->next) {
		sorted[i].row = changes;
		sorted[i].position = (uint32_t)i;
	}
	if (!code) {
		writing->done = done;
		writing->user = user;
		code = split(driver, writing, sorted, i);
	}
	if (code)
		base_release(&driver->allocator, writing);
	base_release(&driver->allocator, sorted);
	return code;
}

/* ---- sending ---------------------------------------------------------- */

bool postgres_batch_waits(const struct postgres_connection *connection, const struct postgres_query *query)
{
	/* Its text is made out of the answer to find_references, which is under way. */
	return query->batch->checked && connection->sent.head;
}

static bool send_arrays(struct postgres_connection *connection, struct postgres_query *query, const char *sql,
			const struct postgres_arrays *arrays)
{
	const char *values[POSTGRES_WRITE_PARAMETERS];
	int lengths[POSTGRES_WRITE_PARAMETERS], formats[POSTGRES_WRITE_PARAMETERS];
	const struct postgres_parameters parameters = {POSTGRES_WRITE_PARAMETERS, values, lengths, formats};
	size_t i;

	for (i = 0; i < POSTGRES_WRITE_PARAMETERS; i++) {
		values[i] = arrays->buffer.data + arrays->offsets[i];
		lengths[i] = (int)(arrays->offsets[i + 1] - arrays->offsets[i]);
		formats[i] = 1;
	}
	return postgres_send_prepared(connection, query, query->batch->checked ? "wtel_write_checked" : "wtel_write",
				      sql, &parameters);
}

int postgres_batch_send(struct postgres_connection *connection, struct postgres_query *query)
{
	struct store_driver *driver = connection->driver;
	struct postgres_batch *batch = query->batch;
	struct postgres_arrays arrays = {0};
	const char *sql;
	int code;

	if (!driver->write_sql)
		driver->write_sql = make_sql(driver, plain, any_fresh);
	sql = batch->checked ? driver->checked_sql : driver->write_sql;
	code = sql ? postgres_arrays_build(&arrays, &driver->allocator, batch->rows, batch->count) : WTEL_ENOMEM;
	if (!code && !send_arrays(connection, query, sql, &arrays))
		code = WTEL_ECLOSED;
	base_buffer_free(&arrays.buffer, &driver->allocator);
	return code == WTEL_ELIMIT ? WTEL_ENOMEM : code;
}

/* ---- results ---------------------------------------------------------- */

static void answer(struct store_driver *driver, struct writing *writing)
{
	struct store_rows rows = {0};

	rows.changed = writing->changed;
	if (writing->done)
		writing->done(writing->code, writing->code ? NULL : &rows, &writing->detail, writing->user);
	base_release(&driver->allocator, writing);
}

/* What refers to nothing, or came into being meanwhile: the same rows again in the form that minds both. */
static bool try_checked(struct postgres_connection *connection, struct postgres_query *query)
{
	struct postgres_query *find;

	if (postgres_query_statement(&find, connection->driver, &find_references, NULL, 0))
		return false;
	find->done = references_found;
	find->user = connection->driver;
	query->batch->checked = true;
	postgres_query_reset(query);
	postgres_list_prepend(&connection->waiting, query);
	postgres_list_prepend(&connection->waiting, find);
	return true;
}

/* One row that the database refuses must not keep the others out: halves, until it stands alone. */
static bool try_halves(struct postgres_connection *connection, struct postgres_query *query)
{
	struct store_driver *driver = connection->driver;
	struct postgres_batch *batch = query->batch;
	size_t first = batch->count / 2, i;
	struct postgres_query *half;

	if (batch->count < 2)
		return false;
	half = new_part(driver, batch->writing, batch->count - first);
	if (!half)
		return false;
	for (i = first; i < batch->count; i++)
		half->batch->rows[half->batch->count++] = batch->rows[i];
	half->batch->checked = batch->checked;
	batch->count = first;
	batch->writing->parts++;
	postgres_query_reset(query);
	postgres_list_prepend(&connection->waiting, half);
	postgres_list_prepend(&connection->waiting, query);
	return true;
}

static bool try_again(struct postgres_connection *connection, struct postgres_query *query)
{
	const char *state = query->state;

	if ((strcmp(state, "23503") == 0 || strcmp(state, "23505") == 0) &&
	    query->batch->tries++ < POSTGRES_MAX_TRIES && try_checked(connection, query))
		return true;
	if (postgres_state_passes(state) && query->batch->tries++ < POSTGRES_MAX_TRIES) {
		postgres_query_reset(query);
		postgres_list_prepend(&connection->waiting, query);
		return true;
	}
	/* Data, constraints, triggers of the user: a matter of single rows. */
	if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "P0", 2) == 0)
		return try_halves(connection, query);
	return false;
}

void postgres_batch_finish(struct postgres_connection *connection, struct postgres_query *query)
{
	struct writing *writing = query->batch->writing;

	if (query->code && query->code != WTEL_ECLOSED && try_again(connection, query))
		return;
	if (query->code && !writing->code) {
		writing->code = query->code;
		writing->detail = query->detail;
	}
	if (!query->code)
		writing->changed += (int64_t)query->batch->count;
	postgres_query_free(connection->driver, query);
	if (--writing->parts == 0)
		answer(connection->driver, writing);
}

void postgres_batch_drop(struct store_driver *driver, struct postgres_query *query)
{
	struct writing *writing = query->batch->writing;

	postgres_query_free(driver, query);
	if (--writing->parts == 0)
		base_release(&driver->allocator, writing);
}
