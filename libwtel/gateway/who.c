#include "gateway/who.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "gateway/head.h"

/* Microseconds since the database was asked. */
static const int64_t KEPT = 900000;    /* what it said counts */
static const int64_t RENEWED = 450000; /* it is asked again, behind the answer */
static const int64_t SPARE = 20000;    /* between two questions that no address may ask any more */
enum { TABLE = 4096 };

struct entry {
	unsigned char hash[SHA256_DIGEST_LENGTH];
	int64_t asked; /* mono; 0: free */
	bool renewing;
	int code; /* what wtel_access_find() said */
	struct who_grant grant;
};

/* One question that is under way. */
struct lookup {
	struct lookup *next, *previous;
	struct who_table *table; /* NULL: the gateway is gone */
	struct wtel_allocator allocator;
	struct gateway_exchange *exchange; /* or */
	wtel_access_fn *done;
	void *user;
	int64_t asked;
	bool old; /* the secret was revoked since */
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char secret[WTEL_ACCESS_SECRET_SIZE];
};

struct who_table {
	struct wtel_allocator allocator;
	struct wtel_gateway *gateway;
	struct lookup *lookups;
	int64_t spare_at; /* mono */
	/* Made when they are first used. Apart, so that whoever guesses drives out nobody who is known: an old good one
	 * still says that its secret is worth a question. */
	struct entry *good[TABLE], *other[TABLE];
};

int who_new(struct who_table **out, struct wtel_gateway *gateway)
{
	struct who_table *table = gateway_allocate(&gateway->allocator, sizeof(*table));

	if (!table)
		return WTEL_ENOMEM;
	table->allocator = gateway->allocator;
	table->gateway = gateway;
	*out = table;
	return 0;
}

static void release_entry(struct who_table *table, struct entry *entry)
{
	if (entry)
		OPENSSL_cleanse(entry, sizeof(*entry));
	gateway_release(&table->allocator, entry);
}

void who_free(struct who_table *table)
{
	struct lookup *lookup;
	size_t i;

	if (!table)
		return;
	for (lookup = table->lookups; lookup; lookup = lookup->next)
		lookup->table = NULL;
	for (i = 0; i < TABLE; i++) {
		release_entry(table, table->good[i]);
		release_entry(table, table->other[i]);
	}
	gateway_release(&table->allocator, table);
}

/* ---- what is remembered ------------------------------------------------- */

static void hash_of(unsigned char out[SHA256_DIGEST_LENGTH], const char *secret)
{
	SHA256((const unsigned char *)secret, strlen(secret), out);
}

static struct entry **slot_of(struct entry **entries, const unsigned char *hash)
{
	return &entries[(hash[0] | hash[1] << 8) % TABLE];
}

/* However old it is. */
static struct entry *entry_of(struct entry **entries, const unsigned char *hash)
{
	struct entry *entry = *slot_of(entries, hash);

	return entry && entry->asked && CRYPTO_memcmp(entry->hash, hash, sizeof(entry->hash)) == 0 ? entry : NULL;
}

/* What was heard last, if that is new enough, or what was asked at `since` for whoever waits: however long it took. */
static struct entry *find(struct who_table *table, const unsigned char *hash, int64_t now, int64_t since)
{
	struct entry *entry = entry_of(table->good, hash), *other = entry_of(table->other, hash);

	if (!entry || (other && other->asked > entry->asked))
		entry = other;
	return entry && (now - entry->asked < KEPT || (since && entry->asked >= since)) ? entry : NULL;
}

static struct entry *make_entry(struct who_table *table, struct entry **entries, const unsigned char *hash)
{
	struct entry **slot = slot_of(entries, hash), *entry = *slot;

	if (!entry)
		entry = *slot = gateway_allocate(&table->allocator, sizeof(*entry));
	if (!entry)
		return NULL;
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->hash, hash, sizeof(entry->hash));
	return entry;
}

void who_csrf(char out[GATEWAY_CSRF_SIZE], const char *secret)
{
	unsigned char key[SHA256_DIGEST_LENGTH], mac[SHA256_DIGEST_LENGTH];
	unsigned length = sizeof(mac);
	size_t i;

	hash_of(key, secret);
	if (!HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)"csrf", 4, mac, &length))
		memset(mac, 0, sizeof(mac));
	for (i = 0; i < sizeof(mac); i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
	OPENSSL_cleanse(key, sizeof(key));
}

