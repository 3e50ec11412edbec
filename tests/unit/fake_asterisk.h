/*
 * A manager interface that answers by script, for what the simulator is too honest for: silence, refusals, a connection
 * that falls at a given action, and TLS with certificates made here.
 */
#ifndef TESTS_FAKE_ASTERISK_H
#define TESTS_FAKE_ASTERISK_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wtel/base.h>

struct fake {
	int listener;
	int client;
	int port;
	SSL_CTX *context; /* NULL: plain */
	SSL *ssl;
	char in[65536];
	size_t length;

	bool silent;	       /* says the banner, then nothing */
	bool mute_after_login; /* answers nothing once somebody is in */
	bool reject;	       /* every login */
	bool drop_originate;   /* the connection falls at an Originate */
	bool has_call;	       /* CoreShowChannels names the originated channel */
	bool torn;	       /* once: the tail of an event stands in place of that */
	unsigned lists;	       /* of channels */
	unsigned connections;
	unsigned logins;
	unsigned originates;
	char originate[8192]; /* the last one as it came */
	char channel_id[160];
	bool refuse_redirect;
	char redirection[8192]; /* Setvar and Redirect as they came, one a line: "Setvar __TRUNK_ID 2\n" */
	int64_t redirected_at;	/* mono */
};

static inline void fake_open(struct fake *fake)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	memset(fake, 0, sizeof(*fake));
	fake->client = -1;
	fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	cr_assert(fake->listener >= 0);
	cr_assert_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fake->listener, 8), 0);
	cr_assert_eq(getsockname(fake->listener, (struct sockaddr *)&address, &length), 0);
	fake->port = ntohs(address.sin_port);
}

static inline void fake_drop(struct fake *fake)
{
	SSL_free(fake->ssl);
	fake->ssl = NULL;
	if (fake->client >= 0)
		close(fake->client);
	fake->client = -1;
	fake->length = 0;
}

static inline void fake_close(struct fake *fake)
{
	fake_drop(fake);
	close(fake->listener);
	SSL_CTX_free(fake->context);
}

