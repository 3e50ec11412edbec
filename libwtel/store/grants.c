/* Who may ask: tokens of programs and sessions of people. Their secrets are given once and never kept. */
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "store/core.h"
#include "store/rows.h"
#include "store/users.h"

enum { RANDOM = 32, HASH_SIZE = 65, PREFIX = sizeof("wtel_") - 1 };
#define MINUTE INT64_C(60000000)
#define DAY    INT64_C(86400000000)

enum { USER_ACTIVE = 9, USER_ROLE }; /* columns behind STORE_GRANT_COLUMNS */

STORE_BOTH(insert_grant, "INSERT INTO wtel_grants (kind, hash, user_id, role, name, created_at, expires_at)"
			 " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
STORE_BOTH(revoke_grant, "UPDATE wtel_grants SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1");

#define USED "UPDATE wtel_grants SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)"
static const struct store_statement use_grant = {
	.name = "use_grant", .sqlite = USED, .postgres = USED, .relaxed = true};
#define OLD "DELETE FROM wtel_grants WHERE kind = 'session' AND expires_at < $1"
static const struct store_statement drop_old = {.name = "drop_old", .sqlite = OLD, .postgres = OLD, .relaxed = true};

/* ---- words ------------------------------------------------------------ */

static const char *const roles[] = {"agent", "supervisor", "admin"};
static const char *const kinds[] = {"token", "session"};

const char *wtel_role_name(enum wtel_role role)
{
	return (unsigned)role <= WTEL_ROLE_ADMIN ? roles[role] : "";
}

int wtel_role_parse(enum wtel_role *out, const char *text)
{
	unsigned i;

	for (i = 0; text && i <= WTEL_ROLE_ADMIN; i++)
		if (strcmp(text, roles[i]) == 0) {
			*out = (enum wtel_role)i;
			return 0;
		}
	return WTEL_EINVAL;
}

/* ---- secrets ---------------------------------------------------------- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int new_secret(char out[STORE_TOKEN_SIZE])
{
	unsigned char random[RANDOM + 1];
	size_t i, bit;

	if (RAND_bytes(random, RANDOM) != 1)
		return WTEL_EIO;
	random[RANDOM] = 0;
	memcpy(out, "wtel_", PREFIX);
	for (i = PREFIX, bit = 0; bit < RANDOM * 8; i++, bit += 6) {
		unsigned two = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];

		out[i] = letters[two >> (10 - bit % 8) & 63];
	}
	out[i] = '\0';
	base_wipe(random, sizeof(random));
	return 0;
}

static bool is_secret(const char *text)
{
	return text && strnlen(text, STORE_TOKEN_SIZE) == STORE_TOKEN_SIZE - 1 && memcmp(text, "wtel_", PREFIX) == 0 &&
	       strspn(text + PREFIX, letters) == STORE_TOKEN_SIZE - 1 - PREFIX;
}

static int hash_of(char out[HASH_SIZE], const char *secret)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0, i;

	if (EVP_Digest(secret, STORE_TOKEN_SIZE - 1, digest, &length, EVP_sha256(), NULL) != 1 ||
	    2 * length + 1 != HASH_SIZE)
		return WTEL_ENOMEM;
	for (i = 0; i < length; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * i] = '\0';
	return 0;
}

/* ---- lists ------------------------------------------------------------ */

static struct wtel_grant grant_of(struct store_pack *pack, const struct store_rows *rows, size_t row)
{
	struct wtel_grant grant = {0};
	char text[16];

	grant.id = store_row_number(rows, row, 0);
	grant.kind = strcmp(store_row_text(text, sizeof(text), rows, row, 1), kinds[WTEL_GRANT_TOKEN])
			     ? WTEL_GRANT_SESSION
			     : WTEL_GRANT_TOKEN;
	grant.user_id = store_row_number(rows, row, 2);
	if (wtel_role_parse(&grant.role, store_row_text(text, sizeof(text), rows, row, 3)))
		grant.role = WTEL_ROLE_AGENT;
	/* A token has the role that it was given, a person the one that he has now. */
	if (grant.kind == WTEL_GRANT_SESSION && rows->column(rows, row, USER_ROLE).data)
		grant.role = store_users_role(rows->column(rows, row, USER_ROLE));
	grant.name = store_pack_column(pack, rows, row, 4);
	grant.created_at = store_row_time(rows, row, 5);
	grant.expires_at = store_row_time(rows, row, 6);
	grant.last_used_at = store_row_time(rows, row, 7);
	grant.revoked_at = store_row_time(rows, row, 8);
	grant.user_inactive = !store_users_active(rows->column(rows, row, USER_ACTIVE));
	return grant;
}

static void fill_grants(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct wtel_grant_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_grant *grants = store_pack_room(pack, rows->row_count * sizeof(*grants));
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		struct wtel_grant grant = grant_of(pack, rows, row);

		if (grants)
			grants[row] = grant;
	}
	if (list)
		*list = (struct wtel_grant_list){rows->row_count, grants};
}

