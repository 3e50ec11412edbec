#include "service/service.h"

#include <stdio.h>

enum {
	STORE_PATIENCE = 5000000, /* a slow database does not hold up the channels for longer */
	LOADS = 5000000,	  /* after trunks were read whose calls were just ending */
	REFRESH = 30000000,	  /* other processes add trunks and accounts, and die */
	SPACING = 2000000,	  /* between the beginnings of two rounds */
	GRACE = 5000000,	  /* a call that was just asked for may have no channel yet */
	LIST_TIMEOUT = 10000000,
	LIST_RETRY = 100000,
	MISSING = 2000000, /* Hangups that are behind the list of channels */
	REPEATS = 3	   /* of a list that may not be whole: who forges must not hold up a round for ever */
};

enum { LIST_REGISTRATIONS = 1, LIST_CONTACTS = 2, LIST_CHANNELS = 4 };

struct sync_request {
	struct service_request base;
	unsigned list;
};

#define TABLES	    (1u << TICKET_TRUNKS | 1u << TICKET_CAMPAIGNS)
#define ALL_TICKETS (TABLES | 1u << TICKET_PEERS | 1u << TICKET_ADOPT)

/* ---- lists of Asterisk ---- */

static int on_item(struct wtel_service *service, struct service_request *base, const struct wtel_ami_notice *notice)
{
	struct sync_request *request = (struct sync_request *)base;

	if (service->sync.stage != SYNC_LISTS)
		return 0;
	if (request->list == LIST_CHANNELS)
		return notice->event.type == WTEL_AMI_CORE_SHOW_CHANNEL
			       ? wtel_tracker_feed(service->tracker, &notice->event, service->now.wall)
			       : 0;
	if (request->list == LIST_REGISTRATIONS)
		return state_registration_item(service, notice->message);
	state_contact_item(service, notice->message);
	return 0;
}

/* A call that was asked for and has no channel yet is looked at once more when its grace is over. */
static void look_again(struct wtel_service *service)
{
	const struct wtel_call *call;
	size_t position = 0;

	while ((call = wtel_tracker_walk(service->tracker, &position)) != NULL) {
		if (call->leg_count || originate_owns(service, call->call_id))
			continue;
		sync_request_again(service, GRACE + 500000);
		return;
	}
}

static int channels_done(struct wtel_service *service)
{
	/* Only of our own calls can one be on its way: those of a dead process are where they are, or gone. */
	bool fresh = service->expected_at && service->now.mono - service->expected_at < GRACE;
	int code = wtel_tracker_resync_end(service->tracker, service->now.wall, fresh ? GRACE : 0);

	if (code == WTEL_ENOMEM)
		return code;
	service->sync.resyncing = false;
	originate_resynced(service);
	look_again(service);
	return 0;
}

void sync_doubt(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	sync->doubted = sync->stage == SYNC_LISTS && sync->lists & LIST_CHANNELS;
}

/* A call that the list does not name would be ended, and its item may have been dropped: the list is asked for anew. */
static bool channels_repeated(struct sync *sync)
{
	if (!sync->doubted || sync->repeats >= REPEATS)
		return false;
	sync->repeats++;
	sync->missing_at = 0;
	sync->lists &= ~(unsigned)LIST_CHANNELS;
	sync->lists_wanted |= LIST_CHANNELS;
	return true;
}

/* The list is complete. What it does not name may be about to say its end: that is waited for. */
static int channels_listed(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	int code = 0;

	if (channels_repeated(sync))
		return 0;
	if (wtel_tracker_resync_missing(service->tracker)) {
		sync->missing_at = service->now.mono + MISSING;
		return 0;
	}
	code = channels_done(service);
	if (!code)
		sync->lists &= ~(unsigned)LIST_CHANNELS;
	return code;
}

static void channels_missing(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	if (!sync->missing_at || channels_repeated(sync) ||
	    (service->now.mono < sync->missing_at && wtel_tracker_resync_missing(service->tracker)))
		return;
	if (service_note(service, channels_done(service)))
		return;
	sync->missing_at = 0;
	sync->lists &= ~(unsigned)LIST_CHANNELS;
}

static const char *list_name(unsigned list)
{
	return list == LIST_CHANNELS ? "channels" : list == LIST_CONTACTS ? "contacts" : "registrations";
}

