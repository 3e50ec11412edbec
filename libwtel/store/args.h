/* Parameters of a statement, written into room of their own. "" and 0 become NULL where the column may be NULL. */
#ifndef STORE_ARGS_H
#define STORE_ARGS_H

#include "store/driver.h"

enum { STORE_ARGS_MAX = 20 };

struct store_args {
	size_t count;
	store_value values[STORE_ARGS_MAX];
	char room[STORE_ARGS_MAX][32];
};

void store_args_text(struct store_args *args, const char *text); /* NULL and "": NULL. Borrowed. */
void store_args_slice(struct store_args *args, struct wtel_slice text);
void store_args_id(struct store_args *args, int64_t id); /* 0: NULL */
void store_args_number(struct store_args *args, int64_t number);
void store_args_flag(struct store_args *args, bool flag);
void store_args_time(struct store_args *args, int64_t wall); /* 0: NULL */

/* One text of a caller: WTEL_EINJECTION for CR, LF or NUL, WTEL_EINVAL if it is not UTF-8, WTEL_ELIMIT beyond `most`
 * bytes. */
int store_check_text(struct wtel_detail *detail, const char *field, struct wtel_slice text, size_t most);

/*
 * A text from the wire made fit for a column: up to `most` bytes, cut between characters; what is not UTF-8 becomes
 * '?'. Gives the length; not terminated. `out` NULL: only counts. `text` may be NULL.
 */
size_t store_clean_text(char *out, size_t most, const char *text);

/* An id as the tables' INTEGER has room for: 0 to 2^31 - 1. */
int store_check_id(struct wtel_detail *detail, const char *field, int64_t id);

#endif
