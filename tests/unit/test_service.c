/* The service against the simulated Asterisk: calls, trunks, observers, callbacks. */
#include "service_world.h"

Test(service, connects_synchronises_and_says_so)
{
	struct world world;
	struct wtel_service_stats stats;

	world_open(&world);
	stats = world_stats(&world);
	cr_assert_not(stats.connected);
	cr_assert_str_eq(stats.host, "");
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	stats = world_stats(&world);
	cr_assert(stats.connected);
	cr_assert_eq(strncmp(stats.host, "127.0.0.1:", 10), 0);
	cr_assert(stats.version[0]);
	cr_assert_eq(stats.reconnects, 0);
	cr_assert_eq(strncmp(world.notices, "ami:connected 127.0.0.1:", 24), 0, "%s", world.notices);
	cr_assert(strstr(world.notices, "trunk:registry Carrier A Registered"), "%s", world.notices);
	cr_assert_null(strstr(world.log, WORLD_SECRET));
	world_close(&world);
}

Test(service, an_answered_call_leaves_one_row)
{
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0, "%s",
		     wtel_service_error(world.service)->text);
	cr_assert_eq(strncmp(call_id, "WLCM-", 5), 0);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	cr_assert_str_eq(world.done_call, call_id);
	cr_assert_str_eq(world.done_trunk, "Carrier A");
	/* Where the process stood still for longer than the call lasts, it is over in one turn. */
	cr_assert(wtel_service_call(world.service, call_id) || strstr(world.notices, "call:hangup"));
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));
	cr_assert(world_stats(&world).calls_in_progress == 1 || strstr(world.notices, "call:hangup"));
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	cr_assert(strstr(world.notices, "call:new"), "%s", world.notices);
	cr_assert(strstr(world.notices, "call:ringing"), "%s", world.notices);
	list = world_row(&world, call_id);
	cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(list->calls[0].trunk_id, world.trunk);
	cr_assert(list->calls[0].end > list->calls[0].answer && list->calls[0].answer > list->calls[0].start);
	cr_assert_not(list->calls[0].estimated);
	cr_assert_eq(list->calls[0].leg_count, 2);
	wtel_call_list_free(list);
	cr_assert_eq(world_rows(&world, false), 1);
	cr_assert_eq(world_stats(&world).active_calls, 0);
	cr_assert_eq(world.done, 1);
	world_close(&world);
}

Test(service, an_originate_asked_for_too_early_waits_for_registrations)
{
	struct world world;

	world_open(&world);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), WTEL_ECONNECT);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	cr_assert_not(world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	world_close(&world);
}

Test(service, no_trunk_says_why_and_leaves_no_row)
{
	static const char *const none[] = {"carrier-a=Rejected", NULL};
	struct world world;

	world_prepare(&world);
	world.sim_options.registrations = none;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, WTEL_ENOTRUNK);
	cr_assert_eq(strncmp(world.done_text, "No trunks available", 19), 0, "%s", world.done_text);
	cr_assert(strstr(world.done_text, "Carrier A not registered"), "%s", world.done_text);
	cr_assert(strstr(world.log, "No trunks available"), "%s", world.log);
	cr_assert_eq(world_rows(&world, false), 0);
	cr_assert_eq(wtel_sim_channels(world.sim), 0);
	world_close(&world);
}

