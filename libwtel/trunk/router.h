/*
 * The router from inside. A table holds what is made of one list of trunks, all of it anew with each list; bit and
 * array positions are those of its trunks, sorted by (priority, id).
 */
#ifndef TRUNK_ROUTER_H
#define TRUNK_ROUTER_H

#include "trunk/health.h"
#include "trunk/index.h"
#include "trunk/rules.h"

/* Rules as read: shared with the table before if the settings are still the same. */
struct router_rules {
	unsigned refs;
	char *settings;
	struct trunk_rules rules;
};

struct router_trunk {
	int64_t id;
	char *name;
	char *endpoint;		       /* in the same memory as the name */
	char *last_error;	       /* the same; "" none */
	char *broken;		       /* why its rules cannot be used; NULL: they can */
	struct router_rules *kept;     /* NULL: they cannot be read */
	struct trunk_rules rules;      /* what is there, or none */
	const struct trunk_zone *zone; /* of the table; NULL: UTC */
	struct wtel_breaker breaker;
	struct health *health; /* shared with the table before */
	int priority;
	int max_channels;
	int active_calls;
	enum wtel_trunk_status status;
	bool registered;
	bool in_time; /* windows and breaker, as looked at last */
	bool needs_registration;
};

struct router_id {
	int64_t id;
	uint32_t position;
};

/* A trunk's place in a list. */
struct router_place {
	int64_t id;
	int priority;
	uint32_t position;
	int verdict; /* of an explanation; -1: not yet asked */
};

/* Trunks of equal priority: bits of words, in the order of the words. */
struct router_entry {
	uint64_t mask;
	uint32_t word;
};
struct router_group {
	uint32_t first, count; /* entries */
};
struct router_list {
	struct router_group *groups;
	struct router_entry *entries;
	size_t group_count;
	size_t trunk_count;
};

struct router_zone {
	char *name;
	struct trunk_zone *zone; /* NULL: there is none of that name */
};

struct router_table {
	struct router_trunk *trunks;
	struct router_id *ids; /* sorted */
	size_t count;
	size_t words; /* of a set of positions; never 0 */
	struct prefix_index index;
	struct router_list general;
	struct router_zone *zones;
	size_t zone_count;
	int64_t looked_at, wake_at; /* `in_time` of all is right from .. up to .. */
	uint32_t *weights;	    /* words * 64, 0 beyond the last trunk */
	uint64_t *bits;		    /* the sets below */
	uint64_t *all;
	uint64_t *ready;	     /* may carry a call, but for the number and the load */
	uint64_t *free;		     /* active_calls below max_channels */
	uint64_t *timed;	     /* windows or an open breaker: to be looked at as time goes */
	uint64_t *candidates, *late; /* for one choice */
	uint64_t *sums;		     /* weights of one group's words, for one draw */
	struct router_place *order;  /* for one explanation */
};

struct router_campaign {
	int64_t id;
	bool general;
	char *caller_id;
	struct router_place *places; /* its trunks, each once, sorted by (priority, id); without positions */
	size_t place_count;
	struct router_list list; /* of those that are in the table */
};

struct wtel_router {
	struct wtel_allocator allocator;
	char country[8];
	int (*zone)(struct wtel_slice *data, const char *name, void *user);
	void *zone_user;
	uint64_t random;
	struct router_table *table;	   /* never NULL */
	struct router_campaign *campaigns; /* sorted by id */
	size_t campaign_count;
};

/* table.c. Rules and health windows of trunks that stay are taken over from the router's present table. */
int router_table_new(struct router_table **out, struct wtel_router *router, const struct wtel_trunk *trunks,
		     size_t count);
void router_table_free(struct router_table *table, const struct wtel_allocator *allocator);
/* The position of a trunk; table->count: unknown. */
size_t router_find(const struct router_table *table, int64_t id);
struct router_trunk *router_trunk_of(const struct wtel_router *router, int64_t id);
/* The trunk's bits and weight, after something about it changed. */
void router_note(struct router_table *table, size_t position);
/* Looks at windows and breakers if `wall` asks for it. */
void router_look(struct router_table *table, int64_t wall);
/* Whether windows and breaker let a call begin. *until: when that may change. */
bool router_window_open(const struct router_trunk *trunk, int64_t wall, int64_t *until);
bool router_breaker_lets(const struct router_trunk *trunk, int64_t wall, int64_t *until);

/* list.c. `places` sorted by (priority, position). */
int router_list_new(struct router_list *out, const struct router_place *places, size_t count,
		    const struct wtel_allocator *allocator);
void router_list_free(struct router_list *list, const struct wtel_allocator *allocator);
/* A campaign's list in that table. */
int router_list_of(struct router_list *out, const struct router_campaign *campaign, const struct router_table *table,
		   const struct wtel_allocator *allocator);
/* NULL: unknown. */
const struct router_campaign *router_campaign_of(const struct wtel_router *router, int64_t id);

/* rank.c. The request in full, whatever its size; the number as E.164 ("" none). WTEL_EINVAL. */
int router_request(struct wtel_route_request *out, char number[WTEL_NUMBER_SIZE], const struct wtel_router *router,
		   const struct wtel_route_request *request);
/* The rule that decides about a number: the longest; NULL: none matches. */
const struct trunk_prefix *router_prefix(const struct trunk_rules *rules, const char *number);
/* What is dialled for a number that the trunk carries. False: nothing is left of it. */
bool router_dialled(char out[WTEL_NUMBER_SIZE], const struct trunk_rules *rules, const char *number);

static inline bool router_bit(const uint64_t *set, size_t position)
{
	return set[position / 64] >> (position & 63) & 1;
}

static inline void router_bit_set(uint64_t *set, size_t position, bool on)
{
	uint64_t bit = UINT64_C(1) << (position & 63);

	set[position / 64] = on ? set[position / 64] | bit : set[position / 64] & ~bit;
}

#endif
