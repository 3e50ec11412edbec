/* Accounts' secrets as they are given out again: to their owner, and to whoever writes Asterisk's files. */
#include "store/accounts.h"

STORE_BOTH(get_sealed,
	   "SELECT p.sip_username, p.extension, w.display_name, w.webrtc, w.sealed, p.status FROM sip_peers p"
	   " LEFT JOIN wtel_peers w ON w.peer_id = p.id WHERE p.user_id = $1");

STORE_BOTH(list_sealed, "SELECT p.user_id, w.sealed, w.peer_id FROM wtel_peers w JOIN sip_peers p ON p.id = w.peer_id"
			" WHERE w.sealed IS NOT NULL ORDER BY p.user_id");
STORE_BOTH(set_sealed, "UPDATE wtel_peers SET sealed = $3 WHERE peer_id = $1 AND sealed = $2");

STORE_BOTH(set_webrtc, "UPDATE wtel_peers SET webrtc = $2"
		       " WHERE peer_id = (SELECT id FROM sip_peers WHERE user_id = $1)");

STORE_BOTH(list_accounts, "SELECT p.sip_username, p.extension, w.display_name, w.webrtc, w.realm, w.username_md5,"
			  " w.username_sha256, w.extension_md5, w.extension_sha256 FROM sip_peers p"
			  " JOIN wtel_peers w ON w.peer_id = p.id WHERE p.status = 'active'"
			  " ORDER BY length(p.extension), p.extension");

STORE_BOTH(get_trunk_password, "SELECT password FROM trunks WHERE id = $1");

/* ---- to their owner --------------------------------------------------- */

static int fill_credentials(struct wtel_store *store, struct wtel_credentials *out, const struct store_rows *rows,
			    int64_t user_id, struct wtel_detail *said)
{
	char sealed[WTEL_SEALED_SIZE], status[16];
	int code;

	if (strcmp(store_row_text(status, sizeof(status), rows, 0, 5), "active") != 0)
		return base_fail(said, WTEL_ESTATE, "status", "the account is %s", status);
	if (!store->keyring)
		return base_fail(said, WTEL_ECONFIG, "secret_keys",
				 "secrets are not kept: set WTEL_SECRET_KEYS_FILE (wtelctl keys new makes a key) and"
				 " renew the account's secret");
	if (!store_row_text(sealed, sizeof(sealed), rows, 0, 4)[0])
		return base_fail(said, WTEL_ESTATE, "", "the account's secret was made without a key: renew it");
	code = wtel_unseal(out->password, store->keyring, STORE_SEAL_SIP, user_id, sealed);
	if (code == WTEL_ENOTFOUND)
		return base_fail(said, WTEL_ECONFIG, "secret_keys",
				 "the account's secret was sealed with a key that is no longer in WTEL_SECRET_KEYS");
	if (code == WTEL_EINVAL || code == WTEL_EPERMISSION)
		return base_fail(said, WTEL_ESTATE, "",
				 "the account's secret does not open: its key or its row was changed; renew it");
	if (code)
		return base_fail(said, code, "", "%s", wtel_error_text(code));
	store_row_text(out->username, sizeof(out->username), rows, 0, 0);
	store_row_text(out->extension, sizeof(out->extension), rows, 0, 1);
	store_row_text(out->display_name, sizeof(out->display_name), rows, 0, 2);
	out->webrtc = store_row_flag(rows, 0, 3);
	return 0;
}

struct disclosure {
	struct store_ask ask; /* first */
	int64_t user_id;
};

static void sealed_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct disclosure *disclosure = user;
	struct store_ask *ask = &disclosure->ask;
	struct wtel_store *store = ask->store;
	store_credentials_fn *done = (store_credentials_fn *)ask->callback;
	struct wtel_credentials credentials;
	struct wtel_detail said;
	void *tell = ask->user;

	memset(&credentials, 0, sizeof(credentials));
	store_ask_say(&said, code, detail);
	if (!code && !rows->row_count) {
		code = WTEL_ENOTFOUND;
		said = store_no_account;
	}
	if (!code)
		code = fill_credentials(store, &credentials, rows, disclosure->user_id, &said);
	store_ask_free(ask);
	done(code, &said, code ? NULL : &credentials, tell);
	base_wipe(&credentials, sizeof(credentials));
}

int store_peer_credentials(struct wtel_store *store, int64_t user_id, store_credentials_fn *done, void *user)
{
	struct store_args args = {0};
	struct disclosure *disclosure;
	int code = store_check_user(store, user_id);

	if (code)
		return code;
	disclosure = (struct disclosure *)store_ask_new(store, sizeof(*disclosure));
	if (!disclosure)
		return WTEL_ENOMEM;
	disclosure->ask.callback = (void (*)(void))done;
	disclosure->ask.user = user;
	disclosure->user_id = user_id;
	store_args_number(&args, user_id);
	code = store_ask_send(&disclosure->ask, &get_sealed, &args, sealed_read);
	if (code)
		store_ask_free(&disclosure->ask);
	return code;
}

static void credentials_waited(int code, const struct wtel_detail *detail, const struct wtel_credentials *credentials,
			       void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer && credentials)
		*(struct wtel_credentials *)answer->out = *credentials;
}

int wtel_store_peer_credentials(struct wtel_store *store, struct wtel_credentials *out, int64_t user_id)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	answer.out = out;
	return store_answer_end(&answer, store_peer_credentials(store, user_id, credentials_waited, answer.waiter));
}

