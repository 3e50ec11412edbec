/* Registrations of trunks and accounts: from Asterisk's lists and events to the store and the observers. */
#include "service/service.h"

#include <arpa/inet.h>

enum { REGISTRATIONS_MAX = 4096, STRANGERS_SPACING = 1000000 };

/* What Asterisk says of a contact or peer, and whether its phone can be called then. */
static const struct state_word {
	const char *name;
	int registered; /* -1: does not tell */
} words[] = {
	{"Registered", 1},  {"Reachable", 1},	 {"Lagged", 1},	  {"NonQualified", 1}, {"Created", 1},	{"Updated", 1},
	{"Unreachable", 0}, {"Unregistered", 0}, {"Rejected", 0}, {"Removed", 0},      {"Unknown", -1},
};

static const struct state_word *word_of(struct wtel_slice text)
{
	size_t i, last = sizeof(words) / sizeof(*words) - 1;

	for (i = 0; i < last; i++)
		if (base_slice_is(text, words[i].name))
			break;
	return &words[i];
}

/* ---- trunks ---- */

static bool carries(const struct sync_registration *registration, const struct sync_trunk *trunk)
{
	return strcmp(registration->name, trunk->endpoint) == 0 || strcmp(registration->endpoint, trunk->endpoint) == 0;
}

/* A trunk is registered if one of its registrations is. NULL: it has none. */
static const char *status_of(const struct sync *sync, const struct sync_trunk *trunk)
{
	const char *status = NULL;
	size_t i;

	for (i = 0; i < sync->registration_count; i++) {
		if (!carries(&sync->registrations[i], trunk))
			continue;
		status = sync->registrations[i].status;
		if (strcmp(status, "Registered") == 0)
			break;
	}
	return status;
}

static void update_trunk(struct wtel_service *service, struct sync_trunk *trunk, int64_t wall, bool event)
{
	const char *status = status_of(&service->sync, trunk);
	bool registered = status && strcmp(status, "Registered") == 0;
	bool changed = !trunk->status || strcmp(trunk->status, status ? status : "Unregistered") != 0;
	struct wtel_notice notice = {WTEL_NOTICE_TRUNK_REGISTRY, wall, NULL, trunk->id, trunk->name, "", "", 0};

	if (!trunk->needs_registration && !status)
		return;
	trunk->dirty = trunk->dirty || event || registered != trunk->registered || (changed && !registered);
	service->sync.dirty = service->sync.dirty || trunk->dirty;
	trunk->known = status != NULL;
	trunk->registered = registered;
	trunk->status = status ? status : "Unregistered";
	trunk->wall = wall;
	routing_registered(service, trunk);
	if (!changed && !event) {
		health_judge(service, trunk, NULL);
		return;
	}
	notice.status = trunk->status;
	service_log(service, registered ? WTEL_LOG_INFO : WTEL_LOG_WARNING, "trunk %s: %s", trunk->name,
		    status ? status : "Asterisk has no registration for it");
	observer_tell(service, &notice);
	health_judge(service, trunk, NULL);
}

/* Registry names a registration by its two URIs only (main/stasis_system.c): the list told whose they are. */
int state_registry(struct wtel_service *service, const struct wtel_ami_event *event, int64_t wall)
{
	struct sync *sync = &service->sync;
	bool found = false;
	size_t i, j;

	for (i = 0; i < sync->registration_count; i++) {
		struct sync_registration *registration = &sync->registrations[i];

		if (!base_slice_is(event->username, registration->client_uri) ||
		    !base_slice_is(event->domain, registration->server_uri))
			continue;
		found = true;
		registration->status = word_of(event->status)->name;
		for (j = 0; j < sync->trunk_count; j++)
			if (carries(registration, &sync->trunks[j]))
				update_trunk(service, &sync->trunks[j], wall, true);
	}
	if (!found && sync->trunk_count)
		sync_request_again(service, 0);
	return 0;
}

