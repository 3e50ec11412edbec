/*
 * Sessions captured from a real Asterisk, said to a session of ours: their ActionIDs are replaced by those of actions
 * that it sent, so that answers, lists and outcomes find them as they did then.
 */
#include "session_peer.h"

#include <glob.h>

struct replay {
	char *text; /* what the manager says after the login */
	size_t length;
	char *path;
	size_t actions;
	uint64_t tokens[64];
};

struct told {
	size_t types[WTEL_AMI_NOTICE_LOST + 1];
	size_t done[64]; /* by action */
	size_t refused;
	size_t distrusted; /* SECURITY with WTEL_EPROTOCOL */
	uint64_t print;	   /* of every notice in its order */
};

static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *text;
	long size;

	cr_assert_not_null(file, "%s", path);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = malloc((size_t)size + 1);
	cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
	fclose(file);
	text[size] = '\0';
	*length = (size_t)size;
	return text;
}

/* Behind the banner and the answer to the capture's own login. */
static const char *after_login(const char *text)
{
	const char *blank = strstr(text, "\r\n\r\n");

	cr_assert_not_null(strstr(text, "Authentication accepted\r\n\r\n"));
	cr_assert_eq(strncmp(text, "Asterisk Call Manager/", 22), 0);
	cr_assert(blank && strstr(text, "Authentication accepted") < blank);
	return blank + 4;
}

/* Sends an action for each ActionID of the capture ("test-2" and on) and puts ours in its place. */
static void prepare(struct replay *replay, struct peer *peer, const char *path)
{
	size_t length;
	char *text = read_file(path, &length);
	const char *from = after_login(text);
	const char *end = text + length;
	char ids[64][64];

	replay->text = malloc(length + 16384);
	replay->length = 0;
	replay->actions = 0;
	while (from < end) {
		unsigned long number;
		char *rest;

		if ((size_t)(end - from) < 16 || strncmp(from, "ActionID: test-", 15) != 0) {
			replay->text[replay->length++] = *from++;
			continue;
		}
		number = strtoul(from + 15, &rest, 10);
		cr_assert(number >= 2 && number - 2 < 64);
		for (; replay->actions <= number - 2; replay->actions++) {
			replay->tokens[replay->actions] = peer_ask(peer, "Status", SECOND, NULL);
			snprintf(ids[replay->actions], 64, "%s", peer_heard(peer, "ActionID"));
		}
		replay->length += (size_t)sprintf(replay->text + replay->length, "ActionID: %s", ids[number - 2]);
		from = rest;
	}
	free(text);
}

static void print(struct told *told, const void *data, size_t length)
{
	const unsigned char *byte = data;

	while (length--)
		told->print = (told->print ^ *byte++) * UINT64_C(1099511628211);
}

static void take(struct peer *peer, const struct replay *replay, struct told *told)
{
	const struct wtel_ami_notice *notice = &peer->notice;
	size_t i;

	while (wtel_ami_session_next(peer->session, &peer->notice) == 1) {
		told->types[notice->type]++;
		print(told, &notice->type, sizeof(notice->type));
		print(told, &notice->code, sizeof(notice->code));
		print(told, &notice->token, sizeof(notice->token));
		if (notice->message)
			print(told, notice->message->raw.data, notice->message->raw.length);
		cr_assert_leq(notice->wall, notice->time.wall);
		told->refused += notice->type == WTEL_AMI_NOTICE_DONE && notice->code;
		told->distrusted += notice->type == WTEL_AMI_NOTICE_SECURITY && notice->code == WTEL_EPROTOCOL;
		for (i = 0; i < replay->actions; i++)
			told->done[i] += notice->type == WTEL_AMI_NOTICE_DONE && notice->token == replay->tokens[i];
	}
}

/* Says it in pieces of `piece` bytes (0: of many sizes). */
static struct told run(const char *path, size_t piece, struct replay *replay,
		       struct wtel_ami_session_counters *counters)
{
	struct peer peer = peer_ready();
	struct told told = {{0}, {0}, 0, 0, 0};
	size_t done = 0;
	uint64_t state = 1;

	prepare(replay, &peer, path);
	while (done < replay->length) {
		size_t some = piece;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (!some)
			some = 1 + (size_t)(state >> 33) % 200;
		if (some > replay->length - done)
			some = replay->length - done;
		cr_assert_eq(wtel_ami_session_feed(peer.session, replay->text + done, some, peer.now), 0);
		done += some;
		take(&peer, replay, &told);
	}
	wtel_ami_session_counters(peer.session, counters);
	wtel_ami_session_free(peer.session);
	free(replay->text);
	return told;
}

static void replay_file(const char *path)
{
	static const size_t pieces[] = {1, 7, 1448, 0};
	bool forged = strstr(path, "forged") != NULL;
	struct wtel_ami_session_counters counters;
	struct replay replay;
	struct told told = run(path, SIZE_MAX, &replay, &counters);
	size_t i;

	cr_assert_eq(told.types[WTEL_AMI_NOTICE_LOST], 0, "%s", path);
	cr_assert_eq(told.types[WTEL_AMI_NOTICE_REJECTED], 0, "%s", path);
	for (i = 0; i < replay.actions; i++)
		cr_assert_leq(told.done[i], 1, "%s: action %zu is done twice", path, i);
	if (forged)
		return;
	cr_assert_eq(told.types[WTEL_AMI_NOTICE_SECURITY], 0, "%s: a genuine message is distrusted", path);
	cr_assert_eq(counters.unknown_responses, 0, "%s", path);
	for (i = 0; i < replay.actions; i++)
		cr_assert_eq(told.done[i], 1, "%s: action %zu is not done", path, i);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		cr_assert_eq(run(path, pieces[i], &replay, &counters).print, told.print, "%s in pieces of %zu", path,
			     pieces[i]);
}

Test(ami_replay, every_captured_session)
{
	glob_t found;
	size_t i;

	cr_assert_eq(glob(GOLDEN "/sessions/*.ami", 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++)
		replay_file(found.gl_pathv[i]);
	cr_assert_geq(found.gl_pathc, 20);
	globfree(&found);
}

Test(ami_replay, real_lists_are_whole)
{
	struct wtel_ami_session_counters counters;
	struct replay replay;
	struct told told = run(GOLDEN "/sessions/lists.ami", SIZE_MAX, &replay, &counters);

	/* 2 channels, 2 registrations and their 2 AuthDetails, 13 endpoints, 5 contacts, 2 of QueueStatus, 2 of Status,
	 * 1 of a Hangup by pattern. */
	cr_assert_eq(told.types[WTEL_AMI_NOTICE_ITEM], 29);
	cr_assert_eq(told.types[WTEL_AMI_NOTICE_DONE], replay.actions);
	cr_assert_eq(told.refused, 2, "an unknown action, and a channel that is not there");
}

Test(ami_replay, a_forged_answer_answers_nothing)
{
	struct wtel_ami_session_counters counters;
	struct replay replay;
	struct told told = run(GOLDEN "/sessions/forged_response.ami", SIZE_MAX, &replay, &counters);

	cr_assert_geq(told.types[WTEL_AMI_NOTICE_SECURITY], 1);
	cr_assert_geq(counters.broken, 1);
	cr_assert_eq(told.refused, 0);
}
