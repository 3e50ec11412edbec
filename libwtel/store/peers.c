/* Agents' accounts. Plain secrets are given out once and never kept. */
#include "store/core.h"
#include "store/rows.h"

enum { HASH_COST = 10, USER_AGENT_MAX = 255, ADDRESS_MAX = 45, MAX_ATTEMPTS = 10000, EXTENSION_SIZE = 24 };

#define COLUMNS                                                                                                        \
	"SELECT id, user_id, sip_username, extension, status, registered, last_registered_at, user_agent, ip_address"  \
	" FROM sip_peers"

STORE_BOTH(list_peers, COLUMNS " ORDER BY length(extension), extension");
STORE_BOTH(get_peer, COLUMNS " WHERE user_id = $1");

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

STORE_BOTH(insert_peer, "INSERT INTO sip_peers (user_id, sip_username, sip_password, extension, created_at, updated_at)"
			" VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING");

STORE_BOTH(set_status, "UPDATE sip_peers SET status = $2, updated_at = $3 WHERE user_id = $1");
STORE_BOTH(set_secret, "UPDATE sip_peers SET sip_password = $2, updated_at = $3 WHERE user_id = $1");

#define SEEN                                                                                                           \
	"UPDATE sip_peers SET registered = $2, last_registered_at = coalesce($3, last_registered_at),"                 \
	" user_agent = coalesce($4, user_agent), ip_address = coalesce($5, ip_address), updated_at = $6"               \
	" WHERE extension = $1"
static const struct store_statement set_seen = {.name = "set_seen", .sqlite = SEEN, .postgres = SEEN, .relaxed = true};

/* ---- lists ------------------------------------------------------------ */

static int take_peers(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, store_fill_peer_list, rows);
}

int wtel_store_peers(struct wtel_store *store, struct wtel_peer_list **out)
{
	const struct store_args args = {0};
	void *list = NULL;
	int code = store_wait(store, &list_peers, &args, take_peers, &list);

	if (!code)
		*out = list;
	return code;
}

static void peers_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_peers_fn *done = (store_peers_fn *)ask->callback;
	void *list = NULL, *tell = ask->user;
	struct wtel_detail said;

	code = store_ask_take(ask, &list, code, rows, detail, take_peers, &said);
	done(code, &said, list, tell);
	store_pack_free(list);
}

int store_peers(struct wtel_store *store, store_peers_fn *done, void *user)
{
	const struct store_args args = {0};

	return store_ask(store, &list_peers, &args, peers_done, (void (*)(void))done, user);
}

/* ---- creating --------------------------------------------------------- */

struct vacancy {
	int64_t has_account;
	int64_t name_taken;
	char extension[EXTENSION_SIZE];
};

static int take_vacancy(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct vacancy *vacancy = out;

	(void)store;
	vacancy->has_account = store_row_number(rows, 0, 0);
	vacancy->name_taken = store_row_number(rows, 0, 1);
	store_row_text(vacancy->extension, sizeof(vacancy->extension), rows, 0, 2);
	return 0;
}

static int new_secret(struct wtel_store *store, char secret[WTEL_PEER_SECRET_SIZE], char hash[WTEL_PEER_HASH_SIZE])
{
	int code = wtel_peer_secret(secret);

	if (!code)
		code = wtel_peer_hash(hash, secret, HASH_COST);
	if (code)
		base_fail(&store->error, code, "", "no secret could be made: %s", wtel_error_text(code));
	return code;
}

/* *made: the row is there. Not so with code 0: another process took the name or the extension a moment ago. */
static int try_insert(struct wtel_store *store, bool *made, int64_t user_id, const char *username,
		      const char *extension, const char *hash)
{
	struct store_args args = {0};
	int64_t changed = 0;
	int code;

	store_args_number(&args, user_id);
	store_args_text(&args, username);
	store_args_text(&args, hash);
	store_args_text(&args, extension);
	store_args_time(&args, wtel_time_now().wall);
	code = store_wait(store, &insert_peer, &args, store_take_changed, &changed);
	if (code == WTEL_ENOTFOUND)
		return base_fail(&store->error, code, "user_id", "no such user");
	*made = changed > 0;
	return code;
}

static int make_account(struct wtel_store *store, int64_t user_id, struct wtel_slice first_name,
			struct wtel_slice last_name, const char *hash)
{
	char username[WTEL_PEER_USERNAME_MAX + 1];
	unsigned attempt = 1, turns;
	bool made = false;
	int code = 0;

