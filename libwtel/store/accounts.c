/*
 * Accounts' secrets: made with the account, or anew. The plain one is given out once; kept are its bcrypt hash (of the
 * platform's table), the digests that Asterisk checks phones with and, where there is a key, itself sealed, all in one
 * transaction.
 */
#include "store/accounts.h"

#include <stdio.h>

/*
 * bcrypt's least cost, 2 ms: a higher one is for words that can be guessed, and these are 128 random bits. At 10 the
 * whole loop would stand still for 100 ms with each account, and Asterisk waits for its reader no longer than that.
 */
enum { HASH_COST = 4 };

enum { MAX_ATTEMPTS = 10000, NAME_MOST = 255 };

/* What stands in the way of a new account: $1 the user, $2 the user name; and the first free extension from 1001 up. */
#define IN_THE_WAY(number)                                                                                             \
	"SELECT (SELECT count(*) FROM sip_peers WHERE user_id = $1),"                                                  \
	" (SELECT count(*) FROM sip_peers WHERE sip_username = $2),"                                                   \
	" (SELECT min(free.n) FROM (SELECT 1001 AS n UNION ALL SELECT p.n + 1 FROM (" number ") p WHERE p.n > 1000)"   \
	" free WHERE NOT EXISTS (SELECT 1 FROM sip_peers q WHERE q.extension = CAST(free.n AS TEXT)))"
static const struct store_statement find_free = {
	.name = "find_free",
	.sqlite = IN_THE_WAY("SELECT CAST(extension AS INTEGER) AS n FROM sip_peers"
			     " WHERE extension NOT GLOB '*[^0-9]*' AND length(extension) < 10"),
	.postgres = IN_THE_WAY("SELECT CASE WHEN extension ~ '^[0-9]{1,9}$' THEN CAST(extension AS integer) END AS n"
			       " FROM sip_peers"),
};

/* $1 user, $2 hash, $3 time, $4 user name, $5 extension, $6 realm, $7 to $10 digests, $11 sealed; $12 display name, $13
 * webrtc. */
#define PEER_COLUMNS                                                                                                   \
	" INTO wtel_peers (peer_id, realm, username_md5, username_sha256, extension_md5, extension_sha256, sealed"
#define PEER_VALUES                                                                                                    \
	" SELECT p.id, CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT), CAST($10 AS TEXT),"     \
	" CAST($11 AS TEXT)"
#define PEER_UPDATES                                                                                                   \
	" ON CONFLICT (peer_id) DO UPDATE SET realm = excluded.realm, username_md5 = excluded.username_md5,"           \
	" username_sha256 = excluded.username_sha256, extension_md5 = excluded.extension_md5,"                         \
	" extension_sha256 = excluded.extension_sha256, sealed = excluded.sealed"
/* SQLite's second statement knows the row that the first one wrote by the hash, which no two have alike. */
#define PEER_WRITTEN " FROM sip_peers p WHERE p.user_id = $1 AND p.sip_password = $2"

#define INSERT                                                                                                         \
	"INSERT INTO sip_peers (user_id, sip_username, sip_password, extension, created_at, updated_at)"               \
	" VALUES ($1, $4, $2, $5, $3, $3) ON CONFLICT DO NOTHING"
static const struct store_statement insert_peer = {
	.name = "insert_peer",
	.sqlite = INSERT,
	.sqlite_then = "INSERT" PEER_COLUMNS ", display_name, webrtc)" PEER_VALUES ", $12, $13" PEER_WRITTEN,
	.postgres = "WITH p AS (" INSERT " RETURNING id) INSERT" PEER_COLUMNS ", display_name, webrtc)" PEER_VALUES
		    ", CAST($12 AS TEXT), CAST($13 AS BOOLEAN) FROM p",
};

#define UPDATE                                                                                                         \
	"UPDATE sip_peers SET sip_password = $2, updated_at = $3"                                                      \
	" WHERE user_id = $1 AND sip_username = $4 AND extension = $5"
