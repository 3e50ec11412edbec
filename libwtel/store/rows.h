/* Reading results, and packing lists: structs and their texts in one block, measured first, then filled. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/driver.h"

int64_t store_row_number(const struct store_rows *rows, size_t row, size_t column);
bool store_row_flag(const struct store_rows *rows, size_t row, size_t column);
int64_t store_row_time(const struct store_rows *rows, size_t row, size_t column);

/* A terminated copy, cut to the room; gives it back. */
const char *store_row_text(char *out, size_t room, const struct store_rows *rows, size_t row, size_t column);

/* `block` NULL: only counts. */
struct store_pack {
	char *block;
	size_t used;
};

void *store_pack_room(struct store_pack *pack, size_t size);		      /* aligned; NULL while counting */
const char *store_pack_text(struct store_pack *pack, struct wtel_slice text); /* "" while counting */
const char *store_pack_column(struct store_pack *pack, const struct store_rows *rows, size_t row, size_t column);

/* Runs `fill` twice, with room of the right size the second time; the block begins with the allocator, then what `fill`
 * packs. */
typedef void store_fill_fn(struct store_pack *pack, const void *source);
int store_pack_build(void **out, const struct wtel_allocator *allocator, store_fill_fn *fill, const void *source);
/* What store_pack_build() gave lives until the last of its keepers frees it; who built it is the first. */
void *store_pack_keep(const void *list);
void store_pack_free(void *list);

/* Fills of the lists; `source` is struct store_rows, or for calls struct store_call_source. */
void store_fill_trunk_list(struct store_pack *pack, const void *source);
/* Columns from `column` on: version, state, faults, openings, retry_at, trial_until; all NULL: all zero. */
void store_fill_breaker(struct wtel_breaker *breaker, const struct store_rows *rows, size_t row, size_t column);
void store_fill_peer_list(struct store_pack *pack, const void *source);

struct store_call_source {
	const struct store_rows *rows; /* columns: STORE_CALL_COLUMNS, names of campaign and lead; with legs
				  STORE_LEG_COLUMNS and STORE_ROUTE_COLUMN */
	bool legs;		       /* one call, a row for each of its legs */
	int64_t total;
	int64_t limit; /* without legs: what is beyond it is not taken, and was asked for to know that it is there */
};
void store_fill_call_list(struct store_pack *pack, const void *source);

/* The columns that the fills expect, in this order. */
#define STORE_CALL_COLUMNS                                                                                             \
	"c.id, c.call_id, c.direction, c.agent_id, c.campaign_id, c.lead_id, c.trunk_id, c.caller_number,"             \
	" c.callee_number, c.start_time, c.answer_time, c.end_time, c.disposition, c.recording_url, w.state,"          \
	" w.channel, w.estimated, w.transferred, w.ringing_time, w.cause, w.sip_code, w.reason"
#define STORE_LEG_COLUMNS                                                                                              \
	"l.unique_id, l.channel, l.number, l.role, l.state, l.trunk_id, l.start_time, l.ringing_time, l.answer_time,"  \
	" l.end_time, l.cause, l.sip_code"
/* Behind the legs', of one call. */
#define STORE_ROUTE_COLUMN ", w.route"

/* store_attempts(), waiting; store_pack_free() frees it. */
struct store_attempt;
struct store_attempt_list {
	size_t count;
	struct store_attempt *attempts;
};
int store_wait_attempts(struct wtel_store *store, struct store_attempt_list **out, int seconds);

/* A JSON document as text behind `before` bytes, which are the caller's to fill; base_release() frees both. NULL: out
 * of memory. */
struct json_t;
char *store_json_text(const struct wtel_allocator *allocator, const struct json_t *document, size_t before);

#endif
