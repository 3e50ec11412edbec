/*
 * What history needs of the platform's tables. Whether they exist, and with which columns, is asked once they are
 * needed; their names come joined to the calls.
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "store/driver.h"

/* $1 from, $2 until, $3 campaign, $4 trunk, $5 disposition. */
#define STORE_MATCHING                                                                                                 \
	" WHERE c.start_time >= $1 AND c.start_time < $2"                                                              \
	" AND (CAST($3 AS INTEGER) IS NULL OR c.campaign_id = CAST($3 AS INTEGER))"                                    \
	" AND (CAST($4 AS INTEGER) IS NULL OR c.trunk_id = CAST($4 AS INTEGER))"                                       \
	" AND (CAST($5 AS TEXT) IS NULL OR CAST(c.disposition AS TEXT) = $5)"
#define STORE_AGENT	   " AND c.agent_id = $6"
#define STORE_ACTIVE(flag) " AND (CAST(" flag " AS TEXT) IS NULL OR c.end_time IS NULL)"

/* Statements over calls with names of campaigns and leads. */
struct store_names {
	struct store_statement all;   /* page; $6 active, $7 limit, $8 offset */
	struct store_statement agent; /* page; $6 agent, $7 active, $8 limit, $9 offset */
	struct store_statement one;   /* $1 call_id; a row for each leg */
	struct store_statement taken; /* $1 owner; unfinished calls that it took over */
};

/* Until store->names is there: asks what the tables have, and makes the statements of the answer. WTEL_ENOMEM. */
extern const struct store_statement store_find_columns;
int store_names_found(struct wtel_store *store, const struct store_rows *rows, const struct store_names **out);
/* Those without names: of no platform's table. */
extern const struct store_names store_no_names;
void store_names_free(struct wtel_store *store);

#endif
