/* From no connection to a logged-in session and back: which host, when, and the bytes between. */
#include "service/service.h"

#include <stdio.h>

enum { STABLE = 10000000 }; /* a login that lasted that long clears the failures before it */

struct wtel_ami_session *link_session(const struct wtel_service *service)
{
	return service->hosts[service->host].session;
}

/* xorshift64: for the jitter only. */
static int64_t jittered(struct wtel_service *service, int64_t most)
{
	service->random ^= service->random << 13;
	service->random ^= service->random >> 7;
	service->random ^= service->random << 17;
	return most / 2 + (int64_t)(service->random % (uint64_t)(most / 2 + 1));
}

/* When the present host may be tried again. A rejected login is not hammered: nothing changes by asking again. */
static void back_off(struct wtel_service *service, int code, bool stable)
{
	struct service_host *host = &service->hosts[service->host];
	int64_t delay = service->options.backoff_min;
	unsigned i;

	host->failures = stable ? 0 : host->failures + 1;
	for (i = 1; i < host->failures && delay < service->options.backoff_max; i++)
		delay *= 2;
	if (code == WTEL_EAUTH || delay > service->options.backoff_max)
		delay = service->options.backoff_max;
	host->not_before = service->now.mono + jittered(service, delay);
	if (code == WTEL_EAUTH)
		host->not_before = service->now.mono + delay;
}

static const char *error_field(int code)
{
	return code == WTEL_EAUTH ? "login" : code == WTEL_ETLS ? "tls" : "host";
}

static void tell_down(struct wtel_service *service, int code, const char *text, bool was_ready)
{
	struct service_host *host = &service->hosts[service->host];
	struct wtel_notice notice = {WTEL_NOTICE_AMI_DISCONNECTED, service->now.wall, NULL, 0, host->name, "", text, 0};

	service_fail(service, code, error_field(code), "%s: %s", host->name, text);
	service_log(service, was_ready || host->failures <= 1 ? WTEL_LOG_WARNING : WTEL_LOG_DEBUG,
		    "%s to Asterisk at %s: %s", was_ready ? "lost the connection" : "no connection", host->name, text);
	/* A failed login is news too; each vain attempt is not. */
	if (was_ready || code == WTEL_EAUTH || host->failures <= 1)
		observer_tell(service, &notice);
}

void link_fail(struct wtel_service *service, int code, const char *text)
{
	if (service->down_code)
		return;
	service->down_code = code;
	if (code == WTEL_EAUTH && text && *text)
		snprintf(service->down_text, sizeof(service->down_text), "%s: %s", wtel_error_text(code), text);
	else
		snprintf(service->down_text, sizeof(service->down_text), "%s",
			 text && *text ? text : wtel_error_text(code));
}

/* Ends what link_fail() condemned. What was in flight is told by the drain that follows. */
static int take_down(struct wtel_service *service)
{
	int code = service->down_code;
	bool was_ready = service->ready;
	bool stable = was_ready && service->now.mono - service->ready_at >= STABLE;

	service->down_code = 0;
	service->ready = service->again = false;
	if (service->linked)
		wtel_ami_session_close(link_session(service), service->now);
	service->linked = false;
	conn_close(&service->conn);
	sync_stop(service);
	back_off(service, code, stable);
	tell_down(service, code, service->down_text, was_ready);
	return fold_drain(service);
}

/* The first host whose time has come, in the order given. */
static bool choose_host(struct wtel_service *service)
{
	size_t i;

	for (i = 0; i < service->host_count; i++) {
		if (service->hosts[i].not_before > service->now.mono)
			continue;
		service->host = i;
		return true;
	}
	return false;
}

static int connect_host(struct wtel_service *service)
{
	struct service_host *host;
	struct conn_target target;
	int code;

	if (!choose_host(service))
		return 0;
	host = &service->hosts[service->host];
	target.host = host->host.host;
	target.port = host->host.port;
	target.tls = host->host.tls ? &service->tls : NULL;
	target.tls_name = service->options.tls_name ? service->options.tls_name : host->host.host;
	target.timeout = service->options.connect_timeout;
	code = conn_start(&service->conn, &service->loop, &target, service->now.mono);
	if (code)
		link_fail(service, code, service->conn.detail.text);
	return 0;
}

static int advance(struct wtel_service *service)
{
	int code = conn_advance(&service->conn, service->now.mono);

	if (code < 0) {
		link_fail(service, code, service->conn.detail.text);
	} else if (code == 1) {
		code = wtel_ami_session_open(link_session(service), service->now);
		if (code) {
			link_fail(service, code, "out of memory");
			return code;
		}
		service->linked = true;
	} else {
		/* What a handshake waits for changes with each of its steps. */
		return conn_watch(&service->conn, false);
	}
	return 0;
}

