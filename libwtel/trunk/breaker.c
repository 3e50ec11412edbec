/* A trunk's breaker, one step at a time. Its diagram is in <wtel/route.h>. */
#include <limits.h>
#include <wtel/route.h>

const char *wtel_breaker_state_name(enum wtel_breaker_state state)
{
	switch (state) {
	case WTEL_BREAKER_CLOSED:
		return "closed";
	case WTEL_BREAKER_OPEN:
		return "open";
	}
	return "";
}

/* The pause after the n-th opening in a row: doubled with each, up to the longest. */
static int64_t pause_of(const struct wtel_breaker_settings *settings, int openings)
{
	int64_t longest = settings->longest_pause > 0 ? settings->longest_pause : 0;
	int64_t pause = settings->pause > 0 ? settings->pause : 0;

	while (--openings > 0 && pause && pause < longest)
		pause = pause > longest / 2 ? longest : pause * 2;
	return pause < longest ? pause : longest;
}

static void open_until_next_trial(struct wtel_breaker *breaker, const struct wtel_breaker_settings *settings,
				  int64_t wall)
{
	int64_t pause;

	if (breaker->openings < INT_MAX)
		breaker->openings++;
	pause = pause_of(settings, breaker->openings);
	breaker->state = WTEL_BREAKER_OPEN;
	breaker->retry_at = wall > INT64_MAX - pause ? INT64_MAX : wall + pause;
	breaker->trial_until = 0;
}

static void count_fault(struct wtel_breaker *breaker)
{
	if (breaker->faults < INT_MAX)
		breaker->faults++;
}

/* An answered call never opens it: the ratio is on its way up then. */
static bool too_few_answered(const struct wtel_breaker_settings *settings, enum wtel_outcome outcome, int answered,
			     int attempts)
{
	return settings->ratio > 0 && outcome != WTEL_OUTCOME_ANSWERED && attempts > 0 &&
	       attempts >= settings->samples && (int64_t)answered * 100 < (int64_t)attempts * settings->ratio;
}

static bool step_closed(struct wtel_breaker *breaker, const struct wtel_breaker_settings *settings,
			enum wtel_outcome outcome, int answered, int attempts, int64_t wall)
{
	bool changed = outcome == WTEL_OUTCOME_FAULT || breaker->faults;

	if (outcome == WTEL_OUTCOME_FAULT)
		count_fault(breaker);
	else
		breaker->faults = 0;
	if ((settings->faults > 0 && breaker->faults >= settings->faults) ||
	    too_few_answered(settings, outcome, answered, attempts)) {
		open_until_next_trial(breaker, settings, wall);
		return true;
	}
	return changed;
}

/*
 * Calls that were begun before it opened go on ending: while no trial call was let through they say nothing that is not
 * known. A trial call that ends after its trial_until (it was answered, and long) is one all the same.
 */
static bool step_open(struct wtel_breaker *breaker, const struct wtel_breaker_settings *settings,
		      enum wtel_outcome outcome, int64_t wall)
{
	int64_t version = breaker->version;

	if (!breaker->trial_until)
		return false;
	if (outcome == WTEL_OUTCOME_FAULT) {
		count_fault(breaker);
		open_until_next_trial(breaker, settings, wall);
		return true;
	}
	*breaker = (struct wtel_breaker){.version = version, .state = WTEL_BREAKER_CLOSED};
	return true;
}

bool wtel_breaker_step(struct wtel_breaker *breaker, const struct wtel_breaker_settings *settings,
		       enum wtel_outcome outcome, int answered, int attempts, int64_t wall)
{
	if (breaker->state == WTEL_BREAKER_OPEN)
		return step_open(breaker, settings, outcome, wall);
	return step_closed(breaker, settings, outcome, answered, attempts, wall);
}