static const struct store_statement set_secret = {
	.name = "set_secret",
	.sqlite = UPDATE,
	.sqlite_then = "INSERT" PEER_COLUMNS ")" PEER_VALUES PEER_WRITTEN PEER_UPDATES,
	.postgres = "WITH p AS (" UPDATE " RETURNING id) INSERT" PEER_COLUMNS ")" PEER_VALUES " FROM p" PEER_UPDATES,
};

/* ---- secrets ---------------------------------------------------------- */

struct secret {
	char plain[WTEL_PEER_SECRET_SIZE];
	char hash[WTEL_PEER_HASH_SIZE];
	char digests[4][WTEL_DIGEST_SIZE]; /* of user name and extension, MD5 and SHA-256 */
	char sealed[WTEL_SEALED_SIZE];
};

static int secret_fail(struct wtel_detail *detail, int code)
{
	return base_fail(detail, code, "", "no secret could be made: %s", wtel_error_text(code));
}

static int new_secret(struct wtel_store *store, struct secret *secret)
{
	int code = wtel_peer_secret(secret->plain);

	if (!code)
		code = wtel_peer_hash(secret->hash, secret->plain, HASH_COST);
	return code ? secret_fail(&store->error, code) : 0;
}

/* The parameters that both statements have; the texts are borrowed. */
static int secret_args(struct store_args *args, struct wtel_store *store, struct secret *secret, int64_t user_id,
		       const char *username, const char *extension, struct wtel_detail *detail)
{
	int code = 0, i;

	for (i = 0; i < 4 && !code; i++)
		code = wtel_peer_digest(secret->digests[i], i % 2 ? WTEL_DIGEST_SHA256 : WTEL_DIGEST_MD5,
					i < 2 ? username : extension, store->realm, secret->plain);
	secret->sealed[0] = '\0';
	if (!code && store->keyring)
		code = wtel_seal(secret->sealed, store->keyring, STORE_SEAL_SIP, user_id, secret->plain);
	if (code)
		return secret_fail(detail, code);
	store_args_number(args, user_id);
	store_args_text(args, secret->hash);
	store_args_time(args, wtel_time_now().wall);
	store_args_text(args, username);
	store_args_text(args, extension);
	store_args_text(args, store->realm);
	for (i = 0; i < 4; i++)
		store_args_text(args, secret->digests[i]);
	store_args_text(args, secret->sealed);
	return 0;
}

/* ---- creating --------------------------------------------------------- */

/*
 * What stands in the way -> insert, under the first free name; again from the start if another process took the name or
 * the extension a moment ago -> read it.
 */
struct creation {
	struct store_ask ask; /* first */
	int64_t user_id;
	unsigned attempt; /* at a name */
	unsigned turns;
	struct secret secret;
	char username[WTEL_PEER_USERNAME_MAX + 1];
	char extension[WTEL_PEER_EXTENSION_MAX + 4];
	char display_name[NAME_MOST + 1];
	bool webrtc;
	struct wtel_slice first_name;
	struct wtel_slice last_name;
	char names[];
};

static void creation_end(struct creation *creation, int code, const struct wtel_detail *detail, void *list)
{
	store_account_fn *done = (store_account_fn *)creation->ask.callback;
	char secret[WTEL_PEER_SECRET_SIZE];
	void *user = creation->ask.user;
	struct wtel_detail said;

	memcpy(secret, creation->secret.plain, sizeof(secret));
	store_ask_say(&said, code, detail);
	store_ask_free(&creation->ask);
	done(code, &said, list, code ? NULL : secret, user);
	base_wipe(secret, sizeof(secret));
	store_pack_free(list);
}

static void creation_fail(struct creation *creation, int code, const char *field, const char *text)
{
	struct wtel_detail detail;

	base_fail(&detail, code, field, "%s", text);
	creation_end(creation, code, &detail, NULL);
}

static void account_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct creation *creation = user;
	void *list = NULL;

	if (!code)
		code = store_take_peers(creation->ask.store, rows, &list);
	creation_end(creation, code, detail, list);
}

static int look_for_free(struct creation *creation, struct wtel_detail *detail);

