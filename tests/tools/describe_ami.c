/*
 * Prints what the parser, the guard and the decoder make of recorded AMI sessions:
 *
 *   describe_ami SESSION.ami        prints
 *   describe_ami -w SESSION.ami...  writes SESSION.events beside each, to be read by eye before it is committed
 */
#include "../unit/describe.h"

#include <stdlib.h>

static int describe_file(const char *name, FILE *out)
{
	struct describe describe = {.out = out};
	struct wtel_ami_parser *parser;
	FILE *in = fopen(name, "rb");
	char *room;
	size_t length, got;
	int done = 0;

	if (!in) {
		perror(name);
		return 0;
	}
	if (wtel_ami_parser_new(&parser, NULL, NULL)) {
		fclose(in);
		return 0;
	}
	/* The whole file first: what follows a message is then known, as when a machine reads a socket fast enough. */
	while (!wtel_ami_parser_reserve(parser, &room, &length, 65536) && (got = fread(room, 1, length, in)) > 0)
		wtel_ami_parser_commit(parser, got);
	done = describe_all(&describe, parser);
	wtel_ami_parser_free(parser);
	fclose(in);
	return done;
}

static int describe_beside(const char *name)
{
	size_t length = strlen(name);
	char *path;
	FILE *out;
	int done;

	if (length < 4 || strcmp(name + length - 4, ".ami"))
		return 0;
	path = malloc(length + 4);
	if (!path)
		return 0;
	snprintf(path, length + 4, "%.*s.events", (int)(length - 4), name);
	out = fopen(path, "w");
	free(path);
	if (!out)
		return 0;
	done = describe_file(name, out);
	return fclose(out) == 0 && done;
}

int main(int count, char **names)
{
	int i, wrong = count < 2;

	if (count > 2 && !strcmp(names[1], "-w")) {
		for (i = 2; i < count; i++)
			wrong |= !describe_beside(names[i]);
		return wrong;
	}
	for (i = 1; i < count; i++)
		wrong |= !describe_file(names[i], stdout);
	return wrong;
}