static int copy_registration(struct wtel_service *service, struct sync_registration *out,
			     const struct wtel_ami_message *message)
{
	const struct wtel_allocator *a = &service->allocator;

	out->client_uri = base_copy_slice(a, wtel_ami_message_get(message, "ClientUri"));
	out->server_uri = base_copy_slice(a, wtel_ami_message_get(message, "ServerUri"));
	out->name = base_copy_slice(a, wtel_ami_message_get(message, "ObjectName"));
	out->endpoint = base_copy_slice(a, wtel_ami_message_get(message, "Endpoint"));
	out->status = word_of(wtel_ami_message_get(message, "Status"))->name;
	return out->client_uri && out->server_uri && out->name && out->endpoint ? 0 : WTEL_ENOMEM;
}

int state_registration_item(struct wtel_service *service, const struct wtel_ami_message *message)
{
	struct sync *sync = &service->sync;
	struct sync_registration *list, *item;

	/* The list mixes in AuthDetail (res/res_pjsip_outbound_registration.c). */
	if (!base_slice_is(message->head, "OutboundRegistrationDetail") || sync->incoming_count >= REGISTRATIONS_MAX)
		return 0;
	list = base_reallocate(&service->allocator, sync->incoming, (sync->incoming_count + 1) * sizeof(*list));
	if (!list)
		return WTEL_ENOMEM;
	sync->incoming = list;
	item = &list[sync->incoming_count];
	memset(item, 0, sizeof(*item));
	if (copy_registration(service, item, message)) {
		base_release(&service->allocator, item->client_uri);
		base_release(&service->allocator, item->server_uri);
		base_release(&service->allocator, item->name);
		base_release(&service->allocator, item->endpoint);
		return WTEL_ENOMEM;
	}
	sync->incoming_count++;
	return 0;
}

void state_registrations_drop(struct wtel_service *service)
{
	table_drop_registrations(service, service->sync.incoming, service->sync.incoming_count);
	service->sync.incoming = NULL;
	service->sync.incoming_count = 0;
}

void state_registrations_done(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	size_t i;

	realtime_listed(service);
	table_drop_registrations(service, sync->registrations, sync->registration_count);
	sync->registrations = sync->incoming;
	sync->registration_count = sync->incoming_count;
	sync->incoming = NULL;
	sync->incoming_count = 0;
	for (i = 0; i < sync->trunk_count; i++)
		update_trunk(service, &sync->trunks[i], service->now.wall, false);
}

/* ---- accounts ---- */

/* The address in "sip:1001@192.0.2.5:5060;transport=udp" or "sip:1001@[2001:db8::1]:5060"; "" if there is none. */
static void address_of(char *out, size_t room, struct wtel_slice uri)
{
	const char *at = uri.length ? memchr(uri.data, '@', uri.length) : NULL;
	unsigned char bytes[16];
	struct wtel_slice host = {NULL, 0};
	bool bracket;
	size_t left;

	out[0] = '\0';
	if (!at)
		return;
	at++;
	left = (size_t)(uri.data + uri.length - at);
	bracket = left && *at == '[';
	host.data = at + bracket;
	left -= bracket;
	while (host.length < left &&
	       (bracket ? host.data[host.length] != ']' : !strchr(":;>?", host.data[host.length])))
		host.length++;
	if (!base_slice_copy(out, room, host) || (inet_pton(bracket ? AF_INET6 : AF_INET, out, bytes) != 1))
		out[0] = '\0';
}

static void tell_peer(struct wtel_service *service, const char *extension, const char *status, int64_t wall)
{
	struct wtel_notice notice = {WTEL_NOTICE_PEER_STATUS, wall, NULL, 0, extension, status, "", 0};

	observer_tell(service, &notice);
}

static void update_peer(struct wtel_service *service, struct sync_peer *peer, const struct state_word *word,
			struct wtel_slice uri, int64_t wall)
{
	bool changed = !peer->status || strcmp(peer->status, word->name) != 0;
	char address[sizeof(peer->address)];

