/* The service's options: checked, and copied because the program's may go. */
#include "service/service.h"

#include <stdio.h>

/* A program built against an older header has a shorter struct: what it does not know keeps its default. */
static int take(struct wtel_service_options *out, const struct wtel_service_options *options,
		struct wtel_detail *detail)
{
	static const struct wtel_service_options defaults = WTEL_SERVICE_OPTIONS_INIT;
	size_t size = options->size < sizeof(*out) ? options->size : sizeof(*out);

	if (size < offsetof(struct wtel_service_options, store))
		return base_fail(detail, WTEL_EINVAL, "size", "begin with WTEL_SERVICE_OPTIONS_INIT");
	*out = defaults;
	memcpy(out, options, size);
	out->size = sizeof(*out);
	return 0;
}

static int check_times(const struct wtel_service_options *o, struct wtel_detail *detail)
{
	const int64_t most = INT64_C(86400000000);

	if (o->connect_timeout <= 0 || o->connect_timeout > most)
		return base_fail(detail, WTEL_EINVAL, "connect_timeout", "must be between 1 us and a day");
	if (o->backoff_min <= 0 || o->backoff_min > o->backoff_max)
		return base_fail(detail, WTEL_EINVAL, "backoff_min", "must be between 1 us and backoff_max");
	if (o->backoff_max > most)
		return base_fail(detail, WTEL_EINVAL, "backoff_max", "must be a day at most");
	if (o->originate_timeout < 1000000 || o->originate_timeout > most)
		return base_fail(detail, WTEL_EINVAL, "originate_timeout", "must be between a second and a day");
	if (o->dial_timeout < 1000000 || o->dial_timeout > most)
		return base_fail(detail, WTEL_EINVAL, "dial_timeout", "must be between a second and a day");
	if (!o->max_read)
		return base_fail(detail, WTEL_EINVAL, "max_read", "must be at least 1");
	return 0;
}

/* "PJSIP", "SIP": it becomes part of a channel's name. */
static bool is_technology(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return length > 0 && length <= 32 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Replaces a borrowed string by a copy; NULL stays NULL. */
static bool own(const struct wtel_allocator *allocator, const char **text)
{
	if (!*text)
		return true;
	*text = base_copy_string(allocator, *text);
	return *text != NULL;
}

int options_copy(struct wtel_service *service, const struct wtel_service_options *options, struct wtel_detail *detail)
{
	struct wtel_service_options *o = &service->options;
	const struct wtel_allocator *a = &service->allocator;
	struct wtel_service_options given;
	int code = take(&given, options, detail);

	if (!code)
		code = check_times(&given, detail);
	if (!code)
		code = routing_check(&given, detail);
	if (code)
		return code;
	if (!is_technology(given.technology))
		return base_fail(detail, WTEL_EINVAL, "technology", "must be letters, digits and underscores");
	if (given.wss_port < 1 || given.wss_port > 65535)
		return base_fail(detail, WTEL_EINVAL, "wss_port", "must be between 1 and 65535");
	*o = given;
	service->store = given.store;
	o->hosts = NULL;
	o->ca_file = o->tls_name = o->technology = o->country = o->wss_host = NULL;
	if (given.country && !*given.country)
		given.country = NULL;
	o->tracker.outbound_context = o->tracker.inbound_context = o->tracker.agents_context = NULL;
	/* Each is either NULL or ours from here on, so that options_free() may come at any point. */
#define OWN(field)                                                                                                     \
	do {                                                                                                           \
		o->field = given.field;                                                                                \
		if (!own(a, &o->field))                                                                                \
			return base_fail(detail, WTEL_ENOMEM, "", "out of memory");                                    \
	} while (0)
	OWN(ca_file);
	OWN(tls_name);
	OWN(technology);
	OWN(country);
	OWN(wss_host);
	OWN(tracker.outbound_context);
	OWN(tracker.inbound_context);
	OWN(tracker.agents_context);
#undef OWN
	return 0;
}

static int copy_host(struct wtel_service *service, struct service_host *host, const struct wtel_ami_host *given,
		     struct wtel_detail *detail)
{
	const struct wtel_allocator *a = &service->allocator;
	struct wtel_ami_session_options session = WTEL_AMI_SESSION_OPTIONS_INIT;

	if (!given->host || !*given->host || strlen(given->host) > 255 ||
	    base_slice_unsafe(wtel_slice_of(given->host)) != strlen(given->host))
		return base_fail(detail, WTEL_EINVAL, "host", "a host needs a name or an address");
	if (given->port < 1 || given->port > 65535)
		return base_fail(detail, WTEL_EINVAL, "port", "must be between 1 and 65535");
	host->host = *given;
	host->host.username = host->host.secret = NULL;
	host->host.host = base_copy_string(a, given->host);
	if (!host->host.host)
		return base_fail(detail, WTEL_ENOMEM, "", "out of memory");
	snprintf(host->name, sizeof(host->name), strchr(given->host, ':') ? "[%.140s]:%d" : "%.140s:%d", given->host,
		 given->port);
	session.username = given->username;
	session.secret = given->secret;
	session.encrypted = given->tls;
	session.allow_plain = service->options.allow_plain;
	session.authentication = service->options.allow_plain ? WTEL_AMI_PLAIN : WTEL_AMI_MD5;
	return wtel_ami_session_new(&host->session, &session, a, detail);
}

int options_hosts(struct wtel_service *service, const struct wtel_service_options *options, struct wtel_detail *detail)
{
	size_t i;
	int code = 0;
	bool tls = false;

	if (!options->host_count || !options->hosts)
		return base_fail(detail, WTEL_ECONFIG, "hosts", "no Asterisk is configured");
	if (options->host_count > WTEL_MAX_HOSTS)
		return base_fail(detail, WTEL_ELIMIT, "hosts", "more than %d hosts", WTEL_MAX_HOSTS);
	for (i = 0; i < options->host_count && !code; i++) {
		service->host_count = i + 1;
		code = copy_host(service, &service->hosts[i], &options->hosts[i], detail);
		tls = tls || options->hosts[i].tls;
	}
	if (!code && tls)
		code = tls_open(&service->tls, service->options.ca_file, detail);
	return code;
}

static void disown(const struct wtel_allocator *allocator, const char *text)
{
	base_release(allocator, (void *)(uintptr_t)text);
}

void options_free(struct wtel_service *service)
{
	const struct wtel_allocator *a = &service->allocator;
	struct wtel_service_options *o = &service->options;
	size_t i;

	for (i = 0; i < service->host_count; i++) {
		wtel_ami_session_free(service->hosts[i].session);
		disown(a, service->hosts[i].host.host);
	}
	tls_close(&service->tls);
	disown(a, o->ca_file);
	disown(a, o->tls_name);
	disown(a, o->technology);
	disown(a, o->country);
	disown(a, o->wss_host);
	disown(a, o->tracker.outbound_context);
	disown(a, o->tracker.inbound_context);
	disown(a, o->tracker.agents_context);
}
