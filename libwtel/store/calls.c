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
	bool more = !from->legs && from->rows->row_count > (size_t)from->limit;
	size_t row, count = from->legs ? 1 : more ? (size_t)from->limit : from->rows->row_count;
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
		*list = (struct wtel_call_list){count, from->total, calls, campaigns, leads, more};
}

/* ---- history ---------------------------------------------------------- */

#define COUNT "SELECT count(*) FROM calls c"

STORE_BOTH(count_calls, COUNT STORE_OF_ALL STORE_ACTIVE("$10"));
STORE_BOTH(count_agent, COUNT STORE_OF_AGENT STORE_ACTIVE("$10"));
STORE_BOTH(count_lead, COUNT STORE_OF_LEAD STORE_ACTIVE("$10"));

#define SUMS  "SELECT c.disposition, count(*), sum(c.duration), sum(c.billsec) FROM calls c"
#define ENDED " AND c.end_time IS NOT NULL GROUP BY c.disposition"

STORE_BOTH(sum_calls, SUMS STORE_OF_ALL ENDED);
STORE_BOTH(sum_agent, SUMS STORE_OF_AGENT ENDED);
STORE_BOTH(sum_lead, SUMS STORE_OF_LEAD ENDED);

/* By whichever index has the fewest: a lead's calls are a handful. */
static const struct store_statement *choose(const struct wtel_call_filter *filter, const struct store_statement *all,
					    const struct store_statement *agent, const struct store_statement *lead)
{
	return filter->lead_id ? lead : filter->agent_id ? agent : all;
}

static const char *direction_of(unsigned directions)
{
	if (directions == 1u << WTEL_OUTBOUND)
		return wtel_direction_name(WTEL_OUTBOUND);
	return directions == 1u << WTEL_INBOUND ? wtel_direction_name(WTEL_INBOUND) : NULL;
}

/* $1 to $9. */
static void filter_args(struct store_args *args, const struct wtel_call_filter *filter)
{
	static const char first[] = "0001-01-01T00:00:00.000000Z", last[] = "9999-12-31T23:59:59.999999Z";

	store_args_time(args, filter->from);
	if (!args->values[0].data)
		args->values[0] = wtel_slice_of(first);
	if (filter->before_start && (!filter->until || filter->until > filter->before_start))
		store_args_time(args, filter->before_start + 1);
	else
		store_args_time(args, filter->until);
	if (!args->values[1].data)
		args->values[1] = wtel_slice_of(last);
	store_args_id(args, filter->campaign_id);
	store_args_id(args, filter->trunk_id);
	store_args_text(args, wtel_disposition_name(filter->disposition));
	store_args_text(args, direction_of(filter->directions));
	store_args_text(args, filter->number);
	store_args_id(args, filter->agent_id);
	store_args_id(args, filter->lead_id);
}

/* Nothing in it is a pattern, and nothing longer could be in the column. */
static int check_number(struct wtel_detail *detail, const char *number)
{
	size_t length = number ? strlen(number) : 0;

	if (length <= STORE_NUMBER_MAX && (!length || strspn(number, "+0123456789*#") == length))
		return 0;
	return base_fail(detail, WTEL_EINVAL, "number", "number must be up to %d of + 0-9 * #", STORE_NUMBER_MAX);
}

/* The caller's, as far as it knows the struct. */
static int read_filter(struct wtel_store *store, struct wtel_call_filter *out, const struct wtel_call_filter *filter)
{
	const struct wtel_call_filter whole = WTEL_CALL_FILTER_INIT;
	struct wtel_detail *detail = store_forget_error(store);
	int code;

	*out = whole;
	if (filter)
		memcpy(out, filter, filter->size < sizeof(*out) ? filter->size : sizeof(*out));
	if (out->limit < 0 || out->limit > 10000)
		return base_fail(detail, WTEL_EINVAL, "limit", "limit must be between 0 and 10000");
	if (out->offset < 0)
		return base_fail(detail, WTEL_EINVAL, "offset", "offset must not be negative");
	if ((unsigned)out->disposition >= WTEL_DISPOSITIONS)
		return base_fail(detail, WTEL_EINVAL, "disposition", "no such disposition");
	code = store_check_id(detail, "agent_id", out->agent_id);
	if (!code)
		code = store_check_id(detail, "campaign_id", out->campaign_id);
	if (!code)
		code = store_check_id(detail, "lead_id", out->lead_id);
	if (!code)
		code = store_check_id(detail, "before_id", out->before_id);
	if (!code)
		code = check_number(detail, out->number);
	return code ? code : store_check_id(detail, "trunk_id", out->trunk_id);
}

