#include "service/url.h"

#include "base/error.h"
#include "base/slice.h"

static struct wtel_slice part(const char *from, const char *to)
{
	struct wtel_slice out = {from, (size_t)(to - from)};

	return out;
}

char *url_copy(struct url_arena *arena, struct wtel_slice text)
{
	char *out = arena->at;

	if ((size_t)(arena->end - arena->at) < text.length + 1)
		return NULL;
	if (text.length)
		memcpy(out, text.data, text.length);
	out[text.length] = '\0';
	arena->at += text.length + 1;
	return out;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL: a bad escape, or one of CR, LF and NUL. */
static char *decode(struct url_arena *arena, struct wtel_slice text)
{
	char *out = url_copy(arena, text), *to = out;
	size_t i;

	for (i = 0; out && i < text.length; i++) {
		char c = text.data[i];

		if (c == '%') {
			int high = text.length - i > 2 ? hex(text.data[i + 1]) : -1;
			int low = high >= 0 ? hex(text.data[i + 2]) : -1;

			if (low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\r' || c == '\n' || c == '\0')
			return NULL;
		*to++ = c;
	}
	if (out)
		*to = '\0';
	return out;
}

bool url_encode(struct url_arena *arena, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     strchr("-._~", c) != NULL;

		if (arena->end - arena->at < 4)
			return false;
		if (plain) {
			*arena->at++ = (char)c;
			continue;
		}
		*arena->at++ = '%';
		*arena->at++ = digits[c >> 4];
		*arena->at++ = digits[c & 15];
	}
	*arena->at = '\0';
	return true;
}

static int read_port(int *out, struct wtel_slice text)
{
	int64_t port = base_slice_number(text, -1);

	if (port < 1 || port > 65535)
		return WTEL_ECONFIG;
	*out = (int)port;
	return 0;
}

static bool is_host(const char *host)
{
	size_t length = host ? strlen(host) : 0;

	return length && length <= 255 &&
	       strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%") == length;
}

/* "host", "host:port", "[address]:port". */
static int read_authority(struct wtel_ami_host *host, struct url_arena *arena, const char *field,
			  struct wtel_slice text, struct wtel_detail *detail)
{
	const char *end = text.data + text.length, *colon, *close;
	struct wtel_slice name = text, port = {NULL, 0};

	if (text.length && text.data[0] == '[') {
		close = memchr(text.data, ']', text.length);
		if (!close || (close + 1 < end && close[1] != ':'))
			return base_fail(detail, WTEL_ECONFIG, field, "an IPv6 address stands in brackets: [::1]:5038");
		name = part(text.data + 1, close);
		if (close + 1 < end)
			port = part(close + 2, end);
	} else {
		colon = text.length ? memchr(text.data, ':', text.length) : NULL;
		if (colon) {
			name = part(text.data, colon);
			port = part(colon + 1, end);
		}
	}
	host->host = url_copy(arena, name);
	if (!is_host(host->host))
		return base_fail(detail, WTEL_ECONFIG, field, "a host name or address is missing or malformed");
	if (port.data && read_port(&host->port, port))
		return base_fail(detail, WTEL_ECONFIG, field, "the port of %.80s is no number from 1 to 65535",
				 host->host);
	return 0;
}

/* "user:secret": split at the first colon, each decoded. */
static int read_user(struct wtel_ami_host *host, struct url_arena *arena, const char *field, struct wtel_slice text,
		     struct wtel_detail *detail)
{
	const char *end = text.data + text.length;
	const char *colon = text.length ? memchr(text.data, ':', text.length) : NULL;

	if (!colon || colon == text.data || colon + 1 == end)
		return base_fail(detail, WTEL_ECONFIG, field, "user and secret are needed: ami://USER:SECRET@HOST");
	host->username = decode(arena, part(text.data, colon));
	host->secret = decode(arena, part(colon + 1, end));
	if (!host->username || !host->secret)
		return base_fail(detail, WTEL_ECONFIG, field,
				 "user or secret has a malformed %% escape, or one for CR, LF or NUL");
	return 0;
}

static const char *last_of(struct wtel_slice text, char wanted)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < text.length; i++)
		if (text.data[i] == wanted)
			found = text.data + i;
	return found;
}

static int read_host(struct wtel_config *config, struct url_arena *arena, const char *field, struct wtel_slice text,
		     struct wtel_detail *detail)
{
	struct wtel_ami_host *host = &config->hosts[config->host_count];
	const char *at, *end;
	int code;

