/*
 * Events for many readers: each notice of the service becomes one text, once, and every reader has a position in the
 * same ring of them. Knows nothing of sockets: whoever writes to one asks for what comes next.
 */
#ifndef GATEWAY_HUB_H
#define GATEWAY_HUB_H

#include <stdbool.h>
#include <wtel/service.h>

struct hub;
struct hub_reader;

enum {
	HUB_ID_SIZE = 40,	 /* "<boot>-<number>" and a NUL */
	HUB_EXTENSION_SIZE = 80, /* of an account, and a NUL */
	HUB_FILTER_MAX = 64,	 /* patterns of one filter */
};

struct hub_options {
	struct wtel_service *service; /* NULL: only what hub_publish() is given */
	const struct wtel_allocator *allocator;
	const char *boot;  /* what its ids begin with; NULL: random */
	size_t history;	   /* events kept */
	size_t max_unsent; /* bytes that a reader may be behind of what is new */
};

/* Copied; caller frees. The service must outlive it. */
int hub_new(struct hub **out, const struct hub_options *options) WTEL_MUST_CHECK;

/* All readers must have left. NULL is allowed. */
void hub_free(struct hub *hub);

/* The id that the latest event has. */
void hub_last_id(const struct hub *hub, char out[HUB_ID_SIZE]);

/* Without memory for it the event becomes a gap, of which its readers are told. */
void hub_publish(struct hub *hub, const struct wtel_notice *notice);

/*
 * Something is there to be read, or the reader was cut off (`cut`): it has more than max_unsent before it. Called from
 * inside hub_publish(), once until all was read. The reader may leave in it, others may not.
 */
typedef void hub_wake_fn(struct hub_reader *reader);

/* Stands in whatever the reader belongs to. Only `cut`, `admitted` and `user` are for others to look at. */
struct hub_reader {
	struct hub_reader *next, *previous;
	struct hub *hub; /* NULL: of none */
	hub_wake_fn *wake;
	void *user;
	uint64_t position;  /* number of the event that comes next */
	uint64_t live_from; /* what is older is caught up with, and counts for no limit */
	size_t unsent;	    /* bytes of new events that were not taken */
	uint32_t wanted;    /* bits by enum wtel_notice_type: its own filter */
	uint32_t allowed;   /* what its role may see */
	enum wtel_role role;
	int64_t user_id;
	char extension[HUB_EXTENSION_SIZE];
	bool gap; /* the first that it hears of is an overflow, of `lost` events (0: unknown) */
	uint64_t lost;
	bool admitted;
	bool woken;
	bool cut;
	char notice[96]; /* of an overflow, which is nobody else's */
};

/* Reads from now on, or after the event `last_id` (absent: none). Hears nothing before it is admitted. */
void hub_join(struct hub *hub, struct hub_reader *reader, struct wtel_slice last_id, hub_wake_fn *wake, void *user);

/* Who reads: agents see call:* of their own calls, peer:status of their own extension ("": none) and ami:*; supervisors
 * all but security. Wakes where there is something to read. */
void hub_admit(struct hub_reader *reader, enum wtel_role role, int64_t user_id, const char *extension);

void hub_leave(struct hub_reader *reader); /* as often as one likes */

/* {"subscribe": ["call:*", "ami:disconnected"]}: from here on only these, and overflow. WTEL_EINVAL: no such document.
 */
int hub_filter(struct hub_reader *reader, struct wtel_slice json) WTEL_MUST_CHECK;

/* One event, borrowed until the next hub_take() or hub_publish(). */
struct hub_event {
	struct wtel_slice head;	 /* "id: ...\nevent: ...\ndata: " */
	struct wtel_slice frame; /* WebSocket's header and the JSON, as a server sends it */
	size_t skip;		 /* of that header */
};

/* The next event that it may see and wants; false: none for now. */
bool hub_peek(struct hub_reader *reader, struct hub_event *out);
/* Goes past the one that was seen last. */
void hub_take(struct hub_reader *reader);

struct hub_figures {
	uint64_t events;    /* published */
	uint64_t failed;    /* of them, without memory */
	uint64_t overflows; /* readers that were told of a gap */
	uint64_t cut;	    /* readers that were too slow */
	size_t readers;
};
void hub_figures(const struct hub *hub, struct hub_figures *out);

#endif
