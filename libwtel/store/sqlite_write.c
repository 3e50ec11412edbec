#include "store/sqlite.h"
#include "store/write.h"

#include "base/timestamp.h"

/* Numbered parameters; a NULL keeps what the row has. */
static const struct store_statement write_call = {
	.name = "write_call",
	.sqlite = "INSERT INTO calls (call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number,"
		  " callee_number, start_time, answer_time, end_time, duration, billsec, disposition, recording_url,"
		  " created_at, updated_at)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)"
		  " ON CONFLICT (call_id) DO UPDATE SET agent_id = coalesce(excluded.agent_id, agent_id),"
		  " campaign_id = coalesce(excluded.campaign_id, campaign_id),"
		  " lead_id = coalesce(excluded.lead_id, lead_id), trunk_id = coalesce(excluded.trunk_id, trunk_id),"
		  " caller_number = coalesce(excluded.caller_number, caller_number),"
		  " callee_number = coalesce(excluded.callee_number, callee_number),"
		  " answer_time = coalesce(min(excluded.answer_time, answer_time), excluded.answer_time, answer_time),"
		  " end_time = excluded.end_time,"
		  " duration = excluded.duration, billsec = excluded.billsec, disposition = excluded.disposition,"
		  " recording_url = coalesce(excluded.recording_url, recording_url), updated_at = excluded.updated_at"
		  " WHERE end_time IS NULL RETURNING id, trunk_id, answer_time, start_time",
};

static const struct store_statement write_seconds = {
	.name = "write_seconds",
	.sqlite = "UPDATE calls SET disposition = ?2, duration = ?3, billsec = ?4 WHERE id = ?1",
};

static const struct store_statement write_state = {
	.name = "write_state",
	.sqlite = "INSERT INTO wtel_calls (id, owner, state, channel, estimated, transferred, ringing_time, cause,"
		  " sip_code, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		  " ON CONFLICT (id) DO UPDATE SET owner = coalesce(owner, excluded.owner), state = excluded.state,"
		  " channel = coalesce(excluded.channel, channel), estimated = excluded.estimated,"
		  " transferred = max(transferred, excluded.transferred),"
		  " ringing_time = coalesce(ringing_time, excluded.ringing_time), cause = excluded.cause,"
		  " sip_code = excluded.sip_code, reason = coalesce(excluded.reason, reason)",
};

static const struct store_statement write_leg = {
	.name = "write_leg",
	.sqlite = "INSERT INTO wtel_legs (id, unique_id, channel, number, role, state, trunk_id, start_time,"
		  " ringing_time, answer_time, end_time, cause, sip_code)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
		  " ON CONFLICT (id, unique_id) DO UPDATE SET channel = coalesce(excluded.channel, channel),"
		  " number = coalesce(excluded.number, number), role = excluded.role, state = excluded.state,"
		  " trunk_id = coalesce(excluded.trunk_id, trunk_id),"
		  " start_time = coalesce(min(start_time, excluded.start_time), start_time, excluded.start_time),"
		  " ringing_time = coalesce(min(ringing_time, excluded.ringing_time), ringing_time, "
		  "excluded.ringing_time),"
		  " answer_time = coalesce(min(answer_time, excluded.answer_time), answer_time, excluded.answer_time),"
		  " end_time = coalesce(end_time, excluded.end_time),"
		  " cause = CASE WHEN excluded.cause = 0 THEN cause ELSE excluded.cause END,"
		  " sip_code = CASE WHEN excluded.sip_code = 0 THEN sip_code ELSE excluded.sip_code END",
};

static const struct store_statement write_count = {
	.name = "write_count",
	.sqlite = "UPDATE trunks SET total_calls = total_calls + ?2, successful_calls = successful_calls + ?3,"
		  " failed_calls = failed_calls + ?2 - ?3, updated_at = ?4 WHERE id = ?1",
};

/* What a batch adds to one trunk. */
struct tally {
	int64_t trunk_id;
	int64_t total;
	int64_t successful;
};

struct batch {
	struct store_driver *driver;
	char now[BASE_TIME_SIZE];
	struct tally *tallies;
	size_t tally_count;
	struct wtel_detail *detail;
};

/* ---- binding ---------------------------------------------------------- */

static void bind_id(sqlite3_stmt *handle, int index, int64_t id)
{
	if (id)
		sqlite3_bind_int64(handle, index, id);
	else
		sqlite3_bind_null(handle, index);
}