static void copy_grant(struct who_grant *out, const struct wtel_grant *grant, const char *secret)
{
	bool session = grant->kind == WTEL_GRANT_SESSION;

	out->grant = *grant;
	snprintf(out->name, sizeof(out->name), "%s", grant->name ? grant->name : "");
	out->grant.name = out->name;
	snprintf(out->actor, sizeof(out->actor), "%s %lld (%s)", session ? "session" : "token", (long long)grant->id,
		 out->name);
	*out->csrf = '\0';
	if (session)
		who_csrf(out->csrf, secret);
}

/* Without memory it is asked again the next time. */
static void remember(struct lookup *lookup, int code, const struct wtel_grant *grant)
{
	struct who_table *table = lookup->table;
	bool told = code == 0 || code == WTEL_ENOTFOUND || code == WTEL_ESTATE;
	struct entry *entry = entry_of(table->good, lookup->hash);

	if (lookup->old)
		return;
	if (code && told && entry)
		entry->asked = 0;
	entry = make_entry(table, code ? table->other : table->good, lookup->hash);
	if (!entry)
		return;
	/* That a database is not there is no answer: it is asked again soon, and not by everybody. */
	entry->asked = told ? lookup->asked : lookup->asked - KEPT + 100000;
	entry->code = code;
	if (!code)
		copy_grant(&entry->grant, grant, lookup->secret);
}

void who_granted(struct wtel_gateway *gateway, const char *secret)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct entry *entry;

	hash_of(hash, secret);
	entry = make_entry(gateway->who, gateway->who->good, hash);
	if (entry)
		entry->asked = wtel_time_now().mono - KEPT;
}

void who_forget(struct wtel_gateway *gateway, const char *secret)
{
	struct who_table *table = gateway->who;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct lookup *lookup;
	struct entry *entry;

	hash_of(hash, secret);
	/* An answer that is under way may be older than the revocation. */
	for (lookup = table->lookups; lookup; lookup = lookup->next)
		lookup->old = lookup->old || memcmp(lookup->hash, hash, sizeof(hash)) == 0;
	entry = entry_of(table->good, hash);
	if (entry)
		entry->asked = 0;
}

/* ---- asking ------------------------------------------------------------- */

static void release_lookup(struct lookup *lookup)
{
	struct wtel_allocator allocator = lookup->allocator;

	if (lookup->table) {
		if (lookup->previous)
			lookup->previous->next = lookup->next;
		else
			lookup->table->lookups = lookup->next;
	} else if (lookup->previous) {
		lookup->previous->next = lookup->next;
	}
	if (lookup->next)
		lookup->next->previous = lookup->previous;
	OPENSSL_cleanse(lookup->secret, sizeof(lookup->secret));
	gateway_release(&allocator, lookup);
}

static void found(int code, const char *text, const struct wtel_grant *grant, void *user)
{
	struct lookup *lookup = user;
	struct gateway_exchange *exchange = lookup->exchange;
	wtel_access_fn *done = lookup->done;
	void *done_user = lookup->user;
	int64_t asked = lookup->old ? 0 : lookup->asked;

	if (lookup->table) {
		struct entry *entry = entry_of(lookup->table->good, lookup->hash);

		/* A renewal that failed leaves what is known until it is too old. */
		if (code == 0 || code == WTEL_ENOTFOUND || code == WTEL_ESTATE || exchange || done)
			remember(lookup, code, grant);
		else if (entry)
			entry->renewing = false;
	}
	release_lookup(lookup);
	if (exchange && exchange_resume(exchange)) {
		exchange->looked_up = asked;
		exchange->carrier->retry(exchange);
	}
	if (done)
		done(code, text, grant, done_user);
}

/* For an exchange that waits, for `done`, or for nobody: to renew what is remembered. */
static int ask(struct who_table *table, const char *secret, const unsigned char *hash, struct lookup *from, int64_t now)
{
	struct lookup *lookup = gateway_allocate(&table->allocator, sizeof(*lookup));
	int code;

	if (!lookup)
		return WTEL_ENOMEM;
	*lookup = *from;
	lookup->table = table;
	lookup->allocator = table->allocator;
	lookup->asked = now;
	memcpy(lookup->hash, hash, sizeof(lookup->hash));
	snprintf(lookup->secret, sizeof(lookup->secret), "%s", secret);
	lookup->next = table->lookups;
	if (table->lookups)
		table->lookups->previous = lookup;
	table->lookups = lookup;
	table->gateway->asked = true;
	code = wtel_access_find(table->gateway->service, secret, found, lookup);
	if (code)
		release_lookup(lookup);
	return code;
}

static void renew(struct who_table *table, struct entry *entry, const char *secret, int64_t now)
{
	struct lookup nobody = {NULL};

	if (entry->renewing || now - entry->asked < RENEWED)
		return;
	entry->renewing = ask(table, secret, entry->hash, &nobody, now) == 0;
}

