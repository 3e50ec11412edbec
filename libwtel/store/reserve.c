/* Booking a trunk. */
#include "store/core.h"
#include "store/rows.h"

/*
 * One statement chooses and books. SQLite has one writer at a time; PostgreSQL's function holds a lock. Columns:
 * trunk, row, trunk's name, its endpoint if it is set.
 */
static const struct store_statement reserve = {
	.name = "reserve",
	.sqlite = "INSERT INTO calls (call_id, direction, agent_id, campaign_id, lead_id, trunk_id, caller_number,"
		  " callee_number, start_time, created_at, updated_at)"
		  " SELECT $1, $2, $3, $4, $5, t.id, $6, $7, $8, $10, $10 FROM trunks t"
		  " LEFT JOIN campaign_trunks a ON a.trunk_id = t.id AND a.campana_id = $4"
		  " WHERE t.status = 'active' AND t.registered AND (a.id IS NOT NULL"
		  " OR NOT EXISTS (SELECT 1 FROM campaign_trunks WHERE campana_id = $4))"
		  " AND (SELECT count(*) FROM calls c WHERE c.trunk_id = t.id AND c.end_time IS NULL) < t.max_channels"
		  " ORDER BY coalesce(a.priority, t.priority), t.id LIMIT 1"
		  " RETURNING trunk_id, id, (SELECT name FROM trunks n WHERE n.id = trunk_id),"
		  " (SELECT json_extract(advanced_settings, '$.endpoint') FROM trunks n WHERE n.id = trunk_id)",
	.sqlite_then = "INSERT INTO wtel_calls (id, owner) SELECT id, $9 FROM calls WHERE call_id = $1",
	.postgres = "SELECT trunk_id, row_id, trunk_name, CAST(settings AS jsonb) ->> 'endpoint'"
		    " FROM wtel_reserve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.relaxed = true,
};

/* SQLite does not say which of the keys it was. */
static const char refers[] = "the agent, the campaign or the lead does not exist";

static void reserve_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_reserve_fn *done = (store_reserve_fn *)ask->callback;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_detail said = {"", ""};
	char name[401], endpoint[401];
	void *tell = ask->user;
	int64_t row = 0;

	store_ask_free(ask);
	if (!code && !rows->row_count)
		code = base_fail(&said, WTEL_ENOTRUNK, "", "%s", wtel_error_text(WTEL_ENOTRUNK));
	else if (code == WTEL_ENOTFOUND)
		base_fail(&said, code, detail->field, "%s", refers);
	else if (code && detail)
		said = *detail;
	if (code) {
		done(code, &said, NULL, 0, tell);
		return;
	}
	trunk.id = store_row_number(rows, 0, 0);
	row = store_row_number(rows, 0, 1);
	trunk.name = store_row_text(name, sizeof(name), rows, 0, 2);
	trunk.endpoint = store_row_text(endpoint, sizeof(endpoint), rows, 0, 3);
	if (!endpoint[0] && wtel_trunk_slug(endpoint, sizeof(endpoint), name))
		endpoint[0] = '\0';
	done(0, &said, &trunk, row, tell);
}

static int check_call(struct wtel_store *store, const struct wtel_call *call)
{
	struct wtel_detail *detail = store_forget_error(store);
	int code = store_check_text(detail, "call_id", wtel_slice_of(call->call_id), STORE_CALL_ID_MAX);

	if (!code && (!call->call_id || !call->call_id[0]))
		code = base_fail(detail, WTEL_EINVAL, "call_id", "call_id is missing");
	if (!code)
		code = store_check_text(detail, "caller_number", wtel_slice_of(call->caller_number), STORE_NUMBER_MAX);
	if (!code)
		code = store_check_text(detail, "callee_number", wtel_slice_of(call->callee_number), STORE_NUMBER_MAX);
	if (!code)
		code = store_check_id(detail, "agent_id", call->agent_id);
	if (!code)
		code = store_check_id(detail, "campaign_id", call->campaign_id);
	if (!code)
		code = store_check_id(detail, "lead_id", call->lead_id);
	return code;
}

static int reserve_args(struct wtel_store *store, struct store_args *args, const struct wtel_call *call)
{
	int64_t now = wtel_time_now().wall;
	int code = check_call(store, call);

	if (!code)
		code = store_announce(store);
	if (code)
		return code;
	store_args_text(args, call->call_id);
	store_args_text(args, wtel_direction_name(call->direction));
	store_args_id(args, call->agent_id);
	store_args_id(args, call->campaign_id);
	store_args_id(args, call->lead_id);
	store_args_text(args, call->caller_number);
	store_args_text(args, call->callee_number);
	store_args_time(args, call->start > 0 ? call->start : now);
	store_args_text(args, store->instance);
	store_args_time(args, now);
	return 0;
}

int store_reserve(struct wtel_store *store, const struct wtel_call *call, store_reserve_fn *done, void *user)
{
	struct store_args args = {0};
	int code = reserve_args(store, &args, call);

	return code ? code : store_ask(store, &reserve, &args, reserve_done, (void (*)(void))done, user);
}

struct reserved {
	int64_t trunk_id;
	int64_t row_id;
};

static int take_reserved(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct reserved *reserved = out;

	if (!rows->row_count)
		return base_fail(&store->error, WTEL_ENOTRUNK, "", "%s", wtel_error_text(WTEL_ENOTRUNK));
	reserved->trunk_id = store_row_number(rows, 0, 0);
	reserved->row_id = store_row_number(rows, 0, 1);
	return 0;
}

int wtel_store_reserve(struct wtel_store *store, int64_t *trunk_id, int64_t *row_id, const struct wtel_call *call)
{
	struct reserved reserved = {0, 0};
	struct store_args args = {0};
	int code = reserve_args(store, &args, call);

	if (code)
		return code;
	code = store_wait(store, &reserve, &args, take_reserved, &reserved);
	if (code == WTEL_ENOTFOUND)
		return base_fail(&store->error, code, NULL, "%s", refers);
	if (code)
		return code;
	*trunk_id = reserved.trunk_id;
	*row_id = reserved.row_id;
	return 0;
}
