/*
 * What writing a call means, in both databases, in one transaction for a whole batch:
 *
 * 1. `calls`, by call_id: insert if absent. If present and not ended: answer_time, trunk_id, numbers, associations take
 * the new value where it has one; end_time, duration (wtel_call_duration()), billsec (wtel_call_billsec()), disposition
 * are set with the end. If the row knows an answer and the change does not (taken over from a process that died), the
 * answer stays: the row ends as ANSWERED with billsec = whole seconds from that answer to the end. A row that has ended
 * is not touched again, whoever writes: several processes watch the same Asterisk. A foreign key that does not exist
 * (an agent removed meanwhile) must not cost the record: it becomes NULL.
 * 2. `trunks`: total_calls, and successful_calls (ANSWERED) or failed_calls, are counted by exactly those rows that
 * this statement turned from unfinished to ended and that have a trunk; per trunk one update for the batch, in order of
 * id (no deadlocks). total_calls = successful_calls + failed_calls, always.
 * 3. `wtel_calls` (call_id, owner, state, estimated, sip_code, cause, reason, ...): upsert, while 1. changed the row;
 * an owner that is there stays.
 * 4. `wtel_legs` by (call_id, unique_id): upsert; times once known are kept.
 *
 * What the schema can do for speed, measured on PostgreSQL 15: `wtel_calls` and `wtel_legs` keyed by calls.id (integer,
 * ascending) instead of the text call_id, and without a foreign key (a statement trigger on DELETE of calls keeps them
 * tidy): 28 us a call instead of 76 for insert, answer and end with two legs; fillfactor 50 on those two and on calls:
 * the answer is then a HOT update.
 */
#ifndef STORE_WRITE_H
#define STORE_WRITE_H

#include "store/driver.h"

/* One block that holds a deep copy; freed in one. */
struct store_change *store_change_copy(const struct wtel_allocator *allocator, const struct wtel_call *call);

#endif
