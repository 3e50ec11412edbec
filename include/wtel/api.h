/*
 * The REST interface as values: a request in, a status and one JSON document out. There is no HTTP here: any server can
 * mount it, and programs in other languages can ask with it directly. Asynchronous: nothing waits, the answer comes
 * from a dispatch of the service. All routes stand in libwtel/api/route.def.
 */
#ifndef WTEL_API_H
#define WTEL_API_H

#include <wtel/service.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wtel_api_request {
	size_t size;
	const char *method;	 /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *path;	 /* "/api/telephony/calls/active"; percent-encoded as it came */
	struct wtel_slice query; /* "limit=50&offset=0", percent-encoded, without '?' */
	struct wtel_slice body;	 /* a JSON object; empty: none */
	int64_t user_id;	 /* who asks: the agent's id; 0: nobody in particular */
	enum wtel_role role;
	const char *actor;   /* for the audit log: "token 3 (backoffice)"; NULL: none */
	const char *address; /* for the audit log: where from; NULL */
};
#define WTEL_API_REQUEST_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct wtel_api_request), "GET", "/", {NULL, 0}, {NULL, 0}, 0, WTEL_ROLE_AGENT, NULL, NULL      \
	}

/* `status` is HTTP's; `json` is the document, borrowed for the length of the call. */
typedef void wtel_api_fn(int status, struct wtel_slice json, void *user);

/*
 * Copies the request and answers to `done` once, from a dispatch, never from inside this call; when the service is
 * freed first, 503. Whatever the request holds is answered: {"success": false, "error": {"code", "message", "field"}}
 * with 400 (not JSON, bad parameter, unknown or missing key), 401 (a user is needed), 403, 404 (also: exists, but is
 * not the asker's), 405, 409 (exists, or not in this state), 413, 422 (a value that cannot be), 503 (no Asterisk, no
 * database, no trunk, no memory, no answer in half a minute). What belongs to calls under way is answered when
 * Asterisk has: originate, once it is queued there. At once: WTEL_EINVAL (a request without method, path or a role),
 * WTEL_ENOMEM, and WTEL_ECLOSED from a callback of a service that is being freed.
 */
WTEL_API int wtel_api_call(struct wtel_service *service, const struct wtel_api_request *request, wtel_api_fn *done,
			   void *user) WTEL_MUST_CHECK;

/* The OpenAPI 3.1 document of all routes, as GET openapi.json gives it; terminated. The caller frees it with free(). */
WTEL_API int wtel_api_openapi(char **out) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
