/*
 * Runs on the machine that builds: reads the room's .def tables and prints ami_table.h, the constant
 * tables of schema.c: fields, shapes of events, and two hash tables without collisions.
 */
#include <stdio.h>
#include <string.h>

#include "ami/schema.h"

static const char *const fields[] = {
	"",
#define AMI_FIELD_X(id, name) name,
#include "ami/field.def"
#undef AMI_FIELD_X
};

struct event {
	const char *name, *group, *shape, *type;
	int legacy;
};

static const struct event events[] = {
	/* Any event may carry blocks; UserEvent and those without a type are only looked through for them. */
	{"", "NONE", "?-", "OTHER", 0},
#define WTEL_AMI_EVENT_X(id, name, group, shape) {name, #group, shape, #id, 0},
#include <wtel/event.def>
#undef WTEL_AMI_EVENT_X
#define AMI_LEGACY_X(name, id, shape) {name, "NONE", shape, #id, 1},
#include "ami/legacy.def"
#undef AMI_LEGACY_X
};

/* Every prefix that ast_manager_build_channel_state_string_prefix is called with in Asterisk's tree. */
static const char *const prefixes[] = {
	"",	      "Dest",		"Source",	    "LocalOne",	      "LocalTwo", "Transferer",
	"Transferee", "OrigTransferer", "SecondTransferer", "TransferTarget", "Spyer",	  "Spyee",
	"Parkee",     "Parker",		"Retriever",	    "Target",
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]), EVENTS = sizeof(events) / sizeof(events[0]), SLOTS = 1024 };

static struct ami_place places[256];
static size_t place_count = AMI_BLOCK;

static FILE *out;
static int failed;

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "generate: %s: %s\n", what, name);
	failed = 1;
}

static int alike(const char *a, const char *b, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((a[i] | 0x20) != (b[i] | 0x20))
			return 0;
	return 1;
}

static unsigned field_id(const char *name, size_t length)
{
	unsigned i;

	for (i = 1; i < FIELDS; i++)
		if (strlen(fields[i]) == length && alike(fields[i], name, length))
			return i;
	fail("no such field in field.def", name);
	return 0;
}

/* "A,B/C": gives back how many places were added. */
static size_t add_places(const char *text, size_t length)
{
	size_t before = place_count;
	const char *end = text + length;

	while (text < end) {
		size_t word = strcspn(text, ",/|");

		places[place_count].id = (uint8_t)field_id(text, word);
		text += word;
		if (text < end && *text == '/') {
			text++;
			word = strcspn(text, ",/|");
			places[place_count].other = (uint8_t)field_id(text, word);
			text += word;
		}
		place_count++;
		text++;
	}
	if (place_count > 200)
		fail("too many places", text);
	return place_count - before;
}

static void write_run(const char *text, size_t length, struct ami_schema *schema)
{
	int optional = *text == '?';
	size_t i, first = 0, count = AMI_BLOCK;

	text += optional;
	length -= (size_t)optional;
	if (*text == '=') {
		first = place_count;
		count = add_places(text + 1, length - 1);
		fprintf(out, "\t\t\t{\"\", 0, %zu, %zu, false, %s},\n", first, count, optional ? "true" : "false");
	} else {
		if (*text == '-')
			length = 0;
		fprintf(out, "\t\t\t{\"%.*s\", %zu, 0, %d, true, %s},\n", (int)length, text, length, AMI_BLOCK,
			optional ? "true" : "false");
		schema->blocks = true;
	}
	if (count == AMI_BLOCK && !first && length)
		return;
	for (i = 0; i < count; i++) {
		schema->own[places[first + i].id / 64] |= 1ull << places[first + i].id % 64;
		if (places[first + i].other)
			schema->own[places[first + i].other / 64] |= 1ull << places[first + i].other % 64;
	}
}