/* Of one that is known. */
static void fill_grant(struct store_pack *pack, const void *source)
{
	const struct wtel_grant *from = source;
	struct wtel_grant_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_grant *grant = store_pack_room(pack, sizeof(*grant));
	const char *name = store_pack_text(pack, wtel_slice_of(from->name));

	if (!list || !grant)
		return;
	*grant = *from;
	grant->name = name;
	*list = (struct wtel_grant_list){1, grant};
}

static int take_grants(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, fill_grants, rows);
}

void wtel_grant_list_free(struct wtel_grant_list *list)
{
	store_pack_free(list);
}

/* ---- finding ---------------------------------------------------------- */

/* What nobody waits for. */
static void forgotten(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code && code != WTEL_ECLOSED)
		store_log(ask->store, WTEL_LOG_WARNING, "store: grants: %s", detail->text);
	store_ask_free(ask);
}

/* It is found all the same if that cannot be noted. */
static void note_use(struct wtel_store *store, const struct wtel_grant *grant, int64_t now)
{
	struct store_args args = {0};

	if (now - grant->last_used_at < MINUTE && grant->last_used_at <= now)
		return;
	store_args_number(&args, grant->id);
	store_args_time(&args, now);
	store_args_time(&args, now - MINUTE);
	(void)store_ask(store, &use_grant, &args, forgotten, NULL, NULL);
}

/* One question for a secret, or for all tokens. */
struct search {
	struct store_ask ask; /* first */
	bool looked;	      /* at the platform's columns, for this one */
	char hash[HASH_SIZE]; /* "": all tokens */
};

static int judge(struct wtel_store *store, const struct wtel_grant_list *list, struct wtel_detail *said)
{
	const struct wtel_grant *grant = list->grants;
	int64_t now = wtel_time_now().wall;

	if (!list->count)
		return base_fail(said, WTEL_ENOTFOUND, "", "no such token or session");
	if (grant->revoked_at)
		return base_fail(said, WTEL_ESTATE, "", "the %s was revoked", kinds[grant->kind]);
	if (grant->expires_at && grant->expires_at <= now)
		return base_fail(said, WTEL_ESTATE, "", "the %s has expired", kinds[grant->kind]);
	if (grant->user_inactive)
		return base_fail(said, WTEL_ESTATE, "", "the %s's user may not log in", kinds[grant->kind]);
	note_use(store, grant, now);
	return 0;
}

static int look(struct search *search);

static void grants_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct search *search = user;
	struct wtel_store *store = search->ask.store;
	store_grants_fn *done = (store_grants_fn *)search->ask.callback;
	void *list = NULL, *tell = search->ask.user;
	bool all = !*search->hash;
	struct wtel_detail said;

	if (code == WTEL_ESCHEMA && !search->looked && !look(search))
		return;
	code = store_ask_take(&search->ask, &list, code, rows, detail, take_grants, &said);
	if (!code && !all)
		code = judge(store, list, &said);
	done(code, &said, code ? NULL : list, tell);
	store_pack_free(list);
}