/*
 * A question about calls: first what the platform's tables are called, unless that is known; of a page, how many there
 * are; then the calls.
 */
struct search {
	struct store_ask ask; /* first */
	int (*begin)(struct search *search);
	const struct store_names *names;
	struct wtel_call_filter filter;
	char number[STORE_NUMBER_MAX + 1]; /* the filter's, which is the caller's no more */
	int64_t total;
	char call_id[STORE_CALL_ID_MAX + 1];
};

static void search_end(struct search *search, int code, const struct wtel_detail *detail, void *list)
{
	store_calls_fn *done = (store_calls_fn *)search->ask.callback;
	void *user = search->ask.user;
	struct wtel_detail said;

	store_ask_say(&said, code, detail);
	store_ask_free(&search->ask);
	done(code, &said, list, user);
	store_pack_free(list);
}

static void search_named(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct search *search = user;

	if (!code)
		code = store_names_found(search->ask.store, rows, &search->names);
	if (!code)
		code = search->begin(search);
	if (code)
		search_end(search, code, detail, NULL);
}

static int search_begin(struct search *search, int (*begin)(struct search *search))
{
	const struct store_args args = {0};
	int code;

	search->begin = begin;
	search->names = search->ask.store->names;
	code = search->names ? begin(search) : store_ask_send(&search->ask, &store_find_columns, &args, search_named);
	if (code)
		store_ask_free(&search->ask);
	return code;
}

static struct search *search_new(struct wtel_store *store, store_calls_fn *done, void *user)
{
	struct search *search = (struct search *)store_ask_new(store, sizeof(*search));

	if (search) {
		search->ask.callback = (void (*)(void))done;
		search->ask.user = user;
	}
	return search;
}

static void calls_waited(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	store_answered_list(user, code, detail, list);
}

/* ---- pages ------------------------------------------------------------ */

static void history_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct search *search = user;
	const struct store_call_source source = {rows, false, search->total, search->filter.limit};
	void *list = NULL;

	if (!code)
		code = store_pack_build(&list, &search->ask.store->allocator, store_fill_call_list, &source);
	search_end(search, code, detail, list);
}

static void history_args(struct store_args *args, const struct wtel_call_filter *filter)
{
	filter_args(args, filter);
	store_args_text(args, filter->active ? "1" : NULL);
}

static int page_begin(struct search *search)
{
	const struct store_names *names = search->names;
	struct store_args args = {0};

	history_args(&args, &search->filter);
	store_args_time(&args, search->filter.before_start);
	store_args_id(&args, search->filter.before_id);
	store_args_number(&args, search->filter.limit + 1);
	store_args_number(&args, search->filter.offset);
	return store_ask_send(&search->ask, choose(&search->filter, &names->all, &names->agent, &names->lead), &args,
			      history_read);
}

static void history_counted(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct search *search = user;

	if (!code) {
		search->total = store_row_number(rows, 0, 0);
		code = page_begin(search);
	}
	if (code)
		search_end(search, code, detail, NULL);
}

static int history_begin(struct search *search)
{
	struct store_args args = {0};

	/* All were counted for the first page; that costs more than any other. */
	if (search->filter.before_start) {
		search->total = -1;
		return page_begin(search);
	}
	history_args(&args, &search->filter);
	return store_ask_send(&search->ask, choose(&search->filter, &count_calls, &count_agent, &count_lead), &args,
			      history_counted);
}

int store_calls(struct wtel_store *store, const struct wtel_call_filter *filter, store_calls_fn *done, void *user)
{
	struct wtel_call_filter use;
	struct search *search;
	int code = read_filter(store, &use, filter);

	if (code)
		return code;
	search = search_new(store, done, user);
	if (!search)
		return WTEL_ENOMEM;
	search->filter = use;
	base_slice_copy(search->number, sizeof(search->number), wtel_slice_of(use.number));
	search->filter.number = search->number;
	return search_begin(search, history_begin);
}