static void account_inserted(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct creation *creation = user;
	struct store_args args = {0};
	struct wtel_detail said = {"", ""};

	if (code == WTEL_ENOTFOUND) {
		creation_fail(creation, code, "user_id", "no such user");
		return;
	}
	if (!code && rows->changed > 0) {
		store_args_number(&args, creation->user_id);
		code = store_ask_send(&creation->ask, &store_get_peer, &args, account_read);
	} else if (!code) {
		code = look_for_free(creation, &said);
		detail = &said;
	}
	if (code)
		creation_end(creation, code, detail, NULL);
}

static int insert_account(struct creation *creation, struct wtel_detail *detail)
{
	struct store_args args = {0};
	int code = secret_args(&args, creation->ask.store, &creation->secret, creation->user_id, creation->username,
			       creation->extension, detail);

	if (code)
		return code;
	store_args_text(&args, creation->display_name);
	store_args_flag(&args, creation->webrtc);
	return store_ask_send(&creation->ask, &insert_peer, &args, account_inserted);
}

static void free_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct creation *creation = user;
	struct wtel_detail said = {"", ""};

	if (!code && store_row_number(rows, 0, 0)) {
		creation_fail(creation, WTEL_EEXISTS, "user_id", "the user has an account already");
		return;
	}
	if (!code && store_row_number(rows, 0, 1)) {
		creation->attempt++;
		code = look_for_free(creation, &said);
		detail = &said;
	} else if (!code) {
		store_row_text(creation->extension, sizeof(creation->extension), rows, 0, 2);
		code = insert_account(creation, &said);
		detail = &said;
	}
	if (code)
		creation_end(creation, code, detail, NULL);
}

static int look_for_free(struct creation *creation, struct wtel_detail *detail)
{
	struct store_args args = {0};
	int code;

	if (creation->turns++ >= MAX_ATTEMPTS)
		return base_fail(detail, WTEL_EEXISTS, "username", "no free user name was found");
	code = wtel_peer_username(creation->username, sizeof(creation->username), creation->first_name,
				  creation->last_name, creation->attempt, detail);
	if (code)
		return code;
	store_args_number(&args, creation->user_id);
	store_args_text(&args, creation->username);
	return store_ask_send(&creation->ask, &find_free, &args, free_found);
}

static struct creation *creation_new(struct wtel_store *store, struct wtel_slice first_name,
				     struct wtel_slice last_name)
{
	struct creation *creation =
		(struct creation *)store_ask_new(store, sizeof(*creation) + first_name.length + last_name.length + 2);
	size_t length = first_name.length;

	if (!creation)
		return NULL;
	creation->ask.wipe = sizeof(*creation);
	creation->attempt = 1;
	/* "John Doe": as it is shown, too. */
	if (first_name.length)
		memcpy(creation->names, first_name.data, first_name.length);
	if (first_name.length && last_name.length)
		creation->names[length++] = ' ';
	if (last_name.length)
		memcpy(creation->names + length, last_name.data, last_name.length);
	creation->first_name = (struct wtel_slice){creation->names, first_name.length};
	creation->last_name = (struct wtel_slice){creation->names + length, last_name.length};
	length = store_clean_text(creation->display_name, NAME_MOST, creation->names);
	creation->display_name[length] = '\0';
	return creation;
}

int store_peer_create(struct wtel_store *store, int64_t user_id, struct wtel_slice first_name,
		      struct wtel_slice last_name, bool webrtc, store_account_fn *done, void *user)
{
	char username[WTEL_PEER_USERNAME_MAX + 1];
	struct creation *creation;
	int code = store_check_user(store, user_id);

	/* Before the hash, which costs. */
	if (!code)
		code = wtel_peer_username(username, sizeof(username), first_name, last_name, 1, &store->error);
	if (code)
		return code;
	creation = creation_new(store, first_name, last_name);
	if (!creation)
		return WTEL_ENOMEM;
	creation->ask.callback = (void (*)(void))done;
	creation->ask.user = user;
	creation->user_id = user_id;
	creation->webrtc = webrtc;
	code = new_secret(store, &creation->secret);
	if (!code)
		code = look_for_free(creation, &store->error);
	if (code)
		store_ask_free(&creation->ask);
	return code;
}

