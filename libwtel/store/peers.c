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

static void peers_waited(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	store_answered_list(user, code, detail, list);
}

int wtel_store_peers(struct wtel_store *store, struct wtel_peer_list **out)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_list(&answer, store_peers(store, peers_waited, answer.waiter), &list);
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

static const struct wtel_detail no_account = {"user_id", "the user has no account"};

static void peer_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	if (!code && !rows->row_count)
		peers_done(WTEL_ENOTFOUND, NULL, &no_account, user);
	else
		peers_done(code, rows, detail, user);
}

int store_peer(struct wtel_store *store, int64_t user_id, store_peers_fn *done, void *user)
{
	struct store_args args = {0};
	int code = check_user(store, user_id);

	if (code)
		return code;
	store_args_number(&args, user_id);
	return store_ask(store, &get_peer, &args, peer_done, (void (*)(void))done, user);
}

/* ---- secrets ---------------------------------------------------------- */

struct secret {
	char plain[WTEL_PEER_SECRET_SIZE];
	char hash[WTEL_PEER_HASH_SIZE];
};

static int new_secret(struct wtel_store *store, struct secret *secret)
{
	int code = wtel_peer_secret(secret->plain);

	if (!code)
		code = wtel_peer_hash(secret->hash, secret->plain, HASH_COST);
	if (code)
		base_fail(&store->error, code, "", "no secret could be made: %s", wtel_error_text(code));
	return code;
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
		code = take_peers(creation->ask.store, rows, &list);
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
		code = store_ask_send(&creation->ask, &get_peer, &args, account_read);
	} else if (!code) {
		code = look_for_free(creation, &said);
		detail = &said;
	}
	if (code)
		creation_end(creation, code, detail, NULL);
}

static int insert_account(struct creation *creation, const char *extension)
{
	struct store_args args = {0};

	store_args_number(&args, creation->user_id);
	store_args_text(&args, creation->username);
	store_args_text(&args, creation->secret.hash);
	store_args_text(&args, extension);
	store_args_time(&args, wtel_time_now().wall);
	return store_ask_send(&creation->ask, &insert_peer, &args, account_inserted);
}

static void free_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct creation *creation = user;
	struct wtel_detail said = {"", ""};
	char extension[EXTENSION_SIZE];

	if (!code && store_row_number(rows, 0, 0)) {
		creation_fail(creation, WTEL_EEXISTS, "user_id", "the user has an account already");
		return;
	}
	if (!code && store_row_number(rows, 0, 1)) {
		creation->attempt++;
		code = look_for_free(creation, &said);
		detail = &said;
	} else if (!code) {
		store_row_text(extension, sizeof(extension), rows, 0, 2);
		code = insert_account(creation, extension);
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
		(struct creation *)store_ask_new(store, sizeof(*creation) + first_name.length + last_name.length);

	if (!creation)
		return NULL;
	creation->ask.wipe = sizeof(*creation);
	creation->attempt = 1;
	creation->first_name = (struct wtel_slice){creation->names, first_name.length};
	creation->last_name = (struct wtel_slice){creation->names + first_name.length, last_name.length};
	if (first_name.length)
		memcpy(creation->names, first_name.data, first_name.length);
	if (last_name.length)
		memcpy(creation->names + first_name.length, last_name.data, last_name.length);
	return creation;
}

int store_peer_create(struct wtel_store *store, int64_t user_id, struct wtel_slice first_name,
		      struct wtel_slice last_name, store_account_fn *done, void *user)
{
	char username[WTEL_PEER_USERNAME_MAX + 1];
	struct creation *creation;
	int code = check_user(store, user_id);

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
		&answer, store_peer_create(store, user_id, first_name, last_name, account_waited, answer.waiter));
	if (!code) {
		*out = answer.list;
		memcpy(secret, answer.secret, sizeof(answer.secret));
	}
	base_wipe(answer.secret, sizeof(answer.secret));
	return code;
}

/* ---- changing --------------------------------------------------------- */

/* A change of one row: how it ended. */
static int changed_one(const struct store_rows *rows, int code, const struct wtel_detail **detail)
{
	if (code || rows->changed)
		return code;
	*detail = &no_account;
	return WTEL_ENOTFOUND;
}

static void status_set(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_change_fn *done = (store_change_fn *)ask->callback;
	struct wtel_detail said;
	void *tell = ask->user;

	code = changed_one(rows, code, &detail);
	store_ask_say(&said, code, detail);
	store_ask_free(ask);
	done(code, &said, tell);
}

int store_peer_set_status(struct wtel_store *store, int64_t user_id, enum wtel_peer_status status,
			  store_change_fn *done, void *user)
{
	struct store_args args = {0};
	int code = check_user(store, user_id);

	if (!code && (unsigned)status > WTEL_PEER_DISABLED)
		code = base_fail(&store->error, WTEL_EINVAL, "status", "no such status");
	if (code)
		return code;
	store_args_number(&args, user_id);
	store_args_text(&args, wtel_peer_status_name(status));
	store_args_time(&args, wtel_time_now().wall);
	return store_ask(store, &set_status, &args, status_set, (void (*)(void))done, user);
}

int wtel_store_peer_set_status(struct wtel_store *store, int64_t user_id, enum wtel_peer_status status)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer, store_peer_set_status(store, user_id, status, store_answered_change,
								      answer.waiter));
}

struct renewal {
	struct store_ask ask; /* first */
	struct secret secret;
};

static void secret_set(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct renewal *renewal = user;
	store_secret_fn *done = (store_secret_fn *)renewal->ask.callback;
	char secret[WTEL_PEER_SECRET_SIZE];
	void *tell = renewal->ask.user;
	struct wtel_detail said;

	code = changed_one(rows, code, &detail);
	store_ask_say(&said, code, detail);
	memcpy(secret, renewal->secret.plain, sizeof(secret));
	store_ask_free(&renewal->ask);
	done(code, &said, code ? NULL : secret, tell);
	base_wipe(secret, sizeof(secret));
}

int store_peer_renew(struct wtel_store *store, int64_t user_id, store_secret_fn *done, void *user)
{
	struct store_args args = {0};
	struct renewal *renewal;
	int code = check_user(store, user_id);

	if (code)
		return code;
	renewal = (struct renewal *)store_ask_new(store, sizeof(*renewal));
	if (!renewal)
		return WTEL_ENOMEM;
	renewal->ask.wipe = sizeof(*renewal);
	renewal->ask.callback = (void (*)(void))done;
	renewal->ask.user = user;
	code = new_secret(store, &renewal->secret);
	if (!code) {
		store_args_number(&args, user_id);
		store_args_text(&args, renewal->secret.hash);
		store_args_time(&args, wtel_time_now().wall);
		code = store_ask_send(&renewal->ask, &set_secret, &args, secret_set);
	}
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
