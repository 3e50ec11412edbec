/* Memory through the allocator that the object was made with. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <wtel/base.h>

/* The given allocator, or the C library's. */
struct wtel_allocator base_allocator(const struct wtel_allocator *allocator);

void *base_allocate(const struct wtel_allocator *allocator, size_t size);      /* NULL: out of memory */
void *base_allocate_zero(const struct wtel_allocator *allocator, size_t size); /* the same, zeroed */
void *base_reallocate(const struct wtel_allocator *allocator, void *pointer, size_t size);
void base_release(const struct wtel_allocator *allocator, void *pointer); /* NULL is allowed */

/* A terminated copy; NULL: out of memory. NUL inside the slice is kept. */
char *base_copy_slice(const struct wtel_allocator *allocator, struct wtel_slice text);
char *base_copy_string(const struct wtel_allocator *allocator, const char *text);

/* Overwrites secrets so that the compiler cannot leave it out. */
void base_wipe(void *pointer, size_t size);

#endif
