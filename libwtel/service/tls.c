#include "service/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"

/*
 * OpenSSL's own socket BIO uses write(2), which raises SIGPIPE when the peer is gone; a library must not kill or
 * reconfigure the program that it is in. So: a BIO over send(2) with MSG_NOSIGNAL. Its data is the descriptor.
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

static int tls_method(struct tls *tls)
{
	tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
	return tls->method && BIO_meth_set_write(tls->method, bio_write) && BIO_meth_set_read(tls->method, bio_read) &&
	       BIO_meth_set_ctrl(tls->method, bio_control) && BIO_meth_set_create(tls->method, bio_create);
}

int tls_open(struct tls *tls, const char *ca_file, struct wtel_detail *detail)
{
	int loaded;

	ERR_clear_error();
	tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls->context || !tls_method(tls)) {
		tls_close(tls);
		return base_fail(detail, WTEL_ENOMEM, "", "out of memory for TLS");
	}
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	loaded = ca_file ? SSL_CTX_load_verify_locations(tls->context, ca_file, NULL)
			 : SSL_CTX_set_default_verify_paths(tls->context);
	ERR_clear_error();
	if (loaded == 1)
		return 0;
	tls_close(tls);
	return base_fail(detail, WTEL_ETLS, "ca_file", "%s holds no readable certificates in PEM form",
			 ca_file ? ca_file : "the system's certificate store");
}

void tls_close(struct tls *tls)
{
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	tls->context = NULL;
	tls->method = NULL;
}

static bool is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* The peer's certificate must be that name's; an address is not looked for among names, nor a name among addresses. */
static bool set_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

int tls_start(SSL **out, struct tls *tls, int fd, const char *name, struct wtel_detail *detail)
{
	SSL *ssl = SSL_new(tls->context);
	BIO *bio = ssl ? BIO_new(tls->method) : NULL;

	if (!bio) {
		SSL_free(ssl);
		return base_fail(detail, WTEL_ENOMEM, "", "out of memory for TLS");
	}
	BIO_set_data(bio, (void *)(intptr_t)fd);
	SSL_set_bio(ssl, bio, bio);
	if (!set_name(ssl, name)) {
		SSL_free(ssl);
		ERR_clear_error();
		return base_fail(detail, WTEL_ETLS, "tls", "%.64s cannot be a name in a certificate", name);
	}
	SSL_set_connect_state(ssl);
	*out = ssl;
	return 0;
}

static int fail(SSL *ssl, struct wtel_detail *detail)
{
	unsigned long error = ERR_peek_last_error();
	long verified = SSL_get_verify_result(ssl);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	ERR_clear_error();
	return base_fail(detail, WTEL_ETLS, "tls", "%s: %s",
			 verified != X509_V_OK ? "the certificate is not trusted" : "TLS failed",
			 reason ? reason : "the peer broke off");
}

/* What an OpenSSL call that gave no progress means: 0, WTEL_ECLOSED or WTEL_ETLS. */
static int judge(SSL *ssl, int result, uint32_t *events, struct wtel_detail *detail)
{
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*events = EPOLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = EPOLLIN | EPOLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return base_fail(detail, WTEL_ECLOSED, "", "Asterisk closed the connection");
	default:
		/* Asterisk often closes without close_notify: told apart from a real failure by OpenSSL's queue. */
		if (SSL_is_init_finished(ssl) && SSL_get_verify_result(ssl) == X509_V_OK &&
		    (!ERR_peek_error() || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
			ERR_clear_error();
			return base_fail(detail, WTEL_ECLOSED, "", "the connection was closed");
		}
		return fail(ssl, detail);
	}
}

int tls_handshake(SSL *ssl, uint32_t *events, struct wtel_detail *detail)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(ssl);
	if (result == 1) {
		*events = EPOLLIN;
		return 1;
	}
	return judge(ssl, result, events, detail);
}

long tls_read(SSL *ssl, void *data, size_t length, uint32_t *events, struct wtel_detail *detail)
{
	size_t got = 0;
	int result;

	ERR_clear_error();
	result = SSL_read_ex(ssl, data, length, &got);
	return result == 1 ? (long)got : judge(ssl, result, events, detail);
}

long tls_write(SSL *ssl, const void *data, size_t length, uint32_t *events, struct wtel_detail *detail)
{
	size_t sent = 0;
	int result;

	ERR_clear_error();
	result = SSL_write_ex(ssl, data, length, &sent);
	return result == 1 ? (long)sent : judge(ssl, result, events, detail);
}

void tls_stop(SSL *ssl)
{
	if (!ssl)
		return;
	ERR_clear_error();
	if (SSL_is_init_finished(ssl))
		(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	ERR_clear_error();
}
