/* TLS for one connection: the chain and the host's name are verified, always. */
#ifndef SERVICE_TLS_H
#define SERVICE_TLS_H

#include <openssl/ssl.h>

#include <wtel/base.h>

/* What all connections share. Zeroed: not opened. */
struct tls {
	SSL_CTX *context;
	BIO_METHOD *method;
};

/* `ca_file` NULL: the system's own authorities. WTEL_ETLS, WTEL_ENOMEM. */
int tls_open(struct tls *tls, const char *ca_file, struct wtel_detail *detail);
void tls_close(struct tls *tls);

/* A session on a connected, non-blocking socket whose certificate must be `name`'s (host name or address). */
int tls_start(SSL **out, struct tls *tls, int fd, const char *name, struct wtel_detail *detail);

/* 1: established; 0: the handshake goes on, *events says what it waits for; WTEL_ETLS. */
int tls_handshake(SSL *ssl, uint32_t *events, struct wtel_detail *detail);

/* Bytes; 0: none now; WTEL_ECLOSED: the peer ended it; WTEL_ETLS. *events is given what to wait for. */
long tls_read(SSL *ssl, void *data, size_t length, uint32_t *events, struct wtel_detail *detail);
long tls_write(SSL *ssl, const void *data, size_t length, uint32_t *events, struct wtel_detail *detail);

/* Tells the peer goodbye if that does not wait, and frees. NULL is allowed. */
void tls_stop(SSL *ssl);

#endif
