#include "gateway/head.h"

#include <string.h>
#include <strings.h>

static const struct wtel_slice names[] = {
#define GATEWAY_HEADER_X(id, name) {name, sizeof(name) - 1},
	GATEWAY_HEADERS(GATEWAY_HEADER_X)
#undef GATEWAY_HEADER_X
};

/* token of RFC 9110, 5.6.2 */
static bool is_token(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && memchr(others, c, sizeof(others) - 1));
}

static size_t token_length(const char *from, const char *end)
{
	const char *at = from;

	while (at < end && is_token(*at))
		at++;
	return (size_t)(at - from);
}

bool head_equals(struct wtel_slice value, const char *word)
{
	return value.length == strlen(word) && strncasecmp(value.data, word, value.length) == 0;
}

bool head_has(struct wtel_slice list, const char *word)
{
	size_t at = 0, length = strlen(word);

	while (at < list.length) {
		size_t from = at, to;

		while (at < list.length && list.data[at] != ',')
			at++;
		for (to = at; to > from && strchr(" \t", list.data[to - 1]); to--)
			;
		while (from < to && strchr(" \t", list.data[from]))
			from++;
		if (to - from == length && strncasecmp(list.data + from, word, length) == 0)
			return true;
		at++;
	}
	return false;
}

struct wtel_slice head_cookie(struct wtel_slice cookies, const char *name)
{
	size_t at = 0, length = strlen(name);

	while (at < cookies.length) {
		size_t from = at;

		while (at < cookies.length && cookies.data[at] != ';')
			at++;
		while (from < at && strchr(" \t", cookies.data[from]))
			from++;
		if (at - from > length && cookies.data[from + length] == '=' &&
		    memcmp(cookies.data + from, name, length) == 0)
			return (struct wtel_slice){cookies.data + from + length + 1, at - from - length - 1};
		at++;
	}
	return (struct wtel_slice){NULL, 0};
}

/* ---- the request line --------------------------------------------------- */

/* "http://host/path" is what a proxy is asked, and to be understood by all (RFC 9112, 3.2.2). */
static void skip_authority(struct wtel_slice *target)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t i;

	for (i = 0; i < 2; i++) {
		size_t length = strlen(schemes[i]);
		const char *slash;

		if (target->length <= length || strncasecmp(target->data, schemes[i], length) != 0)
			continue;
		slash = memchr(target->data + length, '/', target->length - length);
		if (slash) {
			target->length -= (size_t)(slash - target->data);
			target->data = slash;
		}
		return;
	}
}

int head_target(struct gateway_request *out, struct wtel_slice target)
{
	const char *mark;
	size_t i;

	for (i = 0; i < target.length; i++)
		if (target.data[i] <= 0x20 || target.data[i] == 0x7f || target.data[i] == '#')
			return 400;
	skip_authority(&target);
	if (*target.data != '/' && !(target.length == 1 && *target.data == '*'))
		return 400;
	out->path = target;
	mark = memchr(target.data, '?', target.length);
	if (mark) {
		out->path.length = (size_t)(mark - target.data);
		out->query = (struct wtel_slice){mark + 1, target.length - out->path.length - 1};
	}
	return 0;
}

static int read_version(struct gateway_request *out, const char *at, const char *end)
{
	if (end - at != 8 || memcmp(at, "HTTP/", 5) != 0 || at[6] != '.')
		return 400;
	if (at[5] != '1' || (at[7] != '0' && at[7] != '1'))
		return 505;
	out->old = at[7] == '0';
	return 0;
}

static int read_line(struct gateway_request *out, const char *line, const char *end)
{
	const char *at, *space;
	int status;

	out->method = (struct wtel_slice){line, token_length(line, end)};
	at = line + out->method.length;
	if (at == line || at == end || *at++ != ' ')
		return 400;
	space = memchr(at, ' ', (size_t)(end - at));
	if (!space || space == at)
		return 400;
	status = read_version(out, space + 1, end);
	return status ? status : head_target(out, (struct wtel_slice){at, (size_t)(space - at)});
}

/* ---- headers ------------------------------------------------------------ */

int head_find(struct wtel_slice name)
{
	int i;

	for (i = 0; i < GATEWAY_HEADER_COUNT; i++)
		if (names[i].length == name.length && strncasecmp(names[i].data, name.data, name.length) == 0)
			return i;
	return -1;
}

/* Of addresses the last counts, which the nearest proxy wrote. */
enum head_again head_again(enum gateway_header id)
{
	switch ((int)id) {
	case GATEWAY_FORWARDED_FOR:
		return HEAD_LAST;
	case GATEWAY_ACCEPT:
	case GATEWAY_COOKIE:
	case GATEWAY_WS_PROTOCOL:
		return HEAD_FIRST;
	default:
		return HEAD_NEVER;
	}
}

static int keep(struct gateway_request *out, int id, struct wtel_slice value)
{
	enum head_again again = out->headers[id].data ? head_again((enum gateway_header)id) : HEAD_LAST;

	if (again == HEAD_LAST)
		out->headers[id] = value;
	return again == HEAD_NEVER ? 400 : 0;
}

