#include "gateway/transport.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gateway.h"

enum {
	READ_AT_ONCE = 16384, /* as long as a record of TLS: nothing of it is left with OpenSSL */
	OUT_FIRST = 4096,
	OUT_KEPT = 65536 /* that a connection holds when all is written */
};

/* ---- TLS ------------------------------------------------------------------ */

/*
 * OpenSSL's own socket BIO uses write(2), which raises SIGPIPE where the client is gone: so over send(2). libwtel has
 * the same for Asterisk (service/tls.c), out of reach of a library that stands on its public headers alone.
 */
static int bio_write(BIO *bio, const char *data, int length)
{
	ssize_t sent = send((int)(intptr_t)BIO_get_data(bio), data, (size_t)length, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int bio_read(BIO *bio, char *data, int length)
{
	ssize_t got = recv((int)(intptr_t)BIO_get_data(bio), data, (size_t)length, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (got == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static bool make_method(struct transports *all)
{
	all->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
	return all->method && BIO_meth_set_write(all->method, bio_write) && BIO_meth_set_read(all->method, bio_read) &&
	       BIO_meth_set_ctrl(all->method, bio_control) && BIO_meth_set_create(all->method, bio_create);
}

/* Whoever offers names and none of ours is told so (RFC 7301, 3.2). */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in,
		  unsigned in_length, void *user)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)user;
	if (SSL_select_next_proto(&chosen, length, ours, sizeof(ours) - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int fail(struct wtel_detail *detail, int code, const char *field, const char *text)
{
	snprintf(detail->field, sizeof(detail->field), "%s", field);
	snprintf(detail->text, sizeof(detail->text), "%s", text);
	return code;
}

static int open_tls(struct transports *all, const char *cert_file, const char *key_file, struct wtel_detail *detail)
{
	SSL_CTX *context = all->context = SSL_CTX_new(TLS_server_method());
	int code = 0;

	if (!context || !make_method(all))
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(context, choose, NULL);
	if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1)
		code = fail(detail, WTEL_ECONFIG, "cert_file", "the certificate cannot be read");
	else if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(context) != 1)
		code = fail(detail, WTEL_ECONFIG, "key_file", "the key cannot be read, or is another's");
	ERR_clear_error();
	return code;
}

int transports_open(struct transports *all, struct ev_loop *loop, const struct wtel_allocator *allocator,
		    const char *cert_file, const char *key_file, struct wtel_detail *detail)
{
	all->loop = loop;
	all->allocator = *allocator;
	all->buffer = gateway_allocate(allocator, READ_AT_ONCE);
	if (!all->buffer)
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	return cert_file ? open_tls(all, cert_file, key_file, detail) : 0;
}

void transports_close(struct transports *all)
{
	SSL_CTX_free(all->context);
	BIO_meth_free(all->method);
	if (all->buffer)
		gateway_release(&all->allocator, all->buffer);
	memset(all, 0, sizeof(*all));
}

bool transport_is_http2(const struct transport *transport)
{
	const unsigned char *name = NULL;
	unsigned length = 0;

	if (transport->ssl)
		SSL_get0_alpn_selected(transport->ssl, &name, &length);
	return length == 2 && memcmp(name, "h2", 2) == 0;
}

/* ---- what is waited for ------------------------------------------------------ */

static void watch(struct transport *transport)
{
	bool reads = transport->shaking || (!transport->paused && !transport->over);
	int events = (reads || transport->writes_read ? EV_READ : 0) |
		     (transport->reads_write || transport->wanted || (transport->out_length && !transport->writes_read)
			      ? EV_WRITE
			      : 0);

	if (transport->shaking && transport->reads_write)
		events = EV_WRITE;
	if (transport->broken)
		events = 0;
	if (ev_is_active(&transport->io) && (transport->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(transport->all->loop, &transport->io);
	ev_io_modify(&transport->io, events);
	if (events)
		ev_io_start(transport->all->loop, &transport->io);
}

static void end(struct transport *transport, bool whole)
{
	transport->over = true;
	transport->broken = transport->broken || !whole;
	transport->calls->ended(transport->user, whole);
}

/* ---- octets -------------------------------------------------------------------- */

/* What was read; 0: nothing is there; -1: it ended. */
static ssize_t take(struct transport *transport, bool *whole)
{
	ssize_t got;

	if (transport->ssl) {
		ERR_clear_error();
		got = SSL_read(transport->ssl, transport->all->buffer, READ_AT_ONCE);
		if (got > 0)
			return got;
		switch (SSL_get_error(transport->ssl, (int)got)) {
		case SSL_ERROR_WANT_READ:
			return 0;
		case SSL_ERROR_WANT_WRITE:
			transport->reads_write = true;
			return 0;
		case SSL_ERROR_ZERO_RETURN:
			*whole = true;
			return -1;
		default:
			return -1;
		}
	}
	got = recv(transport->io.fd, transport->all->buffer, READ_AT_ONCE, 0);
	if (got > 0)
		return got;
	*whole = got == 0;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void receive(struct transport *transport)
{
	bool whole = false;
	ssize_t got;

	do {
		transport->reads_write = false;
		got = take(transport, &whole);
		if (got > 0)
			transport->calls->received(transport->user, transport->all->buffer, (size_t)got);
		else if (got < 0)
			end(transport, whole);
	} while (got > 0 && transport->ssl && SSL_pending(transport->ssl) > 0 && !transport->paused &&
		 !transport->over);
}

/* What the kernel took; -1: it never will. */
static ssize_t give(struct transport *transport, const char *data, size_t length)
{
	size_t at = 0;
	ssize_t sent;

	transport->writes_read = false;
	while (transport->ssl && at < length) {
		ERR_clear_error();
		sent = SSL_write(transport->ssl, data + at, (int)(length - at < INT_MAX ? length - at : INT_MAX));
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}
		switch (SSL_get_error(transport->ssl, (int)sent)) {
		case SSL_ERROR_WANT_READ:
			transport->writes_read = true;
			return (ssize_t)at;
		case SSL_ERROR_WANT_WRITE:
			return (ssize_t)at;
		default:
			return -1;
		}
	}
	if (transport->ssl)
		return (ssize_t)at;
	sent = send(transport->io.fd, data, length, MSG_NOSIGNAL);
	return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static bool keep(struct transport *transport, const char *data, size_t length)
{
	size_t room = transport->out_room ? transport->out_room : OUT_FIRST;
	char *out;

	if (transport->out_from) {
		memmove(transport->out, transport->out + transport->out_from, transport->out_length);
		transport->out_from = 0;
	}
	while (room < transport->out_length + length)
		room *= 2;
	if (room != transport->out_room) {
		out = transport->all->allocator.reallocate(transport->out, room, transport->all->allocator.user);
		if (!out)
			return false;
		transport->out = out;
		transport->out_room = room;
	}
	memcpy(transport->out + transport->out_length, data, length);
	transport->out_length += length;
	return true;
}

int transport_write(struct transport *transport, const void *data, size_t length)
{
	ssize_t sent = 0;

	if (transport->broken)
		return -1;
	if (!transport->out_length)
		sent = give(transport, data, length);
	if (sent < 0 || ((size_t)sent < length && !keep(transport, (const char *)data + sent, length - (size_t)sent))) {
		transport->broken = true;
		watch(transport);
		return -1;
	}
	transport->sent += (size_t)sent;
	if (transport->out_length)
		watch(transport);
	return 0;
}

static void flush(struct transport *transport)
{
	ssize_t sent = 0;

	if (transport->out_length)
		sent = give(transport, transport->out + transport->out_from, transport->out_length);
	if (sent < 0) {
		end(transport, false);
		return;
	}
	transport->sent += (size_t)sent;
	transport->out_from += (size_t)sent;
	transport->out_length -= (size_t)sent;
	if (transport->out_length)
		return;
	transport->out_from = 0;
	if (transport->out_room > OUT_KEPT) {
		gateway_release(&transport->all->allocator, transport->out);
		transport->out = NULL;
		transport->out_room = 0;
	}
	transport->wanted = false;
	transport->calls->writable(transport->user);
}

/* ---- turns ----------------------------------------------------------------------- */

static void shake(struct transport *transport)
{
	int result;

	ERR_clear_error();
	transport->reads_write = false;
	result = SSL_accept(transport->ssl);
	if (result == 1) {
		transport->shaking = false;
		transport->calls->opened(transport->user);
		return;
	}
	switch (SSL_get_error(transport->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		transport->reads_write = true;
		break;
	default:
		end(transport, false);
	}
}

static void turn(struct ev_loop *loop, ev_io *io, int events)
{
	struct transport *transport = io->data;

	(void)loop;
	if (transport->shaking)
		shake(transport);
	if (!transport->shaking && !transport->broken &&
	    (events & EV_WRITE || (transport->writes_read && events & EV_READ)) &&
	    (transport->out_length || transport->wanted))
		flush(transport);
	if (!transport->shaking && !transport->broken && !transport->paused && !transport->over &&
	    (events & EV_READ || transport->reads_write))
		receive(transport);
	watch(transport);
}

size_t transport_unsent(const struct transport *transport)
{
	return transport->out_length;
}

void transport_want(struct transport *transport)
{
	transport->wanted = true;
	watch(transport);
}

void transport_pause(struct transport *transport, bool pause)
{
	if (transport->paused == pause)
		return;
	transport->paused = pause;
	watch(transport);
	/* Nothing of it is on the socket any more, and the loop would not know. */
	if (!pause && transport->ssl && !transport->shaking && SSL_pending(transport->ssl) > 0)
		ev_feed_event(transport->all->loop, &transport->io, EV_READ);
}

void transport_shut(struct transport *transport)
{
	if (transport->broken || transport->shaking)
		return;
	ERR_clear_error();
	if (transport->ssl)
		(void)SSL_shutdown(transport->ssl);
	(void)shutdown(transport->io.fd, SHUT_WR);
}

/* ---- life ------------------------------------------------------------------------ */

static bool begin_tls(struct transport *transport, int fd)
{
	BIO *bio = BIO_new(transport->all->method);

	transport->ssl = SSL_new(transport->all->context);
	if (!bio || !transport->ssl) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, (void *)(intptr_t)fd);
	SSL_set_bio(transport->ssl, bio, bio);
	transport->shaking = true;
	return true;
}

int transport_open(struct transport *transport, struct transports *all, int fd, const struct transport_calls *calls,
		   void *user)
{
	memset(transport, 0, sizeof(*transport));
	transport->all = all;
	transport->calls = calls;
	transport->user = user;
	if (all->context && !begin_tls(transport, fd)) {
		SSL_free(transport->ssl);
		close(fd);
		return WTEL_ENOMEM;
	}
	ev_io_init(&transport->io, turn, fd, EV_READ);
	transport->io.data = transport;
	ev_io_start(all->loop, &transport->io);
	return 0;
}

void transport_close(struct transport *transport)
{
	if (!transport->all)
		return;
	ev_io_stop(transport->all->loop, &transport->io);
	if (transport->ssl && !transport->shaking && !transport->broken) {
		ERR_clear_error();
		(void)SSL_shutdown(transport->ssl);
	}
	SSL_free(transport->ssl);
	ERR_clear_error();
	close(transport->io.fd);
	gateway_release(&transport->all->allocator, transport->out);
	transport->all = NULL;
}