Test(service, a_trunk_is_used_once_asterisk_registered_it)
{
	static const char *const none[] = {"carrier-a=Unregistered", NULL};
	struct world world;

	world_prepare(&world);
	world.sim_options.registrations = none;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(wtel_sim_registry(world.sim, "carrier-a", "Registered", wtel_time_now()), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:registry Carrier A Registered"));
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	cr_assert_eq(wtel_sim_registry(world.sim, "carrier-a", "Rejected", wtel_time_now()), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:registry Carrier A Rejected"));
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, world.done == 2);
	cr_assert_eq(world.done_code, WTEL_ENOTRUNK);
	world_close(&world);
}

Test(service, asterisk_refuses_and_the_row_is_closed)
{
	static const char *const endpoints[] = {"1001", "carrier-a", NULL};
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];
	struct wtel_originate request = WTEL_ORIGINATE_INIT;

	/* No such context: Asterisk says so at once. */
	world_prepare(&world);
	world.sim_options.endpoints = endpoints;
	world.options.tracker.outbound_context = "no-such-context";
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	request.extension = "1001";
	request.number = "5550001";
	cr_assert_eq(wtel_service_originate(world.service, call_id, &request, world_originated, &world), 0);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, WTEL_EREFUSED, "%d %s", world.done_code, world.done_text);
	cr_assert(world.done_text[0]);
	list = world_row(&world, call_id);
	cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_FAILED);
	cr_assert_neq(list->calls[0].end, 0);
	wtel_call_list_free(list);
	cr_assert_eq(world_rows(&world, true), 0);
	world_close(&world);
}

Test(service, hangup_by_call_id_ends_every_channel_and_is_a_cancel)
{
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];

	world_prepare(&world);
	world.sim_options.ring = 60000000;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, call_id, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:ringing"));
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), 0);
	WORLD_UNTIL(&world, world.done == 2);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup CANCELLED"));
	cr_assert_eq(wtel_sim_channels(world.sim), 0);
	list = world_row(&world, call_id);
	cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_CANCELLED);
	wtel_call_list_free(list);
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), WTEL_ENOTFOUND);
	world_close(&world);
}

Test(service, hangup_before_the_call_was_dialled)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, call_id, "1001", "5550001"), 0);
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), 0);
	WORLD_UNTIL(&world, world.done == 2);
	world_run(&world, 100);
	cr_assert_eq(world_rows(&world, true), 0);
	cr_assert_eq(wtel_sim_channels(world.sim), 0);
	world_close(&world);
}

Test(service, hangup_of_a_channel)
{
	struct world world;
	char channel[128] = "";
	const struct wtel_call *call;

	world_prepare(&world);
	world.sim_options.talk = 60000000;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));
	call = wtel_service_call(world.service, world.done_call);
	cr_assert_not_null(call);
	snprintf(channel, sizeof(channel), "%s", call->legs[0].channel);
	cr_assert_eq(wtel_service_hangup(world.service, channel, world_done, &world), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup ANSWERED"));
	WORLD_UNTIL(&world, world.done == 2);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	cr_assert_eq(wtel_service_hangup(world.service, channel, world_done, &world), 0);
	WORLD_UNTIL(&world, world.done == 3);
	cr_assert_eq(world.done_code, WTEL_ENOTFOUND, "%d", world.done_code);
	world_close(&world);
}

/* ---- what is in the stream is not to be trusted ---- */

Test(service, a_forged_message_changes_nothing_and_is_told)
{
	static const char forged[] = "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/carrier-a-0000ffff\r\n"
				     "ChannelState: 0\r\nChannelStateDesc: Down\r\nCallerIDNum: 555\r\n\r\n"
				     "Event: Registry\r\nChannelType: PJSIP\r\nUsername: sip:carrier-a\r\nStatus: "
				     "Rejected\r\n\r\n";
	struct world world;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(wtel_sim_inject(world.sim, (struct wtel_slice){forged, sizeof(forged) - 1}), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "security"));
	world_run(&world, 50);
	cr_assert_null(strstr(world.notices, "Rejected"), "%s", world.notices);
	cr_assert(strstr(world.log, "security"));
	cr_assert_eq(world_stats(&world).active_calls, 0);
	world_close(&world);
}

/* ---- accounts ---- */

