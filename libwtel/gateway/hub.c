/* The ring of events and who reads it. */
#include "gateway/hub.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <wtel/json.h>

_Static_assert(WTEL_NOTICES <= 32, "a bit for each type of notice");

enum { HUB_HEAD_SIZE = 128, HUB_FRAME_HEADER = 10, HUB_BOOT = 8 };

/* One block: its texts stand behind it. */
struct stored {
	enum wtel_notice_type type;
	int64_t agent_id;      /* of a call's event */
	const char *extension; /* of an account's event, "" of others */
	struct hub_event event;
};

struct hub {
	struct wtel_allocator allocator;
	struct wtel_observer *observer;
	char boot[HUB_BOOT + 1];
	struct stored **ring; /* the one of number n at n % room; NULL: there was nobody or no memory for it */
	size_t room;
	uint64_t next;	 /* number of the next event, from 1 */
	uint64_t unread; /* of the latest, those that came while there was no reader */
	size_t max_unsent;
	struct hub_reader readers; /* head of the list */
	char *text;		   /* JSON while it is made; kept for the next */
	size_t text_length;
	size_t text_room;
	struct hub_figures figures;
};

/* ---- life ------------------------------------------------------------- */

static void *allocate(const struct hub *hub, size_t size)
{
	return hub->allocator.allocate(size, hub->allocator.user);
}

static void release(const struct hub *hub, void *pointer)
{
	if (pointer)
		hub->allocator.release(pointer, hub->allocator.user);
}

static void observe(struct wtel_observer *observer, void *user)
{
	struct wtel_notice notice;

	while (wtel_observer_next(observer, &notice) == 1)
		hub_publish(user, &notice);
}

/* Letters and digits that nobody takes for one another. */
static int make_boot(struct hub *hub, const char *boot)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz023456789";
	unsigned char random[HUB_BOOT];
	size_t i;

	if (boot) {
		snprintf(hub->boot, sizeof(hub->boot), "%s", boot);
		return 0;
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return WTEL_EIO;
	for (i = 0; i < HUB_BOOT; i++)
		hub->boot[i] = letters[random[i] % (sizeof(letters) - 1)];
	return 0;
}

int hub_new(struct hub **out, const struct hub_options *options)
{
	const struct wtel_allocator *allocator = options->allocator;
	struct hub *hub;
	int code;

	if (!options->history || options->history > SIZE_MAX / sizeof(*hub->ring))
		return WTEL_EINVAL;
	hub = allocator->allocate(sizeof(*hub), allocator->user);
	if (!hub)
		return WTEL_ENOMEM;
	memset(hub, 0, sizeof(*hub));
	hub->allocator = *allocator;
	hub->readers.next = hub->readers.previous = &hub->readers;
	hub->room = options->history;
	hub->next = 1;
	hub->unread = hub->room;
	hub->max_unsent = options->max_unsent;
	hub->ring = allocate(hub, hub->room * sizeof(*hub->ring));
	code = hub->ring ? make_boot(hub, options->boot) : WTEL_ENOMEM;
	if (hub->ring)
		memset(hub->ring, 0, hub->room * sizeof(*hub->ring));
	if (!code && options->service)
		code = wtel_observer_new(&hub->observer, options->service, 0, observe, hub);
	if (code) {
		hub_free(hub);
		return code;
	}
	*out = hub;
	return 0;
}

void hub_free(struct hub *hub)
{
	struct wtel_allocator allocator;
	size_t i;

	if (!hub)
		return;
	allocator = hub->allocator;
	wtel_observer_free(hub->observer);
	for (i = 0; hub->ring && i < hub->room; i++)
		release(hub, hub->ring[i]);
	release(hub, hub->ring);
	release(hub, hub->text);
	allocator.release(hub, allocator.user);
}

void hub_last_id(const struct hub *hub, char out[HUB_ID_SIZE])
{
	snprintf(out, HUB_ID_SIZE, "%s-%llu", hub->boot, (unsigned long long)hub->next - 1);
}

void hub_figures(const struct hub *hub, struct hub_figures *out)
{
	*out = hub->figures;
}

