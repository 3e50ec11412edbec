/*
 * Decode and tracking in memory on one core: recorded sessions, each played by a thousand calls at once with ids of
 * their own, message by message in turn. Processor time; making the stream does not count.
 *
 *   bench_track SESSION.ami...
 *
 * Prints: events a second in thousands through parser, guard and decoder; the same with tracking; calls that ended;
 * bytes that a call active in the tracker takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wtel/call.h>

enum { COPIES = 1000, ROUNDS = 8, MAX_MESSAGES = 400, ACTIVE = 100000 };

struct session {
	char *data;
	size_t length;
	size_t starts[MAX_MESSAGES + 1]; /* messages, the banner left out */
	size_t count;
};

struct stream {
	char *data;
	size_t length;
	size_t room;
};

struct figures {
	double seconds;
	uint64_t events;
	uint64_t ended;
};

static double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int load(struct session *session, const char *name)
{
	FILE *in = fopen(name, "rb");
	char *at, *end;
	long size;

	if (!in || fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0) {
		perror(name);
		return 0;
	}
	rewind(in);
	session->data = calloc(1, (size_t)size + 1);
	session->length = fread(session->data, 1, (size_t)size, in);
	fclose(in);
	at = strstr(session->data, "\r\n");
	if (!at)
		return 0;
	for (at += 2; session->count < MAX_MESSAGES && (end = strstr(at, "\r\n\r\n")); at = end + 4)
		session->starts[session->count++] = (size_t)(at - session->data);
	session->starts[session->count] = (size_t)(at - session->data);
	return 1;
}

static void put(struct stream *stream, const char *data, size_t length)
{
	if (stream->length + length > stream->room) {
		stream->room = (stream->length + length) * 2;
		stream->data = realloc(stream->data, stream->room);
		if (!stream->data)
			exit(1);
	}
	memcpy(stream->data + stream->length, data, length);
	stream->length += length;
}

/* The same message of another call: the last eight digits before a name's end, and the ten first of a Uniqueid, are the
 * copy's. */
static void put_line(struct stream *stream, const char *line, size_t length, unsigned copy)
{
	const char *colon = memchr(line, ':', length);
	size_t key = colon ? (size_t)(colon - line) : 0;
	size_t begin = stream->length;
	char digits[16];

	put(stream, line, length);
	if (!key || length < key + 14)
		return;
	line = stream->data + begin;
	if (key >= 7 && !memcmp(line + key - 7, "Channel", 7) && line[key + 2] == 'P') {
		/* the two last hexadecimal digits tell the legs of one session apart */
		snprintf(digits, sizeof(digits), "%06x", copy & 0xffffff);
		memcpy(stream->data + begin + length - 10, digits, 6);
	} else if (key >= 8 && (!memcmp(line + key - 8, "Uniqueid", 8) || !memcmp(line + key - 8, "Linkedid", 8))) {
		size_t at = begin + key + 2;

		if (!memcmp(stream->data + at, "WLCM-", 5))
			at += 5;
		snprintf(digits, sizeof(digits), "%08u", copy % 100000000);
		memcpy(stream->data + at, digits, 8);
	}
}

static void put_message(struct stream *stream, const struct session *session, size_t message, unsigned copy)
{
	const char *at = session->data + session->starts[message];
	const char *end = session->data + session->starts[message + 1];

	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t length = line ? (size_t)(line - at) + 1 : (size_t)(end - at);

		put_line(stream, at, length, copy);
		at += length;
	}
}

static void put_round(struct stream *stream, const struct session *sessions, size_t count, unsigned round)
{
	size_t s, m;
	unsigned copy;

	stream->length = 0;
	for (s = 0; s < count; s++)
		for (m = 0; m < sessions[s].count; m++)
			for (copy = 0; copy < COPIES; copy++)
				put_message(stream, &sessions[s], m, round * COPIES * 16 + (unsigned)s * COPIES + copy);
}

static void take(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct figures *out)
{
	struct wtel_call_change change;

	if (wtel_tracker_feed(tracker, event, event->timestamp))
		exit(1);
	while (wtel_tracker_next(tracker, &change) == 1)
		out->ended += change.type == WTEL_CALL_CHANGE_ENDED;
}

/* `tracker` NULL: without. Chunks of 16 KiB, as a socket gives them. */
static void play(const struct stream *stream, struct wtel_ami_parser *parser, struct wtel_tracker *tracker,
		 struct figures *out)
{
	struct wtel_ami_guard guard = {0};
	struct wtel_ami_message message;
	struct wtel_ami_event event;
	double begin = bench_now();
	size_t at, length;