static void account_waited(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list,
			   const char *secret, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (!answer || code)
		return;
	answer->list = store_pack_keep(list);
	memcpy(answer->secret, secret, sizeof(answer->secret));
}

int wtel_store_peer_create(struct wtel_store *store, struct wtel_peer_list **out, char secret[WTEL_PEER_SECRET_SIZE],
			   int64_t user_id, struct wtel_slice first_name, struct wtel_slice last_name)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	code = store_answer_end(
		&answer, store_peer_create(store, user_id, first_name, last_name, true, account_waited, answer.waiter));
	if (!code) {
		*out = answer.list;
		memcpy(secret, answer.secret, sizeof(answer.secret));
	}
	base_wipe(answer.secret, sizeof(answer.secret));
	return code;
}

/* ---- renewing --------------------------------------------------------- */

/* What the account is called, for its digests -> write. */
struct renewal {
	struct store_ask ask; /* first */
	int64_t user_id;
	struct secret secret;
	char username[4 * WTEL_PEER_USERNAME_MAX + 1]; /* as the platform may have written them */
	char extension[4 * WTEL_PEER_EXTENSION_MAX + 1];
};

static void renewal_end(struct renewal *renewal, int code, const struct wtel_detail *detail)
{
	store_secret_fn *done = (store_secret_fn *)renewal->ask.callback;
	char secret[WTEL_PEER_SECRET_SIZE];
	void *tell = renewal->ask.user;
	struct wtel_detail said;

	store_ask_say(&said, code, detail);
	memcpy(secret, renewal->secret.plain, sizeof(secret));
	store_ask_free(&renewal->ask);
	done(code, &said, code ? NULL : secret, tell);
	base_wipe(secret, sizeof(secret));
}

static void secret_set(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	if (!code && !rows->changed)
		renewal_end(user, WTEL_ENOTFOUND, &store_no_account);
	else
		renewal_end(user, code, detail);
}

static void names_read(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct renewal *renewal = user;
	struct store_args args = {0};
	struct wtel_detail said = {"", ""};

	if (!code && !rows->row_count) {
		renewal_end(renewal, WTEL_ENOTFOUND, &store_no_account);
		return;
	}
	if (!code) {
		store_row_text(renewal->username, sizeof(renewal->username), rows, 0, 2);
		store_row_text(renewal->extension, sizeof(renewal->extension), rows, 0, 3);
		detail = &said;
		code = secret_args(&args, renewal->ask.store, &renewal->secret, renewal->user_id, renewal->username,
				   renewal->extension, &said);
	}
	if (!code)
		code = store_ask_send(&renewal->ask, &set_secret, &args, secret_set);
	if (code)
		renewal_end(renewal, code, detail);
}

int store_peer_renew(struct wtel_store *store, int64_t user_id, store_secret_fn *done, void *user)
{
	struct store_args args = {0};
	struct renewal *renewal;
	int code = store_check_user(store, user_id);

	if (code)
		return code;
	renewal = (struct renewal *)store_ask_new(store, sizeof(*renewal));
	if (!renewal)
		return WTEL_ENOMEM;
	renewal->ask.wipe = sizeof(*renewal);
	renewal->ask.callback = (void (*)(void))done;
	renewal->ask.user = user;
	renewal->user_id = user_id;
	store_args_number(&args, user_id);
	code = new_secret(store, &renewal->secret);
	if (!code)
		code = store_ask_send(&renewal->ask, &store_get_peer, &args, names_read);
	if (code)
		store_ask_free(&renewal->ask);
	return code;
}

static void secret_waited(int code, const struct wtel_detail *detail, const char *secret, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer && secret)
		memcpy(answer->secret, secret, sizeof(answer->secret));
}

int wtel_store_peer_renew(struct wtel_store *store, char secret[WTEL_PEER_SECRET_SIZE], int64_t user_id)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	code = store_answer_end(&answer, store_peer_renew(store, user_id, secret_waited, answer.waiter));
	if (!code)
		memcpy(secret, answer.secret, sizeof(answer.secret));
	base_wipe(answer.secret, sizeof(answer.secret));
	return code;
}
