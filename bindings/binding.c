#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of those that have no handle to keep it. */
static _Thread_local char last_error[sizeof(((struct binding *)0)->error)];

/* ---- errors ------------------------------------------------------------ */

int core_fail(struct binding *binding, int code, const struct wtel_detail *detail)
{
	char *out = binding ? binding->error : last_error;
	json_t *error = wtel_json_error(code, detail);
	char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;

	/* Field and sentence are far smaller, even escaped; a longer one would not be JSON any more. */
	if (!text || strlen(text) >= sizeof(last_error))
		snprintf(out, sizeof(last_error), "{\"code\":\"%s\",\"message\":\"%s\",\"field\":\"\"}",
			 wtel_error_name(code), wtel_error_text(code));
	else
		strcpy(out, text);
	free(text);
	json_decref(error);
	return code;
}

const char *binding_error(const struct binding *binding)
{
	const char *error = binding ? binding->error : last_error;

	return error[0] ? error : "{\"code\":\"WTEL_OK\",\"message\":\"\",\"field\":\"\"}";
}

/* ---- life --------------------------------------------------------------- */

static void ring_init(struct ask *ring)
{
	ring->prev = ring->next = ring;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event;

	memset(&event, 0, sizeof(event));
	event.events = EPOLLIN;
	event.data.fd = fd;
	return fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : WTEL_EIO;
}

static int open_descriptors(struct binding *binding, struct wtel_detail *detail)
{
	binding->fd = epoll_create1(EPOLL_CLOEXEC);
	binding->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (binding->fd < 0 || watch(binding->fd, binding->wake))
		return text_fail(detail, WTEL_EIO, "", "%s", strerror(errno));
	return 0;
}

struct binding *binding_new(const char *options)
{
	struct wtel_detail detail = {"", ""};
	struct binding *binding = calloc(1, sizeof(*binding));
	int code = 0;

	if (!binding) {
		core_fail(NULL, WTEL_ENOMEM, &detail);
		return NULL;
	}
	binding->fd = binding->wake = -1;
	ring_init(&binding->asks);
	ring_init(&binding->answers);
	code = open_descriptors(binding, &detail);
	if (!code)
		code = options_open(binding, options, &detail);
	if (!code && watch(binding->fd, wtel_service_fd(binding->service)))
		code = text_fail(&detail, WTEL_EIO, "", "%s", strerror(errno));
	if (!code)
		return binding;
	core_fail(NULL, code, &detail);
	binding_free(binding);
	return NULL;
}

void binding_free(struct binding *binding)
{
	size_t i;

	if (!binding)
		return;
	wtel_service_free(binding->service);
	wtel_observer_free(binding->observer);
	wtel_store_close(binding->store);
	while (binding->asks.next != &binding->asks)
		core_forget(binding->asks.next);
	while (binding->answers.next != &binding->answers)
		core_forget(binding->answers.next);
	for (i = 0; i < LOGS_MAX; i++)
		free(binding->logs[i].text);
	block_free(&binding->raw[0]);
	block_free(&binding->raw[1]);
	bytes_free(&binding->out);
	if (binding->fd >= 0)
		close(binding->fd);
	if (binding->wake >= 0)
		close(binding->wake);
	free(binding);
}

int binding_fd(const struct binding *binding)
{
	return binding->fd;
}

void core_wake(struct binding *binding)
{
	uint64_t one = 1;

	/* Full already is awake already. */
	(void)!write(binding->wake, &one, sizeof(one));
}

/* ---- questions and answers ------------------------------------------------ */

static void move(struct ask *ask, struct ask *ring)
{
	ask->prev->next = ask->next;
	ask->next->prev = ask->prev;
	ask->prev = ring->prev;
	ask->next = ring;
	ring->prev->next = ask;
	ring->prev = ask;
}

struct ask *core_ask(struct binding *binding)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return NULL;
	ask->binding = binding;
	ask->id = ++binding->last_id;
	ring_init(ask);
	move(ask, &binding->asks);
	return ask;
}

void core_forget(struct ask *ask)
{
	ask->prev->next = ask->next;
	ask->next->prev = ask->prev;
	json_decref(ask->items);
	free(ask->text);
	free(ask);
}

