/* Where Asterisk and the database are: flags before WTEL_*, before the platform's own variables, before the default. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "service/url.h"

/* One block: what the program sees, and the strings that it points to. */
struct config_block {
	struct wtel_config config;
	size_t size;
	char strings[];
};

struct config_source {
	const char *(*get)(const char *name, void *user);
	void *user;
};

static const char *from_process(const char *name, void *user)
{
	(void)user;
	return getenv(name);
}

/* An empty variable counts as none: that is how shells and containers take one away. */
static const char *value(const struct config_source *source, const char *name)
{
	const char *text = source->get(name, source->user);

	return text && *text ? text : NULL;
}

static size_t length_of(const struct config_source *source, const char *name)
{
	const char *text = value(source, name);

	return text ? strlen(text) : 0;
}

static const char *const names[] = {
	"WTEL_AMI", "WTEL_DB",	    "ASTERISK_HOST",  "ASTERISK_PORT",	   "ASTERISK_USER",    "ASTERISK_PASSWORD",
	"DB_HOST",  "DB_PORT",	    "DB_NAME",	      "DB_USER",	   "DB_PASSWORD",      "XDG_STATE_HOME",
	"HOME",	    "WTEL_COUNTRY", "WTEL_SIP_REALM", "ASTERISK_WSS_HOST", "ASTERISK_WSS_PORT"};

/* No result is longer than three times everything that went in (percent-encoding), and a little. */
static size_t room_for(const struct config_source *source, const char *ami, const char *db)
{
	size_t i, total = (ami ? strlen(ami) : 0) + (db ? strlen(db) : 0);

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		total += length_of(source, names[i]);
	return 3 * total + 1024;
}

static char *copy(struct url_arena *arena, const char *text)
{
	return url_copy(arena, wtel_slice_of(text));
}

static int read_port(int *out, const struct config_source *source, const char *name, struct wtel_detail *detail)
{
	const char *text = value(source, name);
	int64_t port = text ? base_slice_number(wtel_slice_of(text), -1) : *out;

	if (port < 1 || port > 65535)
		return base_fail(detail, WTEL_ECONFIG, name, "must be a number from 1 to 65535");
	*out = (int)port;
	return 0;
}

static bool is_unsafe(const char *text)
{
	return base_slice_unsafe(wtel_slice_of(text)) != strlen(text);
}

/* ASTERISK_HOST, _PORT, _USER, _PASSWORD. */
static int read_asterisk(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
			 struct wtel_detail *detail)
{
	const char *host = value(source, "ASTERISK_HOST"), *user = value(source, "ASTERISK_USER");
	const char *secret = value(source, "ASTERISK_PASSWORD");
	struct wtel_ami_host *out = &config->hosts[0];
	size_t length;

	if (!host && !user && !secret)
		return 0;
	if (!user || is_unsafe(user))
		return base_fail(detail, WTEL_ECONFIG, "ASTERISK_USER",
				 "the manager user's name is needed, on one line");
	if (!secret || is_unsafe(secret))
		return base_fail(detail, WTEL_ECONFIG, "ASTERISK_PASSWORD",
				 "the manager user's secret is needed, on one line");
	host = host ? host : "localhost";
	length = strlen(host);
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length > 255 || is_unsafe(host) || memchr(host, ' ', length) || memchr(host, '/', length))
		return base_fail(detail, WTEL_ECONFIG, "ASTERISK_HOST", "must be a host name or an address");
	out->host = url_copy(arena, (struct wtel_slice){host, length});
	out->username = copy(arena, user);
	out->secret = copy(arena, secret);
	out->port = 5038;
	config->host_count = 1;
	return read_port(&out->port, source, "ASTERISK_PORT", detail);
}

static bool put(struct url_arena *arena, const char *text)
{
	if (!url_copy(arena, wtel_slice_of(text)))
		return false;
	arena->at--; /* what follows goes on from here */
	return true;
}

/* DB_HOST, _PORT, _NAME, _USER as a URL; DB_PASSWORD beside it. */
static int read_postgres(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
			 struct wtel_detail *detail)
{
	const char *host = value(source, "DB_HOST"), *name = value(source, "DB_NAME");
	const char *user = value(source, "DB_USER"), *password = value(source, "DB_PASSWORD");
	char *url = arena->at, number[16];
	int port = 5432, code = read_port(&port, source, "DB_PORT", detail);
	bool fits, bare;

	if (code)
		return code;
	host = host ? host : "localhost";
	bare = strchr(host, ':') && host[0] != '[';
	if (strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]/") != strlen(host))
		return base_fail(detail, WTEL_ECONFIG, "DB_HOST",
				 "must be a host name, an address or a socket's directory");
	snprintf(number, sizeof(number), ":%d", port);
	fits = put(arena, "postgresql://") && (!user || (url_encode(arena, user) && put(arena, "@")));
	/* The directory of a Unix socket is percent-encoded in libpq's URLs. */
	if (host[0] == '/')
		fits = fits && url_encode(arena, host);
	else
		fits = fits && put(arena, bare ? "[" : "") && put(arena, host) && put(arena, bare ? "]" : "");
	fits = fits && put(arena, number) && (!name || (put(arena, "/") && url_encode(arena, name)));
	if (!fits)
		return base_fail(detail, WTEL_ECONFIG, "DB_NAME", "is too long");
	arena->at++;
	config->db = url;
	if (password)
		config->db_password = copy(arena, password);
	return 0;
}

