/* Breakers of trunks: one row for all processes, changed only by who saw its present version. */
#include "store/core.h"
#include "store/rows.h"

/*
 * $1 trunk, $2 version seen, $3 state, $4 faults, $5 openings, $6 retry_at, $7 trial_until, $8 now, $9 error.
 *
 * The trunk's own columns change in the same transaction and on the same condition. A trunk that is neither active nor
 * in error is a person's decision: it stays as it is. Closing ends an error only where the breaker was open: other
 * errors are not its own.
 */
#define OPENS "CAST($3 AS TEXT) = 'open'"
#define SEEN  "CAST($2 AS BIGINT)"

#define MARK(trunks, status_type, time)                                                                                \
	"UPDATE " trunks " SET status = CAST(CASE WHEN " OPENS " THEN 'error' ELSE 'active' END AS " status_type "),"  \
	" last_error_at = CASE WHEN " OPENS                                                                            \
	" THEN " time("$8") " ELSE last_error_at END,"                                                                 \
			    " last_error_message = CASE WHEN " OPENS                                                   \
			    " THEN coalesce(CAST($9 AS TEXT), last_error_message)"                                     \
			    " ELSE last_error_message END, updated_at = " time("$8")
#define MARKED(was_open)                                                                                               \
	" AND CASE WHEN " OPENS " THEN status IN ('active', 'error') ELSE status = 'error' AND " was_open " END"

#define STORE(time, known, lock)                                                                                       \
	"INSERT INTO wtel_trunks AS w (trunk_id, version, state, faults, openings, retry_at, trial_until)"             \
	" SELECT t.id, " SEEN                                                                                          \
	" + 1, CAST($3 AS VARCHAR(16)), CAST($4 AS INTEGER), CAST($5 AS INTEGER), " time("$6") ", " time(              \
		"$7") " FROM trunks t WHERE t.id = $1 AND (" SEEN " = 0 OR " known ")" lock                            \
		      " ON CONFLICT (trunk_id) DO UPDATE SET version = excluded.version, state = excluded.state,"      \
		      " faults = excluded.faults, openings = excluded.openings, retry_at = excluded.retry_at,"         \
		      " trial_until = excluded.trial_until WHERE w.version = " SEEN                                    \
		      " RETURNING version, state, faults, openings, retry_at, trial_until"

#define TEXT_TIME(parameter)  parameter
#define STAMP_TIME(parameter) "CAST(" parameter " AS TIMESTAMPTZ)"

#define ROW " FROM wtel_trunks e WHERE e.trunk_id = $1"

/*
 * PostgreSQL: `was` may be of an older snapshot than what the INSERT meets, but a version's state never changes. The
 * trunk is locked first, as by a removal, which reaches the breaker through it. Nothing waits for the disk: a lost
 * change is made again by the next outcome.
 */
static const struct store_statement swap_breaker =
	{
		.name = "swap_breaker",
		.sqlite = MARK("trunks", "TEXT",
			       TEXT_TIME) " WHERE id = $1 AND coalesce((SELECT e.version" ROW
					  "), 0) = " SEEN MARKED("EXISTS (SELECT 1" ROW " AND e.state = 'open')"),
		.sqlite_then = STORE(TEXT_TIME, "EXISTS (SELECT 1" ROW ")", ""),
		.then_tells = true,
		.postgres =
			"WITH was AS MATERIALIZED (SELECT e.state" ROW " AND e.version = " SEEN "),"
			" stored AS (" STORE(
				STAMP_TIME, "EXISTS (SELECT 1 FROM was)",
				" FOR NO KEY UPDATE OF t") "),"
							   " marked AS (" MARK(
								   "trunks t", "enum_trunks_status",
								   STAMP_TIME) " WHERE t.id = $1 AND EXISTS (SELECT 1 "
									       "FROM stored)" MARKED("EXISTS (SELECT 1 "
												     "FROM was WHERE "
												     "was.state = "
												     "'open')") ")"
														" SELEC"
														"T "
														"s.*, "
														"set_"
														"config"
														"('"
														"synchr"
														"onous_"
														"commit"
														"', "
														"'off',"
														" true)"
														" FROM "
														"stored"
														" s",
		.relaxed = true,
};

