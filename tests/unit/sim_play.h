/* A simulator with one client and a clock of the test's own. */
#ifndef TESTS_SIM_PLAY_H
#define TESTS_SIM_PLAY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <wtel/sim.h>

#define SECOND INT64_C(1000000)
#define LOGIN  "Action: Login\r\nUsername: wtel\r\nSecret: wtel\r\n\r\n"
#define CALL(n)                                                                                                        \
	"Action: Originate\r\nActionID: o\r\nChannel: PJSIP/1001\r\nContext: welcomedly-outbound\r\nExten: " n         \
	"\r\nPriority: 1\r\nVariable: __WTEL_ENDPOINT=carrier\r\nAsync: true\r\nChannelId: WLCM-1\r\n\r\n"

struct play {
	struct wtel_sim *sim;
	struct wtel_sim_client *client;
	struct wtel_time now;
	char *text;
};

static inline void begin(struct play *play, const struct wtel_sim_options *options)
{
	memset(play, 0, sizeof(*play));
	play->now = (struct wtel_time){5 * SECOND, 1760000000 * SECOND};
	cr_assert_eq(wtel_sim_new(&play->sim, options, NULL), 0);
	cr_assert_eq(wtel_sim_connect(play->sim, &play->client, play->now), 0);
}

static inline void end(struct play *play)
{
	wtel_sim_free(play->sim);
	free(play->text);
}

static inline void say(struct play *play, const char *text)
{
	cr_assert_eq(wtel_sim_feed(play->sim, play->client, text, strlen(text), play->now), 0);
}

static inline void wait_for(struct play *play, int64_t time)
{
	play->now.mono += time;
	play->now.wall += time;
	cr_assert_eq(wtel_sim_tick(play->sim, play->now), 0);
}

/* What came since the last time, as a string. */
static inline const char *hear(struct play *play)
{
	struct wtel_slice out = wtel_sim_output(play->client, NULL);

	free(play->text);
	play->text = strndup(out.data, out.length);
	wtel_sim_sent(play->client, out.length);
	return play->text;
}

static inline bool closing(const struct play *play)
{
	bool is = false;

	(void)wtel_sim_output(play->client, &is);
	return is;
}

static inline void begin_inside(struct play *play, const struct wtel_sim_options *options)
{
	begin(play, options);
	say(play, LOGIN);
	hear(play);
}

static inline void answers(struct play *play, const char *action, const char *answer)
{
	say(play, action);
	cr_expect_str_eq(hear(play), answer, "to\n%s came\n%swanted\n%s", action, play->text, answer);
}

#endif