	/* A phone that registers from elsewhere is told before its old contact goes (remove_existing). */
	if (word->registered == 0 && uri.length && peer->uri[0] && !base_slice_is(uri, peer->uri))
		return;
	if (word->registered > 0 && uri.length)
		(void)base_slice_copy(peer->uri, sizeof(peer->uri), uri);
	else if (word->registered == 0)
		peer->uri[0] = '\0';
	address_of(address, sizeof(address), uri);
	if (address[0] && strcmp(address, peer->address) != 0) {
		memcpy(peer->address, address, sizeof(address));
		peer->dirty = true;
	}
	if (word->registered >= 0 && (changed || peer->registered != (word->registered > 0))) {
		peer->dirty = true;
		peer->registered = word->registered > 0;
	}
	peer->status = word->name;
	peer->wall = wall;
	service->sync.dirty = service->sync.dirty || peer->dirty;
	if (changed)
		tell_peer(service, peer->extension, word->name, wall);
}

/* "PJSIP/1001" -> "1001"; absent if it is another technology's. */
static struct wtel_slice extension_of(const struct wtel_service *service, struct wtel_slice peer)
{
	size_t length = strlen(service->options.technology);
	struct wtel_slice none = {NULL, 0};

	if (peer.length <= length + 1 || memcmp(peer.data, service->options.technology, length) != 0 ||
	    peer.data[length] != '/')
		return none;
	peer.data += length + 1;
	peer.length -= length + 1;
	return peer;
}

/* Accounts are read at once for a stranger, but not more often than each second: phones without an account may be many.
 */
static void keep_stranger(struct wtel_service *service, const char *extension, const struct state_word *word,
			  struct wtel_slice aor, struct wtel_slice uri, int64_t wall)
{
	struct sync *sync = &service->sync;
	struct sync_stranger *stranger = &sync->strangers[sync->stranger_count % SYNC_STRANGERS];
	int64_t at = sync->peers_read + STRANGERS_SPACING;

	memset(stranger, 0, sizeof(*stranger));
	if (!service->store || strlen(extension) >= sizeof(stranger->extension) ||
	    (aor.length && !base_slice_copy(stranger->aor, sizeof(stranger->aor), aor)) ||
	    (uri.length && !base_slice_copy(stranger->uri, sizeof(stranger->uri), uri)))
		return;
	snprintf(stranger->extension, sizeof(stranger->extension), "%s", extension);
	stranger->word = word;
	stranger->wall = wall;
	sync->stranger_count++;
	if (sync->strangers_at == INT64_MAX)
		sync->strangers_at = at > service->now.mono ? at : service->now.mono;
}

static void follow_peer(struct wtel_service *service, struct sync_peer *peer, const struct state_word *word,
			struct wtel_slice aor, struct wtel_slice uri, int64_t wall)
{
	if (word->registered > 0 && aor.length && !base_slice_is(uri, peer->uri))
		realtime_registered(service, peer, aor);
	update_peer(service, peer, word, uri, wall);
}

void state_strangers(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	size_t i = sync->stranger_count > SYNC_STRANGERS ? sync->stranger_count - SYNC_STRANGERS : 0;

	for (; i < sync->stranger_count; i++) {
		struct sync_stranger *stranger = &sync->strangers[i % SYNC_STRANGERS];
		struct sync_peer *peer = table_peer(service, wtel_slice_of(stranger->extension));

		if (!peer || !stranger->extension[0])
			continue;
		follow_peer(service, peer, stranger->word, wtel_slice_of(stranger->aor), wtel_slice_of(stranger->uri),
			    stranger->wall);
		stranger->extension[0] = '\0';
	}
}

