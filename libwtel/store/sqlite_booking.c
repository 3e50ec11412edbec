/* Booking in SQLite: in a transaction that has the write lock from its first statement on, so nobody comes between. */
#include "base/buffer.h"
#include "store/booking.h"
#include "store/schema_booking.h"
#include "store/sqlite.h"

/*
 * Times are compared as the texts they are. SQLite's clock has milliseconds, cut off: between two bookings that it
 * shows a second apart may lie a millisecond less, hence "<=" for one that still counts.
 */
#define NOW	  "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
#define AT(shift) "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '" shift "')"

static const struct store_statement find_call = {
	.sqlite = "SELECT id, trunk_id FROM calls WHERE call_id = ?1 AND end_time IS NULL",
};

static const struct store_statement find_trunk = {
	.sqlite = "SELECT t.status = 'active', t.status = 'error' AND coalesce(b.state = 'open', 0),"
		  " b.retry_at <= " NOW " AND coalesce(b.trial_until <= " NOW ", 1), t.max_channels"
		  " FROM trunks t LEFT JOIN wtel_trunks b ON b.trunk_id = t.id WHERE t.id = ?1",
};

static const struct store_statement count_calls = {
	.sqlite = "SELECT count(*) FROM (SELECT 1 FROM calls WHERE trunk_id = ?1 AND end_time IS NULL LIMIT ?2)",
};

static const struct store_statement find_rate = {
	.sqlite = "SELECT 1 FROM wtel_loads r JOIN wtel_rates k ON k.trunk_id = r.trunk_id"
		  " AND k.slot = (r.made - ?2) % " SCHEMA_RING " WHERE r.trunk_id = ?1 AND r.made >= ?2"
		  " AND k.made_at BETWEEN " AT("-1 seconds") " AND " NOW,
};

static const struct store_statement count_booking = {
	.sqlite = "INSERT INTO wtel_loads (trunk_id, made) VALUES (?1, 1)"
		  " ON CONFLICT (trunk_id) DO UPDATE SET made = made + 1",
};

static const struct store_statement note_booking = {
	.sqlite = "INSERT INTO wtel_rates (trunk_id, slot, made_at)"
		  " SELECT trunk_id, (made - 1) % " SCHEMA_RING ", " NOW " FROM wtel_loads WHERE trunk_id = ?1"
		  " ON CONFLICT (trunk_id, slot) DO UPDATE SET made_at = excluded.made_at",
};

static const struct store_statement begin_trial = {
	.sqlite = "UPDATE wtel_trunks SET version = version + 1, trial_until = " AT(
		"+" SCHEMA_TRIAL) " WHERE trunk_id = ?1",
};

static const struct store_statement insert_call = {
	.sqlite = "INSERT INTO calls (call_id, direction, agent_id, campaign_id, lead_id, trunk_id, caller_number,"
		  " callee_number, start_time, created_at, updated_at)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
};

static const struct store_statement move_call = {
	.sqlite = "UPDATE calls SET trunk_id = ?2, updated_at = ?3 WHERE id = ?1",
};

static const struct store_statement count_failure = {
	.sqlite = "UPDATE trunks SET total_calls = total_calls + 1, failed_calls = failed_calls + 1, updated_at = ?2"
		  " WHERE id = ?1",
};

static const struct store_statement note_route = {
	.sqlite = "INSERT INTO wtel_calls (id, owner, route) VALUES (?1, ?2, ?3 || ?4 || '}')"
		  " ON CONFLICT (id) DO UPDATE SET route = coalesce(route || char(10) || excluded.route,"
		  " excluded.route, route)",
};

static const struct store_statement give_answer = {.sqlite = "SELECT ?1, ?2, ?3"};

/* ---- steps ------------------------------------------------------------ */

struct booking {
	struct store_driver *driver;
	const store_value *arguments;
	struct wtel_detail *detail;
	struct base_buffer looked;
	int64_t row_id;
	int64_t before;	  /* the trunk that a moved call had */
	int64_t trunk_id; /* of the present look */
	int64_t rate;
	bool broken;   /* its breaker is open */
	int64_t taken; /* number of the route; -1: none */
};

static int prepare(struct booking *booking, sqlite3_stmt **out, const struct store_statement *statement)
{
	return sqlite_prepare(booking->driver, out, statement, booking->detail);
}

