#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* All directories of the path that are missing, for their owner only: the file holds customers' numbers and hashes. */
static int make_directories(const char *path, const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	char *copy = base_copy_string(allocator, path);
	char *slash;
	int code = 0;

	if (!copy)
		return WTEL_ENOMEM;
	for (slash = copy[0] ? strchr(copy + 1, '/') : NULL; slash && !code; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST && errno != EROFS && errno != EACCES)
			code = base_fail(detail, WTEL_ESTORE, "db", "cannot make the directory %.150s: %s", copy,
					 strerror(errno));
		*slash = '/';
	}
	base_release(allocator, copy);
	return code;
}

/* SQLite would create it by the umask; its -wal and -shm files take the mode of this one. */
static int make_file(const char *path, struct wtel_detail *detail)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return base_fail(detail, WTEL_ESTORE, "db", "cannot open %.150s for writing: %s", path,
				 strerror(errno));
	close(fd);
	return 0;
}

static int pause_and_count(int64_t *left)
{
	const struct timespec pause = {0, 5000000};

	if (*left <= 0)
		return 0;
	nanosleep(&pause, NULL);
	*left -= 5000;
	return 1;
}

/*
 * Readers and one writer at once, across processes. The mode is kept in the file; to change it SQLite needs the file
 * for itself and does not wait for that through its busy handler, so processes that start at once must try again.
 */
static int set_wal(sqlite3 *db, int64_t lock_timeout)
{
	int result;

	do {
		result = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	} while ((result & 0xff) == SQLITE_BUSY && pause_and_count(&lock_timeout));
	return result;
}

/*
 * Another process writes. Its transactions last well under a millisecond, or as long as the disk needs: sleep that
 * long, not in SQLite's own steps of up to 100 ms, and each process a little differently.
 */
static int wait_for_writer(void *user, int count)
{
	const int64_t *lock_timeout = user;
	int64_t step = count < 20 ? 100 + 17 * (getpid() % 16) : 1000 + 97 * (getpid() % 16);
	int64_t waited = count < 20 ? step * count : step * (count - 20);
	const struct timespec pause = {0, step * 1000};

	if (waited >= *lock_timeout)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

int sqlite_open_file(sqlite3 **out, const char *path, const struct wtel_allocator *allocator,
		     const int64_t *lock_timeout, struct wtel_detail *detail)
{
	bool memory = strcmp(path, ":memory:") == 0;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (memory ? SQLITE_OPEN_MEMORY : 0);
	sqlite3 *db = NULL;
	int code = 0, result;

	if (!memory) {
		code = make_directories(path, allocator, detail);
		if (!code)
			code = make_file(path, detail);
		if (code)
			return code;
	}
	result = sqlite3_open_v2(path, &db, flags, NULL);
	if (!result) {
		sqlite3_extended_result_codes(db, 1);
		sqlite3_busy_handler(db, wait_for_writer, (void *)(uintptr_t)lock_timeout);
		result = set_wal(db, *lock_timeout);
	}
	if (!result)
		result = sqlite3_exec(db,
				      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000;"
				      "PRAGMA wal_autocheckpoint = 4000",
				      NULL, NULL, NULL);
	if (result) {
		code = (result & 0xff) == SQLITE_NOMEM ? WTEL_ENOMEM : WTEL_ESTORE;
		base_fail(detail, code, "db", "%.120s: %.120s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(result));
		sqlite3_close(db);
		return code;
	}
	*out = db;
	return 0;
}