int state_peer(struct wtel_service *service, const struct wtel_ami_event *event, int64_t wall)
{
	const struct state_word *word = word_of(event->status);
	struct wtel_slice extension, uri = {NULL, 0}, aor = {NULL, 0};
	struct sync_peer *peer;
	char name[64];

	if (event->type == WTEL_AMI_PEER_STATUS) {
		extension = extension_of(service, event->peer);
	} else {
		extension = wtel_ami_message_get(event->message, "EndpointName");
		aor = wtel_ami_message_get(event->message, "AOR");
		if (!extension.length)
			extension = aor;
		uri = event->uri;
	}
	/* A trunk's contact is qualified too; that is no agent's phone. */
	if (!extension.length || table_trunk(service, extension))
		return 0;
	peer = table_peer(service, extension);
	if (peer) {
		follow_peer(service, peer, word, aor, uri, wall);
	} else if (table_peer_of(service, extension)) {
		return 0; /* the same is told of its extension, which has both addresses of record */
	} else if (base_slice_copy(name, sizeof(name), extension)) {
		tell_peer(service, name, word->name, wall);
		keep_stranger(service, name, word, aor, uri, wall);
	}
	return 0;
}

/* "1001;@hash" and the like: a contact's name begins with its address of record (res/res_pjsip/location.c). */
static struct wtel_slice before_mark(struct wtel_slice name)
{
	size_t i;

	for (i = 0; i + 1 < name.length; i++)
		if (name.data[i + 1] == '@' && strchr(";@^", name.data[i]))
			break;
	name.length = i + 1 < name.length ? i : name.length;
	return name;
}

void state_contact_item(struct wtel_service *service, const struct wtel_ami_message *message)
{
	struct wtel_slice extension = wtel_ami_message_get(message, "Endpoint");
	struct wtel_slice agent = wtel_ami_message_get(message, "UserAgent");
	struct sync_peer *peer;

	if (!base_slice_is(message->head, "ContactList"))
		return;
	if (!extension.length)
		extension = wtel_ami_message_get(message, "EndpointName");
	if (!extension.length)
		extension = before_mark(wtel_ami_message_get(message, "ObjectName"));
	peer = table_peer(service, extension);
	if (!peer)
		return;
	peer->seen = true;
	if (base_slice_utf8(agent) && base_slice_unsafe(agent) == agent.length)
		(void)base_slice_copy(peer->agent, sizeof(peer->agent), agent);
	if (!base_slice_utf8(wtel_slice_of(peer->agent)))
		peer->agent[0] = '\0'; /* cut in the middle of a character */
	update_peer(service, peer, word_of(wtel_ami_message_get(message, "Status")),
		    wtel_ami_message_get(message, "Uri"), service->now.wall);
}

void state_contacts_done(struct wtel_service *service)
{
	struct wtel_slice none = {NULL, 0};
	size_t i;

	for (i = 0; i < service->sync.peer_count; i++) {
		struct sync_peer *peer = &service->sync.peers[i];

		if (!peer->seen && (peer->registered || peer->status))
			update_peer(service, peer, word_of(BASE_SLICE("Removed")), none, service->now.wall);
		peer->seen = false;
	}
}

/* ---- the store ---- */

static void flush_trunk(struct wtel_service *service, struct sync_trunk *trunk)
{
	const char *error = !trunk->known ? "Asterisk has no outbound registration of that endpoint" : trunk->status;

	trunk->dirty = service_note(service, store_registry(service->store, trunk->id, trunk->registered, trunk->wall,
							    trunk->registered ? NULL : error)) == WTEL_ENOMEM;
}

static void flush_peer(struct wtel_service *service, struct sync_peer *peer)
{
	peer->dirty =
		service_note(service, store_peer_registered(service->store, peer->extension, peer->registered,
							    peer->wall, peer->agent[0] ? peer->agent : NULL,
							    peer->address[0] ? peer->address : NULL)) == WTEL_ENOMEM;
}

void state_flush(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	bool left = false;
	size_t i;

	if (!sync->dirty || !service->store)
		return;
	for (i = 0; i < sync->trunk_count; i++) {
		if (sync->trunks[i].dirty)
			flush_trunk(service, &sync->trunks[i]);
		left = left || sync->trunks[i].dirty;
	}
	for (i = 0; i < sync->peer_count; i++) {
		if (sync->peers[i].dirty)
			flush_peer(service, &sync->peers[i]);
		left = left || sync->peers[i].dirty;
	}
	sync->dirty = left;
}