static void write_schema(unsigned number)
{
	const struct event *event = &events[number];
	struct ami_schema schema = {0};
	const char *shape = event->shape;
	int loose = !number || !strcmp(event->type, "USER_EVENT");
	int legacy = event->legacy || !strcmp(event->type, "BRIDGE");
	unsigned runs = 0;

	fprintf(out, "\t{\n\t\t.runs = {\n");
	while (*shape) {
		size_t length = strcspn(shape, "|");

		write_run(shape, length, &schema);
		if (++runs > AMI_MAX_RUNS)
			fail("too many runs", event->name);
		shape += length;
		shape += *shape == '|';
	}
	if (!runs)
		fprintf(out, "\t\t\t{\"\", 0, 0, 0, false, true},\n");
	fprintf(out, "\t\t},\n\t\t.name = {\"%s\", %zu}, .number = %u, .type = WTEL_AMI_%s, .group = AMI_GROUP_%s,\n",
		event->name, strlen(event->name), number, event->type, event->group);
	fprintf(out,
		"\t\t.run_count = %u, .legacy = %s, .loose = %s, .blocks = %s,\n\t\t.own = {%#llxu, %#llxu},\n\t},\n",
		runs, legacy ? "true" : "false", loose ? "true" : "false", schema.blocks ? "true" : "false",
		(unsigned long long)schema.own[0], (unsigned long long)schema.own[1]);
}

/* Looks for a multiplier under which no two names share a slot, and writes the table. */
static void write_hash(const char *what, const char *const *names, size_t count)
{
	static unsigned char slots[SLOTS];
	uint64_t multiplier = 0x9e3779b97f4a7c15;
	size_t i, j;
	int tries;

	for (i = 1; i < count; i++)
		for (j = 1; j < i; j++)
			if (ami_name_key(names[i], strlen(names[i])) == ami_name_key(names[j], strlen(names[j])))
				fail("two names with one key", names[i]);
	for (tries = 0; tries < 100000000; tries++) {
		memset(slots, 0, sizeof(slots));
		for (i = 1; i < count; i++) {
			size_t slot = (ami_name_key(names[i], strlen(names[i])) * multiplier) >> 54;

			if (slots[slot])
				break;
			slots[slot] = (unsigned char)i;
		}
		if (i == count)
			break;
		multiplier = (multiplier ^ multiplier >> 31) * 0xbf58476d1ce4e5b9 | 1;
	}
	if (tries == 100000000)
		fail("no multiplier found", what);
	fprintf(out, "static const uint64_t %s_multiplier = %#llxu;\n", what, (unsigned long long)multiplier);
	fprintf(out, "static const uint8_t %s_slots[%d] = {", what, SLOTS);
	for (i = 0; i < SLOTS; i++)
		fprintf(out, "%s%u,", i % 32 ? "" : "\n\t", slots[i]);
	fprintf(out, "\n};\n\n");
}

int main(void)
{
	const char *names[EVENTS];
	unsigned i;

	out = stdout;
	for (i = 0; i < AMI_BLOCK; i++)
		places[i].id = (uint8_t)(i + 1);
	fprintf(out,
		"/* Written by generate.c while building. */\n\nconst struct ami_name ami_field_names[AMI_FIELDS] = "
		"{\n");
	for (i = 0; i < FIELDS; i++)
		fprintf(out, "\t{\"%s\", %zu},\n", fields[i], strlen(fields[i]));
	fprintf(out, "};\n\nstatic const struct ami_schema schemas[] = {\n");
	for (i = 0; i < EVENTS; i++) {
		names[i] = events[i].name;
		write_schema(i);
	}
	fprintf(out, "};\n\nconst struct ami_place ami_places[] = {\n");
	for (i = 0; i < place_count; i++)
		fprintf(out, "\t{%u, %u},\n", places[i].id, places[i].other);
	fprintf(out, "};\n\nstatic const struct ami_run blocks[] = {\n");
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		fprintf(out, "\t{\"%s\", %zu, 0, %d, true, true},\n", prefixes[i], strlen(prefixes[i]), AMI_BLOCK);
	fprintf(out, "};\n\n");
	write_hash("field", fields, FIELDS);
	write_hash("event", names, EVENTS);
	return fflush(out) || failed;
}
