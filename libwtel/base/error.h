/* Failing with a sentence. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <wtel/base.h>

/* Fills *detail (may be NULL) and gives back `code`: `return base_fail(detail, WTEL_EINVAL, "number", "...")`. */
int base_fail(struct wtel_detail *detail, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