static void bind(sqlite3_stmt *handle, int index, store_value value)
{
	if (value.data)
		sqlite3_bind_text64(handle, index, value.data, value.length, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_null(handle, index);
}

/* *row: it has given one. */
static int step(struct booking *booking, sqlite3_stmt *handle, bool *row)
{
	int result = sqlite3_step(handle);

	*row = result == SQLITE_ROW;
	return *row || result == SQLITE_DONE ? 0 : sqlite_failed(booking->driver, result, booking->detail);
}

static void end(sqlite3_stmt *handle)
{
	sqlite3_reset(handle);
	sqlite3_clear_bindings(handle);
}

/* A statement about a trunk, with one more number; *number (may be NULL) is what it gives, -1 without a row. */
static int about_trunk(struct booking *booking, const struct store_statement *statement, int64_t second,
		       int64_t *number)
{
	sqlite3_stmt *handle;
	bool row = false;
	int code = prepare(booking, &handle, statement);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, booking->trunk_id);
	if (sqlite3_bind_parameter_count(handle) > 1)
		sqlite3_bind_int64(handle, 2, second);
	code = step(booking, handle, &row);
	if (number)
		*number = row ? sqlite3_column_int64(handle, 0) : -1;
	end(handle);
	return code;
}

/* ---- looking ---------------------------------------------------------- */

/* Why not by its status or its breaker; NULL: it may be. */
static int look_at_status(struct booking *booking, const char **verdict, bool trial, int64_t *channels)
{
	sqlite3_stmt *handle;
	bool row = false;
	int code = prepare(booking, &handle, &find_trunk);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, booking->trunk_id);
	code = step(booking, handle, &row);
	booking->broken = row && sqlite3_column_int(handle, 1);
	*channels = row ? sqlite3_column_int64(handle, 3) : 0;
	if (booking->broken)
		*verdict = trial && sqlite3_column_int(handle, 2) ? NULL : "breaker";
	else
		*verdict = row && sqlite3_column_int(handle, 0) ? NULL : "not active";
	end(handle);
	return code;
}

static int note_look(struct booking *booking, const char *verdict, int64_t calls, int64_t channels)
{
	char text[96];
	int length = sqlite3_snprintf(sizeof(text), text, "%s[%lld,\"%s\",%lld,%lld]",
				      base_buffer_length(&booking->looked) > 1 ? "," : "", booking->trunk_id, verdict,
				      calls, channels)
			     ? (int)strlen(text)
			     : 0;

	if (base_buffer_append(&booking->looked, &booking->driver->allocator, text, (size_t)length))
		return base_fail(booking->detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	return 0;
}

static int look(struct booking *booking, bool *taken, bool trial)
{
	int64_t channels = 0, calls = -1, recent = -1;
	const char *verdict = NULL;
	int code = look_at_status(booking, &verdict, trial, &channels);

	if (!code && !verdict) {
		code = about_trunk(booking, &count_calls, channels > 0 ? channels : 0, &calls);
		if (calls >= channels)
			verdict = "full";
	}
	if (!code && !verdict && booking->rate > 0) {
		code = about_trunk(booking, &find_rate, booking->rate, &recent);
		if (recent > 0)
			verdict = "rate";
	}
	*taken = !code && !verdict;
	return code ? code : note_look(booking, verdict ? verdict : "taken", calls + *taken, channels);
}

/* The next number of "{3,5}", 0 at its end. */
static int64_t next_number(store_value *list)
{
	int64_t number = 0;

	while (list->length && (*list->data < '0' || *list->data > '9')) {
		list->data++;
		list->length--;
	}
	while (list->length && *list->data >= '0' && *list->data <= '9') {
		number = number * 10 + (*list->data++ - '0');
		list->length--;
	}
	return number;
}

static int choose(struct booking *booking)
{
	store_value trunks = booking->arguments[STORE_BOOK_TRUNKS];
	store_value rates = booking->arguments[STORE_BOOK_RATES];
	store_value trials = booking->arguments[STORE_BOOK_TRIALS];
	bool taken = false;
	int64_t i;
	int code = 0;

	booking->taken = -1;
	for (i = 0; !code && !taken && (booking->trunk_id = next_number(&trunks)); i++) {
		booking->rate = next_number(&rates);
		code = look(booking, &taken, next_number(&trials) != 0);
		if (taken)
			booking->taken = i;
	}
	return code;
}

/* ---- writing ---------------------------------------------------------- */

/* *found: there is such a call, and it has not ended. */
static int find(struct booking *booking, bool *found)
{
	sqlite3_stmt *handle;
	int code = prepare(booking, &handle, &find_call);

	*found = false;
	if (code)
		return code;
	bind(handle, 1, booking->arguments[STORE_BOOK_CALL_ID]);
	code = step(booking, handle, found);
	if (*found) {
		booking->row_id = sqlite3_column_int64(handle, 0);
		booking->before = sqlite3_column_int64(handle, 1);
	}
	end(handle);
	return code;
}

static int insert(struct booking *booking)
{
	static const enum store_book_argument order[] = {
		STORE_BOOK_CALL_ID,   STORE_BOOK_DIRECTION, STORE_BOOK_AGENT,  STORE_BOOK_CAMPAIGN, STORE_BOOK_LEAD,
		STORE_BOOK_ARGUMENTS, STORE_BOOK_CALLER,    STORE_BOOK_CALLEE, STORE_BOOK_START,    STORE_BOOK_NOW,
	};
	sqlite3_stmt *handle;
	bool row;
	int code = prepare(booking, &handle, &insert_call), i;

	if (code)
		return code;
	for (i = 0; i < (int)(sizeof(order) / sizeof(order[0])); i++)
		if (order[i] == STORE_BOOK_ARGUMENTS)
			sqlite3_bind_int64(handle, i + 1, booking->trunk_id);
		else
			bind(handle, i + 1, booking->arguments[order[i]]);
	code = step(booking, handle, &row);
	end(handle);
	booking->row_id = sqlite3_last_insert_rowid(booking->driver->db);
	return code;
}

static int move(struct booking *booking)
{
	sqlite3_stmt *handle;
	bool row;
	int code = prepare(booking, &handle, &move_call);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, booking->row_id);
	sqlite3_bind_int64(handle, 2, booking->trunk_id);
	bind(handle, 3, booking->arguments[STORE_BOOK_NOW]);
	code = step(booking, handle, &row);
	end(handle);
	if (code)
		return code;
	code = prepare(booking, &handle, &count_failure);
	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, booking->before);
	bind(handle, 2, booking->arguments[STORE_BOOK_NOW]);
	code = step(booking, handle, &row);
	end(handle);
	return code;
}

