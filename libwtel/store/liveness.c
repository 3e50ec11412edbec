/*
 * Which process a row of wtel_instances means, and whether it lives. A process id is reused, and means something only
 * within one boot and one process-id namespace; together with the start time it names one process for good.
 */
#include "store/core.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <errno.h>

static void read_line(char *out, size_t room, const char *path)
{
	FILE *file = fopen(path, "re");

	out[0] = '\0';
	if (!file)
		return;
	if (!fgets(out, (int)room, file))
		out[0] = '\0';
	fclose(file);
	out[strcspn(out, "\n")] = '\0';
}

/* Field 22 of /proc/PID/stat; the second, the program's name, may hold blanks and brackets. 0: not known. */
static int64_t start_of(int64_t pid)
{
	char path[64], line[1024], *field;
	int number;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	read_line(line, sizeof(line), path);
	field = strrchr(line, ')');
	for (number = 2; field && number < 22; number++) {
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	return field ? strtoll(field, NULL, 10) : 0;
}

void store_process_self(struct store_process *out)
{
	char boot[64], space[48];
	ssize_t length = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);

	memset(out, 0, sizeof(*out));
	if (gethostname(out->host, sizeof(out->host) - 1))
		out->host[0] = '\0';
	space[length > 0 ? length : 0] = '\0';
	read_line(boot, sizeof(boot), "/proc/sys/kernel/random/boot_id");
	snprintf(out->boot, sizeof(out->boot), "%s %s", boot, space);
	out->pid = getpid();
	out->start = start_of(out->pid);
}

bool store_process_alive(const struct store_process *self, const char *boot, int64_t pid, int64_t start)
{
	int64_t found;

	if (strcmp(self->boot, boot) != 0 || !self->start || !start)
		return true; /* not to be seen from here: its heartbeat tells */
	if (pid <= 0 || pid > INT32_MAX || (kill((pid_t)pid, 0) && errno == ESRCH))
		return false;
	/* Where /proc hides other users' processes, this one is there, and its heartbeat tells the rest. */
	found = start_of(pid);
	return !found || found == start;
}