	for (turns = 0; !code && !made && turns < MAX_ATTEMPTS; turns++) {
		struct vacancy vacancy = {0, 0, ""};
		struct store_args args = {0};

		code = wtel_peer_username(username, sizeof(username), first_name, last_name, attempt, &store->error);
		if (code)
			return code;
		store_args_number(&args, user_id);
		store_args_text(&args, username);
		code = store_wait(store, &find_free, &args, take_vacancy, &vacancy);
		if (code)
			return code;
		if (vacancy.has_account)
			return base_fail(&store->error, WTEL_EEXISTS, "user_id", "the user has an account already");
		if (vacancy.name_taken)
			attempt++;
		else
			code = try_insert(store, &made, user_id, username, vacancy.extension, hash);
	}
	if (!code && !made)
		code = base_fail(&store->error, WTEL_EEXISTS, "username", "no free user name was found");
	return code;
}

static int get_account(struct wtel_store *store, struct wtel_peer_list **out, int64_t user_id)
{
	struct store_args args = {0};
	void *list = NULL;
	int code;

	store_args_number(&args, user_id);
	code = store_wait(store, &get_peer, &args, take_peers, &list);
	if (!code)
		*out = list;
	return code;
}

static int check_user(struct wtel_store *store, int64_t user_id)
{
	struct wtel_detail *detail = store_forget_error(store);

	if (user_id == 0)
		return base_fail(detail, WTEL_EINVAL, "user_id", "user_id is missing");
	return store_check_id(detail, "user_id", user_id);
}

int wtel_store_peer_create(struct wtel_store *store, struct wtel_peer_list **out, char secret[WTEL_PEER_SECRET_SIZE],
			   int64_t user_id, struct wtel_slice first_name, struct wtel_slice last_name)
{
	char plain[WTEL_PEER_SECRET_SIZE], hash[WTEL_PEER_HASH_SIZE];
	int code = check_user(store, user_id);

	if (!code)
		code = new_secret(store, plain, hash);
	if (!code)
		code = make_account(store, user_id, first_name, last_name, hash);
	if (!code)
		code = get_account(store, out, user_id);
	if (!code)
		memcpy(secret, plain, sizeof(plain));
	base_wipe(plain, sizeof(plain));
	return code;
}

/* ---- changing --------------------------------------------------------- */

static int change_account(struct wtel_store *store, const struct store_statement *statement, int64_t user_id,
			  const char *value)
{
	struct store_args args = {0};
	int64_t changed = 0;
	int code;

	store_args_number(&args, user_id);
	store_args_text(&args, value);
	store_args_time(&args, wtel_time_now().wall);
	code = store_wait(store, statement, &args, store_take_changed, &changed);
	if (!code && !changed)
		code = base_fail(&store->error, WTEL_ENOTFOUND, "user_id", "the user has no account");
	return code;
}

int wtel_store_peer_set_status(struct wtel_store *store, int64_t user_id, enum wtel_peer_status status)
{
	int code = check_user(store, user_id);

	if (!code && (unsigned)status > WTEL_PEER_DISABLED)
		code = base_fail(&store->error, WTEL_EINVAL, "status", "no such status");
	return code ? code : change_account(store, &set_status, user_id, wtel_peer_status_name(status));
}

int wtel_store_peer_renew(struct wtel_store *store, char secret[WTEL_PEER_SECRET_SIZE], int64_t user_id)
{
	char plain[WTEL_PEER_SECRET_SIZE], hash[WTEL_PEER_HASH_SIZE];
	int code = check_user(store, user_id);

	if (!code)
		code = new_secret(store, plain, hash);
	if (!code)
		code = change_account(store, &set_secret, user_id, hash);
	if (!code)
		memcpy(secret, plain, sizeof(plain));
	base_wipe(plain, sizeof(plain));
	return code;
}

static void seen_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code)
		store_log(ask->store, WTEL_LOG_WARNING, "store: an account's registration could not be kept: %s",
			  detail ? detail->text : wtel_error_text(code));
	store_ask_free(ask);
}

int store_peer_registered(struct wtel_store *store, const char *extension, bool registered, int64_t wall,
			  const char *user_agent, const char *ip_address)
{
	char agent[USER_AGENT_MAX + 1], address[ADDRESS_MAX + 1];
	struct store_args args = {0};

	agent[store_clean_text(agent, USER_AGENT_MAX, user_agent)] = '\0';
	address[store_clean_text(address, ADDRESS_MAX, ip_address)] = '\0';
	store_args_text(&args, extension);
	store_args_flag(&args, registered);
	store_args_time(&args, registered ? wall : 0);
	store_args_text(&args, agent);
	store_args_text(&args, address);
	store_args_time(&args, wall);
	return store_ask(store, &set_seen, &args, seen_done, NULL, NULL);
}