static int note(struct booking *booking)
{
	const struct base_buffer *looked = &booking->looked;
	sqlite3_stmt *handle;
	bool row;
	int code = prepare(booking, &handle, &note_route);

	if (code)
		return code;
	sqlite3_bind_int64(handle, 1, booking->row_id);
	bind(handle, 2, booking->arguments[STORE_BOOK_OWNER]);
	bind(handle, 3, booking->arguments[STORE_BOOK_TRACE]);
	bind(handle, 4, (store_value){base_buffer_front(looked), base_buffer_length(looked)});
	code = step(booking, handle, &row);
	end(handle);
	return code;
}

static int write_booking(struct booking *booking, bool moves)
{
	int code = 0;

	if (booking->broken)
		code = about_trunk(booking, &begin_trial, 0, NULL);
	if (!code && booking->rate > 0)
		code = about_trunk(booking, &count_booking, 0, NULL);
	if (!code && booking->rate > 0)
		code = about_trunk(booking, &note_booking, 0, NULL);
	if (!code)
		code = moves ? move(booking) : insert(booking);
	return code ? code : note(booking);
}

/* ---- the whole -------------------------------------------------------- */

static int answer(struct booking *booking, sqlite3_stmt **out, bool found)
{
	const struct base_buffer *looked = &booking->looked;
	int code = prepare(booking, out, &give_answer);

	if (code || !found)
		return code;
	if (booking->taken >= 0) {
		sqlite3_bind_int64(*out, 1, booking->row_id);
		sqlite3_bind_int64(*out, 2, booking->taken);
	}
	sqlite3_bind_text64(*out, 3, base_buffer_front(looked), base_buffer_length(looked), SQLITE_TRANSIENT,
			    SQLITE_UTF8);
	return 0;
}

int sqlite_book(struct store_driver *driver, sqlite3_stmt **out, const store_value *arguments,
		struct wtel_detail *detail)
{
	struct booking booking = {.driver = driver, .arguments = arguments, .detail = detail, .taken = -1};
	bool moves = arguments[STORE_BOOK_MOVE].length && arguments[STORE_BOOK_MOVE].data[0] == '1';
	bool found = true;
	int code = base_buffer_append(&booking.looked, &driver->allocator, "[", 1);

	if (code)
		return base_fail(detail, code, "", "%s", wtel_error_text(code));
	if (moves)
		code = find(&booking, &found);
	if (!code && found)
		code = choose(&booking);
	if (!code && base_buffer_append(&booking.looked, &driver->allocator, "]", 1))
		code = base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	if (!code && booking.taken >= 0)
		code = write_booking(&booking, moves);
	if (!code)
		code = answer(&booking, out, found);
	base_buffer_free(&booking.looked, &driver->allocator);
	return code;
}
