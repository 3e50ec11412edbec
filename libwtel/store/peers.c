/* Agents' accounts as they are listed, and what changes in them but their secrets (store/accounts.c). */
#include "store/accounts.h"

enum { USER_AGENT_MAX = 255, ADDRESS_MAX = 45 };

#define COLUMNS                                                                                                        \
	"SELECT id, user_id, sip_username, extension, status, registered, last_registered_at, user_agent, ip_address"  \
	" FROM sip_peers"

STORE_BOTH(list_peers, COLUMNS " ORDER BY length(extension), extension");
#define ONE COLUMNS " WHERE user_id = $1"
const struct store_statement store_get_peer = {.name = "get_peer", .sqlite = ONE, .postgres = ONE};

/* An account that is not active is none to Asterisk: whoever was registered is no more. */
STORE_BOTH(set_status, "UPDATE sip_peers SET status = $2, registered = registered AND $4, updated_at = $3"
		       " WHERE user_id = $1");

#define SEEN                                                                                                           \
	"UPDATE sip_peers SET registered = $2, last_registered_at = coalesce($3, last_registered_at),"                 \
	" user_agent = coalesce($4, user_agent), ip_address = coalesce($5, ip_address), updated_at = $6"               \
	" WHERE extension = $1"
static const struct store_statement set_seen = {.name = "set_seen", .sqlite = SEEN, .postgres = SEEN, .relaxed = true};

/* ---- lists ------------------------------------------------------------ */

int store_take_peers(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, store_fill_peer_list, rows);
}

static void peers_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_peers_fn *done = (store_peers_fn *)ask->callback;
	void *list = NULL, *tell = ask->user;
	struct wtel_detail said;

	code = store_ask_take(ask, &list, code, rows, detail, store_take_peers, &said);
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

int store_check_user(struct wtel_store *store, int64_t user_id)
{
	struct wtel_detail *detail = store_forget_error(store);

	if (user_id == 0)
		return base_fail(detail, WTEL_EINVAL, "user_id", "user_id is missing");
	return store_check_id(detail, "user_id", user_id);
}

const struct wtel_detail store_no_account = {"user_id", "the user has no account"};

static void peer_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	if (!code && !rows->row_count)
		peers_done(WTEL_ENOTFOUND, NULL, &store_no_account, user);
	else
		peers_done(code, rows, detail, user);
}

int store_peer(struct wtel_store *store, int64_t user_id, store_peers_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_check_user(store, user_id);

	if (code)
		return code;
	store_args_number(&args, user_id);
	return store_ask(store, &store_get_peer, &args, peer_done, (void (*)(void))done, user);
}

/* ---- changing --------------------------------------------------------- */

static void status_set(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	store_ask_changed(user, code, rows, detail, &store_no_account);
}

int store_peer_set_status(struct wtel_store *store, int64_t user_id, enum wtel_peer_status status,
			  store_change_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_check_user(store, user_id);

	if (!code && (unsigned)status > WTEL_PEER_DISABLED)
		code = base_fail(&store->error, WTEL_EINVAL, "status", "no such status");
	if (code)
		return code;
	store_args_number(&args, user_id);
	store_args_text(&args, wtel_peer_status_name(status));
	store_args_time(&args, wtel_time_now().wall);
	store_args_flag(&args, status == WTEL_PEER_ACTIVE);
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
