/*
 * Who asks: tokens for programs, sessions for people, both kept as the SHA-256 of a secret that is given once. And what
 * they changed: the audit log. Asynchronous, as <wtel/api.h>: the answer comes from a dispatch of the service.
 */
#ifndef WTEL_ACCESS_H
#define WTEL_ACCESS_H

#include <wtel/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "wtel_" and 256 random bits in 43 letters of base64url, a NUL. What is no such text is refused without a look at the
 * database. */
enum { WTEL_ACCESS_SECRET_SIZE = 49, WTEL_ACCESS_NAME_MAX = 100 };

/*
 * All of these call back once, from a dispatch, and when the service is freed first with WTEL_ECLOSED. Codes that any
 * of them may give: WTEL_ESTORE (no database now), WTEL_ETIMEOUT (no answer in half a minute), WTEL_ENOMEM. At once,
 * without a callback: WTEL_EINVAL (no callback is given), WTEL_ENOMEM, and WTEL_ECLOSED from a callback of a service
 * that is being freed. `text` is a sentence, "" where code is 0.
 */

/* Finds the grant that belongs to a secret: token or session. WTEL_ENOTFOUND: there is none; WTEL_ESTATE: it was
 * revoked, has expired, or its user may not log in (any more: see wtel_access_user(); of a token, if it stands for one),
 * and `text` says which. A session has the role that its user has now, a token the one that it was given. `grant` is
 * borrowed for the callback, NULL on failure. Notes the use, at most once a minute. */
typedef void wtel_access_fn(int code, const char *text, const struct wtel_grant *grant, void *user);
WTEL_API int wtel_access_find(struct wtel_service *service, const char *secret, wtel_access_fn *done,
			      void *user) WTEL_MUST_CHECK;

/* A new grant: kind, user_id, role, name and expires_at of `grant` are taken. `secret` is borrowed for the callback,
 * and given this once; both are NULL on failure. A token needs a name, a session must expire: WTEL_EINVAL. A user that
 * the platform does not have: WTEL_ENOTFOUND. Each new session removes those that expired a day ago. */
typedef void wtel_access_secret_fn(int code, const char *text, const struct wtel_grant *grant, const char *secret,
				   void *user);
WTEL_API int wtel_access_open(struct wtel_service *service, const struct wtel_grant *grant, wtel_access_secret_fn *done,
			      void *user) WTEL_MUST_CHECK;

/* Ends a grant, for ever; a second time changes nothing. WTEL_ENOTFOUND. `done` may be NULL. */
WTEL_API int wtel_access_revoke(struct wtel_service *service, int64_t id, wtel_done_fn *done,
				void *user) WTEL_MUST_CHECK;

/*
 * A user of the platform's own table (`usuarios`), by the name that is typed at a login; `hash` is the bcrypt hash that
 * stands there, to be tried with wtel_peer_verify() away from the loop (50 ms and more); borrowed for the callback.
 *
 * Of each list the first column that the table has is taken, whatever the case of its letters:
 *
 *   login     correo, email, usuario, username, nombre_usuario: compared as it is, and of two equal ones neither
 *   password  contrasenia, contrasena, password, password_hash, clave: what is no bcrypt hash lets nobody in
 *   role      rol, role, tipo: "admin" or "administrador", "supervisor"; everything else is an agent
 *   active    estado, activo, active, if there is one: true, 1, "activo", "activa", "active", "si", "yes", "enabled",
 *             "habilitado", "habilitada"; everything else lets nobody in
 *   removed   deleted_at, deletedAt, if there is one: must be NULL
 *
 * Which columns there are is looked at again when a statement fails, and after a minute. Without such a table, or where
 * the library's user of the database may not read it, wtel_access_find() lets grants of its users stand.
 *
 * WTEL_ENOTFOUND: nobody of that name who may log in; WTEL_ESCHEMA: there is no such table, or it has no id, login,
 * password or role, and `text` says which.
 */
typedef void wtel_access_user_fn(int code, const char *text, int64_t user_id, enum wtel_role role, const char *hash,
				 void *user);
WTEL_API int wtel_access_user(struct wtel_service *service, const char *login, wtel_access_user_fn *done,
			      void *user) WTEL_MUST_CHECK;

/* What a request changed, or tried to: one row in wtel_audit. */
struct wtel_audit_entry {
	size_t size;
	int64_t user_id;     /* 0: nobody in particular */
	const char *actor;   /* "token 3 (backoffice)", "session 7"; NULL */
	const char *address; /* where from; NULL */
	const char *method;
	const char *path;
	int status;
	const char *detail; /* JSON, without secrets; NULL */
};
#define WTEL_AUDIT_ENTRY_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct wtel_audit_entry), 0, NULL, NULL, NULL, NULL, 0, NULL                                    \
	}

/* Copied, and written in the background; a lost database loses nothing that was not lost with it: the last 10 000 wait.
 * Texts are cut to 200 bytes (actor), 64 (address), 16 (method), 512 (path) and 4 096 (detail). wtel_api_call() notes
 * every request that is not a GET itself, when it is answered; this is for what happens outside of it (a login). An
 * admin reads them with GET audit. They are kept as long as the store's option audit_days says. WTEL_ESTORE: the service
 * has no database; WTEL_ENOMEM. */
WTEL_API int wtel_access_note(struct wtel_service *service, const struct wtel_audit_entry *entry) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
