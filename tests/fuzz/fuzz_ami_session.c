/*
 * A hostile peer: its bytes in any pieces, with ticks, actions and new connections in between. Nothing may crash, no
 * slice of a notice may point astray, and what we write must stay bounded and be whole actions.
 *
 * Input: steps of one byte and its argument. In the bytes that are fed, 0x01 stands for the ActionID of our
 * last action, so that the fuzzer can answer it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/ami.h>

#include "../unit/manager_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char last_id[64];
static unsigned sum; /* of every byte of every notice: the sanitizer watches the reading */

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void touch(struct wtel_slice slice)
{
	size_t i;

	for (i = 0; i < slice.length; i++)
		sum += (unsigned char)slice.data[i];
}

static void drain(struct wtel_ami_session *session)
{
	struct wtel_ami_notice notice;
	size_t i;

	while (wtel_ami_session_next(session, &notice) == 1) {
		require(notice.text && notice.source && notice.wall <= notice.time.wall);
		sum += (unsigned)(strlen(notice.text) + strlen(notice.source));
		if (notice.type == WTEL_AMI_NOTICE_EVENT || notice.type == WTEL_AMI_NOTICE_ITEM) {
			touch(notice.event.channel.unique_id);
			touch(notice.event.other.name);
			touch(notice.event.action_id);
			require(notice.event.message == notice.message);
		}
		if (!notice.message)
			continue;
		touch(notice.message->head);
		touch(notice.message->raw);
		for (i = 0; i < notice.message->field_count; i++) {
			touch(notice.message->fields[i].name);
			touch(notice.message->fields[i].value);
		}
	}
}

static void hear(struct wtel_ami_session *session)
{
	static struct model_message heard;
	struct wtel_slice bytes;

	for (;;) {
		bytes = wtel_ami_session_output(session);
		require(bytes.length <= (size_t)1 << 20);
		if (!bytes.length)
			return;
		model_read(&heard, bytes.data, bytes.length);
		require(heard.used && !heard.too_long && !heard.too_many && heard.count >= 2);
		require(model_header(&heard, "Action", 0) && model_header(&heard, "ActionID", 0));
		snprintf(last_id, sizeof(last_id), "%s", model_header(&heard, "ActionID", 0));
		wtel_ami_session_sent(session, heard.used);
	}
}

static void feed(struct wtel_ami_session *session, const uint8_t *data, size_t length, struct wtel_time now)
{
	size_t from = 0;
	size_t i;

	for (i = 0; i <= length; i++) {
		if (i < length && data[i] != 1)
			continue;
		require(wtel_ami_session_feed(session, data + from, i - from, now) == 0);
		drain(session);
		if (i < length)
			require(wtel_ami_session_feed(session, last_id, strlen(last_id), now) == 0);
		drain(session);
		from = i + 1;
	}
}

/* A login as Asterisk does it, so that what lies behind it is reached. */
static void let_in(struct wtel_ami_session *session, struct wtel_time now)
{
	static const char banner[] = "Asterisk Call Manager/11.0.0\r\n";
	static const char challenge[] = "Response: Success\r\nActionID: \x01\r\nChallenge: 1\r\n\r\n";
	static const char welcome[] = "Response: Success\r\nActionID: \x01\r\n\r\n";

	require(wtel_ami_session_open(session, now) == 0);
	feed(session, (const uint8_t *)banner, sizeof(banner) - 1, now);
	hear(session);
	feed(session, (const uint8_t *)challenge, sizeof(challenge) - 1, now);
	hear(session);
	feed(session, (const uint8_t *)welcome, sizeof(welcome) - 1, now);
	require(wtel_ami_session_ready(session));
}

static void step(struct wtel_ami_session *session, struct wtel_ami_action *action, uint8_t code, struct wtel_time now)
{
	switch (code % 8) {
	case 0:
		wtel_ami_session_tick(session, now);
		break;
	case 1:
		hear(session);
		break;
	case 2:
		(void)!wtel_ami_session_send(session, NULL, action, 1 + code * 1000, NULL, now);
		break;
	case 3:
		let_in(session, now);
		break;
	case 4:
		wtel_ami_session_close(session, now);
		break;
	case 5:
		(void)!wtel_ami_session_open(session, now);
		break;
	default:
		break;
	}
	if (code & 0x40)
		drain(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_ami_session_options options = WTEL_AMI_SESSION_OPTIONS_INIT;
	struct wtel_time now = {1000000, 1761388200000000};
	static const char *const filters[] = {"!Event: VarSet", NULL};
	struct wtel_ami_session *session = NULL;
	struct wtel_ami_action *action = NULL;

	options.username = "fuzz";
	options.secret = "secret";
	options.seed = 42;
	options.max_pending = 8;
	options.filters = filters;
	options.limits = (struct wtel_ami_limits){sizeof(struct wtel_ami_limits), 512, 64, 4096};
	require(wtel_ami_session_new(&session, &options, NULL, NULL) == 0);
	require(wtel_ami_action_new(&action, "CoreShowChannels", NULL) == 0);
	snprintf(last_id, sizeof(last_id), "none");
	if (size && data[0] & 1)
		let_in(session, now);
	while (size >= 2) {
		size_t length = data[1];

		now.mono += data[0] * 1000;
		now.wall += data[0] * 1000;
		if (data[0] & 0x80) {
			length = length < size - 2 ? length : size - 2;
			feed(session, data + 2, length, now);
		} else {
			length = 0;
			step(session, action, data[1], now);
		}
		data += 2 + length;
		size -= 2 + length;
	}
	drain(session);
	hear(session);
	wtel_ami_action_free(action);
	wtel_ami_session_free(session);
	return 0;
}
