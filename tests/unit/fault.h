/*
 * An allocator that fails on demand and counts what is out, so that every test can also run with its n-th
 * allocation failing:
 *
 *   FAULT_LOOP(allocator) {
 *           code = wtel_thing_new(&thing, &allocator);
 *           if (code == WTEL_ENOMEM)
 *                   continue;             (the loop checks that nothing leaked and fails the next one)
 *           ...
 *           wtel_thing_free(thing);
 *   }
 *
 * The loop ends with the first pass in which no allocation had to fail.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <wtel/base.h>

struct fault {
	size_t calls; /* allocations asked for in this pass */
	size_t fail;  /* the one that fails, from 1; 0: none */
	size_t out;   /* blocks not yet released */
	size_t passes;
};

static inline void *fault_allocate(size_t size, void *user)
{
	struct fault *fault = user;
	void *pointer;

	if (++fault->calls == fault->fail)
		return NULL;
	pointer = malloc(size);
	fault->out++;
	return pointer;
}

static inline void *fault_reallocate(void *pointer, size_t size, void *user)
{
	struct fault *fault = user;

	if (++fault->calls == fault->fail)
		return NULL;
	if (!pointer)
		fault->out++;
	return realloc(pointer, size);
}

static inline void fault_release(void *pointer, void *user)
{
	struct fault *fault = user;

	if (pointer)
		fault->out--;
	free(pointer);
}

/* true while another pass is to be run. */
static inline int fault_next(struct fault *fault)
{
	cr_assert_eq(fault->out, 0, "%zu blocks leaked with allocation %zu failing", fault->out, fault->fail);
	if (fault->passes++ && (!fault->fail || fault->calls < fault->fail))
		return 0;
	fault->fail++;
	fault->calls = 0;
	return 1;
}

#define FAULT_LOOP(name)                                                                                               \
	struct fault name##_fault = {0, 0, 0, 0};                                                                      \
	struct wtel_allocator name = {fault_allocate, fault_reallocate, fault_release, &name##_fault};                 \
	while (fault_next(&name##_fault))

#endif