int wtel_store_peer_set_webrtc(struct wtel_store *store, int64_t user_id, bool webrtc)
{
	struct store_args args = {0};
	int64_t changed = 0;
	int code = store_check_user(store, user_id);

	if (code)
		return code;
	store_args_number(&args, user_id);
	store_args_flag(&args, webrtc);
	code = store_wait(store, &set_webrtc, &args, store_take_changed, &changed);
	if (!code && !changed)
		code = base_fail(store_forget_error(store), WTEL_ENOTFOUND, "user_id",
				 "the user has no account whose secret was made here");
	return code;
}

/* ---- sealing anew ----------------------------------------------------- */

struct sealed_row {
	int64_t user_id;
	int64_t peer_id;
	char sealed[WTEL_SEALED_SIZE];
};
struct sealed_rows {
	size_t count;
	struct sealed_row *rows;
};

static int take_sealed(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct sealed_rows *list = out;
	size_t i;

	list->rows = base_allocate(&store->allocator, (rows->row_count + 1) * sizeof(*list->rows));
	if (!list->rows)
		return WTEL_ENOMEM;
	list->count = rows->row_count;
	for (i = 0; i < list->count; i++) {
		struct sealed_row *row = &list->rows[i];

		row->user_id = store_row_number(rows, i, 0);
		store_row_text(row->sealed, sizeof(row->sealed), rows, i, 1);
		row->peer_id = store_row_number(rows, i, 2);
	}
	return 0;
}

/* One that does not open is left as it is. */
static int seal_anew(struct wtel_store *store, const struct sealed_row *row, int64_t *changed, int64_t *left)
{
	char secret[WTEL_SEAL_MAX + 1], sealed[WTEL_SEALED_SIZE];
	struct store_args args = {0};
	int64_t written = 0;
	int code;

	if (wtel_sealed_by_first(store->keyring, row->sealed))
		return 0;
	code = wtel_unseal(secret, store->keyring, STORE_SEAL_SIP, row->user_id, row->sealed);
	if (code && code != WTEL_ENOMEM) {
		++*left;
		return 0;
	}
	if (!code)
		code = wtel_seal(sealed, store->keyring, STORE_SEAL_SIP, row->user_id, secret);
	base_wipe(secret, sizeof(secret));
	if (code)
		return base_fail(&store->error, code, "", "%s", wtel_error_text(code));
	store_args_number(&args, row->peer_id);
	store_args_text(&args, row->sealed);
	store_args_text(&args, sealed);
	code = store_wait(store, &set_sealed, &args, store_take_changed, &written);
	*changed += written;
	return code;
}

int wtel_store_reseal(struct wtel_store *store, int64_t *changed, int64_t *left)
{
	const struct store_args args = {0};
	struct sealed_rows list = {0, NULL};
	int64_t done = 0, closed = 0;
	size_t i;
	int code;

	if (!store->keyring)
		return base_fail(store_forget_error(store), WTEL_ECONFIG, "secret_keys",
				 "there is no key: set WTEL_SECRET_KEYS_FILE");
	code = store_wait(store, &list_sealed, &args, take_sealed, &list);
	for (i = 0; i < list.count && !code; i++)
		code = seal_anew(store, &list.rows[i], &done, &closed);
	base_release(&store->allocator, list.rows);
	if (code)
		return code;
	*changed = done;
	*left = closed;
	return 0;
}

/* ---- for Asterisk's files --------------------------------------------- */

static void fill_accounts(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct wtel_account_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_account *accounts = store_pack_room(pack, rows->row_count * sizeof(*accounts));
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		struct wtel_account account;

		memset(&account, 0, sizeof(account));
		account.username = store_pack_column(pack, rows, row, 0);
		account.extension = store_pack_column(pack, rows, row, 1);
		account.display_name = store_pack_column(pack, rows, row, 2);
		account.webrtc = store_row_flag(rows, row, 3);
		account.realm = store_pack_column(pack, rows, row, 4);
		account.username_md5 = store_pack_column(pack, rows, row, 5);
		account.username_sha256 = store_pack_column(pack, rows, row, 6);
		account.extension_md5 = store_pack_column(pack, rows, row, 7);
		account.extension_sha256 = store_pack_column(pack, rows, row, 8);
		if (accounts)
			accounts[row] = account;
	}
	if (list) {
		list->count = rows->row_count;
		list->accounts = accounts;
	}
}

static int take_accounts(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, fill_accounts, rows);
}

int wtel_store_accounts(struct wtel_store *store, struct wtel_account_list **out)
{
	const struct store_args args = {0};
	void *list = NULL;
	int code = store_wait(store, &list_accounts, &args, take_accounts, &list);

	if (!code)
		*out = list;
	return code;
}

void wtel_account_list_free(struct wtel_account_list *list)
{
	store_pack_free(list);
}

struct password {
	bool found;
	char text[WTEL_TRUNK_PASSWORD_SIZE];
};

static int take_password(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct password *password = out;

	(void)store;
	password->found = rows->row_count > 0;
	if (password->found)
		store_row_text(password->text, sizeof(password->text), rows, 0, 0);
	return 0;
}

int wtel_store_trunk_password(struct wtel_store *store, char out[WTEL_TRUNK_PASSWORD_SIZE], int64_t id)
{
	struct store_args args = {0};
	struct password password = {false, ""};
	int code = store_check_id(store_forget_error(store), "id", id);

	if (code)
		return code;
	store_args_number(&args, id);
	code = store_wait(store, &get_trunk_password, &args, take_password, &password);
	if (!code && !password.found)
		code = base_fail(store_forget_error(store), WTEL_ENOTFOUND, "id", "%s", store_no_trunk.text);
	if (!code)
		memcpy(out, password.text, sizeof(password.text));
	base_wipe(&password, sizeof(password));
	return code;
}
