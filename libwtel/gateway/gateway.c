/* The gateway's life: options, lws, the loop, the end. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "gateway/limit.h"
#include "gateway/listen.h"
#include "gateway/login.h"
#include "gateway/metrics.h"
#include "gateway/networks.h"
#include "gateway/stream.h"
#include "gateway/who.h"

static const ev_tstamp SWEEP_EVERY = 0.25; /* seconds */
enum { READ_AT_ONCE = 16384, WRITE_AT_ONCE = 1048576, HISTORY_MAX = 10000000, FDS_MAX = 262144 };

static const struct lws_protocols protocols[] = {
	{.name = "wtel",
	 .callback = connection_callback,
	 .per_session_data_size = sizeof(struct gateway_connection *),
	 .tx_packet_size = WRITE_AT_ONCE},
	{NULL},
};

static int fail(struct wtel_detail *detail, int code, const char *field, const char *text)
{
	snprintf(detail->field, sizeof(detail->field), "%s", field);
	snprintf(detail->text, sizeof(detail->text), "%s", text);
	return code;
}

/* ---- options -------------------------------------------------------------- */

/* Into one block; the options point into it from then on. */
static bool copy_strings(struct wtel_gateway *gateway)
{
	const char **const texts[] = {&gateway->options.host,	  &gateway->options.cert_file,
				      &gateway->options.key_file, &gateway->options.origins,
				      &gateway->options.proxies,  &gateway->options.metrics_from};
	size_t size = 1, i;
	char *to;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	to = gateway->strings = gateway_allocate(&gateway->allocator, size);
	if (!to)
		return false;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t length = *texts[i] ? strlen(*texts[i]) + 1 : 0;

		if (length)
			*texts[i] = memcpy(to, *texts[i], length);
		to += length;
	}
	return true;
}

/* The list is ours to be cut into words: it is "https://a.example https://b.example:8443". */
static int read_origins(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	char *at = (char *)(uintptr_t)gateway->options.origins;

	while (at && *(at += strspn(at, " ,"))) {
		size_t length = strcspn(at, " ,");
		bool more = at[length];

		at[length] = '\0';
		if (gateway->origin_count == GATEWAY_ORIGINS_MAX || length > 190 || at[length - 1] == '/' ||
		    (strncasecmp(at, "http://", 7) != 0 && strncasecmp(at, "https://", 8) != 0))
			return fail(detail, WTEL_ECONFIG, "origins",
				    "origins are \"https://host\" or \"https://host:port\", without a path");
		gateway->origins[gateway->origin_count++] = at;
		at += length + more;
	}
	return 0;
}

static int check_options(const struct wtel_gateway_options *options, struct wtel_detail *detail)
{
	if (!options->service)
		return fail(detail, WTEL_EINVAL, "service", "a service is needed");
	if (options->port < 0 || options->port > 65535)
		return fail(detail, WTEL_EINVAL, "port", "a port is 0 to 65535");
	if (!options->cert_file != !options->key_file)
		return fail(detail, WTEL_ECONFIG, options->cert_file ? "key_file" : "cert_file",
			    "a certificate and its key belong together");
	if (!options->max_connections || !options->max_header || options->max_header > 1048576)
		return fail(detail, WTEL_EINVAL, options->max_connections ? "max_header" : "max_connections",
			    "1 at least, and 1 MiB of headers at most");
	if (options->idle_timeout <= 0 || options->request_timeout <= 0 || options->session_lifetime <= 0)
		return fail(detail, WTEL_EINVAL, "idle_timeout", "times are more than 0");
	if (!options->event_history || options->event_history > HISTORY_MAX || !options->max_unsent)
		return fail(detail, WTEL_EINVAL, "event_history", "1 to 10 000 000 events, and some bytes unsent");
	if (options->user_streams < 0)
		return fail(detail, WTEL_EINVAL, "user_streams", "0 (no limit) or more");
	return 0;
}

static int read_options(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	if (!copy_strings(gateway))
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	if (networks_read(&gateway->proxies, gateway->options.proxies))
		return fail(detail, WTEL_ECONFIG, "proxies", "a list of addresses or networks is needed");
	if (networks_read(&gateway->metrics_from, gateway->options.metrics_from))
		return fail(detail, WTEL_ECONFIG, "metrics_from", "a list of addresses or networks is needed");
	gateway->service = gateway->options.service;
	gateway->tls = gateway->options.cert_file;
	return read_origins(gateway, detail);
}