static int on_done(struct wtel_service *service, struct service_request *base, const struct wtel_ami_notice *notice)
{
	struct sync_request *request = (struct sync_request *)base;
	struct wtel_slice text = wtel_slice_of(notice->text);
	int code = notice->code;

	if (service->sync.stage != SYNC_LISTS || code == WTEL_ECLOSED) {
		service->sync.lists &= ~request->list;
		return 0;
	}
	/* Asterisk calls an empty list of contacts an error (res/res_pjsip/pjsip_options.c). */
	if (code == WTEL_EREFUSED && request->list == LIST_CONTACTS &&
	    base_slice_starts(text, BASE_SLICE("No Contacts")))
		code = 0;
	if (code || request->list != LIST_CHANNELS)
		service->sync.lists &= ~request->list;
	else if (channels_listed(service))
		return WTEL_ENOMEM;
	service->sync.booted = true;
	/* A user without the class `system` may not see them; what changes is told by events all the same. */
	if (code)
		service_log(service,
			    code == WTEL_EPERMISSION && request->list == LIST_CONTACTS ? WTEL_LOG_DEBUG
										       : WTEL_LOG_WARNING,
			    "Asterisk does not list its %s: %s", list_name(request->list),
			    notice->text && *notice->text ? notice->text : wtel_error_text(code));
	else if (request->list == LIST_REGISTRATIONS)
		state_registrations_done(service);
	else if (request->list == LIST_CONTACTS)
		state_contacts_done(service);
	if (code && request->list == LIST_REGISTRATIONS)
		state_registrations_drop(service);
	return 0;
}

static int send_list(struct wtel_service *service, struct sync_request *request, const char *name)
{
	struct wtel_ami_action *action;
	int code = wtel_ami_action_new(&action, name, &service->allocator);

	if (code)
		return code;
	code = request_send(service, &request->base, action, LIST_TIMEOUT);
	wtel_ami_action_free(action);
	if (code)
		return code;
	service->sync.lists |= request->list;
	service->sync.lists_wanted &= ~request->list;
	return 0;
}

static void send_lists(struct wtel_service *service)
{
	static const char *const names[] = {"PJSIPShowRegistrationsOutbound", "PJSIPShowContacts", "CoreShowChannels"};
	struct sync *sync = &service->sync;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (!(sync->lists_wanted & 1u << i))
			continue;
		if (service_note(service, send_list(service, &sync->requests[i], names[i])))
			return;
		if (1u << i == LIST_CHANNELS) {
			wtel_tracker_resync_begin(service->tracker);
			sync->resyncing = true;
			sync->doubted = false;
		}
	}
}

void sync_vouch(struct wtel_service *service, const char *channel)
{
	const struct wtel_call *call = NULL;
	struct wtel_ami_event event;
	char name[160], unique_id[160], linked_id[160];
	size_t i;

	if (service->sync.resyncing && *channel)
		call = wtel_tracker_find(service->tracker, channel);
	for (i = 0; call && i < call->leg_count; i++) {
		const struct wtel_leg *leg = &call->legs[i];

		if (strcmp(leg->channel, channel) != 0)
			continue;
		memset(&event, 0, sizeof(event));
		snprintf(name, sizeof(name), "%s", leg->channel);
		snprintf(unique_id, sizeof(unique_id), "%s", leg->unique_id);
		snprintf(linked_id, sizeof(linked_id), "%s", call->call_id);
		event.type = WTEL_AMI_CORE_SHOW_CHANNEL;
		event.channel.name = wtel_slice_of(name);
		event.channel.state = (int)leg->state;
		event.channel.unique_id = wtel_slice_of(unique_id);
		event.channel.linked_id = wtel_slice_of(linked_id);
		event.channel.priority = event.other.priority = event.other.state = -1;
		event.reason = event.bridge_channels = -1;
		event.round_trip = event.hold_time = event.talk_time = -1;
		(void)service_note(service, wtel_tracker_feed(service->tracker, &event, service->now.wall));
		return;
	}
}

/* ---- questions to the store ---- */

/* A call that ended here counts in the store until its end is written. */
static void note_loads(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	if (sync->loads_stale && sync->loads_at == INT64_MAX)
		sync->loads_at = service->now.mono + LOADS;
}

static void on_trunks(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct service_ticket *ticket = user;

	if (ticket->service)
		sync_trunks(ticket->service, code, detail, list);
	if (ticket->service && !code)
		note_loads(ticket->service);
	ticket_free(ticket);
}

static void on_peers(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	struct service_ticket *ticket = user;

	if (ticket->service)
		sync_peers(ticket->service, code, detail, list);
	ticket_free(ticket);
}

static void on_adopted(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	struct service_ticket *ticket = user;

	if (ticket->service)
		sync_adopted(ticket->service, code, detail, list);
	ticket_free(ticket);
}

static void on_campaigns(int code, const struct wtel_detail *detail, const struct wtel_campaign_list *list, void *user)
{
	struct service_ticket *ticket = user;

	if (ticket->service)
		routing_campaigns(ticket->service, code, detail, list);
	ticket_free(ticket);
}

