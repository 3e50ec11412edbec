/* What became of the last attempts on trunks. */
#include "store/core.h"
#include "store/rows.h"

/*
 * Found by calls' start_time, which is indexed, as end_time is not: so of calls that began up to an hour before. What a
 * longer call tells about its trunk is old. Of a busy system the newest ATTEMPTS_MAX are enough for any ratio.
 */
enum { LONGEST_CALL = 3600, SECONDS_MAX = 86400, ATTEMPTS_MAX = 100000 };

STORE_BOTH(list_attempts,
	   "SELECT * FROM (SELECT l.trunk_id, l.start_time, l.ringing_time, l.answer_time, l.end_time, l.cause,"
	   " l.sip_code FROM calls c JOIN wtel_legs l ON l.id = c.id WHERE c.start_time >= $1"
	   " AND (c.end_time IS NULL OR c.end_time >= $2) AND c.direction = 'outbound' AND l.end_time >= $2"
	   " AND l.role = 'customer' AND l.trunk_id IS NOT NULL ORDER BY c.start_time DESC LIMIT $3) a ORDER BY "
	   "a.end_time, a.start_time");

static void fill_attempts(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct store_attempt_list *list = store_pack_room(pack, sizeof(*list));
	struct store_attempt *attempts = store_pack_room(pack, rows->row_count * sizeof(*attempts));
	size_t row;

	if (!list || !attempts)
		return;
	for (row = 0; row < rows->row_count; row++)
		attempts[row] = (struct store_attempt){
			.trunk_id = store_row_number(rows, row, 0),
			.start = store_row_time(rows, row, 1),
			.ringing = store_row_time(rows, row, 2),
			.answer = store_row_time(rows, row, 3),
			.end = store_row_time(rows, row, 4),
			.cause = (int)store_row_number(rows, row, 5),
			.sip_code = (int)store_row_number(rows, row, 6),
		};
	*list = (struct store_attempt_list){rows->row_count, attempts};
}

static int take_attempts(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, fill_attempts, rows);
}

static void attempts_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_attempts_fn *done = (store_attempts_fn *)ask->callback;
	void *made = NULL, *tell = ask->user;
	const struct store_attempt_list *list;
	struct wtel_detail said;

	code = store_ask_take(ask, &made, code, rows, detail, take_attempts, &said);
	list = made;
	done(code, &said, list ? list->attempts : NULL, list ? list->count : 0, tell);
	store_pack_free(made);
}

static void attempts_args(struct store_args *args, int seconds)
{
	int64_t since = wtel_time_now().wall - (int64_t)seconds * 1000000;

	store_args_time(args, since - (int64_t)LONGEST_CALL * 1000000);
	store_args_time(args, since);
	store_args_number(args, ATTEMPTS_MAX);
}

int store_wait_attempts(struct wtel_store *store, struct store_attempt_list **out, int seconds)
{
	struct store_args args = {0};
	void *list = NULL;
	int code;

	attempts_args(&args, seconds);
	code = store_wait(store, &list_attempts, &args, take_attempts, &list);
	if (!code)
		*out = list;
	return code;
}

int store_attempts(struct wtel_store *store, int seconds, store_attempts_fn *done, void *user)
{
	struct store_args args = {0};

	if (seconds < 1 || seconds > SECONDS_MAX)
		return WTEL_EINVAL;
	attempts_args(&args, seconds);
	return store_ask(store, &list_attempts, &args, attempts_done, (void (*)(void))done, user);
}
