/*
 * What the service itself knows: calls under way, and how it is. Wallboards ask for all calls many times a second, so
 * their text is kept for as long as no call changes, and handed to everybody without a copy.
 */
#include "api/request.h"
#include "call/tracker.h"

#include <stdio.h>

enum { HEAD_ROOM = 64 };

/* What is kept with the service. */
struct active {
	struct service_annex annex; /* first */
	struct api_text *all;	    /* NULL: none yet */
	uint64_t version;	    /* of the tracker, when it was written */
};

static void release(struct wtel_service *service, struct service_annex *annex)
{
	struct active *active = (struct active *)annex;

	api_text_release(active->all);
	base_release(&service->allocator, active);
}

/* NULL: out of memory. */
static struct active *active_of(struct wtel_service *service)
{
	struct active *active = (struct active *)service->annex;

	if (active)
		return active;
	active = base_allocate_zero(&service->allocator, sizeof(*active));
	if (!active)
		return NULL;
	active->annex.release = release;
	service->annex = &active->annex;
	return active;
}

/* {"success": true, "count": ..., "calls": [...]}: how many there are is known, and put in front, at the end. */
static void write_calls(struct api_request *request, struct api_text *out)
{
	static const char blank[HEAD_ROOM] = "";
	const struct wtel_call *call;
	size_t position = 0, count = 0;
	char head[HEAD_ROOM];
	int length;

	text_put_raw(&out->text, blank, sizeof(blank));
	while ((call = wtel_service_walk(request->service, &position))) {
		if (!api_is_own(request, call))
			continue;
		if (count++)
			TEXT_LITERAL(&out->text, ",");
		text_put_call(&out->text, call, "", "");
	}
	TEXT_LITERAL(&out->text, "]}");
	if (out->text.code)
		return;
	length = snprintf(head, sizeof(head), "{\"success\":true,\"count\":%zu,\"calls\":[", count);
	out->buffer.start = HEAD_ROOM - (size_t)length;
	memcpy(out->buffer.data + out->buffer.start, head, (size_t)length);
}

/* Into the memory of the last one, unless somebody still has it. */
static void write_again(struct api_request *request, struct active *active)
{
	if (active->all && active->all->references > 1) {
		api_text_release(active->all);
		active->all = NULL;
	}
	if (!active->all)
		active->all = api_text_new(&request->service->allocator);
	if (!active->all)
		return;
	active->all->buffer.start = active->all->buffer.end = 0;
	write_calls(request, active->all);
	active->version = tracker_version(request->service->tracker);
	if (active->all->text.code) {
		api_text_release(active->all);
		active->all = NULL;
	}
}

static void answer_all(struct api_request *request)
{
	struct active *active = active_of(request->service);

	if (active && (!active->all || active->version != tracker_version(request->service->tracker)))
		write_again(request, active);
	if (active && active->all)
		active->all->references++;
	api_answer_text(request, 200, active ? active->all : NULL);
}

static void answer_own(struct api_request *request)
{
	struct api_text *out = api_text_new(&request->service->allocator);

	if (out)
		write_calls(request, out);
	api_answer_text(request, 200, out);
}

/* GET calls/active */
void api_calls_active(struct api_request *request)
{
	int64_t whose;

	if (!api_whose(request, &whose, false, 0, ""))
		return;
	/* A change waits for memory: until it has some, calls cannot be walked over. */
	if (request->service->change_held)
		api_answer(request, 503, NULL);
	else if (request->role == WTEL_ROLE_AGENT)
		answer_own(request);
	else
		answer_all(request);
}

/* GET status: {"success": true, "status": {"connected", "activeCalls", "callsInProgress", ...}} */
void api_service_status(struct api_request *request)
{
	struct api_text *out = api_text_new(&request->service->allocator);
	struct wtel_service_stats stats;

	if (out) {
		wtel_service_stats(request->service, &stats);
		TEXT_LITERAL(&out->text, "{\"success\":true,\"status\":");
		text_put_status(&out->text, &stats);
		TEXT_LITERAL(&out->text, "}");
	}
	api_answer_text(request, 200, out);
}
