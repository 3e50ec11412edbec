/* The recorded AMI sessions, one after the other. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

struct golden_file {
	char *data;
	size_t length;
};

/* Caller frees data. Terminated, for text. */
static inline struct golden_file golden_read(const char *path)
{
	struct golden_file file = {NULL, 0};
	FILE *in = fopen(path, "rb");
	long size;

	cr_assert(in, "cannot open %s", path);
	cr_assert_eq(fseek(in, 0, SEEK_END), 0);
	size = ftell(in);
	rewind(in);
	file.data = malloc((size_t)size + 1);
	file.length = fread(file.data, 1, (size_t)size, in);
	file.data[file.length] = '\0';
	fclose(in);
	return file;
}

/* Paths of all sessions; there must be some. Caller calls globfree(). */
static inline glob_t golden_sessions(void)
{
	glob_t found;

	cr_assert_eq(glob(GOLDEN "/sessions/*.ami", 0, NULL, &found), 0, "no session in " GOLDEN "/sessions");
	cr_assert_gt(found.gl_pathc, 0);
	return found;
}

#endif
