/*
 * What a process that serves says: lines for standard output and standard error, written by a thread each. Whoever
 * reads them may stand still (a full pipe, a terminal that was stopped): calls go on, lines wait, and when there is no
 * more room they are counted.
 */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 262144, LINE_MAX_BYTES = 4096, NOTE_ROOM = 80, PATIENCE = 2 /* seconds */ };

struct lines {
	int fd;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	size_t begin, used; /* a ring */
	unsigned long lost; /* since the last line that was taken */
	bool ending;
	bool dead; /* nobody will ever read them */
	char data[ROOM];
};

/* A program has one of each. */
static struct lines *out, *error;

/* ---- the thread ------------------------------------------------------- */

/* How much of it was written; 0: it can never be. */
static size_t write_some(int fd, const char *data, size_t length)
{
	for (;;) {
		ssize_t written = write(fd, data, length);

		if (written > 0)
			return (size_t)written;
		if (written < 0 && errno == EAGAIN)
			(void)poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
		else if (written == 0 || errno != EINTR)
			return 0;
	}
}

static void *run(void *user)
{
	struct lines *lines = user;

	pthread_mutex_lock(&lines->lock);
	while (lines->used || !lines->ending) {
		size_t length = lines->used < ROOM - lines->begin ? lines->used : ROOM - lines->begin;
		const char *from = lines->data + lines->begin;

		if (!length) {
			pthread_cond_wait(&lines->changed, &lines->lock);
			continue;
		}
		pthread_mutex_unlock(&lines->lock);
		length = write_some(lines->fd, from, length);
		pthread_mutex_lock(&lines->lock);
		lines->dead = !length;
		if (lines->dead)
			length = lines->used;
		lines->begin = (lines->begin + length) % ROOM;
		lines->used -= length;
		pthread_cond_broadcast(&lines->changed);
	}
	pthread_mutex_unlock(&lines->lock);
	return NULL;
}

/* NULL: lines are written at once, as they come. */
static struct lines *open_lines(int fd)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	sigset_t all, before;

	if (!lines)
		return NULL;
	lines->fd = fd;
	pthread_mutex_init(&lines->lock, NULL);
	pthread_cond_init(&lines->changed, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	lines->started = pthread_create(&lines->thread, NULL, run, lines) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (lines->started)
		return lines;
	free(lines);
	return NULL;
}

void cli_lines_open(void)
{
	fflush(stdout);
	out = open_lines(STDOUT_FILENO);
	error = open_lines(STDERR_FILENO);
}

/* ---- the lines -------------------------------------------------------- */

static void append(struct lines *lines, const char *data, size_t length)
{
	size_t end = (lines->begin + lines->used) % ROOM;
	size_t first = length < ROOM - end ? length : ROOM - end;

	memcpy(lines->data + end, data, first);
	memcpy(lines->data, data + first, length - first);
	lines->used += length;
}

/* With the lock: where the lost ones were, their number stands. */
static void tell_lost(struct lines *lines)
{
	char note[NOTE_ROOM];
	int length;

	if (!lines->lost)
		return;
	length = snprintf(note, sizeof(note), "wtelctl: %lu lines were lost here: nobody read them\n", lines->lost);
	append(lines, note, (size_t)length);
	lines->lost = 0;
}

static void put(struct lines *lines, const char *data, size_t length)
{
	pthread_mutex_lock(&lines->lock);
	if (lines->dead || lines->used + length + (lines->lost ? NOTE_ROOM : 0) > ROOM - NOTE_ROOM) {
		lines->lost++;
	} else {
		tell_lost(lines);
		append(lines, data, length);
		pthread_cond_broadcast(&lines->changed);
	}
	pthread_mutex_unlock(&lines->lock);
}

static void print(struct lines *lines, FILE *file, const char *format, va_list arguments)
{
	char line[LINE_MAX_BYTES];
	int length = vsnprintf(line, sizeof(line) - 1, format, arguments);

	if (length < 0)
		return;
	if (length > (int)sizeof(line) - 2)
		length = (int)sizeof(line) - 2;
	line[length++] = '\n';
	if (lines) {
		put(lines, line, (size_t)length);
	} else {
		fwrite(line, 1, (size_t)length, file);
		fflush(file);
	}
}

void cli_print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(out, stdout, format, arguments);
	va_end(arguments);
}

void cli_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(error, stderr, format, arguments);
	va_end(arguments);
}

/* ---- the end ---------------------------------------------------------- */

/* As long as somebody reads, it waits. What waits behind somebody who does not is given up. */
static void close_lines(struct lines *lines)
{
	size_t left;

	if (!lines)
		return;
	pthread_mutex_lock(&lines->lock);
	tell_lost(lines); /* there is room: put() left it */
	lines->ending = true;
	pthread_cond_broadcast(&lines->changed);
	do {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += PATIENCE;
		left = lines->used;
		while (lines->used == left && left)
			if (pthread_cond_timedwait(&lines->changed, &lines->lock, &until) == ETIMEDOUT)
				break;
	} while (lines->used && lines->used < left);
	left = lines->used;
	pthread_mutex_unlock(&lines->lock);
	if (left) {
		/* It ends with the process, and the lines are its own until then. */
		pthread_detach(lines->thread);
		return;
	}
	pthread_join(lines->thread, NULL);
	pthread_cond_destroy(&lines->changed);
	pthread_mutex_destroy(&lines->lock);
	free(lines);
}

void cli_lines_close(void)
{
	close_lines(out);
	close_lines(error);
	out = error = NULL;
}