	memset(host, 0, sizeof(*host));
	if (base_slice_starts(text, BASE_SLICE("ami://"))) {
		host->port = 5038;
		text = part(text.data + 6, text.data + text.length);
	} else if (base_slice_starts(text, BASE_SLICE("amis://"))) {
		host->port = 5039;
		host->tls = true;
		text = part(text.data + 7, text.data + text.length);
	} else {
		return base_fail(detail, WTEL_ECONFIG, field, "must begin with ami:// or amis://");
	}
	end = text.data + text.length;
	if (text.length && end[-1] == '/')
		end--;
	text = part(text.data, end);
	/* An unescaped @ in a secret is forgiven: the host begins after the last one. */
	at = last_of(text, '@');
	if (!at)
		return base_fail(detail, WTEL_ECONFIG, field, "user and secret are needed: ami://USER:SECRET@HOST");
	code = read_user(host, arena, field, part(text.data, at), detail);
	if (!code)
		code = read_authority(host, arena, field, part(at + 1, end), detail);
	if (!code)
		config->host_count++;
	return code;
}

int url_hosts(struct wtel_config *config, struct url_arena *arena, const char *field, const char *text,
	      struct wtel_detail *detail)
{
	const char *end;
	int code;

	for (;; text = end + 1) {
		end = text + strcspn(text, ",");
		if (config->host_count == WTEL_MAX_HOSTS)
			return base_fail(detail, WTEL_ECONFIG, field, "more than %d hosts", WTEL_MAX_HOSTS);
		code = read_host(config, arena, field, part(text, end), detail);
		if (code || !*end)
			return code;
	}
}

/* ---- databases ---- */

static int no_room(const char *field, struct wtel_detail *detail)
{
	return base_fail(detail, WTEL_ECONFIG, field, "is too long");
}

/* A password in the query would stay in the URL, and so in logs. */
static bool has_secret_query(struct wtel_slice rest)
{
	const char *query = rest.length ? memchr(rest.data, '?', rest.length) : NULL;
	const char *end = rest.data + rest.length;

	for (; query && query < end; query++)
		if (base_slice_equal_fold(part(query, end - query > 4 ? query + 4 : end), BASE_SLICE("pass")))
			return true;
	return false;
}

int url_database(struct wtel_config *config, struct url_arena *arena, const char *field, const char *text,
		 struct wtel_detail *detail)
{
	struct wtel_slice whole = wtel_slice_of(text), authority, user;
	const char *scheme_end, *at, *colon = NULL;
	char *out;

	if (base_slice_unsafe(whole) != whole.length)
		return base_fail(detail, WTEL_ECONFIG, field, "holds CR or LF");
	if (base_slice_starts(whole, BASE_SLICE("sqlite:")) && whole.length > 7) {
		config->db = url_copy(arena, whole);
		return config->db ? 0 : no_room(field, detail);
	}
	if (!base_slice_starts(whole, BASE_SLICE("postgresql:")) && !base_slice_starts(whole, BASE_SLICE("postgres:")))
		return base_fail(detail, WTEL_ECONFIG, field, "must begin with sqlite: or postgresql:");
	scheme_end = strchr(text, ':') + 1;
	if (strncmp(scheme_end, "//", 2) != 0 && *scheme_end)
		return base_fail(detail, WTEL_ECONFIG, field, "must be like postgresql://USER@HOST:5432/NAME");
	if (*scheme_end)
		scheme_end += 2;
	/* The part before the first '/' or '?', where a password may stand before the last '@'. */
	authority = part(scheme_end, scheme_end + strcspn(scheme_end, "/?"));
	at = last_of(authority, '@');
	user = part(scheme_end, at ? at : scheme_end);
	if (user.length)
		colon = memchr(user.data, ':', user.length);
	if (has_secret_query(part(scheme_end, text + whole.length)))
		return base_fail(detail, WTEL_ECONFIG, field,
				 "holds a password in its query: put it before the @, or into DB_PASSWORD");
	if (colon) {
		config->db_password = decode(arena, part(colon + 1, at));
		if (!config->db_password)
			return base_fail(detail, WTEL_ECONFIG, field, "the password has a malformed %% escape");
	}
	out = url_copy(arena, part(text, colon ? colon : text + whole.length));
	if (!out)
		return no_room(field, detail);
	if (colon) {
		arena->at--; /* over the terminator */
		if (!url_copy(arena, wtel_slice_of(at)))
			return no_room(field, detail);
	}
	config->db = out;
	return 0;
}
