/* A move that came to nothing is taken back. */
#include "store/core.h"
#include "store/rows.h"

/*
 * $1 call_id, $2 trunk, $3 now. What the move counted against that trunk is taken back, as the call's end will count
 * it; of a call that has ended, what its end counted for the trunk that was never dialled.
 */
#define CALL	 "call_id = $1 AND trunk_id <> CAST($2 AS BIGINT)"
#define UNCOUNT	 "total_calls = total_calls - 1, failed_calls = failed_calls - 1"
#define WHICH(c) "CASE WHEN " c "end_time IS NULL THEN CAST($2 AS BIGINT) ELSE " c "trunk_id END"

static const struct store_statement restore_trunk = {
	.name = "restore_trunk",
	.sqlite = "UPDATE trunks SET " UNCOUNT " WHERE id = (SELECT " WHICH("") " FROM calls WHERE " CALL ")",
	.sqlite_then = "UPDATE calls SET trunk_id = CAST($2 AS BIGINT), updated_at = $3 WHERE " CALL,
	.postgres = "WITH c AS MATERIALIZED (SELECT id, start_time, trunk_id, end_time FROM calls WHERE " CALL
		    " FOR UPDATE),"
		    " restored AS (UPDATE calls SET trunk_id = CAST($2 AS BIGINT), updated_at = CAST($3 AS TIMESTAMPTZ)"
		    " FROM c WHERE calls.id = c.id RETURNING 1)"
		    " UPDATE trunks SET total_calls = trunks.total_calls - 1, failed_calls = trunks.failed_calls - 1"
		    " FROM c WHERE trunks.id = " WHICH("c.") " AND EXISTS (SELECT 1 FROM restored)",
};

static void restored(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code)
		store_log(ask->store, WTEL_LOG_WARNING, "store: a call's trunk could not be put right: %s",
			  detail ? detail->text : wtel_error_text(code));
	store_ask_free(ask);
}

int store_restore(struct wtel_store *store, const char *call_id, int64_t trunk_id)
{
	struct store_args args = {0};

	store_args_text(&args, call_id);
	store_args_number(&args, trunk_id);
	store_args_time(&args, wtel_time_now().wall);
	return store_ask(store, &restore_trunk, &args, restored, NULL, NULL);
}
