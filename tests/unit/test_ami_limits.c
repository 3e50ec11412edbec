#include "ami_outcome.h"
#include "fault.h"
#include "golden.h"

#include <sys/mman.h>
#include <unistd.h>

Test(ami_limits, beyond_a_limit_a_message_is_skipped_and_the_connection_lives)
{
	const struct wtel_ami_limits limits = {sizeof(limits), 20, 4, 50};
	static const char text[] = "Event: A\r\nB: 1\r\n\r\n"
				   "Event: line\r\nC: 34567890123456789\r\nD: 4\r\n\r\n"  /* 20 bytes: allowed */
				   "Event: long\r\nC: 345678901234567890\r\nD: 4\r\n\r\n" /* 21: not */
				   "Event: many\r\nB: 1\r\nB: 2\r\nB: 3\r\n\r\n"	  /* 4 fields */
				   "Event: more\r\nB: 1\r\nB: 2\r\nB: 3\r\nB: 4\r\n\r\n"  /* 5 */
				   "Event: size\r\nB: 3456789012345\r\nC: 34567890123456\r\n\r\n"  /* 50 bytes */
				   "Event: big\r\nB: 34567890123456\r\nC: 345678901234567\r\n\r\n" /* 51 */
				   "Event: Z\r\n\r\n";
	static const char *const kept[] = {"A", "line", "many", "size", "Z"};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t i;

	cr_assert_eq(wtel_ami_parser_new(&parser, &limits, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, text, sizeof(text) - 1), 0);
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 1, "%s is missing", kept[i]);
		assert_slice(message.head, kept[i]);
	}
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	cr_assert_eq(wtel_ami_parser_counters(parser)->skipped, 3);
	wtel_ami_parser_free(parser);
	assert_any_cut(text, sizeof(text) - 1, &limits, "limits");
}

Test(ami_limits, old_command_output_beyond_a_limit_is_skipped_to_its_end)
{
	const struct wtel_ami_limits limits = {sizeof(limits), 40, 5, 100};

	cr_assert_eq(parse_whole(old_command, sizeof(old_command) - 1, &limits).counters.skipped, 1);
	assert_any_cut(old_command, sizeof(old_command) - 1, &limits, "old command, limited");
}

struct peak {
	size_t now, most;
};

static void *peak_allocate(size_t size, void *user)
{
	struct peak *peak = user;
	size_t *block = malloc(size + 16);

	*block = size;
	peak->now += size;
	peak->most = peak->now > peak->most ? peak->now : peak->most;
	return block + 2;
}

static void peak_release(void *pointer, void *user)
{
	struct peak *peak = user;

	if (!pointer)
		return;
	peak->now -= ((size_t *)pointer)[-2];
	free((size_t *)pointer - 2);
}

static void *peak_reallocate(void *pointer, size_t size, void *user)
{
	void *grown = peak_allocate(size, user);
	size_t old = pointer ? ((size_t *)pointer)[-2] : 0;

	if (old)
		memcpy(grown, pointer, old < size ? old : size);
	peak_release(pointer, user);
	return grown;
}

Test(ami_limits, a_line_of_a_gigabyte_does_not_grow_the_buffer)
{
	struct peak peak = {0, 0};
	struct wtel_allocator allocator = {peak_allocate, peak_reallocate, peak_release, &peak};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t i, room;
	char *data;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, "Event: A\r\nB: ", 13), 0);
	for (i = 0; i < 16384; i++) {
		cr_assert_eq(wtel_ami_parser_reserve(parser, &data, &room, 65536), 0);
		cr_assert_geq(room, 65536);
		memset(data, i & 1 ? 'x' : '\n', 65536);
		wtel_ami_parser_commit(parser, 65536);
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	}
	cr_assert_eq(wtel_ami_parser_feed(parser, "\r\n\r\nEvent: C\r\n\r\n", 16), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "C");
	cr_assert_eq(wtel_ami_parser_counters(parser)->skipped, 1);
	cr_assert_lt(peak.most, 600000, "%zu bytes", peak.most);
	wtel_ami_parser_free(parser);
	cr_assert_eq(peak.now, 0);
}