Test(service, phones_that_come_and_go_are_told)
{
	static const char status[] = "Event: PeerStatus\r\nPrivilege: system,all\r\nChannelType: PJSIP\r\n"
				     "Peer: PJSIP/1001\r\nPeerStatus: Reachable\r\n\r\n"
				     "Event: ContactStatus\r\nPrivilege: system,all\r\n"
				     "URI: sip:1001@192.0.2.7:5060\r\nContactStatus: Removed\r\nAOR: 1001\r\n"
				     "EndpointName: 1001\r\n\r\n"
				     "Event: PeerStatus\r\nPrivilege: system,all\r\nChannelType: PJSIP\r\n"
				     "Peer: PJSIP/carrier-a\r\nPeerStatus: Reachable\r\n\r\n";
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_peer_list *list;
	struct world world;

	world_prepare(&world);
	cr_assert_eq(
		wtel_store_peer_create(world.store, &list, secret, 5, wtel_slice_of("Ada"), wtel_slice_of("Byron")), 0);
	cr_assert_str_eq(list->peers[0].extension, "1001");
	wtel_peer_list_free(list);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(wtel_sim_inject(world.sim, wtel_slice_of(status)), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "peer:status 1001 Removed"));
	cr_assert(strstr(world.notices, "peer:status 1001 Reachable"));
	cr_assert_null(strstr(world.notices, "peer:status carrier-a"));
	world_run(&world, 50);
	cr_assert_eq(wtel_store_peers(world.store, &list), 0);
	cr_assert_not(list->peers[0].registered);
	cr_assert_str_eq(list->peers[0].ip_address, "192.0.2.7");
	wtel_peer_list_free(list);
	world_close(&world);
}

/* ---- actions of the program ---- */

struct listing {
	unsigned items;
	unsigned done;
	int code;
	struct world *world;
};

static void on_list_item(int code, const struct wtel_ami_message *message, void *user)
{
	struct listing *listing = user;

	cr_assert_eq(code, 0);
	/* The list mixes in AuthDetail. */
	if (strncmp(message->head.data, "OutboundRegistrationDetail", message->head.length) != 0)
		return;
	cr_assert(wtel_ami_message_get(message, "ObjectName").length);
	cr_assert_eq(wtel_service_dispatch(listing->world->service), WTEL_EBUSY);
	cr_assert_eq(wtel_service_wait(listing->world->service, 0), WTEL_EBUSY);
	listing->items++;
}

static void on_list_done(int code, const struct wtel_ami_message *message, void *user)
{
	struct listing *listing = user;

	(void)message;
	listing->code = code;
	listing->done++;
}

Test(service, an_action_of_the_program_and_dispatch_inside_it)
{
	struct listing listing = {0, 0, 1, NULL};
	struct wtel_ami_action *action;
	struct world world;

	world_open(&world);
	listing.world = &world;
	cr_assert_eq(wtel_ami_action_new(&action, "PJSIPShowRegistrationsOutbound", NULL), 0);
	cr_assert_eq(wtel_service_action(world.service, action, 0, on_list_item, on_list_done, &listing),
		     WTEL_ECONNECT);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(wtel_service_action(world.service, action, 0, on_list_item, on_list_done, &listing), 0);
	wtel_ami_action_free(action);
	WORLD_UNTIL(&world, listing.done);
	cr_assert_eq(listing.code, 0);
	cr_assert_eq(listing.items, 1);
	/* One still under way when the service goes is answered too. */
	cr_assert_eq(wtel_ami_action_new(&action, "CoreShowChannels", NULL), 0);
	cr_assert_eq(wtel_service_action(world.service, action, 0, NULL, on_list_done, &listing), 0);
	wtel_ami_action_free(action);
	world_close(&world);
	cr_assert_eq(listing.done, 2);
	cr_assert_eq(listing.code, WTEL_ECLOSED);
}

/* ---- observers ---- */

Test(service, a_full_observer_loses_its_oldest_and_nobody_elses)
{
	struct wtel_observer *small;
	struct wtel_notice notice;
	struct world world;
	uint64_t lost;
	unsigned left = 0;

	world_open(&world);
	cr_assert_eq(wtel_observer_new(&small, world.service, 2, NULL, NULL), 0);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	cr_assert_eq(wtel_observer_next(small, &notice), 1);
	cr_assert_eq(notice.type, WTEL_NOTICE_OVERFLOW);
	lost = notice.lost;
	cr_assert(lost >= 3, "%u", (unsigned)lost);
	for (; wtel_observer_next(small, &notice) == 1; left++)
		cr_assert_neq(notice.type, WTEL_NOTICE_OVERFLOW);
	cr_assert_eq(left, 2);
	cr_assert(strstr(world.notices, "call:new"), "the other one has all");
	cr_assert_null(strstr(world.notices, "overflow"));
	wtel_observer_free(small);
	world_close(&world);
}