/* The oldest number that the ring can still hold. */
static uint64_t oldest(const struct hub *hub)
{
	return hub->next > hub->room ? hub->next - hub->room : 1;
}

static struct stored *stored_at(const struct hub *hub, uint64_t number)
{
	return hub->ring[number % hub->room];
}

/* ---- texts ------------------------------------------------------------ */

/* The text of an event is written here; -1: out of memory. */
static int gather(const char *data, size_t length, void *user)
{
	struct hub *hub = user;

	if (length > hub->text_room - hub->text_length) {
		size_t room = (hub->text_length + length) * 2 + 1024;
		char *text = hub->allocator.reallocate(hub->text, room, hub->allocator.user);

		if (!text)
			return -1;
		hub->text = text;
		hub->text_room = room;
	}
	memcpy(hub->text + hub->text_length, data, length);
	hub->text_length += length;
	return 0;
}

/* A server's text frame, whole and unmasked (RFC 6455, 5.2). Gives its header's length. */
static size_t frame_header(char *out, size_t length)
{
	size_t i;

	out[0] = (char)0x81;
	if (length < 126) {
		out[1] = (char)length;
		return 2;
	}
	if (length < 65536) {
		out[1] = 126;
		out[2] = (char)(length >> 8);
		out[3] = (char)length;
		return 4;
	}
	out[1] = 127;
	for (i = 0; i < 8; i++)
		out[2 + i] = (char)((uint64_t)length >> (56 - 8 * i));
	return 10;
}

/* `event` from its three parts, one after the other at `to`. Gives the end. */
static char *lay_out(struct hub_event *event, char *to, struct wtel_slice head, const char *json, size_t length)
{
	memcpy(to, head.data, head.length);
	event->head = (struct wtel_slice){to, head.length};
	to += head.length;
	event->skip = frame_header(to, length);
	memcpy(to + event->skip, json, length);
	event->frame = (struct wtel_slice){to, event->skip + length};
	return to + event->frame.length;
}

static struct stored *make_event(struct hub *hub, const struct wtel_notice *notice)
{
	bool of_peer = notice->type == WTEL_NOTICE_PEER_STATUS;
	const char *extension = of_peer && notice->name ? notice->name : "";
	char id[HUB_ID_SIZE], head[HUB_HEAD_SIZE], *to;
	struct stored *stored;
	int length;

	snprintf(id, sizeof(id), "%s-%llu", hub->boot, (unsigned long long)hub->next);
	length = snprintf(head, sizeof(head), "id: %s\nevent: %s\ndata: ", id, wtel_notice_name(notice->type));
	hub->text_length = 0;
	if (wtel_json_event(notice, id, &hub->allocator, gather, hub))
		return NULL;
	stored = allocate(hub, sizeof(*stored) + (size_t)length + HUB_FRAME_HEADER + hub->text_length +
				       strlen(extension) + 1);
	if (!stored)
		return NULL;
	memset(stored, 0, sizeof(*stored));
	stored->type = notice->type;
	stored->agent_id = notice->call ? notice->call->agent_id : 0;
	to = lay_out(&stored->event, (char *)(stored + 1), (struct wtel_slice){head, (size_t)length}, hub->text,
		     hub->text_length);
	memcpy(to, extension, strlen(extension) + 1);
	stored->extension = to;
	return stored;
}

/* ---- who sees what ---------------------------------------------------- */

#define BIT(id) (UINT32_C(1) << WTEL_NOTICE_##id)

static uint32_t allowed_to(enum wtel_role role)
{
	const uint32_t everything = (UINT32_C(1) << WTEL_NOTICES) - 1;

	switch (role) {
	case WTEL_ROLE_AGENT:
		return BIT(AMI_CONNECTED) | BIT(AMI_DISCONNECTED) | BIT(CALL_NEW) | BIT(CALL_STATE) |
		       BIT(CALL_RINGING) | BIT(CALL_ANSWERED) | BIT(CALL_HANGUP) | BIT(CALL_FAILOVER) |
		       BIT(PEER_STATUS) | BIT(OVERFLOW);
	case WTEL_ROLE_SUPERVISOR:
		return everything & ~BIT(SECURITY);
	case WTEL_ROLE_ADMIN:
		return everything;
	}
	return 0;
}

