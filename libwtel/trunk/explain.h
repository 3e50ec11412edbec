/* One choice, asked trunk by trunk. */
#ifndef TRUNK_EXPLAIN_H
#define TRUNK_EXPLAIN_H

#include "trunk/router.h"

struct explanation {
	struct router_table *table;
	const struct router_campaign *campaign; /* NULL: none */
	struct wtel_route_request request;
	char number[WTEL_NUMBER_SIZE];
	int64_t wall;
	size_t own;	/* so many of table->order are the campaign's */
	bool exclusive; /* and no other may be taken */
	size_t taken;	/* index in table->order of the one that comes first; table->count: none */
};

/* Fills table->order. WTEL_EINVAL: the number. */
int explain_begin(struct explanation *out, struct wtel_router *router, const struct wtel_route_request *request,
		  int64_t wall);
/* Of the trunk at that index of table->order. */
enum wtel_route_verdict explain_verdict(const struct explanation *explanation, size_t index);
/* A few words on it; cut at whole characters. */
void explain_text(const struct explanation *explanation, size_t index, enum wtel_route_verdict verdict, char *out,
		  size_t room);

#endif
