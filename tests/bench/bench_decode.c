/*
 * How fast bytes become messages and typed events, in memory on one core: repeats recorded AMI sessions for about two
 * seconds of processor time a measurement (others on the machine do not count).
 *
 *   bench_decode SESSION.ami...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wtel/ami.h>

struct bench {
	char *data;
	size_t length;
	uint64_t messages, events, fields, refused, check;
};

static double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Appends a session without its banner, which may stand only at a connection's beginning. */
static int bench_load(struct bench *bench, const char *name)
{
	FILE *in = fopen(name, "rb");
	char *grown;
	size_t got;
	long size;

	if (!in || fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0) {
		perror(name);
		if (in)
			fclose(in);
		return 0;
	}
	rewind(in);
	grown = realloc(bench->data, bench->length + (size_t)size + 1);
	if (!grown) {
		fclose(in);
		return 0;
	}
	bench->data = grown;
	if (!fgets(grown + bench->length, (int)size + 1, in))
		size = 0;
	got = size ? fread(grown + bench->length, 1, (size_t)size, in) : 0;
	bench->length += got;
	fclose(in);
	return 1;
}

static void bench_one(struct bench *bench, struct wtel_ami_guard *guard, const struct wtel_ami_message *message,
		      int level)
{
	struct wtel_ami_event event;

	bench->messages++;
	bench->fields += message->field_count;
	if (level >= 2 && wtel_ami_guard_judge(guard, message) != WTEL_AMI_TRUSTED) {
		bench->refused++;
		return;
	}
	if (level >= 1 && !wtel_ami_event_decode(&event, message)) {
		bench->events++;
		bench->check += (uint64_t)event.type + event.channel.unique_id.length;
	}
}

static int bench_run(struct bench *bench, const char *what, int level)
{
	struct wtel_ami_guard guard = {0};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	double start = bench_now(), now;
	uint64_t bytes = 0;
	size_t at = 0, piece;

	bench->messages = bench->events = bench->fields = bench->refused = bench->check = 0;
	if (wtel_ami_parser_new(&parser, NULL, NULL))
		return 1;
	do {
		/* Pieces of the size of a socket read. */
		piece = bench->length - at < 65536 ? bench->length - at : 65536;
		if (wtel_ami_parser_feed(parser, bench->data + at, piece))
			return 1;
		at = (at + piece) % bench->length;
		bytes += piece;
		while (wtel_ami_parser_next(parser, &message) == 1)
			bench_one(bench, &guard, &message, level);
		now = bench_now();
	} while (now - start < 2.0);
	wtel_ami_parser_free(parser);
	printf("%-24s %8.0f k messages/s %7.1f MB/s  (%.0f bytes, %.1f fields a message; %.0f k events/s, %.1f %% "
	       "refused)\n",
	       what, (double)bench->messages / (now - start) / 1e3, (double)bytes / (now - start) / 1e6,
	       (double)bytes / (double)bench->messages, (double)bench->fields / (double)bench->messages,
	       (double)bench->events / (now - start) / 1e3, 100.0 * (double)bench->refused / (double)bench->messages);
	return 0;
}

int main(int count, char **names)
{
	struct bench bench = {0};
	int i;

	for (i = 1; i < count; i++)
		if (!bench_load(&bench, names[i]))
			return 1;
	if (!bench.length) {
		fprintf(stderr, "usage: bench_decode SESSION.ami...\n");
		return 2;
	}
	i = bench_run(&bench, "parse", 0) || bench_run(&bench, "parse + decode", 1) ||
	    bench_run(&bench, "parse + guard + decode", 2);
	free(bench.data);
	return i;
}
