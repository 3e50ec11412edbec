#include "gateway/http2_head.h"

#include <string.h>
#include <strings.h>

#include "gateway/head.h"

enum { OCTETS_FIRST = 1024 };

int octets_add(struct octets *octets, const struct wtel_allocator *allocator, const void *data, size_t length)
{
	size_t room = octets->room ? octets->room : OCTETS_FIRST;
	char *grown;

	while (room - octets->length < length)
		room *= 2;
	if (room != octets->room) {
		grown = allocator->reallocate(octets->data, room, allocator->user);
		if (!grown)
			return WTEL_ENOMEM;
		octets->data = grown;
		octets->room = room;
	}
	if (length)
		memcpy(octets->data + octets->length, data, length);
	octets->length += length;
	return 0;
}

void octets_free(struct octets *octets, const struct wtel_allocator *allocator)
{
	gateway_release(allocator, octets->data);
	memset(octets, 0, sizeof(*octets));
}

void http2_head_free(struct http2_head *head, const struct wtel_allocator *allocator)
{
	octets_free(&head->text, allocator);
	octets_free(&head->cookies, allocator);
}

/* ---- fields ---------------------------------------------------------------- */

static struct http2_value *pseudo_of(struct http2_head *head, struct wtel_slice name)
{
	static const char *const names[] = {":method", ":path", ":scheme", ":authority"};
	int i;

	for (i = 0; i < HTTP2_PSEUDO_COUNT; i++)
		if (name.length == strlen(names[i]) && memcmp(name.data, names[i], name.length) == 0)
			return &head->pseudo[i];
	return NULL;
}

/* Where that value goes; NULL: nowhere, or the head is refused. */
static struct http2_value *place_of(struct http2_head *head, struct wtel_slice name)
{
	struct http2_value *value;
	int id;

	if (name.length && *name.data == ':') {
		value = pseudo_of(head, name);
		if (!value || value->there)
			head->status = 400;
		return head->status ? NULL : value;
	}
	id = head_find(name);
	if (id < 0)
		return NULL;
	value = &head->fields[id];
	switch (value->there ? head_again((enum gateway_header)id) : HEAD_LAST) {
	case HEAD_LAST:
		return value;
	case HEAD_FIRST:
		return NULL;
	case HEAD_NEVER:
		break;
	}
	head->status = 400;
	return NULL;
}

static int add_cookie(struct http2_head *head, const struct wtel_allocator *allocator, struct wtel_slice value)
{
	int code = head->cookies.length ? octets_add(&head->cookies, allocator, "; ", 2) : 0;

	return code ? code : octets_add(&head->cookies, allocator, value.data, value.length);
}

int http2_head_add(struct http2_head *head, const struct wtel_allocator *allocator, struct wtel_slice name,
		   struct wtel_slice value, size_t most)
{
	struct http2_value *place;

	/* ": " and the line's end */
	head->size += name.length + value.length + 4;
	if (!head->status && head->size > most)
		head->status = 431;
	if (head->status)
		return 0;
	if (head_equals(name, "cookie"))
		return add_cookie(head, allocator, value);
	place = place_of(head, name);
	if (!place)
		return 0;
	*place = (struct http2_value){head->text.length, value.length, true};
	return octets_add(&head->text, allocator, value.data, value.length);
}

/* ---- as a request ------------------------------------------------------------ */

static struct wtel_slice text_of(const struct http2_head *head, const struct http2_value *value)
{
	return value->there ? (struct wtel_slice){head->text.data + value->at, value->length}
			    : (struct wtel_slice){NULL, 0};
}

static bool same(struct wtel_slice a, struct wtel_slice b)
{
	return a.length == b.length && strncasecmp(a.data, b.data, a.length) == 0;
}

/* :authority is what Host is elsewhere; both must be one (RFC 9113, 8.3.1). */
static int read_host(struct gateway_request *out, const struct http2_head *head)
{
	struct wtel_slice authority = text_of(head, &head->pseudo[HTTP2_AUTHORITY]);
	struct wtel_slice *host = &out->headers[GATEWAY_HOST];

	if (authority.data &&
	    (memchr(authority.data, '@', authority.length) || (host->data && !same(authority, *host))))
		return 400;
	if (authority.data)
		*host = authority;
	return host->length ? 0 : 400;
}

int http2_head_read(struct gateway_request *out, const struct http2_head *head)
{
	struct wtel_slice path = text_of(head, &head->pseudo[HTTP2_PATH]);
	struct wtel_slice scheme = text_of(head, &head->pseudo[HTTP2_SCHEME]);
	int status, i;

	if (head->status)
		return head->status;
	memset(out, 0, sizeof(*out));
	out->method = text_of(head, &head->pseudo[HTTP2_METHOD]);
	for (i = 0; i < GATEWAY_HEADER_COUNT; i++)
		out->headers[i] = text_of(head, &head->fields[i]);
	if (head->cookies.data)
		out->headers[GATEWAY_COOKIE] = (struct wtel_slice){head->cookies.data, head->cookies.length};
	if (!out->method.length || !path.length || (!head_equals(scheme, "http") && !head_equals(scheme, "https")))
		return 400;
	/* These are a connection's, which a stream is not (8.2.2). */
	if (out->headers[GATEWAY_CONNECTION].data || out->headers[GATEWAY_TRANSFER_ENCODING].data ||
	    out->headers[GATEWAY_UPGRADE].data)
		return 400;
	if (*path.data != '/' && !(path.length == 1 && *path.data == '*'))
		return 400;
	status = head_target(out, path);
	if (!status)
		status = read_host(out, head);
	return status ? status : head_length(out);
}
