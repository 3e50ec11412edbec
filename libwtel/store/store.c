#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "store/core.h"
#include "store/names.h"

/* ---- opening ---------------------------------------------------------- */

/* The driver by the URL's scheme; *target is what the driver reads of it. */
static int choose_driver(const struct store_driver_ops **ops, const char **target, const char *url,
			 struct wtel_detail *detail)
{
	struct wtel_slice text = wtel_slice_of(url);

	*ops = NULL;
	if (!url || !url[0])
		return base_fail(detail, WTEL_ECONFIG, "db", "no database is given");
	if (base_slice_starts(text, BASE_SLICE("sqlite:"))) {
#ifdef HAVE_SQLITE
		*ops = &store_sqlite;
#endif
		*target = url + strlen("sqlite:");
	} else if (base_slice_starts(text, BASE_SLICE("postgresql:")) ||
		   base_slice_starts(text, BASE_SLICE("postgres:"))) {
#ifdef HAVE_POSTGRES
		*ops = &store_postgres;
#endif
		*target = url;
	} else {
		return base_fail(detail, WTEL_ECONFIG, "db", "the database must be sqlite:PATH or postgresql://...");
	}
	return *ops ? 0 : base_fail(detail, WTEL_EUNSUPPORTED, "db", "that database is not built into this library");
}

static int read_options(struct wtel_store_options *out, const struct wtel_store_options *options,
			struct wtel_detail *detail)
{
	const struct wtel_store_options whole = WTEL_STORE_OPTIONS_INIT;

	*out = whole;
	if (options)
		memcpy(out, options, options->size < sizeof(*out) ? options->size : sizeof(*out));
	if (!out->max_batch || out->max_batch > 100000)
		return base_fail(detail, WTEL_ECONFIG, "max_batch", "max_batch must be between 1 and 100000");
	if (!out->max_queue)
		return base_fail(detail, WTEL_ECONFIG, "max_queue", "max_queue must be above 0");
	if (!out->sip_realm || !out->sip_realm[0] || strlen(out->sip_realm) > WTEL_REALM_MAX ||
	    strpbrk(out->sip_realm, "\",;:\\\r\n"))
		return base_fail(detail, WTEL_ECONFIG, "sip_realm", "sip_realm must be a word of at most %d bytes",
				 WTEL_REALM_MAX);
	if (out->audit_days < 0 || out->audit_days > 36500)
		return base_fail(detail, WTEL_ECONFIG, "audit_days", "audit_days must be between 0 and 36500");
	if (out->max_delay < 0 || out->connect_timeout <= 0 || out->lock_timeout < 0 ||
	    out->lock_timeout / 1000 > INT32_MAX)
		return base_fail(detail, WTEL_ECONFIG, "", "a time among the store's options is out of range");
	return 0;
}

/* Names this store in the database: random, because process ids repeat. */
static int name_instance(struct wtel_store *store, struct wtel_detail *detail)
{
	unsigned char random[(STORE_INSTANCE_SIZE - 1) / 2];
	size_t i;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return base_fail(detail, WTEL_EIO, "", "the system has no randomness");
	for (i = 0; i < sizeof(random); i++)
		snprintf(store->instance + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int wtel_store_open(struct wtel_store **out, const struct wtel_store_options *options,
		    const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct wtel_allocator memory = base_allocator(allocator);
	const struct store_driver_ops *ops = NULL;
	struct wtel_store_options use;
	struct wtel_store *store;
	const char *target = NULL;
	int code = read_options(&use, options, detail);

	if (!code)
		code = choose_driver(&ops, &target, use.url, detail);
	if (code)
		return code;
	store = base_allocate_zero(&memory, sizeof(*store));
	if (!store)
		return base_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	store->allocator = memory;
	store->zones.allocator = &store->allocator;
	store->ops = ops;
	store_prune_init(store, use.audit_days);
	store->max_batch = use.max_batch;
	store->max_queue = use.max_queue;
	store->max_delay = use.max_delay;
	store->connect_timeout = use.connect_timeout;
	store->log = use.log;
	store->log_user = use.log_user;
	memcpy(store->realm, use.sip_realm, strlen(use.sip_realm));
	code = name_instance(store, detail);
	if (!code && use.secret_keys)
		code = wtel_keyring_new(&store->keyring, use.secret_keys, &memory, detail);
	if (!code) {
		store_queue_init(store);
		code = ops->open(&store->driver, &use, target, &store->allocator, detail);
	}
	if (code) {
		wtel_keyring_free(store->keyring);
		base_release(&memory, store);
		return code == WTEL_ENOMEM ? base_fail(detail, code, "", "%s", wtel_error_text(code)) : code;
	}
	*out = store;
	return 0;
}

void wtel_store_close(struct wtel_store *store)
{
	struct wtel_allocator memory;
	size_t left;

	if (!store)
		return;
	if (store_queued(store) && wtel_store_flush(store) && (left = store_queued(store)))
		store_log(store, WTEL_LOG_ERROR, "store: closed with %zu changes not written: %s", left,
			  store->error.text);
	store_audit_flush(store);
	if (store->audit.waiting.count + store->audit.flying.count)
		store_log(store, WTEL_LOG_ERROR, "store: closed with %zu entries of the audit log not written",
			  store->audit.waiting.count + store->audit.flying.count);
	store_retire(store);
	memory = store->allocator;
	store->closing = true;
	store->ops->close(store->driver);
	store_ask_end_all(store);
	store_queue_free(store);
	store_audit_free(store);
	store_users_free(store);
	wtel_keyring_free(store->keyring);
	store_names_free(store);
	store_zones_free(&store->zones);
	base_release(&memory, store);
}

/* ---- errors and names ------------------------------------------------- */

const struct wtel_detail *wtel_store_error(const struct wtel_store *store)
{
	return &store->error;
}

struct wtel_detail *store_forget_error(struct wtel_store *store)
{
	store->error.field[0] = store->error.text[0] = '\0';
	return &store->error;
}

const char *wtel_store_backend(const struct wtel_store *store)
{
	return store->ops->backend;
}

void store_log(struct wtel_store *store, enum wtel_log_level level, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!store->log || store->closing)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	store->log(level, text, store->log_user);
}

/* ---- for a loop ------------------------------------------------------- */

int store_fd(const struct wtel_store *store)
{
	return store->ops->fd(store->driver);
}

short store_events(const struct wtel_store *store)
{
	return store->ops->events(store->driver);
}

bool store_connected(const struct wtel_store *store)
{
	return store->ops->connected(store->driver);
}

int64_t store_deadline(const struct wtel_store *store)
{
	int64_t deadline = store->ops->deadline(store->driver), queue = store_queue_deadline(store);
	int64_t watch = store_watch_deadline(store), audit = store_audit_deadline(store);
	int64_t prune = store_prune_deadline(store);

	if (queue < deadline)
		deadline = queue;
	if (audit < deadline)
		deadline = audit;
	if (prune < deadline)
		deadline = prune;
	return watch < deadline ? watch : deadline;
}

int store_dispatch(struct wtel_store *store, struct wtel_time now)
{
	int code, sent, noted;

	if (store->dispatching)
		return WTEL_EBUSY;
	store->dispatching = true;
	sent = store_queue_dispatch(store, now);
	noted = store_audit_dispatch(store, now);
	store_prune_dispatch(store, now);
	if (!sent && noted == WTEL_ENOMEM)
		sent = noted;
	code = store->ops->dispatch(store->driver, now);
	store_watch_dispatch(store, now);
	store->dispatching = false;
	return code ? code : sent;
}