Test(ami_limits, no_allocation_for_a_message_once_it_runs)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	glob_t found = golden_sessions();
	struct golden_file file = golden_read(found.gl_pathv[0]);
	struct outcome outcome = {0, 0, {0}};
	struct wtel_ami_parser *parser;
	size_t round, before = 0, at;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
	for (round = 0; round < 50; round++) {
		if (round == 5)
			before = fault.calls;
		for (at = 0; at < file.length; at += 100) {
			cr_assert_eq(wtel_ami_parser_feed(parser, file.data + at,
							  file.length - at < 100 ? file.length - at : 100),
				     0);
			outcome_drain(&outcome, parser);
		}
	}
	cr_assert_eq(fault.calls, before, "%zu allocations for %zu messages", fault.calls - before, outcome.messages);
	wtel_ami_parser_free(parser);
	cr_assert_eq(fault.out, 0);
	free(file.data);
	globfree(&found);
}

/* A message of 300 fields, so that the field array grows too. */
static size_t many_fields(char *text)
{
	size_t length = (size_t)sprintf(text, "Asterisk Call Manager/11.0.0\r\nEvent: Many\r\n"), i;

	for (i = 0; i < 300; i++)
		length += (size_t)sprintf(text + length, "Field%zu: value %zu\r\n", i, i);
	return length + (size_t)sprintf(text + length, "\r\nEvent: Last\r\n\r\n");
}

Test(ami_limits, nothing_is_lost_when_memory_runs_out)
{
	static char text[16384];
	size_t length = many_fields(text);
	struct outcome whole = parse_whole(text, length, NULL);

	cr_assert_eq(whole.messages, 3);
	FAULT_LOOP(allocator)
	{
		struct outcome outcome = {14695981039346656037u, 0, {0}};
		struct wtel_ami_message message;
		struct wtel_ami_parser *parser;
		size_t at, piece;
		int code, failed = 0;

		if (wtel_ami_parser_new(&parser, NULL, &allocator) == WTEL_ENOMEM)
			continue;
		for (at = 0; at < length; at += piece) {
			piece = length - at < 1000 ? length - at : 1000;
			code = wtel_ami_parser_feed(parser, text + at, piece);
			if (code == WTEL_ENOMEM) {
				failed++;
				cr_assert_eq(wtel_ami_parser_feed(parser, text + at, piece), 0);
			}
			while ((code = wtel_ami_parser_next(parser, &message)) != 0) {
				if (code == 1)
					outcome_message(&outcome, &message);
				else
					failed += code == WTEL_ENOMEM;
				cr_assert_lt(failed, 2);
			}
		}
		outcome.counters = *wtel_ami_parser_counters(parser);
		assert_same(whole, outcome, "failing allocation", allocator_fault.fail);
		wtel_ami_parser_free(parser);
	}
}

/* Blocks that end where memory ends: one byte read too far is a crash. */
static void *edge_allocate(size_t size, void *user)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	char *base = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)user;
	cr_assert_neq(base, MAP_FAILED);
	cr_assert_eq(mprotect(base + pages * page, page, PROT_NONE), 0);
	return base + pages * page - (size + 15) / 16 * 16;
}

static void *edge_reallocate(void *pointer, size_t size, void *user)
{
	void *grown = edge_allocate(size, user);

	/* Only fields grow, by doubling: half is old. */
	memcpy(grown, pointer, size / 2);
	return grown;
}

static void edge_release(void *pointer, void *user)
{
	(void)pointer;
	(void)user;
}

Test(ami_limits, nothing_is_read_beyond_the_input)
{
	static const char *const ends[] = {"\r\n\r\n", "\r\n\r", "\r\n",   "\r",    "\n",	   ":",
					   ": ",       "",	 "\r\n\n", "Event", "\r\nResponse"};
	struct wtel_allocator allocator = {edge_allocate, edge_reallocate, edge_release, NULL};
	struct outcome outcome = {0, 0, {0}};
	struct wtel_ami_parser *parser;
	struct wtel_ami_guard guard;
	struct wtel_ami_message message;
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* The first buffer has 4096 bytes: the text fills it. */
		memset(text, 'x', sizeof(text));
		memcpy(text, "Event: Newchannel\r\nChannel: a\r\n\r\nEvent: Y\r\nA: ", 47);
		memcpy(text + sizeof(text) - strlen(ends[i]), ends[i], strlen(ends[i]));
		cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
		cr_assert_eq(wtel_ami_parser_feed(parser, text, sizeof(text)), 0);
		memset(&guard, 0, sizeof(guard));
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
		wtel_ami_guard_judge(&guard, &message);
		outcome_drain(&outcome, parser);
		wtel_ami_parser_free(parser);
	}
	cr_assert_eq(outcome.messages, 2);
}
