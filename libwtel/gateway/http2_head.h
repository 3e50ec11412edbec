/* The fields of a request of HTTP/2, as they come out of HPACK, put together as head.c gives them. Pure. */
#ifndef GATEWAY_HTTP2_HEAD_H
#define GATEWAY_HTTP2_HEAD_H

#include "gateway/gateway.h"

struct octets {
	char *data;
	size_t length, room;
};

/* Room doubles; WTEL_ENOMEM. */
int octets_add(struct octets *octets, const struct wtel_allocator *allocator, const void *data, size_t length);
void octets_free(struct octets *octets, const struct wtel_allocator *allocator);

enum http2_pseudo { HTTP2_METHOD, HTTP2_PATH, HTTP2_SCHEME, HTTP2_AUTHORITY, HTTP2_PSEUDO_COUNT };

struct http2_value {
	size_t at, length; /* in `text` */
	bool there;
};

struct http2_head {
	struct octets text;    /* values, one behind the other */
	struct octets cookies; /* they may come in crumbs (RFC 9113, 8.2.3) */
	struct http2_value pseudo[HTTP2_PSEUDO_COUNT];
	struct http2_value fields[GATEWAY_HEADER_COUNT];
	size_t size; /* octets that HTTP/1.1 would have had for it */
	int status;  /* to refuse it with; 0: none yet */
};

/* `most` octets of all fields; WTEL_ENOMEM. */
int http2_head_add(struct http2_head *head, const struct wtel_allocator *allocator, struct wtel_slice name,
		   struct wtel_slice value, size_t most);

/* 0, or the status to refuse it with. *out borrows from it. */
int http2_head_read(struct gateway_request *out, const struct http2_head *head);

void http2_head_free(struct http2_head *head, const struct wtel_allocator *allocator);

#endif