int who_check(struct wtel_gateway *gateway, const char *secret, wtel_access_fn *done, void *user)
{
	struct lookup asker = {.done = done, .user = user};
	unsigned char hash[SHA256_DIGEST_LENGTH];
	int64_t now = wtel_time_now().mono;
	struct entry *entry;

	hash_of(hash, secret);
	entry = find(gateway->who, hash, now, 0);
	if (!entry)
		return ask(gateway->who, secret, hash, &asker, now);
	renew(gateway->who, entry, secret, now);
	done(entry->code, wtel_error_text(entry->code), entry->code ? NULL : &entry->grant.grant, user);
	return 0;
}

/* ---- requests ----------------------------------------------------------- */

/* false: what is there is no secret of ours. */
static bool secret_of(char *out, struct wtel_slice value)
{
	size_t i;

	if (value.length != WTEL_ACCESS_SECRET_SIZE - 1 || memcmp(value.data, "wtel_", 5) != 0)
		return false;
	for (i = 5; i < value.length; i++) {
		char c = value.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	memcpy(out, value.data, value.length);
	out[value.length] = '\0';
	return true;
}

/* A token, where there is one; then the cookie. WHO_WAITS: it has to be looked at. */
static enum who_answer credentials(const struct gateway_request *request, char *secret, bool *cookie)
{
	struct wtel_slice value = request->headers[GATEWAY_AUTHORIZATION];

	*cookie = false;
	*secret = '\0';
	if (value.data) {
		if (value.length < 7 || !head_equals((struct wtel_slice){value.data, 7}, "bearer "))
			return WHO_REFUSED;
		value.data += 7;
		value.length -= 7;
		while (value.length && *value.data == ' ') {
			value.data++;
			value.length--;
		}
		return secret_of(secret, value) ? WHO_WAITS : WHO_REFUSED;
	}
	value = head_cookie(request->headers[GATEWAY_COOKIE], "wtel_session");
	if (!value.data)
		return WHO_NOBODY;
	*cookie = true;
	return secret_of(secret, value) ? WHO_WAITS : WHO_REFUSED;
}

static enum who_answer judge(const struct entry *entry, bool cookie, int64_t wall)
{
	const struct wtel_grant *grant = &entry->grant.grant;

	if (entry->code == WTEL_ENOTFOUND || entry->code == WTEL_ESTATE)
		return WHO_REFUSED;
	if (entry->code)
		return WHO_UNAVAILABLE;
	/* A token belongs to programs: in a cookie it would escape the check of what a page may do. */
	if (cookie != (grant->kind == WTEL_GRANT_SESSION) || (grant->expires_at && grant->expires_at <= wall))
		return WHO_REFUSED;
	return WHO_GRANTED;
}

/*
 * An address that sends bad secrets without end is asked about no more: guessing is hopeless (256 bits), but each guess
 * costs a question. Others may share that address. Secrets that were good here before are worth one, and of those never
 * seen a few a second, of all addresses together; one that is sent over and over is remembered as bad, and uses up
 * none.
 */
static bool worth_asking(struct who_table *table, const unsigned char *hash, int64_t now)
{
	if (entry_of(table->good, hash))
		return true;
	if (now < table->spare_at)
		return false;
	table->spare_at = now + SPARE;
	return true;
}

enum who_answer who_asks(struct gateway_exchange *exchange, const struct gateway_request *request, bool may_ask,
			 const struct who_grant **grant, char *secret)
{
	struct who_table *table = exchange->gateway->who;
	struct lookup asker = {.exchange = exchange};
	struct wtel_time now = wtel_time_now();
	unsigned char hash[SHA256_DIGEST_LENGTH];
	enum who_answer answer;
	struct entry *entry;
	bool cookie;

	answer = credentials(request, secret, &cookie);
	if (answer != WHO_WAITS)
		return answer;
	hash_of(hash, secret);
	entry = find(table, hash, now.mono, exchange->looked_up);
	if (entry) {
		renew(table, entry, secret, now.mono);
		*grant = &entry->grant;
		/* The next time it may be too old, if the request is slow to come. */
		exchange->looked_up = 0;
		return judge(entry, cookie, now.wall);
	}
	if (!may_ask && !exchange->looked_up && !worth_asking(table, hash, now.mono))
		return WHO_REFUSED;
	/* It was asked for and could not be remembered. */
	if (exchange->looked_up || ask(table, secret, hash, &asker, now.mono))
		return WHO_UNAVAILABLE;
	exchange_hold(exchange);
	return WHO_WAITS;
}