/* ---- lws -------------------------------------------------------------------- */

/* lws says of a certificate that it failed, and nothing more. */
static int check_certificate(const struct wtel_gateway_options *options, struct wtel_detail *detail)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	const char *field = NULL;

	if (!context)
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	if (SSL_CTX_use_certificate_chain_file(context, options->cert_file) != 1)
		field = "cert_file";
	else if (SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1 ||
		 SSL_CTX_check_private_key(context) != 1)
		field = "key_file";
	SSL_CTX_free(context);
	if (!field)
		return 0;
	return fail(detail, WTEL_ECONFIG, field,
		    *field == 'c' ? "the certificate cannot be read" : "the key cannot be read, or is another's");
}

/* lws makes tables for all descriptors that the process may have, and "unlimited" would be gigabytes. */
static struct lws_context *create_context(struct wtel_gateway *gateway, const struct lws_context_creation_info *info)
{
	struct lws_context *context;
	struct rlimit before, less;
	bool lowered;

	gateway->max_fd = FDS_MAX;
	lowered = getrlimit(RLIMIT_NOFILE, &before) == 0 && before.rlim_cur > FDS_MAX;
	less = before;
	less.rlim_cur = FDS_MAX;
	lowered = lowered && setrlimit(RLIMIT_NOFILE, &less) == 0;
	context = lws_create_context(info);
	if (lowered)
		(void)setrlimit(RLIMIT_NOFILE, &before);
	else if (before.rlim_cur < FDS_MAX)
		gateway->max_fd = (int)before.rlim_cur;
	return context;
}

static int open_lws(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	struct lws_context_creation_info info;
	void *loops[1] = {gateway->loop};

	memset(&info, 0, sizeof(info));
	lws_set_log_level(0, NULL);
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = protocols;
	info.foreign_loops = loops;
	info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.gid = (gid_t)-1;
	info.uid = (uid_t)-1;
	info.user = gateway;
	info.pt_serv_buf_size = READ_AT_ONCE;
	info.timeout_secs = (unsigned)(gateway->options.request_timeout / 1000000 + 1);
	info.vhost_name = "wtel";
	info.alpn = "http/1.1";
	if (gateway->tls) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = gateway->options.cert_file;
		info.ssl_private_key_filepath = gateway->options.key_file;
		info.ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
	}
	gateway->context = create_context(gateway, &info);
	if (!gateway->context)
		return fail(detail, WTEL_EIO, "", "libwebsockets or its module for libev cannot be loaded");
	gateway->vhost = lws_create_vhost(gateway->context, &info);
	if (!gateway->vhost)
		return fail(detail, WTEL_EIO, "", "libwebsockets cannot take the certificate");
	return 0;
}

/* ---- the loop --------------------------------------------------------------- */

static void finish_stop(struct wtel_gateway *gateway)
{
	void (*stopped)(void *user) = gateway->stopped;

	gateway->stopped = NULL;
	if (stopped)
		stopped(gateway->stopped_user);
}

/* What was asked in this turn is answered in it. */
static void before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct wtel_gateway *gateway = watcher->data;

	(void)loop;
	(void)events;
	if (gateway->asked) {
		gateway->asked = false;
		(void)wtel_service_dispatch(gateway->service);
	}
	connection_end_all(gateway);
	if (gateway->stopping && !gateway->connections)
		finish_stop(gateway);
}

static void sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct wtel_gateway *gateway = timer->data;
	struct gateway_connection *connection;
	int64_t now = wtel_time_now().mono;
	bool late = gateway->stopping && now >= gateway->stop_deadline;

	(void)loop;
	(void)events;
	for (connection = gateway->first; connection; connection = connection->next) {
		if (late)
			connection_end(connection, false);
		else
			connection_sweep(connection, now);
	}
}

/* ---- life ------------------------------------------------------------------- */