Test(service, observers_outlive_the_service)
{
	struct wtel_notice notice;
	struct world world;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	while (!world.done)
		(void)world_turn(&world, 10);
	wtel_service_free(world.service);
	world.service = NULL;
	while (wtel_observer_next(world.observer, &notice) == 1)
		cr_assert(notice.name && notice.status && notice.text);
	world_close(&world);
}

struct killer {
	struct world *world;
	struct wtel_observer *observer;
	unsigned calls;
	bool service;
};

static void on_ready_free(struct wtel_observer *observer, void *user)
{
	struct killer *killer = user;

	killer->calls++;
	cr_assert_eq(observer, killer->observer);
	cr_assert_eq(wtel_service_dispatch(killer->world->service), WTEL_EBUSY);
	wtel_observer_free(observer);
	if (killer->service) {
		wtel_service_free(killer->world->service);
		killer->world->service = NULL;
	}
}

Test(service, free_inside_callbacks)
{
	struct killer killer = {NULL, NULL, 0, false};
	struct world world;

	killer.world = &world;
	world_open(&world);
	cr_assert_eq(wtel_observer_new(&killer.observer, world.service, 0, on_ready_free, &killer), 0);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(killer.calls, 1);
	/* The next one takes the service with it; what waits is told. */
	killer.service = true;
	cr_assert_eq(wtel_observer_new(&killer.observer, world.service, 0, on_ready_free, &killer), 0);
	cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, killer.calls == 2);
	cr_assert_null(world.service);
	cr_assert_eq(world.done, 1);
	world_close(&world);
}

static void on_originated_free(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
			       void *user)
{
	struct world *world = user;

	world_originated(code, text, call, trunk, user);
	wtel_service_free(world->service);
	world->service = NULL;
}

Test(service, free_inside_done)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct world world;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	request.extension = "1001";
	request.number = "5550001";
	cr_assert_eq(wtel_service_originate(world.service, NULL, &request, on_originated_free, &world), 0);
	cr_assert_eq(world_originate(&world, NULL, "1002", "5550001"), 0);
	WORLD_UNTIL(&world, world.done == 2);
	cr_assert_null(world.service);
	world_close(&world);
}

Test(service, wait_for_programs_without_a_loop)
{
	struct world world;
	int turns = 0, early = 0, code = 0;

	world_open(&world);
	while (!world_stats(&world).synchronised && turns++ < 1000) {
		int64_t before = wtel_time_now().mono;

		code = wtel_service_wait(world.service, 1000);
		cr_assert(code >= 0, "%d", code);
		early += wtel_time_now().mono - before < 900000;
		(void)!wtel_sim_server_dispatch(world.server);
	}
	cr_assert(world_stats(&world).synchronised);
	/* It does not wait on where something came, however often the machine stands still. */
	cr_assert(early > turns / 2, "%d of %d", early, turns);
	world_close(&world);
}

/* Wakeups within half a second. */
static unsigned wakeups(struct world *world)
{
	struct pollfd poller = {wtel_service_fd(world->service), POLLIN, 0};
	int64_t until = wtel_time_now().mono + 500000;
	unsigned count = 0;

	while (wtel_time_now().mono < until)
		if (poll(&poller, 1, 50) == 1) {
			count++;
			(void)!wtel_service_dispatch(world->service);
		}
	return count;
}

Test(service, an_idle_service_sleeps)
{
	struct world world;
	unsigned count;
	int fd;

	world_open(&world);
	fd = wtel_service_fd(world.service);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	world_run(&world, 200);
	count = wakeups(&world);
	cr_assert(count < 10, "%u wakeups", count);
	cr_assert_eq(wtel_service_fd(world.service), fd);
	world_close(&world);
}