static void on_attempts(int code, const struct wtel_detail *detail, const struct store_attempt *attempts, size_t count,
			void *user)
{
	struct service_ticket *ticket = user;

	(void)detail;
	if (ticket->service)
		routing_attempts(ticket->service, code, attempts, count);
	ticket_free(ticket);
}

static int ask(struct wtel_service *service, enum ticket_kind kind)
{
	struct service_ticket *ticket;
	int code = ticket_new(&ticket, service, kind);

	if (code)
		return code;
	if (kind == TICKET_TRUNKS)
		service->sync.loads_stale = store_queued(service->store) > 0;
	if (kind == TICKET_TRUNKS)
		code = store_trunks(service->store, on_trunks, ticket);
	else if (kind == TICKET_CAMPAIGNS)
		code = store_campaigns(service->store, on_campaigns, ticket);
	else if (kind == TICKET_ATTEMPTS)
		code = store_attempts(service->store, WTEL_HEALTH_WINDOW, on_attempts, ticket);
	else if (kind == TICKET_PEERS)
		code = store_peers(service->store, on_peers, ticket);
	else
		code = store_adopt(service->store, on_adopted, ticket);
	if (code) {
		ticket_free(ticket);
		return code;
	}
	service->sync.asked |= 1u << kind;
	return 0;
}

static void ask_all(struct wtel_service *service)
{
	static const enum ticket_kind kinds[] = {TICKET_TRUNKS, TICKET_CAMPAIGNS, TICKET_PEERS, TICKET_ADOPT,
						 TICKET_ATTEMPTS};
	struct sync *sync = &service->sync;
	unsigned i;

	if (service->router && !service->primed)
		sync->wanted |= 1u << TICKET_ATTEMPTS;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned bit = 1u << kinds[i];

		if (!(sync->wanted & bit) || sync->asked & bit || (kinds[i] == TICKET_CAMPAIGNS && !service->router))
			continue;
		if (service_note(service, ask(service, kinds[i])) != WTEL_ENOMEM)
			sync->wanted &= ~bit;
	}
}

/* Somebody changed trunks, campaigns or assignments. */
static void on_changed(void *user)
{
	sync_tables(user);
}

void sync_tables(struct wtel_service *service)
{
	service->sync.wanted |= TABLES;
}

bool sync_reads_tables(const struct wtel_service *service)
{
	return (service->sync.wanted | service->sync.asked) & TABLES;
}

/*
 * Calls that a dead process left open are ours now: expected by the tracker, they are either found among the channels
 * or closed as vanished. Nobody else will take them from a live owner, so lack of memory is tried against at once.
 */
void sync_adopted(struct wtel_service *service, int code, const struct wtel_detail *detail,
		  const struct wtel_call_list *list)
{
	size_t i, taken = 0;
	unsigned attempt;

	service->sync.asked &= ~(1u << TICKET_ADOPT);
	if (service_note(service, code) == WTEL_ENOMEM) {
		service->sync.wanted |= 1u << TICKET_ADOPT;
		return;
	}
	if (code) {
		service_log(service, WTEL_LOG_WARNING, "unfinished calls cannot be taken over: %s",
			    detail && detail->text[0] ? detail->text : wtel_error_text(code));
		return;
	}
	for (i = 0; list && i < list->count; i++) {
		code = WTEL_ENOMEM;
		for (attempt = 0; attempt < 3 && code == WTEL_ENOMEM; attempt++)
			code = wtel_tracker_expect(service->tracker, &list->calls[i]);
		if (code && code != WTEL_EEXISTS)
			(void)service_note(service,
					   originate_close_row(service->store, &list->calls[i], service->now.wall,
							       "left open by a process that ended"));
		else
			taken++;
	}
	if (!taken)
		return;
	service_log(service, WTEL_LOG_INFO, "%zu unfinished calls taken over from a process that ended", taken);
	if (service->sync.stage != SYNC_STORE)
		sync_request_again(service, 0);
}

/* ---- rounds ---- */

int sync_init(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	unsigned i;

	sync->again_at = sync->loads_at = sync->strangers_at = INT64_MAX;
	sync->requests = base_allocate_zero(&service->allocator, 3 * sizeof(*sync->requests));
	if (!sync->requests)
		return WTEL_ENOMEM;
	for (i = 0; i < 3; i++) {
		sync->requests[i].base.item = on_item;
		sync->requests[i].base.done = on_done;
		sync->requests[i].list = 1u << i;
	}
	return 0;
}

void sync_free(struct wtel_service *service)
{
	table_free(service);
	base_release(&service->allocator, service->sync.requests);
}

