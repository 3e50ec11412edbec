/*
 * The SQLite driver: a queue of statements that run when they are dispatched, so that it looks to the store like a
 * database at the end of a wire.
 */
#include "store/sqlite.h"

#include "base/buffer.h"

enum work_kind { WORK_QUERY, WORK_SCRIPT, WORK_WRITE };

struct sqlite_work {
	struct sqlite_work *next;
	enum work_kind kind;
	const struct store_statement *statement;
	const store_value *parameters; /* copied behind this block */
	size_t count;
	const struct store_change *changes;
	const char *sql;
	store_done_fn *done;
	void *user;
};

/* A result set, gathered so that rows can be read in any order. */
struct cell {
	size_t offset;
	size_t length; /* SIZE_MAX: NULL */
};

struct result {
	struct store_rows rows;
	struct base_buffer cells;
	struct base_buffer bytes;
};

/* ---- errors ----------------------------------------------------------- */

/* "UNIQUE constraint failed: trunks.name" -> "name". */
static void failed_column(char *out, size_t room, const char *message)
{
	const char *dot = strrchr(message, '.');

	base_slice_copy(out, room, wtel_slice_of(dot ? dot + 1 : ""));
}

static int no_schema(const char *message)
{
	return strstr(message, "no such table") || strstr(message, "no such column") ||
	       strstr(message, "has no column");
}

int sqlite_failed(struct store_driver *driver, int result, struct wtel_detail *detail)
{
	const char *message = sqlite3_errmsg(driver->db);
	char column[64];

	switch (result) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
		failed_column(column, sizeof(column), message);
		return base_fail(detail, WTEL_EEXISTS, column, "%s exists already", column[0] ? column : "it");
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return base_fail(detail, WTEL_ENOTFOUND, "", "what the row refers to does not exist");
	case SQLITE_READONLY:
	case SQLITE_READONLY_DBMOVED:
		return base_fail(detail, WTEL_ESTORE, "db", "the database file cannot be written: %s", message);
	default:
		break;
	}
	switch (result & 0xff) {
	case SQLITE_NOMEM:
		return base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	case SQLITE_BUSY:
		return base_fail(detail, WTEL_ESTORE, "db", "another process holds the database: %s", message);
	case SQLITE_FULL:
		return base_fail(detail, WTEL_ESTORE, "db", "no room for the database: %s", message);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return base_fail(detail, WTEL_ESTORE, "db", "the database file is damaged: %s", message);
	case SQLITE_ERROR:
		if (no_schema(message))
			return base_fail(detail, WTEL_ESCHEMA, "", "%s: the schema is missing or old", message);
		break;
	default:
		break;
	}
	return base_fail(detail, WTEL_ESTORE, "", "%s", message);
}

int sqlite_run(struct store_driver *driver, const char *sql, struct wtel_detail *detail)
{
	int result = sqlite3_exec(driver->db, sql, NULL, NULL, NULL);

	return result ? sqlite_failed(driver, result, detail) : 0;
}

