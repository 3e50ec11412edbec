/* The head of a request, RFC 9112, strictly: what two readers could understand differently is refused. Pure. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "gateway/gateway.h"

/* 0: *out is whole; 1: more is to come; else the status to refuse it with: 400, 501, 505. */
int head_read(struct gateway_request *out, const char *data, size_t length);

/* What both HTTP/1.1 and HTTP/2 have. The place of a header that somebody reads, or -1. */
int head_find(struct wtel_slice name);

/* Which one counts when it comes again; HEAD_NEVER: it must not. */
enum head_again { HEAD_FIRST, HEAD_LAST, HEAD_NEVER };
enum head_again head_again(enum gateway_header id);

/* Path and query; and Content-Length. 0, or 400. */
int head_target(struct gateway_request *out, struct wtel_slice target);
int head_length(struct gateway_request *out);

/* A word of a list ("keep-alive, Upgrade"), whatever its case. */
bool head_has(struct wtel_slice list, const char *word);
bool head_equals(struct wtel_slice value, const char *word);

/* Of a cookie's header; absent: none. */
struct wtel_slice head_cookie(struct wtel_slice cookies, const char *name);

/* The pieces of a chunked body are put together where they stand, behind `head` octets; *from and *to keep how far that
 * came (0, 0: not begun). 0: whole: the body ends at *to, the request at *from; 1: more is to come; else the status. */
int head_chunks(char *data, size_t length, size_t head, size_t *from, size_t *to, size_t max_body, size_t max_trailer);

#endif
