/*
 * Being told of changes. SQLite tells nobody: triggers count those of routing in the one row of wtel_changes, and that
 * is read twice a second, if anything was committed at all: by another connection (data_version) or by this one.
 */
#include "store/sqlite.h"

enum { PERIOD = 500000 };

/* -1: not to be had, as before the schema is made. */
static int64_t one_number(struct store_driver *driver, const struct store_statement *statement)
{
	struct wtel_detail detail;
	sqlite3_stmt *handle = NULL;
	int64_t number = -1;

	if (sqlite_prepare(driver, &handle, statement, &detail))
		return -1;
	if (sqlite3_step(handle) == SQLITE_ROW)
		number = sqlite3_column_int64(handle, 0);
	sqlite3_reset(handle);
	return number;
}

static bool committed(struct store_driver *driver)
{
	static const struct store_statement statement = {.name = "data_version", .sqlite = "PRAGMA data_version"};
	struct sqlite_watch *watch = &driver->watch;
	int64_t data_version = one_number(driver, &statement);
	int total = sqlite3_total_changes(driver->db);
	bool is = data_version != watch->data_version || total != watch->total_changes;

	watch->data_version = data_version;
	watch->total_changes = total;
	return is;
}

static bool counted(struct store_driver *driver)
{
	static const struct store_statement statement = {.name = "version",
							 .sqlite = "SELECT version FROM wtel_changes"};
	int64_t version = one_number(driver, &statement);
	bool is = version != driver->watch.version;

	driver->watch.version = version;
	return is;
}

void sqlite_watch(struct store_driver *driver, void (*changed)(void *user), void *user)
{
	driver->watch.changed = changed;
	driver->watch.user = user;
	if (!changed)
		return;
	driver->watch.due = wtel_time_now().mono + PERIOD;
	committed(driver);
	counted(driver);
}

void sqlite_watch_dispatch(struct store_driver *driver, int64_t mono)
{
	struct sqlite_watch *watch = &driver->watch;

	if (!watch->changed || watch->due > mono)
		return;
	watch->due = mono + PERIOD;
	if (committed(driver) && counted(driver))
		watch->changed(watch->user);
}
