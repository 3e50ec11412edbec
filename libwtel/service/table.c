/* Trunks and accounts as the store told last, with what Asterisk said about them since. */
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- trunks ---- */

struct sync_trunk *table_trunk(const struct wtel_service *service, struct wtel_slice endpoint)
{
	size_t i;

	for (i = 0; i < service->sync.trunk_count; i++)
		if (base_slice_is(endpoint, service->sync.trunks[i].endpoint))
			return &service->sync.trunks[i];
	return NULL;
}

static void free_trunks(const struct wtel_allocator *allocator, struct sync_trunk *trunks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		base_release(allocator, trunks[i].name);
		base_release(allocator, trunks[i].endpoint);
	}
	base_release(allocator, trunks);
}

struct sync_trunk *table_trunk_by_id(const struct wtel_service *service, int64_t id)
{
	size_t i;

	for (i = 0; i < service->sync.trunk_count; i++)
		if (service->sync.trunks[i].id == id)
			return &service->sync.trunks[i];
	return NULL;
}

/* What the booking and the breaker need. One that was just stored may be newer than the list. */
static void fill_state(struct sync_trunk *out, const struct wtel_trunk *trunk, const struct sync_trunk *before)
{
	size_t length;

	out->set = trunk->status;
	out->breaker = trunk->breaker;
	out->active_calls = trunk->active_calls;
	out->max_channels = trunk->max_channels;
	snprintf(out->error, sizeof(out->error), "%s", trunk->last_error_message ? trunk->last_error_message : "");
	for (length = strlen(out->error); length && !base_slice_utf8(wtel_slice_of(out->error)); length--)
		out->error[length - 1] = '\0'; /* cut in the middle of a character */
	if (!before)
		return;
	if (before->breaker.version > trunk->breaker.version) {
		out->breaker = before->breaker;
		out->set = before->set;
	}
	out->full = before->full && out->active_calls >= out->max_channels;
	out->judged = before->judged;
	out->down = before->down;
}

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (hash ^ 1) * UINT64_C(1099511628211);
}

static uint64_t line_of(const struct wtel_trunk *trunk)
{
	uint64_t hash = mix(mix(UINT64_C(14695981039346656037), trunk->host), trunk->username);

	hash = hash * 65537 + (uint64_t)trunk->port;
	return hash * 4 + (trunk->needs_registration ? 2 : 0) + (trunk->status == WTEL_TRUNK_INACTIVE);
}

static int fill_trunk(struct wtel_service *service, struct sync_trunk *out, const struct wtel_trunk *trunk)
{
	const struct sync_trunk *before = table_trunk_by_id(service, trunk->id);

	out->id = trunk->id;
	out->needs_registration = trunk->needs_registration;
	out->registered = trunk->registered;
	fill_state(out, trunk, before);
	out->name = base_copy_string(&service->allocator, trunk->name ? trunk->name : "");
	out->endpoint = base_copy_string(&service->allocator, trunk->endpoint ? trunk->endpoint : "");
	if (!out->name || !out->endpoint)
		return WTEL_ENOMEM;
	out->line = line_of(trunk);
	/* A new one: is it registered already? And one that Asterisk may have to register anew. */
	if ((!before || before->line != out->line || strcmp(before->endpoint, out->endpoint) != 0) &&
	    service->sync.stage == SYNC_DONE)
		sync_request_again(service, 0);
	if (!before || strcmp(before->endpoint, out->endpoint) != 0)
		return 0;
	out->known = before->known;
	out->status = before->status;
	out->wall = before->wall;
	out->registered = before->registered;
	out->dirty = before->dirty || (out->needs_registration && out->status && out->registered != trunk->registered);
	service->sync.dirty = service->sync.dirty || out->dirty;
	return 0;
}

/* The tracker knows trunks by endpoint: first all that are, then away with those that are no more. */
static int teach_trunks(struct wtel_service *service, const struct sync_trunk *trunks, size_t count)
{
	struct sync *sync = &service->sync;
	size_t i, j;
	int code;

	for (i = 0; i < count; i++) {
		code = trunks[i].endpoint[0]
			       ? wtel_tracker_set_trunk(service->tracker, trunks[i].endpoint, trunks[i].id)
			       : 0;
		if (code == WTEL_ENOMEM)
			return code;
	}
	for (i = 0; i < sync->trunk_count; i++) {
		for (j = 0; j < count; j++)
			if (strcmp(sync->trunks[i].endpoint, trunks[j].endpoint) == 0)
				break;
		if (j < count || !sync->trunks[i].endpoint[0])
			continue;
		(void)!wtel_tracker_set_trunk(service->tracker, sync->trunks[i].endpoint, 0);
		if (service->sync.stage == SYNC_DONE && sync->trunks[i].known)
			sync_request_again(service, 0); /* is Asterisk still registering it? */
	}
	return 0;
}

static void told_failure(struct wtel_service *service, const char *what, int code, const struct wtel_detail *detail)
{
	if (!service->sync.store_failed)
		service_log(service, WTEL_LOG_ERROR, "%s cannot be read: %s", what,
			    detail && detail->text[0] ? detail->text : wtel_error_text(code));
	service->sync.store_failed = true;
}

