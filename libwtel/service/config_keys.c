/* Keys for sealed secrets, out of a variable or a file that only its owner and group may read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "service/url.h"

enum { FILE_MOST = 65536 };

static int check_file(int file, struct wtel_detail *detail)
{
	struct stat status;

	if (fstat(file, &status) || !S_ISREG(status.st_mode))
		return base_fail(detail, WTEL_ECONFIG, "WTEL_SECRET_KEYS_FILE", "is no file");
	if (status.st_mode & (S_IWGRP | S_IRWXO))
		return base_fail(detail, WTEL_ECONFIG, "WTEL_SECRET_KEYS_FILE",
				 "others may read or write the file: chmod 640 it, or 600");
	if (status.st_size > FILE_MOST)
		return base_fail(detail, WTEL_ECONFIG, "WTEL_SECRET_KEYS_FILE", "is too long for a file of keys");
	return 0;
}

static int read_file(char *out, int file, struct wtel_detail *detail)
{
	size_t length = 0;
	ssize_t more;

	while ((more = read(file, out + length, FILE_MOST - length)) > 0 || (more < 0 && errno == EINTR))
		length += more > 0 ? (size_t)more : 0;
	out[length] = '\0';
	if (more < 0 || strlen(out) != length)
		return base_fail(detail, WTEL_ECONFIG, "WTEL_SECRET_KEYS_FILE", "%s",
				 more < 0 ? strerror(errno) : "is no text");
	return 0;
}

int config_keys(char **out, const char *text, const char *path, struct wtel_detail *detail)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	int code, file;

	*out = NULL;
	if (text || !path) {
		*out = text ? base_copy_string(&allocator, text) : NULL;
		return text && !*out ? base_fail(detail, WTEL_ENOMEM, "", "out of memory") : 0;
	}
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return base_fail(detail, WTEL_ECONFIG, "WTEL_SECRET_KEYS_FILE", "%s", strerror(errno));
	code = check_file(file, detail);
	if (!code && !(*out = base_allocate_zero(&allocator, FILE_MOST + 1)))
		code = base_fail(detail, WTEL_ENOMEM, "", "out of memory");
	if (!code)
		code = read_file(*out, file, detail);
	close(file);
	if (code) {
		config_keys_free(*out);
		*out = NULL;
	}
	return code;
}

void config_keys_free(char *text)
{
	struct wtel_allocator allocator = base_allocator(NULL);

	if (!text)
		return;
	base_wipe(text, strlen(text));
	base_release(&allocator, text);
}
