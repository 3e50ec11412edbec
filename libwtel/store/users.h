/* What is known of the platform's table `usuarios`, and the statements that come of it. */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "store/driver.h"

enum {
	STORE_USERS_TEXT = 1024,
	STORE_USERS_KNOWN = 60000000 /* microseconds after which it is looked at again */
};

#define STORE_GRANT_COLUMNS                                                                                            \
	"g.id, g.kind, g.user_id, g.role, g.name, g.created_at, g.expires_at, g.last_used_at, g.revoked_at"

/* Statements are prepared by their address and name: those of a table that changed live on as long as the store. */
struct store_users {
	struct store_users *older;
	unsigned number;
	int64_t looked; /* mono */
	int code;	/* that a login gets: WTEL_ESCHEMA, or 0 */
	struct wtel_detail said;
	struct store_statement login; /* $1: the name that is typed; id, hash, role, active */
	/* $1: the hash of a secret; STORE_GRANT_COLUMNS, its user's active and role (NULL: nothing is known of it) */
	struct store_statement grant;
	struct store_statement tokens; /* the same of all tokens, newest first */
	char login_name[24], grant_name[24], tokens_name[24];
	char login_text[STORE_USERS_TEXT], grant_text[STORE_USERS_TEXT], tokens_text[STORE_USERS_TEXT];
};

/* How store->users comes to be: this is asked, and its rows are given to store_users_learn(). */
extern const struct store_statement store_users_columns;
int store_users_learn(struct wtel_store *store, const struct store_rows *rows);

/* With store->users: looks again, behind what is asked now, if it is old. */
void store_users_refresh(struct wtel_store *store);

bool store_users_active(struct wtel_slice value);
enum wtel_role store_users_role(struct wtel_slice value);

#endif