void sync_trunks(struct wtel_service *service, int code, const struct wtel_detail *detail,
		 const struct wtel_trunk_list *list)
{
	struct sync *sync = &service->sync;
	struct sync_trunk *trunks;
	size_t i, count = list ? list->count : 0;

	sync->asked &= ~(1u << TICKET_TRUNKS);
	if (service_note(service, code) == WTEL_ENOMEM) {
		sync->wanted |= 1u << TICKET_TRUNKS;
		return;
	}
	if (code) {
		told_failure(service, "trunks", code, detail);
		return;
	}
	sync->store_failed = false;
	trunks = base_allocate_zero(&service->allocator, count * sizeof(*trunks));
	code = trunks ? 0 : WTEL_ENOMEM;
	for (i = 0; i < count && !code; i++)
		code = fill_trunk(service, &trunks[i], &list->trunks[i]);
	if (!code)
		code = teach_trunks(service, trunks, count);
	if (!code)
		code = routing_trunks(service, list, trunks);
	if (service_note(service, code)) {
		sync->wanted |= 1u << TICKET_TRUNKS;
		if (trunks)
			free_trunks(&service->allocator, trunks, count);
		return;
	}
	free_trunks(&service->allocator, sync->trunks, sync->trunk_count);
	sync->trunks = trunks;
	sync->trunk_count = count;
	for (i = 0; i < count; i++)
		health_judge(service, &trunks[i], NULL);
}

/* ---- accounts ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct sync_peer *)a)->extension, ((const struct sync_peer *)b)->extension);
}

struct sync_peer *table_peer(const struct wtel_service *service, struct wtel_slice extension)
{
	struct sync_peer wanted;

	if (!service->sync.peer_count || !base_slice_copy(wanted.extension, sizeof(wanted.extension), extension))
		return NULL;
	return bsearch(&wanted, service->sync.peers, service->sync.peer_count, sizeof(wanted), compare);
}

struct sync_peer *table_peer_of(const struct wtel_service *service, struct wtel_slice username)
{
	size_t i;

	for (i = 0; i < service->sync.peer_count; i++)
		if (base_slice_is(username, service->sync.peers[i].username))
			return &service->sync.peers[i];
	return NULL;
}

static void fill_peer(struct wtel_service *service, struct sync_peer *out, const struct wtel_peer *peer)
{
	const struct sync_peer *before;

	snprintf(out->extension, sizeof(out->extension), "%s", peer->extension ? peer->extension : "");
	before = table_peer(service, wtel_slice_of(out->extension));
	if (before)
		*out = *before;
	else
		out->registered = peer->registered;
	/* What the store has wrong is put right with the next flush. */
	if (before && before->status && before->registered != peer->registered)
		out->dirty = service->sync.dirty = true;
	out->agent_id = peer->user_id;
	snprintf(out->username, sizeof(out->username), "%s", peer->username ? peer->username : "");
}

static void forget_peer(struct wtel_service *service, const struct sync_peer *peer)
{
	(void)!wtel_tracker_set_agent(service->tracker, peer->extension, 0);
	if (peer->username[0])
		(void)!wtel_tracker_set_agent(service->tracker, peer->username, 0);
}

static int teach_peers(struct wtel_service *service, struct sync_peer *peers, size_t count)
{
	struct sync *sync = &service->sync;
	size_t i;
	int code;

	for (i = 0; i < count; i++) {
		code = peers[i].extension[0]
			       ? wtel_tracker_set_agent(service->tracker, peers[i].extension, peers[i].agent_id)
			       : 0;
		/* A phone that calls may be known by either. */
		if (!code && peers[i].username[0])
			code = wtel_tracker_set_agent(service->tracker, peers[i].username, peers[i].agent_id);
		if (code == WTEL_ENOMEM)
			return code;
	}
	for (i = 0; i < sync->peer_count; i++)
		if (sync->peers[i].extension[0] && !bsearch(&sync->peers[i], peers, count, sizeof(*peers), compare))
			forget_peer(service, &sync->peers[i]);
	return 0;
}

void sync_peers(struct wtel_service *service, int code, const struct wtel_detail *detail,
		const struct wtel_peer_list *list)
{
	struct sync *sync = &service->sync;
	struct sync_peer *peers;
	size_t i, count = list ? list->count : 0;

	sync->asked &= ~(1u << TICKET_PEERS);
	if (service_note(service, code) == WTEL_ENOMEM) {
		sync->wanted |= 1u << TICKET_PEERS;
		return;
	}
	if (code) {
		told_failure(service, "accounts", code, detail);
		return;
	}
	peers = base_allocate_zero(&service->allocator, count * sizeof(*peers));
	code = peers ? 0 : WTEL_ENOMEM;
	for (i = 0; i < count && !code; i++)
		fill_peer(service, &peers[i], &list->peers[i]);
	if (!code) {
		qsort(peers, count, sizeof(*peers), compare);
		code = teach_peers(service, peers, count);
	}
	if (service_note(service, code)) {
		sync->wanted |= 1u << TICKET_PEERS;
		base_release(&service->allocator, peers);
		return;
	}
	base_release(&service->allocator, sync->peers);
	sync->peers = peers;
	sync->peer_count = count;
	sync->peers_read = service->now.mono;
	state_strangers(service);
}

/* ---- registrations ---- */

void table_drop_registrations(struct wtel_service *service, struct sync_registration *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		base_release(&service->allocator, list[i].client_uri);
		base_release(&service->allocator, list[i].server_uri);
		base_release(&service->allocator, list[i].name);
		base_release(&service->allocator, list[i].endpoint);
	}
	base_release(&service->allocator, list);
}

void table_free(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	free_trunks(&service->allocator, sync->trunks, sync->trunk_count);
	base_release(&service->allocator, sync->peers);
	realtime_free(service);
	table_drop_registrations(service, sync->registrations, sync->registration_count);
	table_drop_registrations(service, sync->incoming, sync->incoming_count);
}
