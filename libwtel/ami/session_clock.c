/* Asterisk's Timestamp in terms of our wall clock. */
#include "ami/session.h"

/* Long enough that an undelayed event falls into each, short enough to follow a stepped clock within two of them. */
enum { CLOCK_WINDOW = 60000000 };

/* Nothing waits that long between Asterisk and us on a live connection: a clock was set. */
enum { CLOCK_STEP = 30000000 };

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void session_clock_sample(struct session_clock *clock, int64_t timestamp, struct wtel_time received)
{
	int64_t difference;

	if (timestamp <= 0 || __builtin_sub_overflow(received.wall, timestamp, &difference))
		return;
	if (clock->any && difference - lesser(clock->present, clock->past) > CLOCK_STEP)
		clock->any = false;
	if (!clock->any) {
		clock->present = clock->past = difference;
		clock->started = received.mono;
		clock->any = true;
	} else if (received.mono - clock->started >= CLOCK_WINDOW) {
		clock->past = clock->present;
		clock->present = difference;
		clock->started = received.mono;
	} else {
		clock->present = lesser(clock->present, difference);
	}
}

int64_t session_clock_wall(struct session_clock *clock, int64_t timestamp, struct wtel_time received)
{
	int64_t wall = received.wall;
	int64_t mapped;

	if (timestamp > 0) {
		session_clock_sample(clock, timestamp, received);
		if (clock->any && !__builtin_add_overflow(timestamp, lesser(clock->present, clock->past), &mapped))
			wall = lesser(wall, mapped);
	}
	/* Two threads of Asterisk stamp and queue on their own, and the first sample may be a late one. */
	if (wall < clock->last)
		wall = lesser(clock->last, received.wall);
	clock->last = wall;
	return wall;
}
