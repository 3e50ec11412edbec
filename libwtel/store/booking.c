/*
 * Booking a trunk, and moving a call to another one. Choosing and booking are one transaction in the database:
 * PostgreSQL's wtel_book() (schema_booking.h), SQLite's sqlite_book() (sqlite_booking.c).
 */
#include "store/booking.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/timestamp.h"
#include "store/core.h"
#include "store/rows.h"

enum { TRACE_MAX = 65536 };

static const struct store_statement book = {
	.name = "book",
	.books = true,
	.postgres = "SELECT row_id, taken, looked FROM wtel_book($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
		    " $13, $14, $15)",
	.relaxed = true,
};

/* ---- the answer ------------------------------------------------------- */

/* [trunk, verdict, calls, channels] */
static void read_look(struct wtel_look *look, const json_t *step)
{
	const char *name = json_string_value(json_array_get(step, 1));
	int verdict = 0;

	while (name && verdict < WTEL_ROUTE_VERDICTS && strcmp(wtel_route_verdict_name(verdict), name) != 0)
		verdict++;
	look->verdict = name && verdict < WTEL_ROUTE_VERDICTS ? verdict : WTEL_ROUTE_STATUS;
	look->active_calls = (int)json_integer_value(json_array_get(step, 2));
	look->max_channels = (int)json_integer_value(json_array_get(step, 3));
}

static int read_looks(struct wtel_booking *out, struct wtel_slice text)
{
	json_t *looked = json_loadb(text.data, text.length, 0, NULL);
	size_t i;

	if (!looked)
		return WTEL_ENOMEM;
	out->look_count = json_array_size(looked);
	if (out->look_count > WTEL_MAX_ROUTES)
		out->look_count = WTEL_MAX_ROUTES;
	for (i = 0; i < out->look_count; i++)
		read_look(&out->looks[i], json_array_get(looked, i));
	json_decref(looked);
	return 0;
}

/* Columns: the row in `calls`, the number of the route, the looks. No row: there is no such call. */
static int read_booking(struct wtel_booking *out, const struct store_rows *rows, struct wtel_detail *detail)
{
	struct wtel_slice looked = rows->column(rows, 0, 2);
	bool taken = rows->column(rows, 0, 1).data != NULL;
	int code = 0;

	if (!looked.data)
		return base_fail(detail, WTEL_ENOTFOUND, "call_id", "there is no unfinished call of that id");
	code = read_looks(out, looked);
	if (code)
		return base_fail(detail, code, "", "%s", wtel_error_text(code));
	out->row_id = store_row_number(rows, 0, 0);
	out->taken = taken ? (size_t)store_row_number(rows, 0, 1) : 0;
	return taken ? 0 : base_fail(detail, WTEL_ENOTRUNK, "", "%s", wtel_error_text(WTEL_ENOTRUNK));
}

/* Neither database says which key it was in words that are of use. */
static void name_reference(int code, struct wtel_detail *detail)
{
	if (code == WTEL_ENOTFOUND)
		base_fail(detail, code, detail->field, "the agent, the campaign or the lead does not exist");
}

static void booking_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_booking_fn *done = (store_booking_fn *)ask->callback;
	struct wtel_booking booking = {0};
	struct wtel_detail said = {"", ""};
	void *tell = ask->user;

	store_ask_free(ask);
	if (code && detail)
		said = *detail;
	name_reference(code, &said);
	if (!code)
		code = read_booking(&booking, rows, &said);
	if (code && !said.text[0])
		base_fail(&said, code, "", "%s", wtel_error_text(code));
	done(code, &said, code && code != WTEL_ENOTRUNK ? NULL : &booking, tell);
}

/* ---- the question ----------------------------------------------------- */

/* What the statement's arguments borrow. */
struct request {
	struct store_args args;
	char *trace;
	char trunks[WTEL_MAX_ROUTES * 12 + 2]; /* arrays as PostgreSQL writes them: "{3,5}" */
	char rates[WTEL_MAX_ROUTES * 5 + 2];
	char trials[WTEL_MAX_ROUTES * 2 + 2];
};

static size_t put_number(char *out, size_t room, size_t at, int64_t number)
{
	return at + (size_t)snprintf(out + at, room - at, "%s%" PRId64, at > 1 ? "," : "", number);
}

static int put_routes(struct request *request, const struct wtel_route *routes, size_t count,
		      struct wtel_detail *detail)
{
	size_t ids = 1, rates = 1, trials = 1, i;
	int code = 0;

	if (count > WTEL_MAX_ROUTES)
		return base_fail(detail, WTEL_ELIMIT, "routes", "more than %d routes", WTEL_MAX_ROUTES);
	for (i = 0; i < count && !code; i++) {
		code = store_check_id(detail, "trunk_id", routes[i].trunk_id);
		if (!code && (routes[i].calls_per_second < 0 || routes[i].calls_per_second > STORE_RATE_MAX))
			code = base_fail(detail, WTEL_EINVAL, "calls_per_second",
					 "calls_per_second must be between 0 and %d", STORE_RATE_MAX);
		if (code)
			break;
		ids = put_number(request->trunks, sizeof(request->trunks), ids, routes[i].trunk_id);
		rates = put_number(request->rates, sizeof(request->rates), rates, routes[i].calls_per_second);
		trials = put_number(request->trials, sizeof(request->trials), trials, routes[i].trial);
	}
	if (code)
		return code;
	request->trunks[0] = request->rates[0] = request->trials[0] = '{';
	memcpy(request->trunks + ids, "}", 2);
	memcpy(request->rates + rates, "}", 2);
	memcpy(request->trials + trials, "}", 2);
	store_args_text(&request->args, request->trunks);
	store_args_text(&request->args, request->rates);
	store_args_text(&request->args, request->trials);
	return 0;
}