static int read_header(struct gateway_request *out, const char *line, const char *end)
{
	struct wtel_slice name = {line, token_length(line, end)};
	const char *from = line + name.length, *at;
	int id;

	/* A line that begins with a space goes on with the one before in old texts, and with nothing here. */
	if (!name.length || from == end || *from++ != ':')
		return 400;
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (at = from; at < end; at++)
		if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
			return 400;
	id = head_find(name);
	return id < 0 ? 0 : keep(out, id, (struct wtel_slice){from, (size_t)(end - from)});
}

int head_length(struct gateway_request *out)
{
	struct wtel_slice value = out->headers[GATEWAY_CONTENT_LENGTH];
	size_t i;

	if (!value.data)
		return 0;
	if (!value.length || value.length > 18 || out->headers[GATEWAY_TRANSFER_ENCODING].data)
		return 400;
	for (i = 0; i < value.length; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return 400;
		out->body_length = out->body_length * 10 + (size_t)(value.data[i] - '0');
	}
	return 0;
}

static int conclude(struct gateway_request *out)
{
	struct wtel_slice encoding = out->headers[GATEWAY_TRANSFER_ENCODING];
	struct wtel_slice connection = out->headers[GATEWAY_CONNECTION];

	if (!out->old && !out->headers[GATEWAY_HOST].data)
		return 400;
	if (encoding.data && out->old)
		return 400;
	if (encoding.data && !head_equals(encoding, "chunked"))
		return 501;
	out->chunked = encoding.data;
	out->keep_alive = out->old ? head_has(connection, "keep-alive") : !head_has(connection, "close");
	return head_length(out);
}

int head_read(struct gateway_request *out, const char *data, size_t length)
{
	const char *end, *line, *next;
	size_t blank = 0;
	int status;

	/* Some clients end a body with a line of their own (RFC 9112, 2.2). */
	while (blank + 1 < length && blank < 8 && data[blank] == '\r' && data[blank + 1] == '\n')
		blank += 2;
	end = memmem(data + blank, length - blank, "\r\n\r\n", 4);
	if (!end) {
		/* What cannot become a request need not be waited for. */
		if (length > blank && data[blank] != '\r' && !is_token(data[blank]))
			return 400;
		return 1;
	}
	memset(out, 0, sizeof(*out));
	out->head_length = (size_t)(end - data) + 4;
	line = data + blank;
	next = memchr(line, '\r', (size_t)(end - line) + 1);
	status = read_line(out, line, next);
	while (!status && next < end) {
		if (next[1] != '\n')
			return 400;
		line = next + 2;
		next = memchr(line, '\r', (size_t)(end - line) + 1);
		status = read_header(out, line, next);
	}
	return status ? status : conclude(out);
}

/* ---- chunks ------------------------------------------------------------- */

enum { CHUNK_LINE_MAX = 256 };

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a;name=value\r\n". Extensions are read over. 0: *size and *next; 1; 400. */
static int chunk_size(const char *data, size_t length, size_t from, size_t *size, size_t *next)
{
	const char *end = memmem(data + from, length - from, "\r\n", 2);
	size_t at = from, value = 0;

	/* The same limit whether the line came in one piece or in several. */
	if (!end)
		return length - from > CHUNK_LINE_MAX + 1 ? 400 : 1;
	if ((size_t)(end - data) - from > CHUNK_LINE_MAX)
		return 400;
	while (digit(data[at]) >= 0) {
		if (at - from > 8)
			return 400;
		value = value * 16 + (size_t)digit(data[at++]);
	}
	if (at == from || (data[at] != '\r' && data[at] != ';' && data[at] != ' '))
		return 400;
	*size = value;
	*next = (size_t)(end - data) + 2;
	return 0;
}

/* Lines after the last chunk, which nobody reads. */
static int trailer(const char *data, size_t length, size_t *from, size_t max_trailer)
{
	const char *end;

	if (length - *from < 2)
		return 1;
	if (data[*from] == '\r' && data[*from + 1] == '\n') {
		*from += 2;
		return 0;
	}
	end = memmem(data + *from, length - *from, "\r\n\r\n", 4);
	if (!end)
		return length - *from > max_trailer + 3 ? 431 : 1;
	if ((size_t)(end - data) - *from > max_trailer)
		return 431;
	*from = (size_t)(end - data) + 4;
	return 0;
}

int head_chunks(char *data, size_t length, size_t head, size_t *from, size_t *to, size_t max_body, size_t max_trailer)
{
	if (!*from)
		*from = *to = head;
	for (;;) {
		size_t size, next;
		int status = chunk_size(data, length, *from, &size, &next);

		if (status)
			return status;
		if (size > max_body || *to - head + size > max_body)
			return 413;
		if (!size) {
			status = trailer(data, length, &next, max_trailer);
			if (!status)
				*from = next;
			return status;
		}
		if (length - next < size + 2)
			return 1;
		if (data[next + size] != '\r' || data[next + size + 1] != '\n')
			return 400;
		memmove(data + *to, data + next, size);
		*to += size;
		*from = next + size + 2;
	}
}