static inline void fake_say(struct fake *fake, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void fake_say(struct fake *fake, const char *format, ...)
{
	char text[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (fake->ssl)
		(void)SSL_write(fake->ssl, text, (int)strlen(text));
	else
		(void)!send(fake->client, text, strlen(text), MSG_NOSIGNAL);
}

/* The value of a header in one message; "" if none. */
static inline void fake_header(char *out, size_t room, const char *message, const char *name)
{
	size_t length = strlen(name);
	const char *line;

	*out = '\0';
	for (line = message; *line; line = *line ? line + 2 : line) {
		const char *end = strstr(line, "\r\n");

		if (!end)
			end = line + strlen(line);
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			snprintf(out, room, "%.*s", (int)(end - line - (long)length - 2), line + length + 2);
			return;
		}
		line = end;
	}
}

static inline void fake_list(struct fake *fake, const char *id, const char *item, const char *complete)
{
	fake_say(fake, "Response: Success\r\nActionID: %s\r\nEventList: start\r\nMessage: follows\r\n\r\n", id);
	if (item)
		fake_say(fake, "%s", item);
	fake_say(fake, "Event: %s\r\nActionID: %s\r\nEventList: Complete\r\nListItems: %d\r\n\r\n", complete, id,
		 item != NULL);
}

static inline void fake_channels(struct fake *fake, const char *id)
{
	char item[2048];

	snprintf(item, sizeof(item),
		 "Event: CoreShowChannel\r\nActionID: %s\r\nChannel: PJSIP/1001-00000001\r\nChannelState: 5\r\n"
		 "ChannelStateDesc: Ringing\r\nCallerIDNum: <unknown>\r\nCallerIDName: <unknown>\r\n"
		 "ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\n"
		 "Context: welcomedly-agents\r\nExten: 5550001\r\nPriority: 1\r\nUniqueid: %s\r\nLinkedid: %s\r\n"
		 "Application: \r\nApplicationData: \r\nDuration: 00:00:01\r\nBridgeId: \r\n\r\n",
		 id, fake->channel_id, fake->channel_id);
	fake_list(fake, id,
		  fake->torn	   ? "Priority: 1\r\nUniqueid: 17.1\r\nLinkedid: 17.1\r\n\r\n"
		  : fake->has_call ? item
				   : NULL,
		  "CoreShowChannelsComplete");
	fake->torn = false;
	fake->lists++;
}

static inline void fake_redirect(struct fake *fake, const char *message, const char *action, const char *id)
{
	bool redirect = strcmp(action, "Redirect") == 0;
	size_t length = strlen(fake->redirection);
	char name[160], value[160];

	fake_header(name, sizeof(name), message, redirect ? "Context" : "Variable");
	fake_header(value, sizeof(value), message, redirect ? "Exten" : "Value");
	snprintf(fake->redirection + length, sizeof(fake->redirection) - length, "%s %s %s\n", action, name, value);
	if (redirect)
		fake->redirected_at = wtel_time_now().mono;
	if (redirect && fake->refuse_redirect)
		fake_say(fake, "Response: Error\r\nActionID: %s\r\nMessage: Redirect failed\r\n\r\n", id);
	else
		fake_say(fake, "Response: Success\r\nActionID: %s\r\n\r\n", id);
}

static inline void fake_answer(struct fake *fake, const char *message)
{
	char action[64], id[160];

	fake_header(action, sizeof(action), message, "Action");
	fake_header(id, sizeof(id), message, "ActionID");
	if (fake->mute_after_login && fake->logins && strcmp(action, "Login") != 0 && strcmp(action, "Challenge") != 0)
		return;
	if (strcmp(action, "Challenge") == 0) {
		fake_say(fake, "Response: Success\r\nActionID: %s\r\nChallenge: 841521337\r\n\r\n", id);
	} else if (strcmp(action, "Login") == 0) {
		fake->logins++;
		fake_say(fake, "Response: %s\r\nActionID: %s\r\nMessage: %s\r\n\r\n",
			 fake->reject ? "Error" : "Success", id,
			 fake->reject ? "Authentication failed" : "Authentication accepted");
		if (fake->reject)
			fake_drop(fake);
	} else if (strcmp(action, "CoreShowChannels") == 0) {
		fake_channels(fake, id);
	} else if (strcmp(action, "PJSIPShowRegistrationsOutbound") == 0) {
		fake_list(fake, id, NULL, "OutboundRegistrationDetailComplete");
	} else if (strcmp(action, "PJSIPShowContacts") == 0) {
		fake_say(fake, "Response: Error\r\nActionID: %s\r\nMessage: No Contacts found\n\r\n\r\n", id);
	} else if (strcmp(action, "Originate") == 0) {
		fake->originates++;
		snprintf(fake->originate, sizeof(fake->originate), "%s", message);
		fake_header(fake->channel_id, sizeof(fake->channel_id), message, "ChannelId");
		if (fake->drop_originate)
			fake_drop(fake);
		else
			fake_say(fake,
				 "Response: Success\r\nActionID: %s\r\nMessage: Originate successfully queued\r\n\r\n",
				 id);
	} else if (strcmp(action, "Setvar") == 0 || strcmp(action, "Redirect") == 0) {
		fake_redirect(fake, message, action, id);
	} else {
		fake_say(fake, "Response: Success\r\nActionID: %s\r\n\r\n", id);
	}
}

static inline void fake_accept(struct fake *fake)
{
	int client = accept(fake->listener, NULL, NULL), on = 1;

	if (client < 0)
		return;
	fake_drop(fake);
	fcntl(client, F_SETFL, O_NONBLOCK);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fake->client = client;
	fake->connections++;
	if (fake->context) {
		fake->ssl = SSL_new(fake->context);
		SSL_set_fd(fake->ssl, client);
		SSL_set_accept_state(fake->ssl);
	} else {
		fake_say(fake, "Asterisk Call Manager/11.0.0\r\n");
	}
}

static inline long fake_read(struct fake *fake)
{
	bool before = fake->ssl && SSL_is_init_finished(fake->ssl);
	long got;

	if (!fake->ssl)
		return recv(fake->client, fake->in + fake->length, sizeof(fake->in) - fake->length - 1, 0);
	if (!before) {
		got = SSL_do_handshake(fake->ssl);
		if (got != 1) {
			int error = SSL_get_error(fake->ssl, (int)got);

			return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : 0;
		}
		fake_say(fake, "Asterisk Call Manager/11.0.0\r\n");
	}
	got = SSL_read(fake->ssl, fake->in + fake->length, (int)(sizeof(fake->in) - fake->length - 1));
	return got > 0 ? got : SSL_get_error(fake->ssl, (int)got) == SSL_ERROR_WANT_READ ? -1 : 0;
}

/* What there is to do now. */
static inline void fake_turn(struct fake *fake)
{
	char *end;
	long got;

	fake_accept(fake);
	if (fake->client < 0)
		return;
	got = fake_read(fake);
	if (got == 0)
		fake_drop(fake);
	if (got <= 0)
		return;
	fake->length += (size_t)got;
	fake->in[fake->length] = '\0';
	while (!fake->silent && fake->client >= 0 && (end = strstr(fake->in, "\r\n\r\n")) != NULL) {
		char message[8192];

		snprintf(message, sizeof(message), "%.*s", (int)(end - fake->in), fake->in);
		fake->length -= (size_t)(end + 4 - fake->in);
		memmove(fake->in, end + 4, fake->length + 1);
		fake_answer(fake, message);
	}
}

/* ---- certificates ---- */

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
	char file[64]; /* PEM */
};

static inline void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	cr_assert_not_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(EVP_PKEY *key, const char *name, const struct authority *authority,
				     const char *alternative)
{
	X509 *certificate = X509_new();
	X509 *issuer = authority ? authority->certificate : certificate;

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), authority ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name,
				   -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	if (authority)
		add_extension(certificate, issuer, NID_subject_alt_name, alternative);
	else
		add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
	cr_assert(X509_sign(certificate, authority ? authority->key : key, EVP_sha256()));
	return certificate;
}

static inline void authority_open(struct authority *authority)
{
	FILE *file;
	int fd;

	authority->key = EVP_EC_gen("P-256");
	authority->certificate = make_certificate(authority->key, "a test's authority", NULL, NULL);
	snprintf(authority->file, sizeof(authority->file), "/tmp/wtel-test-ca-XXXXXX");
	fd = mkstemp(authority->file);
	cr_assert(fd >= 0);
	file = fdopen(fd, "w");
	PEM_write_X509(file, authority->certificate);
	fclose(file);
}

static inline void authority_close(struct authority *authority)
{
	unlink(authority->file);
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
}

/* The fake speaks TLS with a certificate for `alternative` ("DNS:localhost", "IP:127.0.0.1"). */
static inline void fake_tls(struct fake *fake, const struct authority *authority, const char *alternative)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key, "pbx", authority, alternative);

	fake->context = SSL_CTX_new(TLS_server_method());
	cr_assert_eq(SSL_CTX_use_certificate(fake->context, certificate), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey(fake->context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

#endif