static int send_search(struct search *search)
{
	const struct store_users *users = search->ask.store->users;
	struct store_args args = {0};

	if (*search->hash)
		store_args_text(&args, search->hash);
	return store_ask_send(&search->ask, *search->hash ? &users->grant : &users->tokens, &args, grants_found);
}

static void columns_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct search *search = user;

	if (!code)
		code = store_users_learn(search->ask.store, rows);
	if (!code)
		code = send_search(search);
	if (code)
		grants_found(code, rows, detail, user);
}

static int look(struct search *search)
{
	const struct store_args args = {0};

	search->looked = true;
	return store_ask_send(&search->ask, &store_users_columns, &args, columns_found);
}

/* `secret`: NULL for all tokens. */
static int find(struct wtel_store *store, const char *secret, store_grants_fn *done, void *user)
{
	struct search *search = (struct search *)store_ask_new(store, sizeof(*search));
	int code = 0;

	if (!search)
		return WTEL_ENOMEM;
	search->ask.callback = (void (*)(void))done;
	search->ask.user = user;
	if (secret)
		code = hash_of(search->hash, secret);
	if (!code && store->users) {
		store_users_refresh(store);
		code = send_search(search);
	} else if (!code) {
		code = look(search);
	}
	if (code)
		store_ask_free(&search->ask);
	return code;
}

int store_grant_find(struct wtel_store *store, const char *secret, store_grants_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);

	if (!is_secret(secret))
		return base_fail(detail, WTEL_ENOTFOUND, "", "no such token or session");
	return find(store, secret, done, user);
}

int store_tokens(struct wtel_store *store, store_grants_fn *done, void *user)
{
	store_forget_error(store);
	return find(store, NULL, done, user);
}

/* ---- creating --------------------------------------------------------- */

struct creation {
	struct store_ask ask; /* first */
	struct wtel_grant grant;
	char secret[STORE_TOKEN_SIZE];
	char name[STORE_GRANT_NAME_MAX + 1];
};

static void grant_inserted(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail no_user = {"user_id", "no such user"};
	struct creation *creation = user;
	store_granted_fn *done = (store_granted_fn *)creation->ask.callback;
	char secret[STORE_TOKEN_SIZE];
	void *list = NULL, *tell = creation->ask.user;
	struct wtel_detail said;

	if (!code) {
		creation->grant.id = store_row_number(rows, 0, 0);
		code = store_pack_build(&list, &creation->ask.store->allocator, fill_grant, &creation->grant);
	}
	store_ask_say(&said, code, code == WTEL_ENOTFOUND ? &no_user : detail);
	memcpy(secret, creation->secret, sizeof(secret));
	store_ask_free(&creation->ask);
	done(code, &said, list, code ? NULL : secret, tell);
	base_wipe(secret, sizeof(secret));
	store_pack_free(list);
}

static int check_grant(struct wtel_store *store, const struct wtel_grant *grant, int64_t now)
{
	struct wtel_detail *detail = store_forget_error(store);
	int code;

	if ((unsigned)grant->kind > WTEL_GRANT_SESSION)
		return base_fail(detail, WTEL_EINVAL, "kind", "no such kind of grant");
	if ((unsigned)grant->role > WTEL_ROLE_ADMIN)
		return base_fail(detail, WTEL_EINVAL, "role", "no such role");
	code = store_check_id(detail, "user_id", grant->user_id);
	if (!code)
		code = store_check_text(detail, "name", wtel_slice_of(grant->name), STORE_GRANT_NAME_MAX);
	if (code)
		return code;
	if (grant->kind == WTEL_GRANT_TOKEN && (!grant->name || !grant->name[0]))
		return base_fail(detail, WTEL_EINVAL, "name", "a token needs a name");
	if (grant->kind == WTEL_GRANT_SESSION && !grant->expires_at)
		return base_fail(detail, WTEL_EINVAL, "expires_at", "a session must expire");
	if (grant->expires_at && grant->expires_at <= now)
		return base_fail(detail, WTEL_EINVAL, "expires_at", "that time is over");
	return 0;
}