static void bind_text(sqlite3_stmt *handle, int index, const char *text)
{
	if (text && text[0])
		sqlite3_bind_text(handle, index, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(handle, index);
}

static void bind_time(sqlite3_stmt *handle, int index, int64_t wall)
{
	char text[BASE_TIME_SIZE];

	base_time_format(text, wall);
	if (text[0])
		sqlite3_bind_text(handle, index, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(handle, index);
}

/* ---- one call --------------------------------------------------------- */

/* What the row of `calls` said. */
struct written {
	bool changed; /* false: it had ended before */
	int64_t id;
	int64_t trunk_id;
	int64_t answer; /* the earliest known to the row */
	int64_t start;
};

/* Associations are left out by bit: agent, campaign, lead, trunk. */
static void bind_call(sqlite3_stmt *handle, const struct wtel_call *call, unsigned without, const char *now)
{
	bind_text(handle, 1, call->call_id);
	bind_id(handle, 2, without & 1 ? 0 : call->agent_id);
	bind_id(handle, 3, without & 2 ? 0 : call->campaign_id);
	bind_id(handle, 4, without & 4 ? 0 : call->lead_id);
	bind_id(handle, 5, without & 8 ? 0 : call->trunk_id);
	bind_text(handle, 6, wtel_direction_name(call->direction));
	bind_text(handle, 7, call->caller_number);
	bind_text(handle, 8, call->callee_number);
	bind_time(handle, 9, call->start);
	bind_time(handle, 10, call->answer);
	bind_time(handle, 11, call->end);
	sqlite3_bind_int64(handle, 12, call->end ? wtel_call_duration(call) : 0);
	sqlite3_bind_int64(handle, 13, call->end ? wtel_call_billsec(call) : 0);
	bind_text(handle, 14, call->end ? wtel_disposition_name(call->disposition) : NULL);
	bind_text(handle, 15, call->recording_url);
	bind_text(handle, 16, now);
}

static int step_call(struct batch *batch, struct written *written, const struct wtel_call *call, unsigned without,
		     int *result)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite_prepare(batch->driver, &handle, &write_call, batch->detail);

	if (code)
		return code;
	bind_call(handle, call, without, batch->now);
	*result = sqlite3_step(handle);
	written->changed = *result == SQLITE_ROW;
	if (written->changed) {
		const char *answer = (const char *)sqlite3_column_text(handle, 2);
		const char *start = (const char *)sqlite3_column_text(handle, 3);

		written->id = sqlite3_column_int64(handle, 0);
		written->trunk_id = sqlite3_column_int64(handle, 1);
		if (!answer || !base_time_parse(&written->answer, answer))
			written->answer = 0;
		if (!start || !base_time_parse(&written->start, start))
			written->start = call->start;
		*result = sqlite3_step(handle);
	}
	if (*result != SQLITE_DONE)
		code = sqlite_failed(batch->driver, *result, batch->detail);
	sqlite3_reset(handle);
	return code;
}

/*
 * The row, whatever became of what it refers to: if an agent, a campaign, a lead or the trunk is gone, the call is
 * still a record. SQLite does not say which key failed, so they are left out one by one, then in every combination.
 */
static int put_call(struct batch *batch, struct written *written, const struct wtel_call *call)
{
	static const unsigned tries[] = {0, 1, 2, 4, 8, 3, 5, 6, 9, 10, 12, 7, 11, 13, 14, 15};
	int code = 0, result = 0;
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		code = step_call(batch, written, call, tries[i], &result);
		if (!code || result != SQLITE_CONSTRAINT_FOREIGNKEY)
			break;
	}
	return code;
}

static int step_done(struct batch *batch, sqlite3_stmt *handle)
{
	int result = sqlite3_step(handle);
	int code = result == SQLITE_DONE ? 0 : sqlite_failed(batch->driver, result, batch->detail);

	sqlite3_reset(handle);
	return code;
}

static int put_state(struct batch *batch, const struct written *written, const struct store_change *change)
{
	const struct wtel_call *call = &change->call;
	bool known = call->answer_estimated && written->answer < call->answer;
	sqlite3_stmt *handle = NULL;
	int code = sqlite_prepare(batch->driver, &handle, &write_state, batch->detail);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, written->id);
	bind_text(handle, 2, change->owner);
	bind_text(handle, 3, wtel_call_state_name(call->end ? WTEL_CALL_ENDED : call->state));
	bind_text(handle, 4, call->channel);
	sqlite3_bind_int(handle, 5, call->estimated && !known);
	sqlite3_bind_int(handle, 6, call->transferred);
	bind_time(handle, 7, call->ringing);
	sqlite3_bind_int(handle, 8, call->cause);
	sqlite3_bind_int(handle, 9, call->sip_code);
	bind_text(handle, 10, call->reason);
	return step_done(batch, handle);
}

