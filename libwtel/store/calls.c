/* History, one call with its legs, statistics. */
#include "store/args.h"
#include "store/core.h"
#include "store/names.h"
#include "store/rows.h"

#include "base/timestamp.h"

/* ---- rows to calls ---------------------------------------------------- */

static enum wtel_disposition disposition_of(struct wtel_slice text)
{
	int value;

	for (value = 1; value < WTEL_DISPOSITIONS; value++)
		if (base_slice_is(text, wtel_disposition_name((enum wtel_disposition)value)))
			return (enum wtel_disposition)value;
	return WTEL_DISPOSITION_NONE;
}

/* A row that another program made has no state of ours: its times tell. */
static enum wtel_call_state state_of(struct wtel_slice text, const struct wtel_call *call)
{
	int value;

	if (call->end)
		return WTEL_CALL_ENDED;
	for (value = 0; value < WTEL_CALL_ENDED; value++)
		if (base_slice_is(text, wtel_call_state_name((enum wtel_call_state)value)))
			return (enum wtel_call_state)value;
	return call->answer ? WTEL_CALL_ANSWERED : WTEL_CALL_QUEUED;
}

static enum wtel_leg_role role_of(struct wtel_slice text)
{
	if (base_slice_is(text, wtel_leg_role_name(WTEL_LEG_AGENT)))
		return WTEL_LEG_AGENT;
	return base_slice_is(text, wtel_leg_role_name(WTEL_LEG_CUSTOMER)) ? WTEL_LEG_CUSTOMER : WTEL_LEG_OTHER;
}

static void fill_call(struct wtel_call *call, struct store_pack *pack, const struct store_rows *rows, size_t row)
{
	memset(call, 0, sizeof(*call));
	call->id = store_row_number(rows, row, 0);
	call->call_id = store_pack_column(pack, rows, row, 1);
	call->direction = base_slice_is(rows->column(rows, row, 2), wtel_direction_name(WTEL_INBOUND)) ? WTEL_INBOUND
												       : WTEL_OUTBOUND;
	call->agent_id = store_row_number(rows, row, 3);
	call->campaign_id = store_row_number(rows, row, 4);
	call->lead_id = store_row_number(rows, row, 5);
	call->trunk_id = store_row_number(rows, row, 6);
	call->caller_number = store_pack_column(pack, rows, row, 7);
	call->callee_number = store_pack_column(pack, rows, row, 8);
	call->start = store_row_time(rows, row, 9);
	call->answer = store_row_time(rows, row, 10);
	call->end = store_row_time(rows, row, 11);
	call->disposition = disposition_of(rows->column(rows, row, 12));
	call->recording_url = store_pack_column(pack, rows, row, 13);
	call->state = state_of(rows->column(rows, row, 14), call);
	call->channel = store_pack_column(pack, rows, row, 15);
	call->estimated = store_row_flag(rows, row, 16);
	call->transferred = store_row_flag(rows, row, 17);
	call->ringing = store_row_time(rows, row, 18);
	call->cause = (int)store_row_number(rows, row, 19);
	call->sip_code = (int)store_row_number(rows, row, 20);
	call->reason = store_pack_column(pack, rows, row, 21);
}

/* Rows are legs, joined to their call; a call without legs is one row without. */
enum { LEG = 24, ROUTE = LEG + 12 };

static size_t fill_legs(const struct wtel_leg **out, struct store_pack *pack, const struct store_rows *rows)
{
	size_t row, count = rows->column(rows, 0, LEG).data ? rows->row_count : 0;
	struct wtel_leg *legs = store_pack_room(pack, count * sizeof(*legs));

	for (row = 0; row < count; row++) {
		struct wtel_leg leg = {0};

		leg.unique_id = store_pack_column(pack, rows, row, LEG);
		leg.channel = store_pack_column(pack, rows, row, LEG + 1);
		leg.number = store_pack_column(pack, rows, row, LEG + 2);
		leg.role = role_of(rows->column(rows, row, LEG + 3));
		leg.state = (enum wtel_channel_state)store_row_number(rows, row, LEG + 4);
		leg.trunk_id = store_row_number(rows, row, LEG + 5);
		leg.start = store_row_time(rows, row, LEG + 6);
		leg.ringing = store_row_time(rows, row, LEG + 7);
		leg.answer = store_row_time(rows, row, LEG + 8);
		leg.end = store_row_time(rows, row, LEG + 9);
		leg.cause = (int)store_row_number(rows, row, LEG + 10);
		leg.sip_code = (int)store_row_number(rows, row, LEG + 11);
		if (legs)
			legs[row] = leg;
	}
	*out = legs;
	return count;
}

