/* A request's way from its copy to its answer. */
#include <stdarg.h>
#include <stdio.h>

#include "api/request.h"
#include "store/rows.h"

/* ---- the answer ------------------------------------------------------- */

json_t *api_success(const char *message)
{
	json_t *document = json_object();

	object_flag(&document, "success", true);
	if (message)
		object_text(&document, "message", message);
	return document;
}

void api_answer(struct api_request *request, int status, json_t *document)
{
	if (request->answered) {
		json_decref(document);
		return;
	}
	request->answered = true;
	request->status = document ? status : 503;
	request->document = document;
	if (request->service)
		job_due(request->service, &request->job);
}

struct api_text *api_text_new(const struct wtel_allocator *allocator)
{
	struct api_text *text = base_allocate_zero(allocator, sizeof(*text));

	if (!text)
		return NULL;
	text->references = 1;
	text->allocator = *allocator;
	text->text.buffer = &text->buffer;
	text->text.allocator = &text->allocator;
	return text;
}

void api_text_release(struct api_text *text)
{
	struct wtel_allocator allocator;

	if (!text || --text->references)
		return;
	allocator = text->allocator;
	base_buffer_free(&text->buffer, &allocator);
	base_release(&allocator, text);
}

void api_answer_text(struct api_request *request, int status, struct api_text *text)
{
	if (request->answered || !text || text->text.code) {
		api_text_release(text);
		api_answer(request, 503, NULL);
		return;
	}
	request->written = text;
	api_answer(request, status, NULL);
	request->status = status;
}

/* "advanced_settings.timezone" -> "advancedSettings.timezone": as the body has it. */
static void in_camel_case(char *out, size_t room, const char *field)
{
	size_t length = 0;

	for (; *field && length + 1 < room; field++) {
		bool joins = *field == '_' && field[1] >= 'a' && field[1] <= 'z';

		if (joins)
			field++;
		out[length++] = joins ? (char)(*field - 'a' + 'A') : *field;
	}
	out[length] = '\0';
}

static void fail(struct api_request *request, int status, int code, const struct wtel_detail *detail)
{
	struct wtel_detail said = *detail;
	json_t *document = json_object();

	in_camel_case(said.field, sizeof(said.field), detail->field);
	object_flag(&document, "success", false);
	object_put(&document, "error", wtel_json_error(code, &said));
	api_answer(request, status, document);
}

void api_fail(struct api_request *request, int status, int code, const char *field, const char *format, ...)
{
	struct wtel_detail detail = {"", ""};
	va_list arguments;

	snprintf(detail.field, sizeof(detail.field), "%s", field);
	va_start(arguments, format);
	vsnprintf(detail.text, sizeof(detail.text), format, arguments);
	va_end(arguments);
	fail(request, status, code, &detail);
}

int api_status(int code)
{
	switch (code) {
	case WTEL_EINVAL:
	case WTEL_ELIMIT:
	case WTEL_EINJECTION:
		return 422;
	case WTEL_ENOTFOUND:
		return 404;
	case WTEL_EEXISTS:
	case WTEL_ESTATE:
		return 409;
	default:
		return 503;
	}
}

void api_fail_code(struct api_request *request, int code, const struct wtel_detail *detail)
{
	const struct wtel_detail none = {"", ""};

	fail(request, api_status(code), code, detail ? detail : &none);
}

/* ---- asking ----------------------------------------------------------- */

struct wtel_store *api_store(struct api_request *request)
{
	struct wtel_store *store = request->service->store;

	if (!store)
		api_fail(request, 503, WTEL_ESTORE, "", "there is no database");
	else if (!store_connected(store))
		api_fail(request, 503, WTEL_ESTORE, "", "no connection to the database");
	else
		return store;
	return NULL;
}

void api_asked(struct api_request *request, int code, const struct wtel_detail *detail)
{
	if (code)
		api_fail_code(request, code, detail);
	else
		request->pending++;
}

void api_asked_store(struct api_request *request, int code)
{
	api_asked(request, code, code == WTEL_ENOMEM ? NULL : wtel_store_error(request->service->store));
}

static void release(struct api_request *request)
{
	struct wtel_allocator allocator = request->allocator;

	base_wipe(request->data, request->size);
	base_release(&allocator, request);
}

bool api_resume(struct api_request *request)
{
	request->pending--;
	if (request->service)
		return !request->answered;
	if (!request->pending)
		release(request);
	return false;
}

/* ---- from the service ------------------------------------------------- */

static void begin(struct service_job *job)
{
	struct api_request *request = (struct api_request *)job;

	if (request->too_long)
		api_fail(request, 413, WTEL_ELIMIT, "", "the path, the query or the body is too long");
	else if (api_match(request) && api_read_query(request) && api_read_body(request))
		request->route->handle(request);
}