static int put_leg(struct batch *batch, int64_t id, const struct wtel_leg *leg)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite_prepare(batch->driver, &handle, &write_leg, batch->detail);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, id);
	bind_text(handle, 2, leg->unique_id);
	bind_text(handle, 3, leg->channel);
	bind_text(handle, 4, leg->number);
	bind_text(handle, 5, wtel_leg_role_name(leg->role));
	sqlite3_bind_int(handle, 6, (int)leg->state);
	bind_id(handle, 7, leg->trunk_id);
	bind_time(handle, 8, leg->start);
	bind_time(handle, 9, leg->ringing);
	bind_time(handle, 10, leg->answer);
	bind_time(handle, 11, leg->end);
	sqlite3_bind_int(handle, 12, leg->cause);
	sqlite3_bind_int(handle, 13, leg->sip_code);
	return step_done(batch, handle);
}

/* The row knows an earlier beginning or answer, from a process that was there then: what is billed counts from that. */
static int put_seconds(struct batch *batch, const struct written *written, const struct wtel_call *call)
{
	struct wtel_call whole = *call;
	sqlite3_stmt *handle = NULL;
	int code = sqlite_prepare(batch->driver, &handle, &write_seconds, batch->detail);

	if (code)
		return code;
	if (!call->answer && written->answer)
		whole.disposition = WTEL_DISPOSITION_ANSWERED;
	whole.answer = written->answer;
	whole.start = written->start;
	sqlite3_bind_int64(handle, 1, written->id);
	bind_text(handle, 2, wtel_disposition_name(whole.disposition));
	sqlite3_bind_int64(handle, 3, wtel_call_duration(&whole));
	sqlite3_bind_int64(handle, 4, wtel_call_billsec(&whole));
	return step_done(batch, handle);
}

static void count_end(struct batch *batch, int64_t trunk_id, bool successful)
{
	size_t i = 0;

	while (i < batch->tally_count && batch->tallies[i].trunk_id != trunk_id)
		i++;
	if (i == batch->tally_count)
		batch->tallies[batch->tally_count++] = (struct tally){trunk_id, 0, 0};
	batch->tallies[i].total++;
	batch->tallies[i].successful += successful;
}

static int put_change(struct batch *batch, const struct store_change *change)
{
	const struct wtel_call *call = &change->call;
	struct written written = {false, 0, 0, 0, 0};
	bool answered;
	int code = put_call(batch, &written, call);
	size_t i;

	if (code || !written.changed)
		return code;
	answered = call->disposition == WTEL_DISPOSITION_ANSWERED || (!call->answer && written.answer);
	if (call->end && (written.answer != call->answer || written.start != call->start))
		code = put_seconds(batch, &written, call);
	if (!code)
		code = put_state(batch, &written, change);
	for (i = 0; i < call->leg_count && !code; i++)
		code = put_leg(batch, written.id, &call->legs[i]);
	if (!code && call->end && written.trunk_id)
		count_end(batch, written.trunk_id, answered);
	return code;
}

/* ---- the batch -------------------------------------------------------- */

static int put_tallies(struct batch *batch)
{
	sqlite3_stmt *handle = NULL;
	int code = batch->tally_count ? sqlite_prepare(batch->driver, &handle, &write_count, batch->detail) : 0;
	size_t i;

	for (i = 0; i < batch->tally_count && !code; i++) {
		sqlite3_bind_int64(handle, 1, batch->tallies[i].trunk_id);
		sqlite3_bind_int64(handle, 2, batch->tallies[i].total);
		sqlite3_bind_int64(handle, 3, batch->tallies[i].successful);
		bind_text(handle, 4, batch->now);
		code = step_done(batch, handle);
	}
	return code;
}

int sqlite_write(struct store_driver *driver, const struct store_change *changes, size_t count, int64_t wall,
		 struct wtel_detail *detail)
{
	struct batch batch = {driver, "", NULL, 0, detail};
	const struct store_change *change = changes;
	int code = sqlite_set_relaxed(driver, false, detail);

	if (code)
		return code;
	batch.tallies = base_allocate(&driver->allocator, count * sizeof(*batch.tallies));
	if (!batch.tallies)
		return base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	base_time_format(batch.now, wall);
	code = sqlite_run(driver, "BEGIN IMMEDIATE", detail);
	if (!code) {
		for (; count && change && !code; count--, change = change->next)
			code = put_change(&batch, change);
		if (!code)
			code = put_tallies(&batch);
		if (!code)
			code = sqlite_run(driver, "COMMIT", detail);
		if (code && !sqlite3_get_autocommit(driver->db))
			sqlite3_exec(driver->db, "ROLLBACK", NULL, NULL, NULL);
	}
	base_release(&driver->allocator, batch.tallies);
	return code;
}