void store_fill_call_list(struct store_pack *pack, const void *source)
{
	const struct store_call_source *from = source;
	size_t row, count = from->legs ? 1 : from->rows->row_count;
	struct wtel_call_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_call *calls = store_pack_room(pack, count * sizeof(*calls));
	const char **campaigns = store_pack_room(pack, count * sizeof(*campaigns));
	const char **leads = store_pack_room(pack, count * sizeof(*leads));

	for (row = 0; row < count; row++) {
		struct wtel_call call;
		const char *campaign, *lead;

		fill_call(&call, pack, from->rows, row);
		campaign = store_pack_column(pack, from->rows, row, LEG - 2);
		lead = store_pack_column(pack, from->rows, row, LEG - 1);
		if (from->legs) {
			call.leg_count = fill_legs(&call.legs, pack, from->rows);
			call.route = store_pack_column(pack, from->rows, row, ROUTE);
		}
		if (!list)
			continue;
		calls[row] = call;
		campaigns[row] = campaign;
		leads[row] = lead;
	}
	if (list)
		*list = (struct wtel_call_list){count, from->total, calls, campaigns, leads};
}

/* ---- history ---------------------------------------------------------- */

STORE_BOTH(count_calls, "SELECT count(*) FROM calls c" STORE_MATCHING STORE_ACTIVE("$6"));
STORE_BOTH(count_agent, "SELECT count(*) FROM calls c" STORE_MATCHING STORE_AGENT STORE_ACTIVE("$7"));

#define SUMS  "SELECT c.disposition, count(*), sum(c.duration), sum(c.billsec) FROM calls c"
#define ENDED " AND c.end_time IS NOT NULL GROUP BY c.disposition"

STORE_BOTH(sum_calls, SUMS STORE_MATCHING ENDED);
STORE_BOTH(sum_agent, SUMS STORE_MATCHING STORE_AGENT ENDED);

/* STORE_MATCHING's $1 to $5, and STORE_AGENT's $6. */
static int filter_args(struct wtel_store *store, struct store_args *args, const struct wtel_call_filter *filter)
{
	static const char first[] = "0001-01-01T00:00:00.000000Z", last[] = "9999-12-31T23:59:59.999999Z";
	struct wtel_detail *detail = store_forget_error(store);
	int code = store_check_id(detail, "agent_id", filter->agent_id);

	if (!code)
		code = store_check_id(detail, "campaign_id", filter->campaign_id);
	if (!code)
		code = store_check_id(detail, "trunk_id", filter->trunk_id);
	if (code)
		return code;
	store_args_time(args, filter->from);
	if (!args->values[0].data)
		args->values[0] = wtel_slice_of(first);
	store_args_time(args, filter->until);
	if (!args->values[1].data)
		args->values[1] = wtel_slice_of(last);
	store_args_id(args, filter->campaign_id);
	store_args_id(args, filter->trunk_id);
	store_args_text(args, wtel_disposition_name(filter->disposition));
	if (filter->agent_id)
		store_args_id(args, filter->agent_id);
	return 0;
}

/* The caller's, as far as it knows the struct. */
static int read_filter(struct wtel_store *store, struct wtel_call_filter *out, const struct wtel_call_filter *filter)
{
	const struct wtel_call_filter whole = WTEL_CALL_FILTER_INIT;

	*out = whole;
	if (filter)
		memcpy(out, filter, filter->size < sizeof(*out) ? filter->size : sizeof(*out));
	if (out->limit < 0 || out->limit > 10000)
		return base_fail(store_forget_error(store), WTEL_EINVAL, "limit", "limit must be between 0 and 10000");
	if (out->offset < 0)
		return base_fail(store_forget_error(store), WTEL_EINVAL, "offset", "offset must not be negative");
	if ((unsigned)out->disposition >= WTEL_DISPOSITIONS)
		return base_fail(store_forget_error(store), WTEL_EINVAL, "disposition", "no such disposition");
	return 0;
}