void core_answer_text(struct ask *ask, char *text)
{
	ask->text = text;
	json_decref(ask->items);
	ask->items = NULL;
	move(ask, &ask->binding->answers);
	core_wake(ask->binding);
}

static void answer_json(struct ask *ask, const char *key, json_t *data)
{
	struct bytes bytes = {NULL, 0, 0};

	if (!bytes_add(&bytes, key, strlen(key)) || !bytes_json(&bytes, data) || !bytes_add(&bytes, "", 1))
		bytes_free(&bytes);
	json_decref(data);
	core_answer_text(ask, bytes.data);
}

void core_answer(struct ask *ask, json_t *data)
{
	answer_json(ask, "\"data\":", data);
}

void core_answer_error(struct ask *ask, int code, const char *text)
{
	struct wtel_detail detail = {"", ""};

	snprintf(detail.text, sizeof(detail.text), "%s", text && *text ? text : wtel_error_text(code));
	answer_json(ask, "\"error\":", wtel_json_error(code, &detail));
}

static bool give_answer(struct bytes *out, const struct ask *ask)
{
	static const char *const memory =
		"\"error\":{\"code\":\"WTEL_ENOMEM\",\"message\":\"out of memory\",\"field\":\"\"}";
	const char *text = ask->text ? ask->text : memory;
	size_t before = out->length;
	char head[48];
	int length = snprintf(head, sizeof(head), "%s{\"id\":%lld,", before ? "," : "[", (long long)ask->id);

	if (bytes_add(out, head, (size_t)length) && bytes_add(out, text, strlen(text)) && bytes_add(out, "}", 1))
		return true;
	out->length = before;
	return false;
}

/* The brackets of an array of which there may be nothing. */
static struct binding_bytes give_array(struct bytes *out)
{
	if (!out->length || !bytes_add(out, "]", 1))
		return (struct binding_bytes){NULL, 0};
	return bytes_give(out);
}

struct binding_bytes binding_replies(struct binding *binding, size_t most)
{
	struct ask *ask;

	bytes_clear(&binding->out);
	for (; most && (ask = binding->answers.next) != &binding->answers; most--) {
		if (!give_answer(&binding->out, ask))
			break;
		core_forget(ask);
	}
	return give_array(&binding->out);
}

/* ---- dispatch --------------------------------------------------------------- */

/* Once nothing waits for the database any more, Asterisk is logged off, and whoever still waits for it is told. */
static void close_service(struct binding *binding)
{
	struct wtel_service_stats stats;
	struct ask *ask = binding->asks.next;

	wtel_service_stats(binding->service, &stats);
	if (binding->store && stats.store_queue)
		return;
	while (ask != &binding->asks && ask->id != binding->closing)
		ask = ask->next;
	wtel_service_free(binding->service);
	binding->service = NULL;
	if (ask != &binding->asks)
		core_answer(ask, json_object());
}

int binding_dispatch(struct binding *binding)
{
	uint64_t ignored;
	int code = 0;

	(void)!read(binding->wake, &ignored, sizeof(ignored));
	if (binding->service)
		code = wtel_service_dispatch(binding->service);
	if (binding->service && binding->closing)
		close_service(binding);
	if (code)
		core_wake(binding);
	return code;
}

/* ---- what comes out ----------------------------------------------------------- */

struct binding_bytes binding_notices(struct binding *binding, size_t most)
{
	struct bytes *out = &binding->out;
	struct wtel_notice notice;

	bytes_clear(out);
	while (most && wtel_observer_next(binding->observer, &notice) == 1) {
		size_t before = out->length;
		json_t *value;

		/* What a slow reader lost it is told in any case. */
		if (notice.type != WTEL_NOTICE_OVERFLOW && binding->unwanted >> notice.type & 1)
			continue;
		most--;
		value = wtel_json_notice(&notice);
		if (!bytes_add(out, before ? "," : "[", 1) || !bytes_json(out, value))
			out->length = before;
		json_decref(value);
	}
	return give_array(out);
}

