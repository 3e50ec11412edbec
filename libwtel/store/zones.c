/* The system's time zones, as files: the one place where routing meets the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/core.h"

#define ZONES "/usr/share/zoneinfo/"

/* The largest zone of today has 3.6 KiB. */
enum { ZONE_NAME_MAX = 64, ZONE_SIZE_MAX = 65536 };

/* "Europe/Madrid", "Etc/GMT+5": nothing that leads out of the directory. */
static bool is_zone_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++) {
		char c = name[i];

		if (i == ZONE_NAME_MAX)
			return false;
		if (c == '/' && (i == 0 || name[i + 1] == '/' || !name[i + 1]))
			return false;
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_+-/", c)))
			return false;
	}
	return i > 0;
}

static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t count = read(fd, data + got, size - got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (!count)
			break;
		got += (size_t)count;
	}
	return (ssize_t)got;
}

/* The directory also holds lists of zones: "TZif" tells. */
static int read_zone(struct wtel_slice *out, int fd, struct store_zones *zones)
{
	struct stat about;
	ssize_t length;
	char *data;

	if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_size <= 0 || about.st_size > ZONE_SIZE_MAX)
		return WTEL_ENOTFOUND;
	data = base_reallocate(zones->allocator, zones->data, (size_t)about.st_size);
	if (!data)
		return WTEL_ENOMEM;
	zones->data = data;
	length = read_all(fd, data, (size_t)about.st_size);
	if (length < 4 || memcmp(data, "TZif", 4) != 0)
		return WTEL_ENOTFOUND;
	*out = (struct wtel_slice){data, (size_t)length};
	return 0;
}

int store_zone(struct wtel_slice *data, const char *name, void *user)
{
	char path[sizeof(ZONES) + ZONE_NAME_MAX];
	int fd, code;

	if (!name || !is_zone_name(name))
		return WTEL_ENOTFOUND;
	snprintf(path, sizeof(path), "%s%s", ZONES, name);
	/* Not to wait for the other end if it is a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return WTEL_ENOTFOUND;
	code = read_zone(data, fd, user);
	close(fd);
	return code;
}

void store_zones_free(struct store_zones *zones)
{
	base_release(zones->allocator, zones->data);
	zones->data = NULL;
}