static bool sees(const struct hub_reader *reader, const struct stored *stored)
{
	if (!(reader->allowed & reader->wanted & (UINT32_C(1) << stored->type)))
		return false;
	if (reader->role != WTEL_ROLE_AGENT || stored->type == WTEL_NOTICE_OVERFLOW ||
	    stored->type == WTEL_NOTICE_AMI_CONNECTED || stored->type == WTEL_NOTICE_AMI_DISCONNECTED)
		return true;
	if (stored->type == WTEL_NOTICE_PEER_STATUS)
		return *reader->extension && strcmp(stored->extension, reader->extension) == 0;
	return reader->user_id && stored->agent_id == reader->user_id;
}

/* How many an overflow tells of: to those who see all of them, because a number of what one may not see says much. */
static uint64_t countable(const struct hub_reader *reader, uint64_t lost)
{
	return reader->role == WTEL_ROLE_AGENT ? 0 : lost;
}

/* ---- publishing ------------------------------------------------------- */

static void wake(struct hub_reader *reader)
{
	if (reader->woken)
		return;
	reader->woken = true;
	reader->wake(reader);
}

static void offer(struct hub *hub, struct hub_reader *reader, const struct stored *stored)
{
	if (!reader->admitted || reader->cut || (stored && !sees(reader, stored)))
		return;
	reader->unsent += stored ? stored->event.frame.length : 0;
	if (reader->unsent > hub->max_unsent) {
		reader->cut = true;
		reader->woken = false;
		hub->figures.cut++;
	}
	wake(reader);
}

/* Whoever was the last to leave could not come back to it: the ring went on past its position. */
static bool is_for_nobody(const struct hub *hub)
{
	return hub->readers.next == &hub->readers && hub->unread >= hub->room;
}

void hub_publish(struct hub *hub, const struct wtel_notice *notice)
{
	bool wanted = !is_for_nobody(hub);
	struct stored *stored = wanted ? make_event(hub, notice) : NULL;
	struct hub_reader *reader, *following;

	hub->unread++;
	release(hub, stored_at(hub, hub->next));
	hub->ring[hub->next++ % hub->room] = stored;
	hub->figures.events++;
	hub->figures.failed += wanted && !stored;
	for (reader = hub->readers.next; reader != &hub->readers; reader = following) {
		following = reader->next;
		offer(hub, reader, stored);
	}
}

/* ---- readers ---------------------------------------------------------- */

/* What an id says: the number after our own boot's name; 0: not one of ours. */
static uint64_t number_of(const struct hub *hub, struct wtel_slice id)
{
	size_t boot = strlen(hub->boot), i;
	uint64_t number = 0;

	if (id.length < boot + 2 || id.length > boot + 20 || memcmp(id.data, hub->boot, boot) != 0 ||
	    id.data[boot] != '-')
		return 0;
	for (i = boot + 1; i < id.length; i++) {
		if (id.data[i] < '0' || id.data[i] > '9')
			return 0;
		number = number * 10 + (uint64_t)(id.data[i] - '0');
	}
	/* "-0": whoever came before the first event. */
	return number < hub->next ? number + 1 : 0;
}

void hub_join(struct hub *hub, struct hub_reader *reader, struct wtel_slice last_id, hub_wake_fn *wake_fn, void *user)
{
	uint64_t position = last_id.data ? number_of(hub, last_id) : hub->next;

	memset(reader, 0, sizeof(*reader));
	reader->hub = hub;
	reader->wake = wake_fn;
	reader->user = user;
	reader->wanted = UINT32_MAX;
	reader->live_from = hub->next;
	reader->gap = !position;
	reader->position = position ? position : hub->next;
	reader->next = &hub->readers;
	reader->previous = hub->readers.previous;
	reader->previous->next = hub->readers.previous = reader;
	hub->figures.readers++;
}

void hub_leave(struct hub_reader *reader)
{
	if (!reader->hub)
		return;
	reader->previous->next = reader->next;
	reader->next->previous = reader->previous;
	reader->hub->figures.readers--;
	reader->hub->unread = 0;
	reader->hub = NULL;
}

