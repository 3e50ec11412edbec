/*
 * A trunk's rules, read from advanced_settings once and asked often. What each key means is in <wtel/route.h>.
 */
#ifndef TRUNK_RULES_H
#define TRUNK_RULES_H

#include "base/alloc.h"
#include "trunk/zone.h"
#include <wtel/route.h>

enum { TRUNK_PREFIX_MAX = 24, TRUNK_PREFIXES_MAX = 20000, TRUNK_WINDOWS_MAX = 64, TRUNK_SETTINGS_MAX = 2 << 20 };

struct trunk_prefix {
	char prefix[TRUNK_PREFIX_MAX]; /* "+1", "00", "": '+' in front or none, then digits */
	char prepend[TRUNK_PREFIX_MAX];
	unsigned char strip; /* characters, at most the prefix and what follows it */
	bool deny;
};

/* Of a week in the trunk's zone; minutes since Monday 00:00. `to` may pass the week's end (10 080). */
struct trunk_window {
	int from;
	int to; /* exclusive */
};

struct trunk_rules {
	int calls_per_second;	       /* 0: no limit */
	int weight;		       /* 0: free channels */
	const char *caller_id;	       /* "" none */
	const char *timezone;	       /* "" UTC */
	struct trunk_prefix *prefixes; /* sorted by prefix, each once */
	size_t prefix_count;
	bool only_denies;	      /* a number that no prefix matches is carried */
	struct trunk_window *windows; /* one for each day it begins on, sorted, none overlaps another */
	size_t window_count;
	unsigned short *next, *stop; /* SIP codes */
	size_t next_count, stop_count;
	struct wtel_breaker_settings breaker;
};

/*
 * WTEL_EINVAL or WTEL_ELIMIT with the field ("advanced_settings.windows[1].to") and a sentence in *detail;
 * WTEL_ENOMEM. `settings` NULL or "": no rules. Keys of others are left alone; endpoint and registration are the
 * store's.
 */
int trunk_rules_read(struct trunk_rules *out, const char *settings, const struct wtel_allocator *allocator,
		     struct wtel_detail *detail);
void trunk_rules_free(struct trunk_rules *rules, const struct wtel_allocator *allocator);

/* Whether a call may begin at `wall`. *until: when that changes, INT64_MAX: never. `zone` NULL: UTC. */
bool trunk_rules_open(const struct trunk_rules *rules, const struct trunk_zone *zone, int64_t wall, int64_t *until);

/* wtel_fault_of() with the trunk's own codes before it. */
enum wtel_fault trunk_rules_fault(const struct trunk_rules *rules, int sip_code, int cause,
				  struct wtel_slice dial_status, bool ringing);

/* What is dialled for a number that `prefix` (NULL: none matched) decides. WTEL_ELIMIT: longer than E.164 and its
 * prefixes can be; WTEL_EINVAL: nothing is left of it. */
int trunk_prefix_apply(char out[WTEL_NUMBER_SIZE], const struct trunk_prefix *prefix, const char *number);

#endif
