/*
 * What history needs of the platform's tables. Whether they exist, and with which columns, is asked once they are
 * needed; their names come joined to the calls.
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "store/driver.h"

/*
 * $1 from, $2 until, $3 campaign, $4 trunk, $5 disposition, $6 direction, $7 what a number begins with, $8 agent, $9
 * lead: each but the times may be NULL. With one agent, or one lead, the statement says so plainly, and is found by
 * that index; otherwise by time.
 */
#define STORE_MATCHING                                                                                                 \
	" WHERE c.start_time >= $1 AND c.start_time < $2"                                                              \
	" AND (CAST($3 AS INTEGER) IS NULL OR c.campaign_id = CAST($3 AS INTEGER))"                                    \
	" AND (CAST($4 AS INTEGER) IS NULL OR c.trunk_id = CAST($4 AS INTEGER))"                                       \
	" AND (CAST($5 AS TEXT) IS NULL OR CAST(c.disposition AS TEXT) = $5)"                                          \
	" AND (CAST($6 AS TEXT) IS NULL OR CAST(c.direction AS TEXT) = $6)"                                            \
	" AND (CAST($7 AS TEXT) IS NULL OR substr(c.callee_number, 1, length($7)) = $7"                                \
	" OR substr(c.caller_number, 1, length($7)) = $7)"
#define STORE_ANY_AGENT	   " AND (CAST($8 AS INTEGER) IS NULL OR c.agent_id = CAST($8 AS INTEGER))"
#define STORE_ANY_LEAD	   " AND (CAST($9 AS INTEGER) IS NULL OR c.lead_id = CAST($9 AS INTEGER))"
#define STORE_OF_ALL	   STORE_MATCHING STORE_ANY_AGENT STORE_ANY_LEAD
#define STORE_OF_AGENT	   STORE_MATCHING " AND c.agent_id = CAST($8 AS INTEGER)" STORE_ANY_LEAD
#define STORE_OF_LEAD	   STORE_MATCHING STORE_ANY_AGENT " AND c.lead_id = CAST($9 AS INTEGER)"
#define STORE_ACTIVE(flag) " AND (CAST(" flag " AS TEXT) IS NULL OR c.end_time IS NULL)"

/* Statements over calls with names of campaigns and leads. */
struct store_names {
	/* A page; $10 active; $11 and $12 start and id of the row before its first; $13 limit, $14 offset */
	struct store_statement all;
	struct store_statement agent;
	struct store_statement lead;
	struct store_statement one;   /* $1 call_id; a row for each leg */
	struct store_statement taken; /* $1 owner; unfinished calls that it took over */
	struct store_statement own;   /* $1 owner; all of its unfinished calls */
};

/* Until store->names is there: asks what the tables have, and makes the statements of the answer. WTEL_ENOMEM. */
extern const struct store_statement store_find_columns;
int store_names_found(struct wtel_store *store, const struct store_rows *rows, const struct store_names **out);
/* Those without names: of no platform's table. */
extern const struct store_names store_no_names;
void store_names_free(struct wtel_store *store);

#endif