static void begin(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	sync->stage = SYNC_STORE;
	sync->wanted = service->store ? ALL_TICKETS : 0;
	sync->last = service->now.mono;
	sync->deadline = sync->last + STORE_PATIENCE;
	sync->refresh_at = sync->last + REFRESH;
	sync->again_at = INT64_MAX;
	if (service->store && !sync->watched)
		store_watch(service->store, on_changed, service);
	sync->watched = service->store != NULL;
}

void sync_start(struct wtel_service *service)
{
	service->sync.booted = service->sync.synchronised = false;
	begin(service);
}

void sync_stop(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	sync->stage = SYNC_OFF;
	sync->synchronised = sync->resyncing = sync->listed = false;
	sync->wanted = sync->lists_wanted = 0;
	sync->again_at = sync->strangers_at = INT64_MAX;
	sync->stranger_count = 0;
	/* The list was answered: nothing more will come to take its mark away. */
	if (sync->missing_at)
		sync->lists &= ~(unsigned)LIST_CHANNELS;
	sync->missing_at = 0;
	state_registrations_drop(service);
}

void sync_request_again(struct wtel_service *service, int64_t delay)
{
	struct sync *sync = &service->sync;
	int64_t at = service->now.mono + delay;

	if (at < sync->last + SPACING)
		at = sync->last + SPACING;
	if (at < sync->again_at)
		sync->again_at = at;
}

static void begin_lists(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	sync->stage = SYNC_LISTS;
	sync->lists_wanted = LIST_CHANNELS;
	sync->repeats = 0;
	if (sync->trunk_count)
		sync->lists_wanted |= LIST_REGISTRATIONS;
	if (sync->peer_count)
		sync->lists_wanted |= LIST_CONTACTS;
	state_registrations_drop(service);
}

static void finish(struct wtel_service *service)
{
	struct sync *sync = &service->sync;
	struct wtel_tracker_counters counters;

	sync->stage = SYNC_DONE;
	if (sync->synchronised)
		return;
	sync->synchronised = true;
	wtel_tracker_counters(service->tracker, &counters);
	service_log(service, WTEL_LOG_INFO, "synchronised: %zu calls, %zu trunks, %zu accounts", counters.active,
		    sync->trunk_count, sync->peer_count);
}

void sync_step(struct wtel_service *service)
{
	struct sync *sync = &service->sync;

	if (!service->ready || service->down_code)
		return;
	if (service->store && service->now.mono >= sync->refresh_at) {
		sync->wanted |= ALL_TICKETS;
		sync->refresh_at = service->now.mono + REFRESH;
	}
	if (service->now.mono >= sync->loads_at) {
		sync->wanted |= 1u << TICKET_TRUNKS;
		sync->loads_at = INT64_MAX;
	}
	if (service->store && service->now.mono >= sync->strangers_at) {
		sync->wanted |= 1u << TICKET_PEERS;
		sync->strangers_at = INT64_MAX;
	}
	ask_all(service);
	realtime_step(service);
	if (sync->stage == SYNC_DONE && service->now.mono >= sync->again_at) {
		begin(service);
		ask_all(service);
	}
	if (sync->stage == SYNC_STORE && (!(sync->wanted | sync->asked) || service->now.mono >= sync->deadline))
		begin_lists(service);
	if (sync->stage == SYNC_LISTS) {
		send_lists(service);
		channels_missing(service);
		if (!(sync->lists_wanted | sync->lists))
			finish(service);
	}
}

int64_t sync_deadline(const struct wtel_service *service)
{
	const struct sync *sync = &service->sync;
	int64_t deadline = INT64_MAX;

	if (!service->ready)
		return deadline;
	if (sync->stage == SYNC_STORE)
		deadline = sync->deadline;
	else if (sync->stage == SYNC_LISTS && sync->lists_wanted)
		deadline = service->now.mono + LIST_RETRY;
	else if (sync->stage == SYNC_LISTS && !sync->lists)
		deadline = 0;
	else if (sync->stage == SYNC_LISTS && sync->missing_at)
		deadline = sync->missing_at;
	else if (sync->stage == SYNC_DONE)
		deadline = sync->again_at;
	/* The store's answers wake the loop by themselves, but the step after them is ours. */
	if (sync->stage == SYNC_STORE && !(sync->wanted | sync->asked))
		deadline = 0;
	if (sync->wanted & ~sync->asked)
		deadline = 0;
	if (service->store && sync->refresh_at < deadline)
		deadline = sync->refresh_at;
	if (sync->loads_at < deadline)
		deadline = sync->loads_at;
	if (service->store && sync->strangers_at < deadline)
		deadline = sync->strangers_at;
	return deadline;
}