static int take_number(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	(void)store;
	*(int64_t *)out = store_row_number(rows, 0, 0);
	return 0;
}

struct history {
	int64_t total;
	void *list;
};

static int take_history(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct history *history = out;
	const struct store_call_source source = {rows, false, history->total};

	return store_pack_build(&history->list, &store->allocator, store_fill_call_list, &source);
}

int wtel_store_calls(struct wtel_store *store, struct wtel_call_list **out, const struct wtel_call_filter *filter)
{
	struct history history = {0, NULL};
	const struct store_names *names;
	struct store_args args = {0};
	struct wtel_call_filter use;
	int code = read_filter(store, &use, filter);

	if (!code)
		code = store_names(store, &names);
	if (!code)
		code = filter_args(store, &args, &use);
	if (code)
		return code;
	args.values[args.count++] = (struct wtel_slice){use.active ? "1" : NULL, use.active};
	code = store_wait(store, use.agent_id ? &count_agent : &count_calls, &args, take_number, &history.total);
	if (code)
		return code;
	store_args_number(&args, use.limit);
	store_args_number(&args, use.offset);
	code = store_wait(store, use.agent_id ? &names->agent : &names->all, &args, take_history, &history);
	if (!code)
		*out = history.list;
	return code;
}

static int take_call(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	const struct store_call_source source = {rows, true, 1};

	if (!rows->row_count)
		return base_fail(store_forget_error(store), WTEL_ENOTFOUND, "call_id", "no such call");
	return store_pack_build(out, &store->allocator, store_fill_call_list, &source);
}

int wtel_store_call(struct wtel_store *store, struct wtel_call_list **out, const char *call_id)
{
	const struct store_names *names;
	struct store_args args = {0};
	void *list = NULL;
	int code = store_check_text(store_forget_error(store), "call_id", wtel_slice_of(call_id), STORE_CALL_ID_MAX);

	if (!code)
		code = store_names(store, &names);
	if (code)
		return code;
	store_args_slice(&args, call_id ? wtel_slice_of(call_id) : BASE_SLICE(""));
	code = store_wait(store, &names->one, &args, take_call, &list);
	if (!code)
		*out = list;
	return code;
}

/* ---- statistics ------------------------------------------------------- */

static int take_stats(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct wtel_call_stats *stats = out;
	size_t row;

	(void)store;
	for (row = 0; row < rows->row_count; row++) {
		int64_t count = store_row_number(rows, row, 1);

		stats->by_disposition[disposition_of(rows->column(rows, row, 0))] += count;
		stats->total_calls += count;
		stats->total_duration += store_row_number(rows, row, 2);
		stats->total_billsec += store_row_number(rows, row, 3);
	}
	return 0;
}

/* Rounded half up; 0 of nothing. */
static int64_t ratio(int64_t part, int64_t whole)
{
	return whole > 0 ? (2 * part + whole) / (2 * whole) : 0;
}

int wtel_store_stats(struct wtel_store *store, struct wtel_call_stats *out, const struct wtel_call_filter *filter)
{
	struct wtel_call_stats stats = {0};
	struct store_args args = {0};
	struct wtel_call_filter use;
	int64_t answered;
	int code = read_filter(store, &use, filter);

	if (!code)
		code = filter_args(store, &args, &use);
	if (!code)
		code = store_wait(store, use.agent_id ? &sum_agent : &sum_calls, &args, take_stats, &stats);
	if (code)
		return code;
	answered = stats.by_disposition[WTEL_DISPOSITION_ANSWERED];
	stats.average_duration = ratio(stats.total_duration, stats.total_calls);
	stats.average_billsec = ratio(stats.total_billsec, answered);
	stats.answer_rate = ratio(answered * 10000, stats.total_calls);
	*out = stats;
	return 0;
}
