/* Sockets of clients, with TLS or without, on the loop. What cannot be written at once is kept. */
#ifndef GATEWAY_TRANSPORT_H
#define GATEWAY_TRANSPORT_H

#include <ev.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <wtel/base.h>

/* What all sockets of one gateway share. */
struct transports {
	struct ev_loop *loop;
	struct wtel_allocator allocator;
	SSL_CTX *context; /* NULL: without TLS */
	BIO_METHOD *method;
	char *buffer; /* what is read at once */
};

struct transport_calls {
	/* TLS is agreed upon (without it: not called). */
	void (*opened)(void *user);
	/* Borrowed for the length of the call, in which it may be written to. */
	void (*received)(void *user, char *data, size_t length);
	/* All that was written is with the kernel, or transport_want() asked for it. */
	void (*writable)(void *user);
	/* Nothing more will come; `whole`: the client ended it properly, and may still read. */
	void (*ended)(void *user, bool whole);
};

/* Not to be closed from inside one of its calls. */
struct transport {
	struct transports *all; /* NULL: closed */
	const struct transport_calls *calls;
	void *user;
	ev_io io;
	SSL *ssl;
	char *out; /* what the kernel did not take */
	size_t out_from, out_length, out_room;
	uint64_t sent;	  /* octets that it took */
	bool shaking;	  /* TLS is not agreed upon yet */
	bool paused;	  /* nothing is read */
	bool over;	  /* nothing is to be read */
	bool wanted;	  /* `writable` is to be called */
	bool broken;	  /* nothing can be said any more */
	bool reads_write; /* TLS must write before it can read, */
	bool writes_read; /* or the other way round */
};

/* cert_file NULL: without TLS. HTTP/2 is offered by ALPN. WTEL_ECONFIG names the option. */
int transports_open(struct transports *all, struct ev_loop *loop, const struct wtel_allocator *allocator,
		    const char *cert_file, const char *key_file, struct wtel_detail *detail) WTEL_MUST_CHECK;
void transports_close(struct transports *all);

/* The descriptor is its own, and closed where it fails: WTEL_ENOMEM. */
int transport_open(struct transport *transport, struct transports *all, int fd, const struct transport_calls *calls,
		   void *user) WTEL_MUST_CHECK;
/* What was not sent yet is lost. */
void transport_close(struct transport *transport);

/* Not 0: the client is gone, or there is no memory to keep it. */
int transport_write(struct transport *transport, const void *data, size_t length);
size_t transport_unsent(const struct transport *transport);
void transport_want(struct transport *transport);
void transport_pause(struct transport *transport, bool pause);

/* Nothing more will be written; what comes is still read. */
void transport_shut(struct transport *transport);

/* The client chose HTTP/2 by ALPN. */
bool transport_is_http2(const struct transport *transport);

#endif