	for (at = 0; at < stream->length; at += length) {
		length = stream->length - at < 16384 ? stream->length - at : 16384;
		if (wtel_ami_parser_feed(parser, stream->data + at, length))
			exit(1);
		while (wtel_ami_parser_next(parser, &message) == 1) {
			if (message.kind != WTEL_AMI_EVENT ||
			    wtel_ami_guard_judge(&guard, &message) != WTEL_AMI_TRUSTED ||
			    wtel_ami_event_decode(&event, &message))
				continue;
			out->events++;
			if (tracker)
				take(tracker, &event, out);
		}
	}
	out->seconds += bench_now() - begin;
}

static struct wtel_tracker *tracker_make(const struct wtel_allocator *allocator)
{
	static const char *const trunks[] = {"carrier-a", "carrier-b", "carrier-ip", "carrier-silent"};
	struct wtel_tracker *tracker;
	int i;

	if (wtel_tracker_new(&tracker, NULL, allocator))
		exit(1);
	for (i = 0; i < 4; i++)
		if (wtel_tracker_set_trunk(tracker, trunks[i], i + 1))
			exit(1);
	return tracker;
}

static size_t bytes;

static void *count_allocate(size_t size, void *user)
{
	size_t *block = malloc(size + 16);

	(void)user;
	if (!block)
		exit(1);
	bytes += size;
	*block = size;
	return (char *)block + 16;
}

static void count_release(void *pointer, void *user)
{
	(void)user;
	if (!pointer)
		return;
	bytes -= *(size_t *)((char *)pointer - 16);
	free((char *)pointer - 16);
}

static void *count_reallocate(void *pointer, size_t size, void *user)
{
	char *fresh = count_allocate(size, user);
	size_t old = pointer ? *(size_t *)((char *)pointer - 16) : 0;

	memcpy(fresh, pointer ? pointer : fresh, old < size ? old : size);
	count_release(pointer, user);
	return fresh;
}

/* The first half of a session makes a call with two legs; a hundred thousand of them stay. */
static size_t bytes_per_call(const struct session *session)
{
	struct wtel_allocator allocator = {count_allocate, count_reallocate, count_release, NULL};
	struct wtel_tracker *tracker = tracker_make(&allocator);
	struct wtel_tracker_counters counters;
	struct wtel_ami_parser *parser;
	struct stream stream = {NULL, 0, 0};
	struct figures figures = {0, 0, 0};
	size_t before = bytes, each, m;
	unsigned copy;

	if (wtel_ami_parser_new(&parser, NULL, NULL))
		exit(1);
	for (copy = 0; copy < ACTIVE; copy++) {
		stream.length = 0;
		for (m = 0; m < session->count / 2; m++)
			put_message(&stream, session, m, 50000000 + copy);
		play(&stream, parser, tracker, &figures);
	}
	wtel_tracker_counters(tracker, &counters);
	each = counters.active ? (bytes - before) / counters.active : 0;
	wtel_tracker_free(tracker);
	wtel_ami_parser_free(parser);
	free(stream.data);
	return each;
}

int main(int argc, char **argv)
{
	struct session *sessions = calloc((size_t)argc, sizeof(*sessions));
	struct wtel_tracker *tracker = tracker_make(NULL);
	struct wtel_ami_parser *parser;
	struct stream stream = {NULL, 0, 0};
	struct figures decode = {0, 0, 0}, track = {0, 0, 0};
	unsigned round;
	int i;

	if (argc < 2 || argc > 16 || !sessions || wtel_ami_parser_new(&parser, NULL, NULL))
		return 2;
	for (i = 1; i < argc; i++)
		if (!load(&sessions[i - 1], argv[i]))
			return 2;
	for (round = 0; round < ROUNDS; round++) {
		put_round(&stream, sessions, (size_t)argc - 1, round);
		play(&stream, parser, NULL, &decode);
		play(&stream, parser, tracker, &track);
	}
	printf("%.0f %.0f %llu %zu\n", (double)decode.events / decode.seconds / 1000,
	       (double)track.events / track.seconds / 1000, (unsigned long long)track.ended,
	       bytes_per_call(&sessions[0]));
	wtel_tracker_free(tracker);
	wtel_ami_parser_free(parser);
	free(stream.data);
	for (i = 1; i < argc; i++)
		free(sessions[i - 1].data);
	free(sessions);
	return 0;
}
