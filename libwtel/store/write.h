/*
 * What writing a call means, in both databases, in one transaction for a whole batch:
 *
 * 1. `calls`, by call_id: insert if absent. If present and not ended: trunk_id, numbers, associations take
 * the new value where it has one; end_time, duration (wtel_call_duration()), billsec (wtel_call_billsec()), disposition
 * are set with the end. start_time stays, of answers the earliest: whoever came in the middle of a call knows later ones
 * or none. duration and billsec count from these, and a row that knows an answer ends as ANSWERED. A row that has ended
 * is not touched again, whoever writes: several processes watch the same Asterisk. A foreign key that does not exist
 * (an agent removed meanwhile) must not cost the record: it becomes NULL.
 * 2. `trunks`: total_calls, and successful_calls (ANSWERED) or failed_calls, are counted by exactly those rows that
 * this statement turned from unfinished to ended and that have a trunk; per trunk one update for the batch, in order of
 * id (no deadlocks). total_calls = successful_calls + failed_calls, always.
 * 3. `wtel_calls` (id, owner, state, estimated, sip_code, cause, reason, ...): upsert, while 1. changed the row;
 * an owner that is there stays.
 * 4. `wtel_legs` by (id, unique_id): upsert; times once known are kept. (In PostgreSQL a view over wtel_calls.legs:
 * what one process writes of a call's legs replaces what itself wrote before, and is merged with what others wrote.)
 *
 * The tables are in schema_postgres.c and schema_sqlite.c: wtel_calls and wtel_legs are keyed by calls.id, without
 * foreign keys. start_time, created_at of a row that is there are kept.
 */
#ifndef STORE_WRITE_H
#define STORE_WRITE_H

#include "store/driver.h"

/* One block that holds a deep copy; freed in one. */
struct store_change *store_change_copy(const struct wtel_allocator *allocator, const struct wtel_call *call);

#endif