/* The line of the call's route, up to its looks: {"at":"2026-...","number":"+34...","looked": */
static int put_trace(struct wtel_store *store, struct request *request, const char *trace, int64_t now)
{
	static const char form[] = "{\"at\":\"%s\"%s%s,\"looked\":";
	char at[BASE_TIME_SIZE];
	size_t size;
	int code;

	if (!trace) {
		store_args_text(&request->args, NULL);
		return 0;
	}
	code = store_check_text(&store->error, "trace", wtel_slice_of(trace), TRACE_MAX);
	if (code)
		return code;
	size = sizeof(form) + sizeof(at) + strlen(trace);
	request->trace = base_allocate(&store->allocator, size);
	if (!request->trace)
		return base_fail(&store->error, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	base_time_format(at, now);
	snprintf(request->trace, size, form, at, trace[0] ? "," : "", trace);
	store_args_text(&request->args, request->trace);
	return 0;
}

static int check_call(struct wtel_detail *detail, const struct wtel_call *call)
{
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

/* Its arguments, in the order of enum store_book_argument. To be emptied in any case. */
static int request_make(struct wtel_store *store, struct request *request, const struct wtel_call *call, bool move,
			const struct wtel_route *routes, size_t count, const char *trace)
{
	int64_t now = wtel_time_now().wall;
	struct wtel_detail *detail = store_forget_error(store);
	int code = check_call(detail, call);

	request->args.count = 0;
	request->trace = NULL;
	if (!code)
		code = put_routes(request, routes, count, detail);
	if (code)
		return code;
	store_args_flag(&request->args, move);
	store_args_text(&request->args, call->call_id);
	store_args_text(&request->args, wtel_direction_name(call->direction));
	store_args_id(&request->args, call->agent_id);
	store_args_id(&request->args, call->campaign_id);
	store_args_id(&request->args, call->lead_id);
	store_args_text(&request->args, call->caller_number);
	store_args_text(&request->args, call->callee_number);
	store_args_time(&request->args, call->start > 0 ? call->start : now);
	store_args_text(&request->args, store->instance);
	store_args_time(&request->args, now);
	code = put_trace(store, request, trace, now);
	return code ? code : store_announce(store);
}

static void request_empty(struct wtel_store *store, struct request *request)
{
	base_release(&store->allocator, request->trace);
}

/* ---- without waiting -------------------------------------------------- */

static int ask(struct wtel_store *store, const struct wtel_call *call, bool move, const struct wtel_route *routes,
	       size_t count, const char *trace, store_booking_fn *done, void *user)
{
	struct request request;
	int code = request_make(store, &request, call, move, routes, count, trace);

	if (!code)
		code = store_ask(store, &book, &request.args, booking_done, (void (*)(void))done, user);
	request_empty(store, &request);
	return code;
}

int store_reserve(struct wtel_store *store, const struct wtel_call *call, const struct wtel_route *routes, size_t count,
		  const char *trace, store_booking_fn *done, void *user)
{
	return ask(store, call, false, routes, count, trace, done, user);
}

int store_move(struct wtel_store *store, const char *call_id, const struct wtel_route *routes, size_t count,
	       const char *trace, store_booking_fn *done, void *user)
{
	const struct wtel_call call = {.call_id = call_id};

	return ask(store, &call, true, routes, count, trace, done, user);
}

/* ---- waiting ---------------------------------------------------------- */

static int take_booking(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return read_booking(out, rows, &store->error);
}

static int wait(struct wtel_store *store, struct wtel_booking *out, const struct wtel_call *call, bool move,
		const struct wtel_route *routes, size_t count, const char *trace)
{
	struct wtel_booking booking = {0};
	struct request request;
	int code = request_make(store, &request, call, move, routes, count, trace);

	if (!code) {
		code = store_wait(store, &book, &request.args, take_booking, &booking);
		if (!move)
			name_reference(code, &store->error);
	}
	request_empty(store, &request);
	if (!code || code == WTEL_ENOTRUNK)
		*out = booking;
	return code;
}

int wtel_store_reserve(struct wtel_store *store, struct wtel_booking *out, const struct wtel_call *call,
		       const struct wtel_route *routes, size_t count, const char *trace)
{
	return wait(store, out, call, false, routes, count, trace);
}

int wtel_store_move(struct wtel_store *store, struct wtel_booking *out, const char *call_id,
		    const struct wtel_route *routes, size_t count, const char *trace)
{
	const struct wtel_call call = {.call_id = call_id};

	return wait(store, out, &call, true, routes, count, trace);
}
