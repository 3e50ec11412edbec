/* Agents' accounts. */
#include <stdio.h>

#include "api/request.h"
#include "store/rows.h"

static const struct wtel_detail no_account = {"userId", "the user has no SIP account"};

static void fail(struct api_request *request, int code, const struct wtel_detail *detail)
{
	api_fail_code(request, code, code == WTEL_ENOTFOUND ? &no_account : detail);
}

/* ---- looking ---------------------------------------------------------- */

static void peer_read(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	struct api_request *request = user;
	json_t *document;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	document = api_success(NULL);
	object_put(&document, "sipPeer", wtel_json_peer(list->peers));
	api_answer(request, 200, document);
}

/* GET sip/status: {"success": true, "sipPeer": {"username", "extension", "status", "registered", ...}} */
void api_sip_status(struct api_request *request)
{
	bool said = api_parameter(request, "userId") != NULL;
	struct wtel_store *store;
	int64_t user = 0;

	if (!api_parameter_number(request, &user, "userId", 1, API_ID_MAX) ||
	    !api_whose(request, &user, said, user, "userId"))
		return;
	if (!user) {
		api_fail(request, 401, WTEL_EPERMISSION, "", "this is for a user who is known");
		return;
	}
	store = api_store(request);
	if (store)
		api_asked_store(request, store_peer(store, user, peer_read, request));
}

static void credentials_read(int code, const struct wtel_detail *detail, const struct wtel_credentials *credentials,
			     void *user)
{
	struct api_request *request = user;
	const struct wtel_service_options *options;
	struct wtel_service_stats stats;
	json_t *document, *out;
	char port[16];

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	options = &request->service->options;
	wtel_service_stats(request->service, &stats);
	snprintf(port, sizeof(port), "%d", options->wss_port);
	out = json_object();
	object_text(&out, "sipServer", options->wss_host ? options->wss_host : stats.host);
	object_text(&out, "sipPort", port);
	object_text(&out, "username", credentials->username);
	object_text(&out, "password", credentials->password);
	object_text(&out, "extension", credentials->extension);
	object_text(&out, "displayName",
		    credentials->display_name[0] ? credentials->display_name : credentials->username);
	request->secret = true;
	document = api_success(NULL);
	object_put(&document, "credentials", out);
	api_answer(request, 200, document);
}

/* GET sip/credentials: {"success": true, "credentials": {"sipServer", "sipPort", "username", "password", "extension",
 * "displayName"}}: the asker's own, whoever asks. 409: the secret is not kept, or the account is disabled; 503: its key
 * is not there. */
void api_sip_credentials(struct api_request *request)
{
	struct wtel_store *store;

	if (!request->user_id) {
		api_fail(request, 401, WTEL_EPERMISSION, "", "this is for a user who is known");
		return;
	}
	store = api_store(request);
	if (store)
		api_asked_store(request, store_peer_credentials(store, request->user_id, credentials_read, request));
}

static void peers_read(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	struct api_request *request = user;
	json_t *document, *peers;
	size_t i;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	document = api_success(NULL);
	peers = json_array();
	for (i = 0; i < list->count; i++)
		array_add(&peers, wtel_json_peer(&list->peers[i]));
	object_number(&document, "count", (int64_t)list->count);
	object_put(&document, "sipPeers", peers);
	api_answer(request, 200, document);
}

/* GET sip/peers */
void api_sip_peers(struct api_request *request)
{
	struct wtel_store *store = api_store(request);

	if (store)
		api_asked_store(request, store_peers(store, peers_read, request));
}

/* ---- making ----------------------------------------------------------- */

static void created(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, const char *secret,
		    void *user)
{
	struct api_request *request = user;
	json_t *document, *peer;

	if (!api_resume(request))
		return;
	if (code == WTEL_ENOTFOUND)
		api_fail(request, 422, code, "userId", "there is no such user");
	else if (code)
		api_fail_code(request, code, detail);
	if (code)
		return;
	peer = json_object();
	object_text(&peer, "sipUsername", list->peers[0].username);
	object_text(&peer, "extension", list->peers[0].extension);
	object_text(&peer, "status", wtel_peer_status_name(list->peers[0].status));
	object_text(&peer, "password", secret);
	request->secret = true;
	document = api_success("SIP peer created successfully");
	object_put(&document, "sipPeer", peer);
	api_answer(request, 200, document);
}

/* POST sip/create: the seed's answer and, this once, the password. "webrtc" (true): the phone is a browser. */
void api_sip_create(struct api_request *request)
{
	const char *first = "", *last = "";
	struct wtel_store *store;
	bool webrtc = true;
	int64_t user = 0;
	int code;

	if (!api_body_number(request, &user, "userId", 1, API_ID_MAX) ||
	    !api_body_text(request, &first, "primerNombre") || !api_body_text(request, &last, "primerApellido") ||
	    !api_body_flag(request, &webrtc, "webrtc"))
		return;
	store = api_store(request);
	if (!store)
		return;
	code = store_peer_create(store, user, wtel_slice_of(first), wtel_slice_of(last), webrtc, created, request);
	if (code == WTEL_EINVAL || code == WTEL_EINJECTION || code == WTEL_ELIMIT) {
		const struct wtel_detail *error = wtel_store_error(store);

		api_fail(request, 422, code,
			 strcmp(error->field, "first_name") == 0  ? "primerNombre"
			 : strcmp(error->field, "last_name") == 0 ? "primerApellido"
								  : error->field,
			 "%s", error->text);
		return;
	}
	api_asked_store(request, code);
}

/* ---- changing --------------------------------------------------------- */

static void status_set(int code, const struct wtel_detail *detail, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		fail(request, code, detail);
	else
		api_answer(request, 200, api_success(request->message));
}

static void set_status(struct api_request *request, enum wtel_peer_status status, const char *message)
{
	struct wtel_store *store;
	int64_t user;

	if (!api_word_id(request, &user, 0))
		return;
	request->message = message;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_peer_set_status(store, user, status, status_set, request));
}

/* POST sip/{userId}/enable */
void api_sip_enable(struct api_request *request)
{
	set_status(request, WTEL_PEER_ACTIVE, "SIP peer enabled successfully");
}

/* POST sip/{userId}/disable */
void api_sip_disable(struct api_request *request)
{
	set_status(request, WTEL_PEER_DISABLED, "SIP peer disabled successfully");
}

static void renewed(int code, const struct wtel_detail *detail, const char *secret, void *user)
{
	struct api_request *request = user;
	const struct wtel_peer_list *list = request->kept;
	json_t *document, *credentials;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	credentials = json_object();
	object_text(&credentials, "username", list->peers[0].username);
	object_text(&credentials, "password", secret);
	object_text(&credentials, "extension", list->peers[0].extension);
	request->secret = true;
	document = api_success("SIP password renewed successfully");
	object_put(&document, "credentials", credentials);
	api_answer(request, 200, document);
}

static void account_read(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	request->kept = store_pack_keep(list);
	api_asked_store(request, store_peer_renew(request->service->store, request->id, renewed, request));
}

/* POST sip/{userId}/renew: {"success": true, "credentials": {"username", "password", "extension"}}; the old one is
 * void. */
void api_sip_renew(struct api_request *request)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_peer(store, request->id, account_read, request));
}