static int send_creation(struct creation *creation)
{
	const struct wtel_grant *grant = &creation->grant;
	struct store_args args = {0};
	char hash[HASH_SIZE];
	int code = new_secret(creation->secret);

	if (code)
		return base_fail(&creation->ask.store->error, code, "", "no secret could be made");
	code = hash_of(hash, creation->secret);
	if (code)
		return code;
	store_args_text(&args, kinds[grant->kind]);
	store_args_text(&args, hash);
	store_args_id(&args, grant->user_id);
	store_args_text(&args, wtel_role_name(grant->role));
	store_args_text(&args, grant->name);
	store_args_time(&args, grant->created_at);
	store_args_time(&args, grant->expires_at);
	return store_ask_send(&creation->ask, &insert_grant, &args, grant_inserted);
}

int store_grant_create(struct wtel_store *store, const struct wtel_grant *grant, store_granted_fn *done, void *user)
{
	int64_t now = wtel_time_now().wall;
	int code = check_grant(store, grant, now);
	struct store_args args = {0};
	struct creation *creation;

	if (code)
		return code;
	creation = (struct creation *)store_ask_new(store, sizeof(*creation));
	if (!creation)
		return WTEL_ENOMEM;
	creation->ask.wipe = sizeof(*creation);
	creation->ask.callback = (void (*)(void))done;
	creation->ask.user = user;
	base_slice_copy(creation->name, sizeof(creation->name), wtel_slice_of(grant->name));
	creation->grant = (struct wtel_grant){
		0, grant->kind, grant->user_id, grant->role, creation->name, now, grant->expires_at, 0, 0, false};
	code = send_creation(creation);
	if (code)
		store_ask_free(&creation->ask);
	if (code || grant->kind != WTEL_GRANT_SESSION)
		return code;
	store_args_time(&args, now - DAY);
	(void)store_ask(store, &drop_old, &args, forgotten, NULL, NULL);
	return 0;
}

/* ---- revoking --------------------------------------------------------- */

static void grant_revoked(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail missing = {"id", "no such token or session"};

	store_ask_changed(user, code, rows, detail, &missing);
}

int store_grant_revoke(struct wtel_store *store, int64_t id, store_change_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct store_args args = {0};
	int code = store_check_id(detail, "id", id);

	if (code)
		return code;
	store_args_number(&args, id);
	store_args_time(&args, wtel_time_now().wall);
	return store_ask(store, &revoke_grant, &args, grant_revoked, (void (*)(void))done, user);
}

/* ---- waiting ---------------------------------------------------------- */

static void tokens_waited(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list, void *user)
{
	store_answered_list(user, code, detail, list);
}

int wtel_store_tokens(struct wtel_store *store, struct wtel_grant_list **out)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_list(&answer, store_tokens(store, tokens_waited, answer.waiter), &list);
	if (!code)
		*out = list;
	return code;
}

static void created_waited(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
			   const char *secret, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (!answer || code)
		return;
	answer->list = store_pack_keep(list);
	memcpy(answer->token, secret, sizeof(answer->token));
}

int wtel_store_token_create(struct wtel_store *store, struct wtel_grant_list **out, char *secret,
			    const struct wtel_grant *token)
{
	struct wtel_grant grant = *token;
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	grant.kind = WTEL_GRANT_TOKEN;
	code = store_answer_end(&answer, store_grant_create(store, &grant, created_waited, answer.waiter));
	if (!code) {
		*out = answer.list;
		memcpy(secret, answer.token, sizeof(answer.token));
	}
	base_wipe(answer.token, sizeof(answer.token));
	return code;
}

int wtel_store_token_revoke(struct wtel_store *store, int64_t id)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer, store_grant_revoke(store, id, store_answered_change, answer.waiter));
}