int binding_want(struct binding *binding, const char *names)
{
	uint32_t unwanted = names ? ~UINT32_C(0) : 0;
	struct wtel_detail detail = {"", ""};

	while (names && *names) {
		size_t length = strcspn(names, ",");
		int type = 0;

		while (type < WTEL_NOTICES &&
		       (strlen(wtel_notice_name((enum wtel_notice_type)type)) != length ||
			strncmp(wtel_notice_name((enum wtel_notice_type)type), names, length) != 0))
			type++;
		if (type == WTEL_NOTICES)
			return core_fail(binding, text_fail(&detail, WTEL_EINVAL, "names", "no such notice"), &detail);
		unwanted &= ~(UINT32_C(1) << type);
		names += length + (names[length] == ',');
	}
	binding->unwanted = unwanted;
	return 0;
}

struct binding_bytes binding_statistics(struct binding *binding)
{
	struct wtel_service_stats stats = {.round_trip = -1, .host = "", .version = ""};
	json_t *value;

	if (binding->service)
		wtel_service_stats(binding->service, &stats);
	bytes_clear(&binding->out);
	value = wtel_json_status(&stats);
	if (!value || json_object_set_new(value, "rawLost", json_integer((json_int_t)binding->raw_lost)) ||
	    !bytes_json(&binding->out, value))
		bytes_clear(&binding->out);
	json_decref(value);
	return bytes_give(&binding->out);
}

struct binding_bytes binding_calls(struct binding *binding)
{
	struct bytes *out = &binding->out;
	const struct wtel_call *call;
	size_t position = 0;
	bool complete;

	bytes_clear(out);
	complete = bytes_add(out, "[", 1);
	while (complete && binding->service && (call = wtel_service_walk(binding->service, &position))) {
		json_t *value = wtel_json_call(call, "", "");

		complete = (out->length == 1 || bytes_add(out, ",", 1)) && bytes_json(out, value);
		json_decref(value);
	}
	if (!complete || !bytes_add(out, "]", 1))
		bytes_clear(out);
	return bytes_give(out);
}

/* ---- raw events ------------------------------------------------------------- */

static void on_event(const struct wtel_ami_event *event, int64_t wall, void *user)
{
	struct binding *binding = user;
	struct block *block = &binding->raw[binding->filling];

	(void)wall;
	if (event->message->raw.length > binding->raw_most || !block_add(block, event->message))
		binding->raw_lost++;
	else
		binding->raw_lost += block_limit(block, binding->raw_most);
}

int binding_raw(struct binding *binding, size_t most_bytes)
{
	struct wtel_detail detail = {"", ""};

	if (most_bytes > RAW_MAX)
		return core_fail(binding, text_fail(&detail, WTEL_ELIMIT, "mostBytes", "more than %d", RAW_MAX),
				 &detail);
	binding->raw_most = most_bytes;
	if (binding->service)
		wtel_service_on_event(binding->service, most_bytes ? on_event : NULL, binding);
	if (!most_bytes)
		block_clear(&binding->raw[binding->filling]);
	return 0;
}

struct binding_bytes binding_raw_take(struct binding *binding)
{
	struct block *block = &binding->raw[binding->filling];

	block_compact(block);
	binding->filling = !binding->filling;
	block_clear(&binding->raw[binding->filling]);
	return bytes_give(&block->bytes);
}

struct binding_bytes binding_raw_ends(struct binding *binding)
{
	return bytes_give(&binding->raw[!binding->filling].ends);
}

/* ---- log ---------------------------------------------------------------------- */

void core_log(enum wtel_log_level level, const char *text, void *user)
{
	struct binding *binding = user;
	struct log_line *line = &binding->logs[(binding->log_first + binding->log_count) % LOGS_MAX];

	if (level > WTEL_LOG_INFO)
		return;
	if (binding->log_count < LOGS_MAX)
		binding->log_count++;
	else
		binding->log_first = (binding->log_first + 1) % LOGS_MAX;
	free(line->text);
	line->level = level;
	line->text = strdup(text);
	core_wake(binding);
}

struct binding_bytes binding_logs(struct binding *binding)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct bytes *out = &binding->out;

	bytes_clear(out);
	for (; binding->log_count; binding->log_count--) {
		struct log_line *line = &binding->logs[binding->log_first];
		json_t *value = json_pack("[s,o]", names[line->level], wtel_json_text(line->text));
		size_t before = out->length;

		if (!bytes_add(out, before ? "," : "[", 1) || !bytes_json(out, value))
			out->length = before;
		json_decref(value);
		binding->log_first = (binding->log_first + 1) % LOGS_MAX;
	}
	return give_array(out);
}
