/*
 * What an Asterisk that reads the database has to be told, with no more than the class `reporting` (res/
 * res_pjsip_outbound_registration.c): a registration begins when it is listed, so the round after a change in `trunks`
 * begins it; one whose row is gone goes on until PJSIPUnregister, and one that we ended so and that is back is listed
 * but does not begin before PJSIPRegister. And what no event tells of a phone: its user agent (Getvar).
 */
#include "service/service.h"

#include <stdio.h>

enum { ENDED_MAX = 4096, ASK_TIMEOUT = 5000000 };

static bool is_listed(const struct sync_registration *list, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

/* ---- registrations ---- */

static struct sync_ended *find_ended(const struct sync *sync, const char *name)
{
	size_t i;

	for (i = 0; i < sync->ended_count; i++)
		if (strcmp(sync->ended[i].name, name) == 0)
			return &sync->ended[i];
	return NULL;
}

static void note_ended(struct wtel_service *service, const char *name)
{
	struct sync *sync = &service->sync;
	struct sync_ended *list, *found = find_ended(sync, name);

	if (found) {
		found->wanted = SYNC_END;
		return;
	}
	if (sync->ended_count >= ENDED_MAX)
		return;
	list = base_reallocate(&service->allocator, sync->ended, (sync->ended_count + 1) * sizeof(*list));
	if (!list)
		return;
	sync->ended = list;
	list[sync->ended_count].name = base_copy_string(&service->allocator, name);
	list[sync->ended_count].wanted = SYNC_END;
	if (list[sync->ended_count].name)
		sync->ended_count++;
}

void realtime_listed(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	size_t i;

	/* What another Asterisk had, or this one before it was gone, says nothing. */
	for (i = 0; sync->listed && i < sync->registration_count; i++)
		if (!is_listed(sync->incoming, sync->incoming_count, sync->registrations[i].name))
			note_ended(service, sync->registrations[i].name);
	for (i = 0; i < sync->ended_count; i++)
		if (is_listed(sync->incoming, sync->incoming_count, sync->ended[i].name))
			sync->ended[i].wanted = SYNC_BEGIN;
	sync->listed = true;
}

static int tell_registration(struct wtel_service *service, const char *name, const char *action_name)
{
	struct wtel_ami_action *action;
	int code = wtel_ami_action_new(&action, action_name, &service->allocator);

	if (code)
		return code;
	code = wtel_ami_action_add(action, "Registration", wtel_slice_of(name), NULL);
	if (!code)
		code = wtel_service_action(service, action, ASK_TIMEOUT, NULL, NULL, NULL);
	wtel_ami_action_free(action);
	return code;
}

static void drop_ended(struct wtel_service *service, struct sync_ended *ended)
{
	struct sync *sync = &service->sync;

	base_release(&service->allocator, ended->name);
	*ended = sync->ended[--sync->ended_count];
}

static bool step_registrations(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	size_t i;

	for (i = 0; i < sync->ended_count; i++) {
		struct sync_ended *ended = &sync->ended[i];
		bool begins = ended->wanted == SYNC_BEGIN;

		if (ended->wanted == SYNC_REST)
			continue;
		if (service_note(service,
				 tell_registration(service, ended->name, begins ? "PJSIPRegister" : "PJSIPUnregister")))
			return false;
		service_log(service, WTEL_LOG_INFO, "registration %s %s", ended->name, begins ? "begins" : "ends");
		ended->wanted = SYNC_REST;
		if (begins)
			drop_ended(service, ended);
		i -= begins;
	}
	return true;
}

/* ---- user agents ---- */

/* The phone that was asked for, if it is still there. */
struct question {
	struct wtel_service *service;
	char extension[24];
	bool contact; /* of a contact; else of an address of record */
};

static void ask(struct wtel_service *service, struct sync_peer *peer, bool contact, struct wtel_slice name)
{
	size_t i;

	for (i = 0; i < name.length; i++)
		if (strchr("(),\r\n${}\"", name.data[i]))
			return;
	if (!name.length || name.length > sizeof(peer->ask) - 32)
		return;
	snprintf(peer->ask, sizeof(peer->ask), contact ? "PJSIP_CONTACT(%.*s,user_agent)" : "PJSIP_AOR(%.*s,contact)",
		 (int)name.length, name.data);
	peer->asks_contact = contact;
	service->sync.asks = true;
}

void realtime_registered(struct wtel_service *service, struct sync_peer *peer, struct wtel_slice aor)
{
	ask(service, peer, false, aor);
}

static void keep_agent(struct wtel_service *service, struct sync_peer *peer, struct wtel_slice value)
{
	size_t length = value.length < sizeof(peer->agent) ? value.length : sizeof(peer->agent) - 1;

	while (length && !base_slice_utf8((struct wtel_slice){value.data, length}))
		length--;
	if (strlen(peer->agent) == length && memcmp(peer->agent, value.data, length) == 0)
		return;
	memcpy(peer->agent, value.data, length);
	peer->agent[length] = '\0';
	peer->dirty = service->sync.dirty = true;
}

static void answered(int code, const struct wtel_ami_message *message, void *user)
{
	struct question question = *(struct question *)user;
	struct wtel_service *service = question.service;
	struct wtel_slice value = {NULL, 0};
	struct sync_peer *peer;

	base_release(&service->allocator, user);
	if (code || !message)
		return;
	value = wtel_ami_message_get(message, "Value");
	peer = table_peer(service, wtel_slice_of(question.extension));
	if (!peer || !value.length || base_slice_unsafe(value) != value.length)
		return;
	if (question.contact) {
		keep_agent(service, peer, value);
		return;
	}
	/* Contacts by commas, each "aor;@hash"; with max_contacts = 1 it is one. */
	while (value.length && memchr(value.data, ',', value.length))
		value.length--;
	ask(service, peer, true, value);
}

static int send_question(struct wtel_service *service, const struct sync_peer *peer)
{
	struct question *question = base_allocate_zero(&service->allocator, sizeof(*question));
	struct wtel_ami_action *action = NULL;
	int code = question ? wtel_ami_action_new(&action, "Getvar", &service->allocator) : WTEL_ENOMEM;

	if (!code)
		code = wtel_ami_action_add(action, "Variable", wtel_slice_of(peer->ask), NULL);
	if (!code) {
		question->service = service;
		question->contact = peer->asks_contact;
		snprintf(question->extension, sizeof(question->extension), "%s", peer->extension);
		code = wtel_service_action(service, action, ASK_TIMEOUT, NULL, answered, question);
	}
	wtel_ami_action_free(action);
	if (code)
		base_release(&service->allocator, question);
	return code;
}

static void step_peers(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	size_t i;

	sync->asks = false;
	for (i = 0; i < sync->peer_count; i++) {
		struct sync_peer *peer = &sync->peers[i];

		if (!peer->ask[0])
			continue;
		if (service_note(service, send_question(service, peer)) == WTEL_ENOMEM) {
			sync->asks = true;
			return;
		}
		peer->ask[0] = '\0';
	}
}

void realtime_step(struct wtel_service *service)
{
	if (step_registrations(service) && service->sync.asks)
		step_peers(service);
}

void realtime_free(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	while (sync->ended_count)
		drop_ended(service, &sync->ended[0]);
	base_release(&service->allocator, sync->ended);
	sync->ended = NULL;
}