/* What is before it changed: its filter, or what it may see. */
static void recount(struct hub_reader *reader)
{
	const struct hub *hub = reader->hub;
	uint64_t number = reader->position > reader->live_from ? reader->position : reader->live_from;

	reader->unsent = 0;
	for (number = number < oldest(hub) ? oldest(hub) : number; number < hub->next; number++) {
		const struct stored *stored = stored_at(hub, number);

		if (stored && sees(reader, stored))
			reader->unsent += stored->event.frame.length;
	}
}

void hub_admit(struct hub_reader *reader, enum wtel_role role, int64_t user_id, const char *extension)
{
	struct hub_event event;

	reader->role = role;
	reader->user_id = user_id;
	reader->allowed = allowed_to(role);
	snprintf(reader->extension, sizeof(reader->extension), "%s", extension);
	reader->admitted = true;
	recount(reader);
	if (hub_peek(reader, &event))
		wake(reader);
}

static bool matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '*')
		return strncmp(pattern, name, length - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static int read_filter(uint32_t *out, const json_t *document)
{
	const json_t *list = json_object_get(document, "subscribe");
	uint32_t wanted = BIT(OVERFLOW);
	size_t i;
	int type;

	if (!json_is_array(list) || json_array_size(list) > HUB_FILTER_MAX)
		return WTEL_EINVAL;
	for (i = 0; i < json_array_size(list); i++) {
		const char *pattern = json_string_value(json_array_get(list, i));

		if (!pattern)
			return WTEL_EINVAL;
		for (type = 0; type < WTEL_NOTICES; type++)
			if (matches(pattern, wtel_notice_name((enum wtel_notice_type)type)))
				wanted |= UINT32_C(1) << type;
	}
	*out = wanted;
	return 0;
}

int hub_filter(struct hub_reader *reader, struct wtel_slice json)
{
	json_t *document = json_loadb(json.data ? json.data : "", json.length, JSON_REJECT_DUPLICATES, NULL);
	int code = read_filter(&reader->wanted, document);

	json_decref(document);
	if (!code && reader->hub)
		recount(reader);
	return code;
}

/* ---- reading ---------------------------------------------------------- */

static void tell_gap(struct hub_reader *reader, struct hub_event *out)
{
	static const struct wtel_slice head = {"event: overflow\ndata: ", sizeof("event: overflow\ndata: ") - 1};
	char json[64];
	int length = reader->lost ? snprintf(json, sizeof(json), "{\"event\":\"overflow\",\"data\":{\"lost\":%llu}}",
					     (unsigned long long)reader->lost)
				  : snprintf(json, sizeof(json), "{\"event\":\"overflow\",\"data\":{\"lost\":null}}");

	lay_out(out, reader->notice, head, json, (size_t)length);
}

/* The ring went on without it, or has a hole here. */
static void find_gap(struct hub_reader *reader)
{
	const struct hub *hub = reader->hub;
	uint64_t from = reader->position, first = oldest(hub);

	if (reader->position < first)
		reader->position = first;
	while (reader->position < hub->next && !stored_at(hub, reader->position))
		reader->position++;
	if (reader->position == from)
		return;
	reader->gap = true;
	reader->lost = countable(reader, reader->position - from);
	recount(reader);
}

bool hub_peek(struct hub_reader *reader, struct hub_event *out)
{
	const struct hub *hub = reader->hub;

	if (!hub || !reader->admitted || reader->cut)
		return false;
	while (!reader->gap) {
		const struct stored *stored;

		find_gap(reader);
		if (reader->gap)
			break;
		if (reader->position == hub->next) {
			reader->woken = false;
			return false;
		}
		stored = stored_at(hub, reader->position);
		if (sees(reader, stored)) {
			*out = stored->event;
			return true;
		}
		reader->position++;
	}
	tell_gap(reader, out);
	return true;
}

void hub_take(struct hub_reader *reader)
{
	struct hub *hub = reader->hub;
	const struct stored *stored;

	if (reader->gap) {
		reader->gap = false;
		reader->lost = 0;
		hub->figures.overflows++;
		return;
	}
	stored = stored_at(hub, reader->position);
	if (reader->position++ >= reader->live_from)
		reader->unsent -= stored->event.frame.length;
}
