/* Who asks: questions about tokens, sessions and people, each a job of the service with one question to its store. */
#include <wtel/access.h>

#include "service/service.h"
#include "store/rows.h"

_Static_assert((int)WTEL_ACCESS_SECRET_SIZE == (int)STORE_TOKEN_SIZE, "one size of a secret");
_Static_assert((int)WTEL_ACCESS_NAME_MAX == (int)STORE_GRANT_NAME_MAX, "one length of a name");

enum { TEXT_SIZE = 257, HASH_SIZE = 61 };

struct access {
	struct service_job job;	      /* first */
	struct wtel_service *service; /* NULL: it was answered, and only the store's callback is waited for */
	struct wtel_allocator allocator;
	int (*ask)(struct wtel_store *store, struct access *access);
	void (*tell)(const struct access *access, const char *text);
	void (*callback)(void); /* the program's, cast to its type */
	void *user;
	bool pending;
	/* the question */
	char text[TEXT_SIZE]; /* a secret or a login */
	char name[WTEL_ACCESS_NAME_MAX + 2];
	struct wtel_grant grant;
	int64_t id;
	/* the answer */
	int code;
	struct wtel_detail said;
	struct wtel_grant_list *list; /* store_pack_free() */
	char secret[WTEL_ACCESS_SECRET_SIZE];
	int64_t user_id;
	enum wtel_role role;
	char hash[HASH_SIZE];
};

/* ---- a question's way ------------------------------------------------- */

static void release(struct access *access)
{
	struct wtel_allocator allocator = access->allocator;

	store_pack_free(access->list);
	base_wipe(access, sizeof(*access));
	base_release(&allocator, access);
}

static void answer(struct access *access, int code, const struct wtel_detail *detail)
{
	access->code = code;
	if (code && detail && detail->text[0])
		access->said = *detail;
	job_due(access->service, &access->job);
}

/* To begin a callback of the store with: false: nobody waits for it any more. */
static bool resume(struct access *access)
{
	access->pending = false;
	if (access->service)
		return true;
	release(access);
	return false;
}

static void begin(struct service_job *job)
{
	static const struct wtel_detail none = {"", "there is no database"},
					away = {"", "no connection to the database"};
	struct access *access = (struct access *)job;
	struct wtel_store *store = access->service->store;
	int code;

	if (!store || !store_connected(store)) {
		answer(access, WTEL_ESTORE, store ? &away : &none);
		return;
	}
	code = access->ask(store, access);
	if (code)
		answer(access, code, wtel_store_error(store));
	else
		access->pending = true;
}

static void finish(struct service_job *job, int code)
{
	struct access *access = (struct access *)job;
	const char *text = access->said.text;

	access->service = NULL;
	if (code) {
		access->code = code;
		text = "";
	}
	access->tell(access, access->code && !text[0] ? wtel_error_text(access->code) : text);
	if (!access->pending)
		release(access);
}

static int begin_access(struct access **out, struct wtel_service *service, void (*callback)(void), void *user)
{
	struct access *access;

	if (service->closing)
		return service_fail(service, WTEL_ECLOSED, "", "the service is being closed");
	access = base_allocate_zero(&service->allocator, sizeof(*access));
	if (!access)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	access->job.begin = begin;
	access->job.finish = finish;
	access->service = service;
	access->allocator = service->allocator;
	access->callback = callback;
	access->user = user;
	*out = access;
	return 0;
}

/* What is too long is cut so that it is still too long. */
static void keep(char *out, size_t room, const char *text)
{
	base_slice_copy(out, room, wtel_slice_of(text));
}

/* ---- finding ---------------------------------------------------------- */

static void grant_found(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list, void *user)
{
	struct access *access = user;

	if (!resume(access))
		return;
	access->list = store_pack_keep(list);
	answer(access, code, detail);
}

static int ask_grant(struct wtel_store *store, struct access *access)
{
	return store_grant_find(store, access->text, grant_found, access);
}

static void tell_grant(const struct access *access, const char *text)
{
	((wtel_access_fn *)access->callback)(access->code, text, access->code ? NULL : access->list->grants,
					     access->user);
}

int wtel_access_find(struct wtel_service *service, const char *secret, wtel_access_fn *done, void *user)
{
	struct access *access = NULL;
	int code = done ? begin_access(&access, service, (void (*)(void))done, user)
			: service_fail(service, WTEL_EINVAL, "done", "a callback is needed");

	if (code)
		return code;
	keep(access->text, sizeof(access->text), secret);
	access->ask = ask_grant;
	access->tell = tell_grant;
	job_add(service, &access->job);
	return 0;
}

