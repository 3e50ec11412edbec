/*
 * libwtel: what every other header stands on.
 *
 * Manners of the whole API:
 *  - int results are 0 or a negative WTEL_E... code. Out parameters come first
 *    and are untouched on failure.
 *  - Every function that can fail for a reason worth telling takes or keeps a
 *    sentence: struct wtel_detail, or the handle's ..._error().
 *  - Option structs begin with `size_t size` and have an ..._INIT; a library
 *    newer than the program sees the old size and uses its defaults.
 *  - Ownership is one line at each function: caller frees, borrowed until, or copied.
 *  - Times are microseconds unless a name says otherwise.
 *  - No handle may be used by two threads at once; different handles may.
 */
#ifndef WTEL_BASE_H
#define WTEL_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WTEL_API	__attribute__((visibility("default")))
#define WTEL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WTEL_API
#define WTEL_MUST_CHECK
#endif

enum wtel_error {
	WTEL_OK = 0,
#define WTEL_ERROR_X(name, code, text) WTEL_##name = (code),
#include <wtel/error.def>
#undef WTEL_ERROR_X
};

/* "WTEL_ENOTRUNK" and "No trunks available". Never NULL. Borrowed for ever. */
WTEL_API const char *wtel_error_name(int code);
WTEL_API const char *wtel_error_text(int code);

/* The library's version, "0.1.0". Borrowed for ever. */
WTEL_API const char *wtel_version(void);

/*
 * What went wrong, for people. `field` is the name of the offending argument,
 * option, header or column ("" when there is none); `text` is one sentence
 * without a final stop that says what to do. No secret ever stands in it.
 */
struct wtel_detail {
	char field[64];
	char text[256];
};

/* Borrowed bytes: not terminated, may hold NUL. data == NULL means absent. */
struct wtel_slice {
	const char *data;
	size_t length;
};

/* A slice over a terminated string; NULL gives the absent slice. Borrowed. */
WTEL_API struct wtel_slice wtel_slice_of(const char *text);

/*
 * One instant on two clocks, in microseconds: `mono` from CLOCK_MONOTONIC for
 * deadlines, `wall` since the Unix epoch (UTC) for records. It enters the
 * library once per feed and is never read inside the pure parts.
 */
struct wtel_time {
	int64_t mono;
	int64_t wall;
};

/* Reads both clocks. */
WTEL_API struct wtel_time wtel_time_now(void);

/*
 * Where memory comes from. NULL wherever one is accepted means the C library's.
 * Copied; `user` must live as long as the object made with it.
 */
struct wtel_allocator {
	void *(*allocate)(size_t size, void *user);
	void *(*reallocate)(void *pointer, size_t size, void *user);
	void (*release)(void *pointer, void *user);
	void *user;
};

enum wtel_log_level { WTEL_LOG_ERROR, WTEL_LOG_WARNING, WTEL_LOG_INFO, WTEL_LOG_DEBUG };

/*
 * One line for a log, without newline and without secrets; `text` is borrowed
 * for the length of the call.
 */
typedef void wtel_log_fn(enum wtel_log_level level, const char *text, void *user);

#ifdef __cplusplus
}
#endif
#endif
