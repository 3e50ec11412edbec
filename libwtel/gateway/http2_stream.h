/* A connection of HTTP/2 from inside: what http2.c and http2_stream.c share. */
#ifndef GATEWAY_HTTP2_STREAM_H
#define GATEWAY_HTTP2_STREAM_H

#include <nghttp2/nghttp2.h>

#include "gateway/http2.h"
#include "gateway/http2_head.h"

enum {
	HTTP2_STREAMS_MAX = 100,    /* at once on a connection */
	HTTP2_BODIES_MAX = 4,	    /* of max_body, that all requests of a connection may hold together */
	HTTP2_UNSENT_MAX = 16777216 /* octets of answers that wait on a connection; one longer one may */
};

/* Where in its frames a client is. */
struct http2_place {
	unsigned char head[9]; /* of a frame */
	size_t have;	       /* octets of it */
	size_t left;	       /* of its payload; at first of the preface */
	bool open;	       /* a block of headers goes on in the next */
};

struct http2 {
	struct gateway_connection *connection;
	nghttp2_session *session;
	struct http2_stream *first; /* those that answers are awaited for, too */
	size_t count, open;
	struct http2 *next_unsaid;
	bool unsaid;	       /* it has something to say before the loop sleeps */
	bool goes;	       /* GOAWAY was said: nothing new is taken */
	bool drains;	       /* all was said: what comes is thrown away */
	size_t bodies, unsent; /* octets of all streams */
	int64_t window;	       /* mono: since when the following are counted */
	int idle_frames, resets;
	struct http2_place place;
	int64_t middle;	  /* mono: since when what comes is not finished; 0: it is */
	int64_t deadline; /* mono: of a connection without streams */
	int64_t moved;	  /* mono: when the kernel last took something */
	uint64_t sent;	  /* what it had then */
};

struct http2_stream {
	struct gateway_exchange exchange; /* first */
	struct http2_stream *next, *previous;
	struct wtel_allocator allocator;
	struct http2 *http2; /* NULL: the connection is gone */
	int32_t id;
	struct http2_head head;
	struct octets body;
	size_t unconsumed; /* octets of it that the client may not replace by others yet */
	size_t most;	   /* that its body may have; known once it is asked for */
	bool begun;	   /* its head is whole */
	bool asked;	   /* for its body */
	bool whole;
	bool serving;
	bool continued; /* 100 was said */
	bool ends;	/* nothing follows behind `out` */
	bool wanted;	/* `writable` is to be called when `out` is empty */
	struct octets out;
	size_t out_from;
	int64_t deadline; /* mono, of what it is about */
};

struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id);

/* All of its answer is on its way. What still comes of its request is read over for a while: some clients take a
 * reset for a failure, whatever was said before. */
void http2_stream_said(struct http2_stream *stream);

/* nghttp2 closed it. */
void http2_stream_close(struct http2_stream *stream);

/* Its head is whole; octets of its body; its end. */
void http2_stream_begin(struct http2_stream *stream);
void http2_stream_body(struct http2_stream *stream, const uint8_t *data, size_t length);
void http2_stream_whole(struct http2_stream *stream);

/* Who reads events may write more. true: it did. */
bool http2_stream_wake(struct http2_stream *stream);
void http2_stream_sweep(struct http2_stream *stream, int64_t now);

/* There is something to say. */
void http2_speak(struct http2 *http2);

#endif