/* ---- opening ---------------------------------------------------------- */

static void grant_made(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
		       const char *secret, void *user)
{
	struct access *access = user;

	if (!resume(access))
		return;
	access->list = store_pack_keep(list);
	if (secret)
		keep(access->secret, sizeof(access->secret), secret);
	answer(access, code, detail);
}

static int ask_open(struct wtel_store *store, struct access *access)
{
	return store_grant_create(store, &access->grant, grant_made, access);
}

static void tell_open(const struct access *access, const char *text)
{
	((wtel_access_secret_fn *)access->callback)(access->code, text, access->code ? NULL : access->list->grants,
						    access->code ? NULL : access->secret, access->user);
}

int wtel_access_open(struct wtel_service *service, const struct wtel_grant *grant, wtel_access_secret_fn *done,
		     void *user)
{
	struct access *access = NULL;
	int code = grant && done ? begin_access(&access, service, (void (*)(void))done, user)
				 : service_fail(service, WTEL_EINVAL, "grant", "a grant and a callback are needed");

	if (code)
		return code;
	keep(access->name, sizeof(access->name), grant->name);
	access->grant = *grant;
	access->grant.name = access->name;
	access->ask = ask_open;
	access->tell = tell_open;
	job_add(service, &access->job);
	return 0;
}

/* ---- revoking --------------------------------------------------------- */

static void grant_ended(int code, const struct wtel_detail *detail, void *user)
{
	struct access *access = user;

	if (resume(access))
		answer(access, code, detail);
}

static int ask_revoke(struct wtel_store *store, struct access *access)
{
	return store_grant_revoke(store, access->id, grant_ended, access);
}

static void tell_revoke(const struct access *access, const char *text)
{
	if (access->callback)
		((wtel_done_fn *)access->callback)(access->code, text, access->user);
}

int wtel_access_revoke(struct wtel_service *service, int64_t id, wtel_done_fn *done, void *user)
{
	struct access *access = NULL;
	int code = begin_access(&access, service, (void (*)(void))done, user);

	if (code)
		return code;
	access->id = id;
	access->ask = ask_revoke;
	access->tell = tell_revoke;
	job_add(service, &access->job);
	return 0;
}

/* ---- people ----------------------------------------------------------- */

static void user_found(int code, const struct wtel_detail *detail, int64_t user_id, enum wtel_role role,
		       const char *hash, void *user)
{
	struct access *access = user;

	if (!resume(access))
		return;
	access->user_id = user_id;
	access->role = role;
	if (hash)
		keep(access->hash, sizeof(access->hash), hash);
	answer(access, code, detail);
}

static int ask_user(struct wtel_store *store, struct access *access)
{
	return store_user(store, access->text, user_found, access);
}

static void tell_user(const struct access *access, const char *text)
{
	((wtel_access_user_fn *)access->callback)(access->code, text, access->code ? 0 : access->user_id,
						  access->code ? WTEL_ROLE_AGENT : access->role,
						  access->code ? NULL : access->hash, access->user);
}

int wtel_access_user(struct wtel_service *service, const char *login, wtel_access_user_fn *done, void *user)
{
	struct access *access = NULL;
	int code = done ? begin_access(&access, service, (void (*)(void))done, user)
			: service_fail(service, WTEL_EINVAL, "done", "a callback is needed");

	if (code)
		return code;
	keep(access->text, sizeof(access->text), login);
	access->ask = ask_user;
	access->tell = tell_user;
	job_add(service, &access->job);
	return 0;
}

/* ---- the audit log ---------------------------------------------------- */

int wtel_access_note(struct wtel_service *service, const struct wtel_audit_entry *entry)
{
	struct wtel_audit_entry use = WTEL_AUDIT_ENTRY_INIT;
	struct store_note note = {0};
	int code;

	if (!entry)
		return service_fail(service, WTEL_EINVAL, "entry", "an entry is needed");
	memcpy(&use, entry, entry->size < sizeof(use) ? entry->size : sizeof(use));
	if (!service->store)
		return service_fail(service, WTEL_ESTORE, "", "there is no database");
	note.user_id = use.user_id;
	note.actor = use.actor;
	note.address = use.address;
	note.method = use.method;
	note.path = use.path;
	note.status = use.status;
	note.detail = use.detail;
	code = store_note(service->store, &note);
	if (code)
		return service_fail(service, code, "", "%s", wtel_error_text(code));
	/* The loop is to come back for it. */
	if (!service->dispatching && store_deadline(service->store) < service->loop.armed)
		loop_arm(&service->loop, store_deadline(service->store));
	return 0;
}
