/* Connections that read events: what WebSocket and Server-Sent Events have in common. */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include "gateway/gateway.h"

enum {
	STREAM_MESSAGE_MAX = 4096, /* bytes that a client may say at once */
	STREAM_MESSAGE_RATE = 100, /* frames between two sweeps */
	STREAM_CONTROL_MAX = 125,  /* RFC 6455, 5.5 */
	STREAM_WRITE_MAX = 65536   /* bytes of events in one write, so that all readers get their turn */
};

/* RFC 6455, 7.4.1, and 1013 of IANA's list. */
enum stream_code {
	STREAM_NORMAL = 1000,
	STREAM_GOING_AWAY = 1001,
	STREAM_PROTOCOL = 1002,
	STREAM_BAD_TYPE = 1003,
	STREAM_BAD_TEXT = 1007,
	STREAM_POLICY = 1008,
	STREAM_TOO_BIG = 1009,
	STREAM_TRY_LATER = 1013
};

/* Whose streams are counted together: lists of them, by a few bits of the owner's number. */
enum { STREAM_OWNERS = 1024 };

struct stream;

/*
 * All of one gateway. Events are written before the loop sleeps, those of a whole dispatch in one write for each
 * reader, and no more than two thirds of the time are spent on it: what comes meanwhile goes together with the next.
 */
struct streams {
	struct wtel_gateway *gateway;
	struct stream *first;
	struct stream *owned[STREAM_OWNERS];
	size_t count;
	ev_timer sweep;
	ev_prepare before_sleep;
	ev_timer pause;
	bool ready;		 /* somebody has something to write */
	int64_t rest_until;	 /* mono */
	int64_t ping_every;	 /* 30 s */
	int64_t pong_within;	 /* 10 s */
	int64_t heartbeat_every; /* 15 s: proxies end what is silent for a minute or less */
	int64_t close_within;	 /* 3 s for a close frame to be taken and answered */
	unsigned char *scratch;	 /* what is written */
	size_t scratch_room;
	size_t scratch_length;
};

/* A client's frame while it comes in. */
struct stream_frame {
	unsigned char head[14];
	size_t head_length;
	uint64_t left; /* of its payload */
	size_t at;     /* in its payload, for the mask */
	unsigned char control[STREAM_CONTROL_MAX];
	size_t control_length;
	bool in_message; /* a text's end is still to come */
	char *text;	 /* STREAM_MESSAGE_MAX bytes, once there is a message */
	size_t text_length;
};

struct stream {
	struct hub_reader reader;
	struct stream *next, *previous;
	struct stream *next_owned, *previous_owned;
	int64_t owner; /* a user; negative: a token of nobody */
	struct streams *streams;
	struct wtel_allocator allocator;
	struct gateway_exchange *exchange; /* NULL: gone, and answers are awaited */
	bool sse;
	enum wtel_role role; /* that its grant had when it was looked at */
	char secret[WTEL_ACCESS_SECRET_SIZE];
	int64_t expires_at; /* wall; 0: never */
	int64_t checked;    /* mono times */
	int64_t pinged;
	int64_t wrote;
	int64_t close_by; /* 0: it is not being closed */
	int close_code;	  /* 0: it is not */
	const char *close_text;
	unsigned pending; /* answers that will come with it */
	bool checking;
	bool ready;
	bool ping_due; /* or a heartbeat */
	bool pong_awaited;
	bool close_sent;
	bool close_heard; /* the client's close frame */
	bool deaf;	  /* what it says cannot be understood */
	bool shut;	  /* it is only waited for the client to close */
	bool pong_due;	  /* its payload: */
	unsigned char pong[STREAM_CONTROL_MAX];
	size_t pong_length;
	unsigned frames; /* since the last sweep */
	struct stream_frame frame;
};

/* Both, gateway->hub and gateway->streams; the gateway's options, allocator, loop and service are there. */
int streams_new(struct wtel_gateway *gateway) WTEL_MUST_CHECK;

/* All are told to go (1001); their exchanges end by themselves. */
void streams_stop(struct wtel_gateway *gateway);

/* Both again; exchanges must be gone. */
void streams_free(struct wtel_gateway *gateway);

/* Reads events for that visitor, after the one that the request names. Freed by stream_closed(). NULL: no memory. */
struct stream *stream_new(struct gateway_exchange *exchange, const struct gateway_visitor *visitor, bool sse);
void stream_closed(void *stream);

/* Says so, and ends it by force when that takes too long. */
void stream_close(struct stream *stream, int code, const char *text);

/* To be written to before the loop sleeps. */
void stream_ready(struct stream *stream);

/* What is due, if nothing else waits to be written. Not 0: close. */
int stream_writable(void *stream);

/* Room for `length` more bytes of what is being put together for a write; NULL: no memory. */
unsigned char *stream_put(struct streams *streams, size_t length);

/* websocket.c: control frames that are due; gives 0 or WTEL_ENOMEM. */
int websocket_put_control(struct stream *stream);
/* The close frame was put: it is the last. */
int websocket_put_close(struct stream *stream);

#endif
