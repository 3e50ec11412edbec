/* What peers.c and accounts.c share. */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include "store/core.h"
#include "store/rows.h"

extern const struct store_statement store_get_peer; /* $1 user_id */
extern const struct wtel_detail store_no_account;

/* Empties the store's error. WTEL_EINVAL: no id of a user. */
int store_check_user(struct wtel_store *store, int64_t user_id);
/* A list of accounts, out of rows of store_get_peer. */
int store_take_peers(struct wtel_store *store, const struct store_rows *rows, void *out);

#endif