int wtel_store_calls(struct wtel_store *store, struct wtel_call_list **out, const struct wtel_call_filter *filter)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_list(&answer, store_calls(store, filter, calls_waited, answer.waiter), &list);
	if (!code)
		*out = list;
	return code;
}

/* ---- one call --------------------------------------------------------- */

static void call_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	const struct wtel_detail missing = {"call_id", "no such call"};
	const struct store_call_source source = {rows, true, 1, 0};
	struct search *search = user;
	void *list = NULL;

	if (!code && !rows->row_count) {
		code = WTEL_ENOTFOUND;
		detail = &missing;
	}
	if (!code)
		code = store_pack_build(&list, &search->ask.store->allocator, store_fill_call_list, &source);
	search_end(search, code, detail, list);
}

static int call_begin(struct search *search)
{
	struct store_args args = {0};

	store_args_slice(&args, wtel_slice_of(search->call_id));
	return store_ask_send(&search->ask, &search->names->one, &args, call_read);
}

int store_call(struct wtel_store *store, const char *call_id, store_calls_fn *done, void *user)
{
	struct wtel_slice text = wtel_slice_of(call_id);
	struct search *search;
	int code = store_check_text(store_forget_error(store), "call_id", text, STORE_CALL_ID_MAX);

	if (code)
		return code;
	search = search_new(store, done, user);
	if (!search)
		return WTEL_ENOMEM;
	base_slice_copy(search->call_id, sizeof(search->call_id), text);
	return search_begin(search, call_begin);
}

int wtel_store_call(struct wtel_store *store, struct wtel_call_list **out, const char *call_id)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_list(&answer, store_call(store, call_id, calls_waited, answer.waiter), &list);
	if (!code)
		*out = list;
	return code;
}

/* ---- statistics ------------------------------------------------------- */

static void add_stats(struct wtel_call_stats *stats, const struct store_rows *rows)
{
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		int64_t count = store_row_number(rows, row, 1);

		stats->by_disposition[disposition_of(rows->column(rows, row, 0))] += count;
		stats->total_calls += count;
		stats->total_duration += store_row_number(rows, row, 2);
		stats->total_billsec += store_row_number(rows, row, 3);
	}
}

/* Rounded half up; 0 of nothing. */
static int64_t ratio(int64_t part, int64_t whole)
{
	return whole > 0 ? (2 * part + whole) / (2 * whole) : 0;
}

static void stats_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_stats_fn *done = (store_stats_fn *)ask->callback;
	struct wtel_call_stats stats = {0};
	struct wtel_detail said;
	void *tell = ask->user;
	int64_t answered;

	store_ask_free(ask);
	store_ask_say(&said, code, detail);
	if (!code)
		add_stats(&stats, rows);
	answered = stats.by_disposition[WTEL_DISPOSITION_ANSWERED];
	stats.average_duration = ratio(stats.total_duration, stats.total_calls);
	stats.average_billsec = ratio(stats.total_billsec, answered);
	stats.answer_rate = ratio(answered * 10000, stats.total_calls);
	done(code, &said, code ? NULL : &stats, tell);
}

int store_stats(struct wtel_store *store, const struct wtel_call_filter *filter, store_stats_fn *done, void *user)
{
	struct store_args args = {0};
	struct wtel_call_filter use;
	int code = read_filter(store, &use, filter);

	if (code)
		return code;
	filter_args(&args, &use);
	return store_ask(store, choose(&use, &sum_calls, &sum_agent, &sum_lead), &args, stats_read,
			 (void (*)(void))done, user);
}

static void stats_waited(int code, const struct wtel_detail *detail, const struct wtel_call_stats *stats, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer && stats)
		answer->stats = *stats;
}

int wtel_store_stats(struct wtel_store *store, struct wtel_call_stats *out, const struct wtel_call_filter *filter)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_end(&answer, store_stats(store, filter, stats_waited, answer.waiter));
	if (!code)
		*out = answer.stats;
	return code;
}