static void tell(struct api_request *request)
{
	static const char poor[] = "{\"success\":false,\"error\":{\"code\":\"WTEL_ENOMEM\",\"message\":\"out of "
				   "memory\",\"field\":null}}";
	struct base_buffer text = {NULL, 0, 0, 0, 0};
	bool whole = request->document && text_of(&text, &request->allocator, request->document) == 0;
	const struct base_buffer *written = request->written ? &request->written->buffer : NULL;

	if (written)
		request->done(request->status,
			      (struct wtel_slice){base_buffer_front(written), base_buffer_length(written)},
			      request->user);
	else if (whole)
		request->done(request->status, (struct wtel_slice){text.data, base_buffer_length(&text)},
			      request->user);
	else
		request->done(503, BASE_SLICE(poor), request->user);
	if (request->secret && text.data)
		base_wipe(text.data, text.room);
	base_buffer_free(&text, &request->allocator);
}

static void finish(struct service_job *job, int code)
{
	struct api_request *request = (struct api_request *)job;
	struct wtel_service *service = request->service;

	request->service = NULL;
	if (!request->answered && code == WTEL_ECLOSED)
		api_fail(request, 503, code, "", "the service was closed");
	else if (!request->answered)
		api_fail(request, 503, code, "", "no answer in time: it may have been done all the same");
	api_note(service, request);
	tell(request);
	api_text_release(request->written);
	request->written = NULL;
	json_decref(request->document);
	json_decref(request->body);
	request->document = request->body = NULL;
	store_pack_free(request->kept);
	request->kept = NULL;
	if (!request->pending)
		release(request);
}

/* ---- from the program ------------------------------------------------- */

static size_t put(struct api_request *request, size_t at, const char *data, size_t length)
{
	if (length)
		memcpy(request->data + at, data, length);
	request->data[at + length] = '\0';
	return at + length + 1;
}

static bool is_noted(const struct wtel_api_request *request)
{
	return strcmp(request->method, "GET") != 0;
}

static size_t text_length(const char *text)
{
	return text ? strnlen(text, API_NOTED_MAX) : 0;
}

static void copy(struct api_request *out, const struct wtel_api_request *from, size_t path)
{
	size_t at = put(out, 0, from->path, path);

	snprintf(out->method, sizeof(out->method), "%s", from->method);
	out->path = out->data;
	out->query = (struct wtel_slice){out->data + at, from->query.length};
	at = put(out, at, from->query.data, from->query.length);
	out->text = (struct wtel_slice){out->data + at, from->body.length};
	at = put(out, at, from->body.data, from->body.length);
	if (is_noted(from)) {
		out->noted = out->data + at; /* routing takes the other one to pieces */
		at = put(out, at, from->path, path);
		out->actor = out->data + at;
		at = put(out, at, from->actor, text_length(from->actor));
		out->address = out->data + at;
		(void)put(out, at, from->address, text_length(from->address));
	}
	out->user_id = from->user_id;
	out->role = from->role;
}

/* What is too long is not copied, and answered all the same. */
static bool cut(struct wtel_api_request *use, size_t *path)
{
	bool too_long = false;

	*path = strnlen(use->path, API_PATH_MAX + 1);
	if (*path > API_PATH_MAX || use->query.length > API_QUERY_MAX || use->body.length > API_BODY_LARGE)
		too_long = true;
	if (too_long) {
		*path = 0;
		use->query.length = use->body.length = 0;
	}
	return too_long;
}

int wtel_api_call(struct wtel_service *service, const struct wtel_api_request *given, wtel_api_fn *done, void *user)
{
	struct wtel_api_request use = WTEL_API_REQUEST_INIT;
	struct api_request *request;
	size_t path, size;
	bool too_long;

	if (given)
		memcpy(&use, given, given->size < sizeof(use) ? given->size : sizeof(use));
	if (!given || !use.method || !use.path || (unsigned)use.role > WTEL_ROLE_ADMIN || use.user_id < 0 ||
	    (use.query.length && !use.query.data) || (use.body.length && !use.body.data) || !done)
		return service_fail(service, WTEL_EINVAL, "request", "method, path, role, user_id and done are needed");
	if (service->closing)
		return service_fail(service, WTEL_ECLOSED, "", "the service is being closed");
	too_long = cut(&use, &path);
	size = path + use.query.length + use.body.length + 3;
	if (is_noted(&use))
		size += path + text_length(use.actor) + text_length(use.address) + 3;
	request = base_allocate(&service->allocator, sizeof(*request) + size);
	if (!request)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	memset(request, 0, sizeof(*request));
	request->job.begin = begin;
	request->job.finish = finish;
	request->service = service;
	request->allocator = service->allocator;
	request->done = done;
	request->user = user;
	request->too_long = too_long;
	request->size = size;
	copy(request, &use, path);
	job_add(service, &request->job);
	return 0;
}