static int read_default(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
			struct wtel_detail *detail)
{
	const char *state = value(source, "XDG_STATE_HOME"), *home = value(source, "HOME");
	char *url = arena->at;

	/* The XDG specification: a relative path there is to be ignored. */
	if (state && state[0] != '/')
		state = NULL;
	if (!state && !home)
		return base_fail(detail, WTEL_ECONFIG, "WTEL_DB", "neither a database nor HOME is set");
	if (is_unsafe(state ? state : home))
		return base_fail(detail, WTEL_ECONFIG, state ? "XDG_STATE_HOME" : "HOME", "holds CR or LF");
	if (!put(arena, "sqlite:") || !put(arena, state ? state : home) ||
	    !put(arena, state ? "/wtel/wtel.db" : "/.local/state/wtel/wtel.db"))
		return base_fail(detail, WTEL_ECONFIG, "HOME", "is too long");
	arena->at++;
	config->db = url;
	return 0;
}

static int read_database(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
			 const char *db, struct wtel_detail *detail)
{
	const char *text = value(source, "WTEL_DB"), *password = value(source, "DB_PASSWORD");
	int code;

	if (!db && !text) {
		if (value(source, "DB_HOST") || value(source, "DB_NAME"))
			return read_postgres(config, arena, source, detail);
		return read_default(config, arena, source, detail);
	}
	code = url_database(config, arena, db ? "--db" : "WTEL_DB", db ? db : text, detail);
	/* A URL without its password: it may come by itself. */
	if (!code && !config->db_password && password && strncmp(config->db, "postgres", 8) == 0)
		config->db_password = copy(arena, password);
	return code;
}

/* "34", or "+34" as people write it. */
static int read_country(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
			struct wtel_detail *detail)
{
	const char *text = value(source, "WTEL_COUNTRY");

	if (!text)
		return 0;
	text += *text == '+';
	if (!*text || wtel_country_check(text))
		return base_fail(detail, WTEL_ECONFIG, "WTEL_COUNTRY", "must be a country's calling code, as 34 or 1");
	config->country = copy(arena, text);
	return 0;
}

/* Where browsers find Asterisk, which the platform's variables say; and the realm of accounts' digests. */
static int read_phones(struct wtel_config *config, struct url_arena *arena, const struct config_source *source,
		       struct wtel_detail *detail)
{
	const char *host = value(source, "ASTERISK_WSS_HOST"), *realm = value(source, "WTEL_SIP_REALM");

	config->wss_port = 8089;
	if (host && (strlen(host) > 255 || is_unsafe(host) || strpbrk(host, " /\"<>")))
		return base_fail(detail, WTEL_ECONFIG, "ASTERISK_WSS_HOST", "must be a host name or an address");
	if (host)
		config->wss_host = copy(arena, host);
	if (realm)
		config->sip_realm = copy(arena, realm);
	return read_port(&config->wss_port, source, "ASTERISK_WSS_PORT", detail);
}

static int read_all(struct config_block *block, const struct config_source *source, const char *ami, const char *db,
		    const char *keys, struct wtel_detail *detail)
{
	struct url_arena arena = {block->strings, block->strings + block->size};
	const char *text = value(source, "WTEL_AMI");
	int code;

	if (ami || text)
		code = url_hosts(&block->config, &arena, ami ? "--ami" : "WTEL_AMI", ami ? ami : text, detail);
	else
		code = read_asterisk(&block->config, &arena, source, detail);
	if (!code)
		code = read_country(&block->config, &arena, source, detail);
	if (!code)
		code = read_phones(&block->config, &arena, source, detail);
	if (!code && keys)
		block->config.secret_keys = copy(&arena, keys);
	return code ? code : read_database(&block->config, &arena, source, db, detail);
}

int wtel_config_read(struct wtel_config **out, const char *ami, const char *db,
		     const char *(*environment)(const char *name, void *user), void *user, struct wtel_detail *detail)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	struct config_source source = {environment ? environment : from_process, user};
	struct config_block *block;
	char *keys;
	size_t room;
	int code =
		config_keys(&keys, value(&source, "WTEL_SECRET_KEYS"), value(&source, "WTEL_SECRET_KEYS_FILE"), detail);

	if (code)
		return code;
	room = room_for(&source, ami, db) + (keys ? strlen(keys) + 1 : 0);
	block = base_allocate_zero(&allocator, sizeof(*block) + room);
	if (!block) {
		config_keys_free(keys);
		return base_fail(detail, WTEL_ENOMEM, "", "out of memory");
	}
	block->size = room;
	block->config.size = sizeof(block->config);
	code = read_all(block, &source, ami, db, keys, detail);
	config_keys_free(keys);
	if (code)
		wtel_config_free(&block->config);
	else
		*out = &block->config;
	return code;
}

void wtel_config_free(struct wtel_config *config)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	struct config_block *block = (struct config_block *)config;

	if (!block)
		return;
	base_wipe(block->strings, block->size);
	base_release(&allocator, block);
}