/* Of a trunk without a row: what it has is all zero. */
STORE_BOTH(get_breaker, "SELECT coalesce(e.version, 0), coalesce(e.state, 'closed'), coalesce(e.faults, 0),"
			" coalesce(e.openings, 0), e.retry_at, e.trial_until FROM trunks t"
			" LEFT JOIN wtel_trunks e ON e.trunk_id = t.id WHERE t.id = $1");

struct swap {
	struct store_ask ask; /* first */
	int64_t trunk_id;
};

void store_fill_breaker(struct wtel_breaker *breaker, const struct store_rows *rows, size_t row, size_t column)
{
	breaker->version = store_row_number(rows, row, column);
	breaker->state = base_slice_is(rows->column(rows, row, column + 1), wtel_breaker_state_name(WTEL_BREAKER_OPEN))
				 ? WTEL_BREAKER_OPEN
				 : WTEL_BREAKER_CLOSED;
	breaker->faults = (int)store_row_number(rows, row, column + 2);
	breaker->openings = (int)store_row_number(rows, row, column + 3);
	breaker->retry_at = store_row_time(rows, row, column + 4);
	breaker->trial_until = store_row_time(rows, row, column + 5);
}

static void tell(struct swap *swap, int code, const struct wtel_detail *detail, bool stored,
		 const struct store_rows *rows)
{
	store_breaker_fn *done = (store_breaker_fn *)swap->ask.callback;
	struct wtel_breaker breaker = {0};
	struct wtel_detail said = {"", ""};
	void *user = swap->ask.user;

	if (detail)
		said = *detail;
	store_ask_free(&swap->ask);
	if (!code && !rows->row_count)
		code = base_fail(&said, WTEL_ENOTFOUND, "trunk", "no such trunk");
	else if (code && !said.text[0])
		base_fail(&said, code, "", "%s", wtel_error_text(code));
	else if (!code)
		store_fill_breaker(&breaker, rows, 0, 0);
	done(code, &said, stored && !code, code ? NULL : &breaker, user);
}

static void breaker_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	tell(user, code, detail, false, rows);
}

/* Another process was first: what it left is seen by a statement of its own only. */
static void breaker_swapped(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct swap *swap = user;
	struct store_args args = {0};

	if (code || rows->row_count) {
		tell(swap, code, detail, true, rows);
		return;
	}
	store_args_number(&args, swap->trunk_id);
	code = store_ask_send(&swap->ask, &get_breaker, &args, breaker_found);
	if (code)
		tell(swap, code, NULL, false, NULL);
}

int store_breaker(struct wtel_store *store, int64_t trunk_id, const struct wtel_breaker *breaker, const char *error,
		  store_breaker_fn *done, void *user)
{
	struct store_args args = {0};
	char text[501];
	struct swap *swap = (struct swap *)store_ask_new(store, sizeof(*swap));
	int code;

	if (!swap)
		return WTEL_ENOMEM;
	swap->ask.callback = (void (*)(void))done;
	swap->ask.user = user;
	swap->trunk_id = trunk_id;
	text[store_clean_text(text, sizeof(text) - 1, error)] = '\0';
	store_args_number(&args, trunk_id);
	store_args_number(&args, breaker->version);
	store_args_text(&args, wtel_breaker_state_name(breaker->state));
	store_args_number(&args, breaker->faults);
	store_args_number(&args, breaker->openings);
	store_args_time(&args, breaker->retry_at);
	store_args_time(&args, breaker->trial_until);
	store_args_time(&args, wtel_time_now().wall);
	store_args_text(&args, text);
	code = store_ask_send(&swap->ask, &swap_breaker, &args, breaker_swapped);
	if (code)
		store_ask_free(&swap->ask);
	return code;
}