static int open_parts(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	int code = limit_new(&gateway->limits, &gateway->options, &gateway->allocator);

	if (!code)
		code = who_new(&gateway->who, gateway);
	if (!code)
		code = login_new(&gateway->login, gateway);
	if (!code)
		code = metrics_new(&gateway->metrics, gateway);
	if (!code)
		code = streams_new(gateway);
	return code ? fail(detail, code, "", wtel_error_text(code)) : 0;
}

static void start(struct wtel_gateway *gateway)
{
	ev_prepare_init(&gateway->before_sleep, before_sleep);
	/* Before whoever writes what comes of it. */
	ev_set_priority(&gateway->before_sleep, EV_MAXPRI);
	ev_timer_init(&gateway->sweep, sweep, SWEEP_EVERY, SWEEP_EVERY);
	gateway->before_sleep.data = gateway->sweep.data = gateway;
	ev_prepare_start(gateway->loop, &gateway->before_sleep);
	ev_timer_start(gateway->loop, &gateway->sweep);
	gateway->started = true;
}

static int open_all(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	int code = read_options(gateway, detail);

	if (!code && gateway->tls)
		code = check_certificate(&gateway->options, detail);
	if (!code)
		code = open_parts(gateway, detail);
	if (!code)
		code = open_lws(gateway, detail);
	if (!code)
		code = listen_open(gateway, detail);
	if (!code)
		start(gateway);
	return code;
}

int gateway_new(struct wtel_gateway **out, struct ev_loop *loop, const struct wtel_gateway_options *options,
		const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct wtel_gateway_options use = WTEL_GATEWAY_OPTIONS_INIT;
	struct wtel_detail unheard = {"", ""};
	struct wtel_gateway *gateway;
	int code;

	detail = detail ? detail : &unheard;
	if (!options || !loop)
		return fail(detail, WTEL_EINVAL, "loop", "a loop and options are needed");
	memcpy(&use, options, options->size < sizeof(use) ? options->size : sizeof(use));
	code = check_options(&use, detail);
	if (code)
		return code;
	allocator = allocator ? allocator : &gateway_memory;
	gateway = gateway_allocate(allocator, sizeof(*gateway));
	if (!gateway)
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	gateway->allocator = *allocator;
	gateway->options = use;
	gateway->loop = loop;
	code = open_all(gateway, detail);
	if (code)
		wtel_gateway_free(gateway);
	else
		*out = gateway;
	return code;
}

int wtel_gateway_new(struct wtel_gateway **out, struct ev_loop *loop, const struct wtel_gateway_options *options,
		     struct wtel_detail *detail)
{
	return gateway_new(out, loop, options, NULL, detail);
}

int wtel_gateway_port(const struct wtel_gateway *gateway)
{
	return gateway->port;
}

void wtel_gateway_stop(struct wtel_gateway *gateway, int64_t timeout, void (*done)(void *user), void *user)
{
	struct gateway_connection *connection;

	gateway->stopping = true;
	gateway->stop_deadline = wtel_time_now().mono + timeout;
	gateway->stopped = done;
	gateway->stopped_user = user;
	listen_close(gateway);
	streams_stop(gateway);
	for (connection = gateway->first; connection; connection = connection->next)
		if (connection->phase == CONNECTION_READS && !connection->started)
			connection_end(connection, false);
	/* The loop may sleep: this wakes it. */
	ev_timer_stop(gateway->loop, &gateway->sweep);
	ev_timer_set(&gateway->sweep, 0, SWEEP_EVERY);
	ev_timer_start(gateway->loop, &gateway->sweep);
}

void wtel_gateway_free(struct wtel_gateway *gateway)
{
	struct wtel_allocator allocator;

	if (!gateway)
		return;
	allocator = gateway->allocator;
	listen_close(gateway);
	/* Connections go with it. */
	if (gateway->context)
		lws_context_destroy(gateway->context);
	if (gateway->started) {
		ev_prepare_stop(gateway->loop, &gateway->before_sleep);
		ev_timer_stop(gateway->loop, &gateway->sweep);
	}
	streams_free(gateway);
	login_free(gateway->login);
	metrics_free(gateway->metrics);
	who_free(gateway->who);
	limit_free(gateway->limits);
	gateway_release(&allocator, gateway->scratch);
	gateway_release(&allocator, gateway->strings);
	gateway_release(&allocator, gateway);
}
