/* The gateway: who may, how often, logins, pages of other sites, TLS, figures. */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "gateway_world.h"

#include "gateway/head.h"
#include "gateway/networks.h"
#include "gateway/who.h"

static struct world world;
static struct answer answer;

static void open_world(void)
{
	world_open(&world);
}

static void prepare(void)
{
	world_prepare(&world);
}

static void close_world(void)
{
	world_close(&world);
}

TestSuite(gateway_access, .init = open_world, .fini = close_world, .timeout = 300);
TestSuite(gateway_access_options, .init = prepare, .fini = close_world, .timeout = 300);

static int status_of(const char *headers)
{
	return ask(&world, &answer, "GET", STATUS, headers, NULL);
}

/* ---- tokens ---------------------------------------------------------------- */

Test(gateway_access, nobody_is_told_how_to_become_somebody)
{
	cr_assert_eq(status_of(""), 401);
	cr_assert_not_null(strstr(answer.text, "\r\nWWW-Authenticate: Bearer"));
	cr_assert_not_null(strstr(answer.body, "\"success\":false"));
	cr_assert_eq(status_of("Authorization: Basic dXNlcjpwYXNz\r\n"), 401);
	cr_assert_eq(status_of("Authorization: Bearer\r\n"), 401);
	cr_assert_eq(status_of("Authorization: Bearer wtel_x\r\n"), 401);
	cr_assert_eq(status_of(bearer("wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), 401);
	cr_assert_eq(status_of(bearer(world.admin)), 200);
	cr_assert_eq(status_of(bearer(world.agent)), 200);
	cr_assert_eq(ask(&world, &answer, "GET", "/api/telephony/trunks", bearer(world.agent), NULL), 403);
}

/* A page's own requests carry the cookie and no more: a token in it would go round the check of those. */
Test(gateway_access, a_token_is_no_cookie)
{
	char header[128];

	snprintf(header, sizeof(header), "Cookie: wtel_session=%s\r\n", world.admin);
	cr_assert_eq(status_of(header), 401);
}

/* How long a token is good yet that was revoked. */
static int64_t good_for(void)
{
	char secret[WTEL_ACCESS_SECRET_SIZE];
	int64_t id = world_token(&world, secret, WTEL_ROLE_ADMIN, 0), began;

	cr_assert_eq(status_of(bearer(secret)), 200);
	cr_assert_eq(wtel_store_token_revoke(world.store, id), 0);
	began = wtel_time_now().mono;
	while (status_of(bearer(secret)) != 401 && wtel_time_now().mono < began + PATIENCE)
		world_run(&world, 20000);
	return wtel_time_now().mono - began;
}

/* A second, and what a busy machine needs; one that stands still has another try. */
Test(gateway_access, a_revoked_token_is_refused_within_a_second)
{
	int64_t took = good_for();
	int i;

	for (i = 0; i < 5 && took > 2 * SECOND; i++)
		took = good_for();
	cr_assert_leq(took, 2 * SECOND, "after %lld us", (long long)took);
}

/* ---- rates ------------------------------------------------------------------- */

/* Asks until it was refused twice: five at once are let through, and five a second. */
static void ask_too_often(const char *headers)
{
	int64_t began = wtel_time_now().mono;
	int passed = 0, refused = 0;

	while (refused < 2) {
		if (status_of(headers) == 429)
			refused++;
		else
			passed++;
		cr_assert_leq(passed, 6 + 5 * (wtel_time_now().mono - began) / SECOND, "%d are too many", passed);
	}
	cr_assert_geq(passed, 5);
	cr_assert_not_null(strstr(answer.text, "\r\nRetry-After: 1\r\n"));
}

Test(gateway_access_options, whoever_guesses_is_slowed_down)
{
	world.options.address_rate = 5;
	world_start(&world);
	ask_too_often("Authorization: Bearer wtel_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\r\n");
	cr_assert_eq(ask(&world, &answer, "GET", "/healthz", "", NULL), 200);
	world_run(&world, SECOND);
	cr_assert_eq(status_of(bearer(world.admin)), 200);
}

Test(gateway_access_options, a_user_has_a_rate_and_others_theirs)
{
	world.options.user_rate = 5;
	world_start(&world);
	ask_too_often(bearer(world.agent));
	cr_assert_eq(status_of(bearer(world.admin)), 200);
}

/* ---- sessions ------------------------------------------------------------------ */

#define SESSION "/api/telephony/session"
#define RIGHT	"{\"username\":\"boss\",\"password\":\"correct horse\"}"

static int log_in(const char *body)
{
	return ask(&world, &answer, "POST", SESSION, "", body);
}

/* Between two texts of the answer. */
static void cut(char *out, size_t room, const char *from, const char *to)
{
	const char *at = strstr(answer.text, from), *end;

	cr_assert_not_null(at, "%s in %s", from, answer.text);
	at += strlen(from);
	end = strstr(at, to);
	cr_assert_not_null(end);
	snprintf(out, room, "%.*s", (int)(end - at), at);
}

Test(gateway_access, a_login_gives_a_session)
{
	char secret[64], csrf[GATEWAY_CSRF_SIZE], expected[GATEWAY_CSRF_SIZE], headers[256];

	cr_assert_eq(log_in(RIGHT), 200, "%s", answer.text);
	cut(secret, sizeof(secret), "\r\nSet-Cookie: wtel_session=", ";");
	cr_assert_not_null(strstr(answer.text, "; Path=/api/telephony; HttpOnly; SameSite=Strict; Max-Age=28800\r\n"));
	cut(csrf, sizeof(csrf), "\"csrfToken\":\"", "\"");
	cr_assert_not_null(strstr(answer.body, "\"role\":\"admin\""));
	who_csrf(expected, secret);
	cr_assert_str_eq(csrf, expected);
	snprintf(headers, sizeof(headers), "Cookie: a=b; wtel_session=%s; c=d\r\n", secret);
	cr_assert_eq(status_of(headers), 200);
	cr_assert_eq(ask(&world, &answer, "GET", SESSION, headers, NULL), 200);
	cr_assert_not_null(strstr(answer.body, csrf));
	/* It changes something, and a page of another site could not know the token. */
	cr_assert_eq(
		ask(&world, &answer, "POST", "/api/telephony/trunks", headers, "{\"name\":\"a\",\"host\":\"b.org\"}"),
		403);
	cr_assert_not_null(strstr(answer.body, "X-CSRF-Token"));
	cr_assert_eq(ask(&world, &answer, "DELETE", SESSION, headers, NULL), 403);
	snprintf(headers, sizeof(headers), "Cookie: wtel_session=%s\r\nX-CSRF-Token: %s\r\n", secret, csrf);
	cr_assert_eq(
		ask(&world, &answer, "POST", "/api/telephony/trunks", headers, "{\"name\":\"a\",\"host\":\"b.org\"}"),
		201, "%s", answer.text);
	cr_assert_eq(ask(&world, &answer, "DELETE", SESSION, headers, NULL), 200);
	cr_assert_not_null(strstr(answer.text, "\r\nSet-Cookie: wtel_session=; "));
	cr_assert_eq(status_of(headers), 401);
	cr_assert_null(strstr(world.log, secret));
	cr_assert_null(strstr(world.log, csrf));
	cr_assert_null(strstr(world.log, "horse"));
}

static const struct {
	int status;
	const char *body;
} logins[] = {
	{401, "{\"username\":\"boss\",\"password\":\"wrong\"}"},
	{401, "{\"username\":\"nobody\",\"password\":\"correct horse\"}"},
	{401, "{\"username\":\"boss\",\"password\":\"\"}"},
	{400, "{\"username\":\"\",\"password\":\"correct horse\"}"},
	{400, "{\"username\":[\"boss\"],\"password\":\"correct horse\"}"},
	{400, "{\"username\":\"boss\"}"},
	{400, "[]"},
	{400, "{"},
	{400, ""},
	{400, "{\"username\":\"boss\",\"username\":\"ana\",\"password\":\"x\"}"},
};

Test(gateway_access_options, a_login_that_is_wrong_is_none)
{
	size_t i;

	world.options.login_rate = 0;
	world_start(&world);
	for (i = 0; i < sizeof(logins) / sizeof(*logins); i++) {
		cr_assert_eq(log_in(logins[i].body), logins[i].status, "%s: %s", logins[i].body, answer.text);
		cr_assert_null(strstr(answer.text, "Set-Cookie"));
	}
	cr_assert_eq(ask(&world, &answer, "POST", SESSION, "Origin: https://evil.example\r\n", RIGHT), 403);
	cr_assert_eq(ask(&world, &answer, "POST", SESSION, "Origin: http://test\r\n", RIGHT), 200, "%s", answer.text);
	cr_assert_eq(ask(&world, &answer, "DELETE", SESSION, bearer(world.admin), NULL), 409);
}

Test(gateway_access_options, logins_have_a_rate)
{
	int i, refused = 0;

	world.options.login_rate = 3;
	world_start(&world);
	for (i = 0; i < 6; i++)
		refused += log_in("{\"username\":\"ana\",\"password\":\"wrong\"}") == 429;
	cr_assert_eq(refused, 3);
	cr_assert_not_null(strstr(answer.text, "\r\nRetry-After: "));
}

/* Whoever logs in may go, and the gateway too, while the password is being tried. */
Test(gateway_access, a_login_may_be_left_alone)
{
	char text[512];
	int fd = client_open(&world), length, i;

	length = snprintf(text, sizeof(text),
			  "POST " SESSION " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
			  "Content-Length: %zu\r\n\r\n" RIGHT,
			  strlen(RIGHT));
	client_send(&world, fd, text, (size_t)length);
	for (i = 0; i < 20; i++)
		ev_run(world.loop, EVRUN_NOWAIT);
	close(fd);
	world_run(&world, 100000);
	fd = client_open(&world);
	client_send(&world, fd, text, (size_t)length);
	for (i = 0; i < 10; i++)
		ev_run(world.loop, EVRUN_NOWAIT);
	wtel_gateway_free(world.gateway);
	world.gateway = NULL;
	world_run(&world, 100000);
	close(fd);
}

/* ---- other sites ----------------------------------------------------------------- */

Test(gateway_access_options, pages_of_named_sites_may_ask)
{
	char headers[256];

	world.options.origins = "https://crm.example https://b.example:8443";
	world_start(&world);
	cr_assert_eq(ask(&world, &answer, "OPTIONS", STATUS,
			 "Origin: https://crm.example\r\nAccess-Control-Request-Method: GET\r\n", NULL),
		     204);
	cr_assert_not_null(strstr(answer.text, "\r\nAccess-Control-Allow-Origin: https://crm.example\r\n"));
	cr_assert_not_null(strstr(answer.text, "X-CSRF-Token"));
	cr_assert_eq(ask(&world, &answer, "OPTIONS", STATUS,
			 "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n", NULL),
		     403);
	cr_assert_null(strstr(answer.text, "Access-Control-Allow-Origin"));
	snprintf(headers, sizeof(headers), "%sOrigin: https://b.example:8443\r\n", bearer(world.admin));
	cr_assert_eq(status_of(headers), 200);
	cr_assert_not_null(strstr(answer.text, "\r\nAccess-Control-Allow-Origin: https://b.example:8443\r\n"));
	cr_assert_not_null(strstr(answer.text, "\r\nVary: Origin\r\n"));
	snprintf(headers, sizeof(headers), "%sOrigin: https://b.example\r\n", bearer(world.admin));
	cr_assert_eq(status_of(headers), 200);
	cr_assert_null(strstr(answer.text, "Access-Control-Allow-Origin"));
}

/* ---- behind a proxy ----------------------------------------------------------------- */

static const struct {
	const char *peer, *forwarded, *client;
} hops[] = {
	{"127.0.0.1", "203.0.113.9", "203.0.113.9"},
	{"127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
	{"127.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"},
	{"127.0.0.1", "203.0.113.9,nonsense", "127.0.0.1"},
	{"127.0.0.1", "", "127.0.0.1"},
	{"127.0.0.1", " 2001:db8::1 ", "2001:db8::1"},
	{"203.0.113.7", "198.51.100.1", "203.0.113.7"},
	{"10.255.0.1", "10.0.0.1", "10.0.0.1"},
};

Test(gateway_networks, only_a_proxy_is_believed_of_whom_it_speaks)
{
	struct gateway_networks proxies;
	char text[INET6_ADDRSTRLEN];
	size_t i;

	cr_assert_eq(networks_read(&proxies, "127.0.0.1, 10.0.0.0/8 ::1"), 0);
	cr_assert_eq(proxies.count, 3);
	for (i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		struct in6_addr peer, client;

		cr_assert(networks_address(&peer, wtel_slice_of(hops[i].peer)));
		networks_client(&client, &proxies, &peer, wtel_slice_of(hops[i].forwarded));
		networks_text(text, &client);
		cr_assert_str_eq(text, hops[i].client, "%s: %s", hops[i].forwarded, text);
	}
	cr_assert_eq(networks_read(&proxies, "10.0.0.0/33"), WTEL_ECONFIG);
	cr_assert_eq(networks_read(&proxies, "10.0.0.0/"), WTEL_ECONFIG);
	cr_assert_eq(networks_read(&proxies, "host.example"), WTEL_ECONFIG);
	cr_assert_eq(networks_read(&proxies, NULL), 0);
}

Test(gateway_access_options, the_log_names_the_client_and_nothing_that_it_should_not)
{
	world.options.proxies = "127.0.0.1";
	world_start(&world);
	cr_assert_eq(ask(&world, &answer, "GET", "/nowhere?token=hush",
			 "X-Forwarded-For: 203.0.113.9\r\nCookie: wtel_session=hush\r\n", NULL),
		     404);
	cr_assert_not_null(strstr(world.log, "203.0.113.9 \"-\" GET /nowhere 404 "), "%s", world.log);
	cr_assert_null(strstr(world.log, "hush"));
	cr_assert_eq(ask(&world, &answer, "GET", "/\"\\", "", NULL), 404);
	cr_assert_not_null(strstr(world.log, "GET /\\x22\\x5c 404"), "%s", world.log);
}

/* ---- figures ------------------------------------------------------------------------- */

Test(gateway_access_options, figures_are_for_admins_and_named_addresses)
{
	world.options.metrics_from = "192.0.2.1";
	world_start(&world);
	cr_assert_eq(ask(&world, &answer, "GET", "/metrics", "", NULL), 401);
	cr_assert_eq(ask(&world, &answer, "GET", "/metrics", bearer(world.agent), NULL), 403);
	cr_assert_eq(ask(&world, &answer, "GET", "/metrics", bearer(world.admin), NULL), 200);
	cr_assert_not_null(strstr(answer.body, "\nwtel_http_requests_total{route=\"metrics\",status=\"403\"} 1\n"));
	cr_assert_not_null(strstr(answer.body, "\nwtel_http_request_duration_seconds_count{route=\"metrics\"} 2\n"));
	cr_assert_not_null(strstr(answer.body, "\nwtel_ami_connected 0\n"));
	cr_assert_not_null(strstr(answer.body, "\nwtel_calls_ended_total{disposition=\"NO ANSWER\"} 0\n"));
	wtel_gateway_free(world.gateway);
	world.options.metrics_from = "192.0.2.0/24 127.0.0.0/8";
	world_start(&world);
	cr_assert_eq(ask(&world, &answer, "GET", "/metrics", "", NULL), 200);
}

/* ---- TLS -------------------------------------------------------------------------------- */

static char cert_path[40], key_path[40];

static void make_certificate(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	FILE *file;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
	strcpy(cert_path, "/tmp/wtel-cert-XXXXXX");
	strcpy(key_path, "/tmp/wtel-key-XXXXXX");
	file = fdopen(mkstemp(cert_path), "w");
	cr_assert_eq(PEM_write_X509(file, cert), 1);
	fclose(file);
	file = fdopen(mkstemp(key_path), "w");
	cr_assert_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int tls_read(SSL *ssl)
{
	int got = SSL_read(ssl, answer.text + answer.length, (int)(sizeof(answer.text) - 1 - answer.length));

	world_turn(&world);
	if (got > 0)
		answer.text[answer.length += (size_t)got] = '\0';
	return got;
}

/* Its status; 0: there is no talking to it with that version. */
static int ask_tls(int version, const char *text)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int64_t end = wtel_time_now().mono + PATIENCE;
	int fd = client_open(&world), done = 0;
	SSL *ssl;

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_max_proto_version(context, version);
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	memset(&answer, 0, sizeof(answer));
	while ((done = SSL_connect(ssl)) != 1 && wtel_time_now().mono < end) {
		if (SSL_get_error(ssl, done) != SSL_ERROR_WANT_READ)
			break;
		world_turn(&world);
	}
	if (done == 1) {
		cr_assert_eq(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
		while (!answer_whole(&answer, false) && wtel_time_now().mono < end)
			tls_read(ssl);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return answer.status;
}

Test(gateway_access_options, over_tls_nothing_goes_in_the_clear)
{
	char text[512];
	struct wtel_detail detail;
	struct wtel_gateway *other;
	int fd;

	make_certificate();
	world.options.cert_file = cert_path;
	world.options.key_file = key_path;
	world_start(&world);
	snprintf(text, sizeof(text), "GET " STATUS " HTTP/1.1\r\nHost: t\r\n%s\r\n", bearer(world.admin));
	cr_assert_eq(ask_tls(TLS1_3_VERSION, text), 200);
	cr_assert_not_null(strstr(answer.text, "\r\nStrict-Transport-Security: max-age="));
	cr_assert_eq(ask_tls(TLS1_2_VERSION, text), 200);
	cr_assert_eq(ask_tls(TLS1_1_VERSION, text), 0);
	snprintf(text, sizeof(text),
		 "POST " SESSION
		 " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n" RIGHT,
		 strlen(RIGHT));
	cr_assert_eq(ask_tls(TLS1_3_VERSION, text), 200, "%s", answer.text);
	cr_assert_not_null(strstr(answer.text, "; SameSite=Strict; Max-Age=28800; Secure\r\n"));
	fd = client_open(&world);
	memset(&answer, 0, sizeof(answer));
	client_send(&world, fd, text, strlen(text));
	cr_assert(client_closed(&world, fd, &answer));
	cr_assert_null(strstr(answer.text, "HTTP/1.1 200"));
	close(fd);
	world.options.key_file = cert_path;
	cr_assert_eq(wtel_gateway_new(&other, world.loop, &world.options, &detail), WTEL_ECONFIG);
	cr_assert_str_eq(detail.field, "key_file");
	unlink(cert_path);
	unlink(key_path);
}