int sqlite_set_relaxed(struct store_driver *driver, bool relaxed, struct wtel_detail *detail)
{
	int code;

	if (driver->relaxed == relaxed)
		return 0;
	/* In WAL mode NORMAL still keeps the file whole: what a loss of power takes are the last commits. */
	code = sqlite_run(driver, relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", detail);
	if (!code)
		driver->relaxed = relaxed;
	return code;
}

/* ---- statements ------------------------------------------------------- */

/* Texts are static, as the statements are: the address is the key. */
static int prepare_text(struct store_driver *driver, sqlite3_stmt **out, const char *text, struct wtel_detail *detail)
{
	struct sqlite_prepared *prepared;
	int result;

	for (prepared = driver->prepared; prepared; prepared = prepared->next)
		if (prepared->text == text) {
			*out = prepared->handle;
			return 0;
		}
	prepared = base_allocate_zero(&driver->allocator, sizeof(*prepared));
	if (!prepared)
		return base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	result = sqlite3_prepare_v3(driver->db, text, -1, SQLITE_PREPARE_PERSISTENT, &prepared->handle, NULL);
	if (result) {
		base_release(&driver->allocator, prepared);
		return sqlite_failed(driver, result, detail);
	}
	prepared->text = text;
	prepared->next = driver->prepared;
	driver->prepared = prepared;
	*out = prepared->handle;
	return 0;
}

int sqlite_prepare(struct store_driver *driver, sqlite3_stmt **out, const struct store_statement *statement,
		   struct wtel_detail *detail)
{
	return prepare_text(driver, out, statement->sqlite, detail);
}

static store_value result_column(const struct store_rows *rows, size_t row, size_t column)
{
	const struct result *result = rows->data;
	const struct cell *cell;

	if (row >= rows->row_count || column >= rows->column_count)
		return (store_value){NULL, 0};
	cell = (const struct cell *)(const void *)base_buffer_front(&result->cells) + row * rows->column_count + column;
	if (cell->length == SIZE_MAX)
		return (store_value){NULL, 0};
	return (store_value){base_buffer_front(&result->bytes) + cell->offset, cell->length};
}

static int keep_row(struct store_driver *driver, struct result *result, sqlite3_stmt *handle)
{
	size_t column;
	int code = 0;

	for (column = 0; column < result->rows.column_count && !code; column++) {
		const unsigned char *text = sqlite3_column_text(handle, (int)column);
		struct cell cell = {base_buffer_length(&result->bytes), SIZE_MAX};

		if (text)
			cell.length = (size_t)sqlite3_column_bytes(handle, (int)column);
		else if (sqlite3_column_type(handle, (int)column) != SQLITE_NULL)
			return WTEL_ENOMEM;
		/* One byte more, so that an empty text has an address. */
		if (text)
			code = base_buffer_append(&result->bytes, &driver->allocator, text, cell.length + 1);
		if (!code)
			code = base_buffer_append(&result->cells, &driver->allocator, &cell, sizeof(cell));
	}
	if (!code)
		result->rows.row_count++;
	return code;
}

static int step_all(struct store_driver *driver, struct result *result, sqlite3_stmt *handle,
		    struct wtel_detail *detail)
{
	int before = sqlite3_total_changes(driver->db);
	int step, code = 0;

	result->rows.column_count = (size_t)sqlite3_column_count(handle);
	while (!code && (step = sqlite3_step(handle)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			code = sqlite_failed(driver, step, detail);
		else if (keep_row(driver, result, handle))
			code = base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	}
	if (!code && sqlite3_total_changes(driver->db) != before)
		result->rows.changed = sqlite3_changes(driver->db);
	return code;
}

static int bind_all(struct store_driver *driver, sqlite3_stmt *handle, const struct sqlite_work *work,
		    struct wtel_detail *detail)
{
	int i, bound = 0, most = sqlite3_bind_parameter_count(handle);

	for (i = 1; i <= most && !bound; i++) {
		/* By its number: a statement may leave some out. */
		const char *name = sqlite3_bind_parameter_name(handle, i);
		int64_t number = name ? base_slice_number(wtel_slice_of(name + 1), 0) : 0;
		const store_value *value = &work->parameters[number - 1];

		if (number < 1 || (size_t)number > work->count)
			return base_fail(detail, WTEL_EINVAL, "", "%s: a parameter is missing", work->statement->name);
		if (value->data)
			bound = sqlite3_bind_text64(handle, i, value->data, value->length, SQLITE_STATIC, SQLITE_UTF8);
		else
			bound = sqlite3_bind_null(handle, i);
	}
	return bound ? sqlite_failed(driver, bound, detail) : 0;
}

static int run_text(struct store_driver *driver, struct result *result, const char *text,
		    const struct sqlite_work *work, struct wtel_detail *detail)
{
	sqlite3_stmt *handle = NULL;
	int code = prepare_text(driver, &handle, text, detail);

	if (code)
		return code;
	code = bind_all(driver, handle, work, detail);
	if (!code)
		code = step_all(driver, result, handle, detail);
	sqlite3_reset(handle);
	sqlite3_clear_bindings(handle);
	return code;
}

/* Ends a transaction that was begun, by whether all went well. */
static int finish(struct store_driver *driver, int code, struct wtel_detail *detail)
{
	if (!code)
		code = sqlite_run(driver, "COMMIT", detail);
	if (code && !sqlite3_get_autocommit(driver->db))
		sqlite3_exec(driver->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

static int run_booking(struct store_driver *driver, struct result *result, const struct sqlite_work *work,
		       struct wtel_detail *detail)
{
	sqlite3_stmt *answer = NULL;
	int code = sqlite_run(driver, "BEGIN IMMEDIATE", detail);

	if (code)
		return code;
	code = sqlite_book(driver, &answer, work->parameters, detail);
	if (!code)
		code = step_all(driver, result, answer, detail);
	if (answer) {
		sqlite3_reset(answer);
		sqlite3_clear_bindings(answer);
	}
	return finish(driver, code, detail);
}

static int run_query(struct store_driver *driver, struct result *result, const struct sqlite_work *work,
		     struct wtel_detail *detail)
{
	const struct store_statement *statement = work->statement;
	struct result second = {.rows = {.column = result_column}};
	bool swap = statement->then_tells;
	int code = sqlite_set_relaxed(driver, statement->relaxed, detail);

	if (!code && statement->books)
		return run_booking(driver, result, work, detail);
	if (code || !statement->sqlite_then)
		return code ? code : run_text(driver, result, statement->sqlite, work, detail);
	code = sqlite_run(driver, "BEGIN IMMEDIATE", detail);
	if (code)
		return code;
	code = run_text(driver, swap ? &second : result, statement->sqlite, work, detail);
	if (!code)
		code = run_text(driver, swap ? result : &second, statement->sqlite_then, work, detail);
	return finish(driver, code, detail);
}

static int run_script(struct store_driver *driver, const char *sql, struct wtel_detail *detail)
{
	int code = sqlite_set_relaxed(driver, false, detail);

	if (!code)
		code = sqlite_run(driver, "BEGIN IMMEDIATE", detail);
	if (code)
		return code;
	return finish(driver, sqlite_run(driver, sql, detail), detail);
}

/* ---- the driver ------------------------------------------------------- */

static void driver_close(struct store_driver *driver)
{
	struct wtel_allocator allocator;
	struct sqlite_prepared *prepared;
	struct sqlite_work *work;

	if (!driver)
		return;
	allocator = driver->allocator;
	while ((prepared = driver->prepared)) {
		driver->prepared = prepared->next;
		sqlite3_finalize(prepared->handle);
		base_release(&allocator, prepared);
	}
	while ((work = driver->first)) {
		driver->first = work->next;
		base_release(&allocator, work);
	}
	sqlite3_close(driver->db);
	base_release(&allocator, driver);
}

static int driver_open(struct store_driver **out, const struct wtel_store_options *options, const char *target,
		       const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct store_driver *driver = base_allocate_zero(allocator, sizeof(*driver));
	int code;

	if (!driver)
		return WTEL_ENOMEM;
	driver->allocator = *allocator;
	driver->lock_timeout = options->lock_timeout;
	/* "sqlite:///x" is another way to write "sqlite:/x". */
	if (strncmp(target, "///", 3) == 0)
		target += 2;
	code = target[0] ? sqlite_open_file(&driver->db, target, allocator, &driver->lock_timeout, detail)
			 : base_fail(detail, WTEL_ECONFIG, "db", "a path is missing after sqlite:");
	if (code) {
		driver_close(driver);
		return code;
	}
	*out = driver;
	return 0;
}

static void enqueue(struct store_driver *driver, struct sqlite_work *work)
{
	if (driver->last)
		driver->last->next = work;
	else
		driver->first = work;
	driver->last = work;
}

static int driver_query(struct store_driver *driver, const struct store_statement *statement,
			const store_value *parameters, size_t count, store_done_fn *done, void *user)
{
	size_t i, size = sizeof(struct sqlite_work) + count * sizeof(store_value);
	struct sqlite_work *work;
	store_value *values;
	char *bytes;

	for (i = 0; i < count; i++)
		size += parameters[i].length;
	work = base_allocate_zero(&driver->allocator, size);
	if (!work)
		return WTEL_ENOMEM;
	values = (store_value *)(work + 1);
	bytes = (char *)(values + count);
	for (i = 0; i < count; i++) {
		values[i] = parameters[i];
		if (!parameters[i].data)
			continue;
		values[i].data = bytes;
		memcpy(bytes, parameters[i].data, parameters[i].length);
		bytes += parameters[i].length;
	}
	*work = (struct sqlite_work){NULL, WORK_QUERY, statement, values, count, NULL, NULL, done, user};
	enqueue(driver, work);
	return 0;
}

static int driver_script(struct store_driver *driver, const char *sql, store_done_fn *done, void *user)
{
	size_t length = strlen(sql) + 1;
	struct sqlite_work *work = base_allocate(&driver->allocator, sizeof(*work) + length);

	if (!work)
		return WTEL_ENOMEM;
	memcpy(work + 1, sql, length);
	*work = (struct sqlite_work){NULL, WORK_SCRIPT, NULL, NULL, 0, NULL, (char *)(work + 1), done, user};
	enqueue(driver, work);
	return 0;
}

static int driver_write(struct store_driver *driver, const struct store_change *changes, size_t count,
			store_done_fn *done, void *user)
{
	struct sqlite_work *work = base_allocate(&driver->allocator, sizeof(*work));

	if (!work)
		return WTEL_ENOMEM;
	*work = (struct sqlite_work){NULL, WORK_WRITE, NULL, NULL, count, changes, NULL, done, user};
	enqueue(driver, work);
	return 0;
}

static void perform(struct store_driver *driver, const struct sqlite_work *work, struct wtel_time now)
{
	struct result result = {.rows = {.column = result_column}};
	struct wtel_detail detail = {"", ""};
	int code = 0;

	result.rows.data = &result;
	switch (work->kind) {
	case WORK_QUERY:
		code = run_query(driver, &result, work, &detail);
		break;
	case WORK_SCRIPT:
		code = run_script(driver, work->sql, &detail);
		break;
	case WORK_WRITE:
		code = sqlite_write(driver, work->changes, work->count, now.wall, &detail);
		break;
	}
	if (work->done)
		work->done(code, code ? NULL : &result.rows, code ? &detail : NULL, work->user);
	base_buffer_free(&result.cells, &driver->allocator);
	base_buffer_free(&result.bytes, &driver->allocator);
}

/* What is queued now; what callbacks add waits for the next turn, so that a loop never starves. */
static int driver_dispatch(struct store_driver *driver, struct wtel_time now)
{
	const struct sqlite_work *last = driver->last;
	struct sqlite_work *work;
	bool more;

	if (driver->running)
		return WTEL_EBUSY;
	driver->running = true;
	for (more = last != NULL; more; more = work != last) {
		work = driver->first;
		driver->first = work->next;
		if (!driver->first)
			driver->last = NULL;
		perform(driver, work, now);
		base_wipe(work, sizeof(*work));
		base_release(&driver->allocator, work);
	}
	sqlite_watch_dispatch(driver, now.mono);
	driver->running = false;
	return 0;
}

static int driver_fd(const struct store_driver *driver)
{
	(void)driver;
	return -1;
}

static short driver_events(const struct store_driver *driver)
{
	(void)driver;
	return 0;
}

static int64_t driver_deadline(const struct store_driver *driver)
{
	if (driver->first)
		return 0;
	return driver->watch.changed ? driver->watch.due : INT64_MAX;
}

static bool driver_connected(const struct store_driver *driver)
{
	(void)driver;
	return true;
}

const struct store_driver_ops store_sqlite = {
	"sqlite",  driver_open,	  driver_close,	   driver_query,    driver_script,    driver_write,
	driver_fd, driver_events, driver_deadline, driver_dispatch, driver_connected, sqlite_watch,
};
