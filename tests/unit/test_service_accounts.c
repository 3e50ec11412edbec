/* Agents' phones as the service follows them. */
#include "fault.h"
#include "service_world.h"

#define CONTACT(uri, status, endpoint)                                                                                 \
	"Event: ContactStatus\r\nPrivilege: system,all\r\nURI: " uri "\r\nContactStatus: " status                      \
	"\r\nAOR: 1001\r\nEndpointName: " endpoint "\r\nRoundtripUsec: 0\r\n\r\n"
#define OLD "sip:1001@192.0.2.7:5060"
#define NEW "sip:1001@192.0.2.8:5060"

static void make_account(struct world *world)
{
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_peer_list *list;

	cr_assert_eq(
		wtel_store_peer_create(world->store, &list, secret, 5, wtel_slice_of("Ada"), wtel_slice_of("Byron")),
		0);
	cr_assert_str_eq(list->peers[0].username, "adabyron");
	cr_assert_str_eq(list->peers[0].extension, "1001");
	wtel_peer_list_free(list);
}

static void prepare(struct world *world)
{
	world_prepare(world);
	make_account(world);
}

static void inject(struct world *world, const char *text)
{
	cr_assert_eq(wtel_sim_inject(world->sim, wtel_slice_of(text)), 0);
}

static bool row_is(struct world *world, bool registered, const char *address, const char *agent)
{
	struct wtel_peer_list *list = NULL;
	bool equal;

	if (wtel_store_peers(world->store, &list))
		return false;
	equal = list->peers[0].registered == registered && strcmp(list->peers[0].ip_address, address) == 0 &&
		strcmp(list->peers[0].user_agent, agent) == 0;
	wtel_peer_list_free(list);
	return equal;
}

/* remove_existing: the new contact is told first, then the end of the old one. */
Test(service_accounts, a_phone_that_moved_is_not_gone)
{
	struct world world;

	prepare(&world);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	inject(&world, CONTACT(OLD, "NonQualified", "1001"));
	WORLD_UNTIL(&world, row_is(&world, true, "192.0.2.7", "simulated phone"));
	inject(&world, CONTACT(NEW, "NonQualified", "1001") CONTACT(OLD, "Removed", "1001"));
	WORLD_UNTIL(&world, row_is(&world, true, "192.0.2.8", "simulated phone"));
	world_run(&world, 50);
	cr_assert(row_is(&world, true, "192.0.2.8", "simulated phone"));
	cr_assert_null(strstr(world.notices, "1001 Removed"), "%s", world.notices);
	inject(&world, CONTACT(NEW, "Removed", "1001"));
	WORLD_UNTIL(&world, row_is(&world, false, "192.0.2.8", "simulated phone"));
	world_close(&world);
}

/* Asterisk tells it of each endpoint that has the address of record: the user name's is the same phone. */
Test(service_accounts, a_phone_with_two_names_is_told_once)
{
	struct world world;

	prepare(&world);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	inject(&world, CONTACT(OLD, "Reachable", "adabyron") CONTACT(OLD, "Reachable", "1001"));
	WORLD_UNTIL(&world, strstr(world.notices, "peer:status 1001 Reachable"));
	cr_assert_null(strstr(world.notices, "adabyron"), "%s", world.notices);
	world_close(&world);
}

/* An account that was made a moment ago, by another process: its phone registers before accounts are read again. */
Test(service_accounts, a_phone_may_be_there_before_its_account_is_known)
{
	struct world world;

	world_prepare(&world);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	make_account(&world);
	inject(&world, CONTACT(OLD, "NonQualified", "1001") CONTACT(OLD, "NonQualified", "adabyron"));
	WORLD_UNTIL(&world, row_is(&world, true, "192.0.2.7", "simulated phone"));
	inject(&world, CONTACT(OLD, "Removed", "1001"));
	WORLD_UNTIL(&world, row_is(&world, false, "192.0.2.7", "simulated phone"));
	world_close(&world);
}

/* What would be more than a name in a function's arguments is not asked for. */
Test(service_accounts, a_hostile_address_of_record_is_not_asked_for)
{
	static const char hostile[] = "Event: ContactStatus\r\nPrivilege: system,all\r\nURI: " OLD
				      "\r\nContactStatus: Reachable\r\nAOR: 1001,contact)${SHELL(id)}\r\n"
				      "EndpointName: 1001\r\n\r\n";
	struct world world;

	prepare(&world);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	inject(&world, hostile);
	WORLD_UNTIL(&world, row_is(&world, true, "192.0.2.7", ""));
	world_run(&world, 50);
	cr_assert(row_is(&world, true, "192.0.2.7", ""));
	world_close(&world);
}

Test(service_accounts, survives_a_lack_of_memory, .timeout = 300)
{
	size_t nth;

	for (nth = 1; nth <= 24; nth++) {
		struct fault fault = {0, 0, 0, 0};
		struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
		struct world world;

		prepare(&world);
		world.allocator = &allocator;
		world_start(&world);
		WORLD_UNTIL(&world, world_stats(&world).synchronised);
		fault.calls = 0;
		fault.fail = nth;
		inject(&world, CONTACT(OLD, "NonQualified", "1001"));
		world_run(&world, 30);
		fault.fail = 0;
		WORLD_UNTIL(&world, row_is(&world, true, "192.0.2.7", "simulated phone") ||
					    row_is(&world, true, "192.0.2.7", ""));
		world_close(&world);
		cr_assert_eq(fault.out, 0, "%zu blocks leaked with allocation %zu failing", fault.out, nth);
	}
}