/*
 * Reads what there is, up to max_read, and folds it at once: Asterisk drops a session whose socket stays full, so
 * nothing further down may hold this up.
 */
static int read_all(struct wtel_service *service)
{
	struct wtel_ami_session *session = link_session(service);
	size_t total = 0, room;
	char *data;
	int code;
	long got;

	service->again = false;
	while (!service->down_code && !service->closing) {
		if (total >= service->options.max_read) {
			service->again = conn_pending(&service->conn);
			return 0;
		}
		code = wtel_ami_session_reserve(session, &data, &room, 65536);
		if (code)
			return code;
		if (room > service->options.max_read - total)
			room = service->options.max_read - total;
		got = conn_read(&service->conn, data, room);
		if (got <= 0) {
			wtel_ami_session_commit(session, 0, service->now);
			if (got < 0)
				link_fail(service, (int)got, service->conn.detail.text);
			return 0;
		}
		wtel_ami_session_commit(session, (size_t)got, service->now);
		total += (size_t)got;
		code = fold_drain(service);
		if (code)
			return code;
		/* A short read emptied the socket; epoll tells when there is more. */
		if (!service->conn.ssl && (size_t)got < room)
			return 0;
	}
	return 0;
}

static int serve(struct wtel_service *service)
{
	int code = read_all(service);

	if (code || service->down_code)
		return code;
	if (wtel_ami_session_deadline(link_session(service)) <= service->now.mono)
		wtel_ami_session_tick(link_session(service), service->now);
	code = fold_drain(service);
	return code ? code : link_flush(service);
}

int link_dispatch(struct wtel_service *service)
{
	int code = fold_drain(service);

	if (!code && !service->linked && service->conn.state == CONN_CLOSED && !service->down_code)
		code = connect_host(service);
	if (!code && !service->linked && service->conn.state != CONN_CLOSED)
		code = advance(service);
	if (!code && service->linked)
		code = serve(service);
	if (service->down_code && !service->held && !service->change_held)
		code = take_down(service);
	return code;
}

int link_flush(struct wtel_service *service)
{
	struct wtel_ami_session *session = link_session(service);
	struct wtel_slice output;
	long sent;

	if (!service->linked || service->down_code || service->held)
		return 0;
	while ((output = wtel_ami_session_output(session)).length) {
		sent = conn_write(&service->conn, output.data, output.length);
		if (sent < 0)
			link_fail(service, (int)sent, service->conn.detail.text);
		if (sent <= 0)
			break;
		wtel_ami_session_sent(session, (size_t)sent);
	}
	return conn_watch(&service->conn, output.length > 0);
}

void link_ready(struct wtel_service *service)
{
	struct service_host *host = &service->hosts[service->host];
	struct wtel_notice notice = {WTEL_NOTICE_AMI_CONNECTED, service->now.wall, NULL, 0, host->name, "", "", 0};

	service->ready = true;
	service->ready_at = service->now.mono;
	if (service->connects++)
		service->reconnects++;
	service_log(service, WTEL_LOG_INFO, "connected to Asterisk at %s", host->name);
	observer_tell(service, &notice);
	sync_start(service);
}

int64_t link_deadline(const struct wtel_service *service)
{
	int64_t deadline = INT64_MAX;
	size_t i;

	if (service->down_code || service->again)
		return 0;
	if (service->linked)
		return wtel_ami_session_deadline(link_session(service));
	if (service->conn.state != CONN_CLOSED)
		return conn_deadline(&service->conn, service->now.mono);
	for (i = 0; i < service->host_count; i++)
		if (service->hosts[i].not_before < deadline)
			deadline = service->hosts[i].not_before;
	return deadline;
}

/* Says goodbye as far as that does not wait. */
void link_finish(struct wtel_service *service)
{
	struct wtel_ami_action *action;

	if (!service->linked)
		return;
	if (service->ready && !service->held && wtel_ami_action_new(&action, "Logoff", &service->allocator) == 0) {
		(void)!wtel_ami_session_send(link_session(service), NULL, action, 1000000, NULL, service->now);
		wtel_ami_action_free(action);
		(void)link_flush(service);
	}
	/* Those who wait for an answer are told in request_end_all() and its like: an own walk, without memory. */
	service->linked = service->ready = false;
	wtel_ami_session_close(link_session(service), service->now);
	conn_close(&service->conn);
}
