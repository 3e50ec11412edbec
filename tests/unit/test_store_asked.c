/* Operations that do not wait: several at once, from inside each other, and a store that closes before they end. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "fault.h"
#include "store/rows.h"
#include "store_world.h"

struct heard {
	struct wtel_store *store;
	unsigned count;
	int code;
	struct wtel_detail detail;
	int64_t number;
	void *kept;
	char text[64];
};

static void hear(struct heard *heard, int code, const struct wtel_detail *detail)
{
	cr_assert_not_null(detail);
	cr_assert_eq(!code, !detail->text[0], "%d: %s", code, detail->text);
	heard->count++;
	heard->code = code;
	heard->detail = *detail;
}

static void hear_calls(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	struct heard *heard = user;

	hear(heard, code, detail);
	cr_assert_eq(!list, code != 0);
	heard->number = list ? list->total : -1;
	heard->kept = store_pack_keep(list);
}

static void hear_trunks(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	hear(user, code, detail);
	((struct heard *)user)->number = list ? (int64_t)list->count : -1;
}

static void hear_stats(int code, const struct wtel_detail *detail, const struct wtel_call_stats *stats, void *user)
{
	hear(user, code, detail);
	((struct heard *)user)->number = stats ? stats->total_calls : -1;
}

static void hear_id(int code, const struct wtel_detail *detail, int64_t id, void *user)
{
	hear(user, code, detail);
	((struct heard *)user)->number = id;
}

static void hear_change(int code, const struct wtel_detail *detail, void *user)
{
	hear(user, code, detail);
}

static void hear_secret(int code, const struct wtel_detail *detail, const char *secret, void *user)
{
	hear(user, code, detail);
	snprintf(((struct heard *)user)->text, 64, "%s", secret ? secret : "");
}

static void hear_account(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list,
			 const char *secret, void *user)
{
	struct heard *heard = user;

	hear(heard, code, detail);
	cr_assert_eq(!secret, code != 0);
	if (list)
		snprintf(heard->text, sizeof(heard->text), "%s %s", list->peers[0].username, list->peers[0].extension);
}

static void until(struct wtel_store *store, const struct heard *heard, size_t count)
{
	int64_t end = wtel_time_now().mono + 60 * SECOND;
	size_t i;

	for (i = 0; i < count; i++)
		while (!heard[i].count) {
			cr_assert_lt(wtel_time_now().mono, end, "%zu was never answered", i);
			(void)store_dispatch(store, wtel_time_now());
			usleep(500);
		}
	for (i = 0; i < count; i++)
		cr_assert_eq(heard[i].count, 1);
}

enum { ASKED = 14 };

/* One of each. */
static void ask_all(struct wtel_store *store, struct heard heard[ASKED])
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_campaign campaign = {3, true, "+15550001000", NULL, 0};

	memset(heard, 0, ASKED * sizeof(*heard));
	trunk.name = "Second";
	trunk.host = "second.example";
	cr_assert_eq(store_calls(store, NULL, hear_calls, &heard[0]), 0);
	cr_assert_eq(store_call(store, "A", hear_calls, &heard[1]), 0);
	cr_assert_eq(store_call(store, "none", hear_calls, &heard[2]), 0);
	cr_assert_eq(store_stats(store, NULL, hear_stats, &heard[3]), 0);
	cr_assert_eq(store_trunk_save(store, &trunk, hear_id, &heard[4]), 0);
	cr_assert_eq(store_trunk_save(store, &trunk, hear_id, &heard[5]), 0);
	cr_assert_eq(store_trunk_find(store, "Second", hear_id, &heard[6]), 0);
	cr_assert_eq(store_trunk(store, 999, hear_trunks, &heard[7]), 0);
	cr_assert_eq(store_trunk_remove(store, 999, hear_change, &heard[8]), 0);
	cr_assert_eq(store_assign(store, 3, 999, 5, hear_change, &heard[9]), 0);
	cr_assert_eq(store_campaign_save(store, &campaign, hear_change, &heard[10]), 0);
	cr_assert_eq(store_peer_create(store, 5, BASE_SLICE("John"), BASE_SLICE("Doe"), true, hear_account, &heard[11]),
		     0);
	cr_assert_eq(store_peer_set_status(store, 999, WTEL_PEER_DISABLED, hear_change, &heard[12]), 0);
	cr_assert_eq(store_peer_renew(store, 999, hear_secret, &heard[13]), 0);
}

STORE_TEST(all_at_once_are_answered_each_by_its_own, true)
{
	static const int codes[ASKED] = {0,
					 0,
					 WTEL_ENOTFOUND,
					 0,
					 0,
					 WTEL_EEXISTS,
					 0,
					 WTEL_ENOTFOUND,
					 WTEL_ENOTFOUND,
					 WTEL_ENOTFOUND,
					 0,
					 0,
					 WTEL_ENOTFOUND,
					 WTEL_ENOTFOUND};
	static const char *const fields[ASKED] = {"",	   "",	    "call_id",	"", "", "name",	   "",
						  "trunk", "trunk", "trunk_id", "", "", "user_id", "user_id"};
	struct wtel_call call = world_call("A");
	struct heard heard[ASKED];
	size_t i;

	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_BUSY;
	world_write(world, &call);
	ask_all(world->store, heard);
	until(world->store, heard, ASKED);
	for (i = 0; i < ASKED; i++) {
		cr_expect_eq(heard[i].code, codes[i], "%zu: %s %s", i, wtel_error_name(heard[i].code),
			     heard[i].detail.text);
		cr_expect_str_eq(heard[i].detail.field, fields[i], "%zu: %s", i, heard[i].detail.field);
	}
	cr_assert_eq(heard[0].number, 1);
	cr_assert_str_eq(((struct wtel_call_list *)heard[0].kept)->calls[0].call_id, "A");
	cr_assert_eq(heard[3].number, 1);
	cr_assert_eq(heard[6].number, heard[4].number);
	cr_assert_str_eq(heard[11].text, "johndoe 1001");
	for (i = 0; i < ASKED; i++)
		store_pack_free(heard[i].kept);
}

/* The same person twice, asked for at the same time: two names, two extensions. */
STORE_TEST(accounts_made_at_once_do_not_share, true)
{
	struct heard heard[4];
	int64_t i;

	memset(heard, 0, sizeof(heard));
	for (i = 0; i < 4; i++)
		cr_assert_eq(store_peer_create(world->store, i < 3 ? i + 1 : 1, BASE_SLICE("Ana"), BASE_SLICE("Paz"),
					       true, hear_account, &heard[i]),
			     0);
	until(world->store, heard, 4);
	cr_assert_str_eq(heard[0].text, "anapaz 1001");
	cr_assert_str_eq(heard[1].text, "anapaz2 1002");
	cr_assert_str_eq(heard[2].text, "anapaz3 1003");
	cr_assert_eq(heard[3].code, WTEL_EEXISTS);
	world_says(world, "3", "SELECT count(*) FROM sip_peers");
}

static void again(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct heard *heard = user;
	struct wtel_trunk_list *out;

	hear(heard, code, detail);
	cr_assert_eq(list->count, 1);
	/* Waiting from inside would never end. */
	cr_assert_eq(wtel_store_trunks(heard->store, &out, 0), WTEL_EBUSY);
	cr_assert_eq(store_trunks(heard->store, hear_trunks, heard + 1), 0);
}

STORE_TEST(more_may_be_asked_from_an_answer, true)
{
	struct heard heard[2];

	memset(heard, 0, sizeof(heard));
	heard[0].store = world->store;
	world_trunk(world, "Main", 1, 10);
	cr_assert_eq(store_trunks(world->store, again, heard), 0);
	until(world->store, heard, 2);
	cr_assert_eq(heard[1].number, 1);
}

STORE_TEST(what_cannot_be_is_refused_at_once, true)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct heard heard = {0};

	filter.limit = 10001;
	cr_assert_eq(store_calls(world->store, &filter, hear_calls, &heard), WTEL_EINVAL);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "limit");
	cr_assert_eq(store_call(world->store, "a\nb", hear_calls, &heard), WTEL_EINJECTION);
	cr_assert_eq(store_trunk_save(world->store, &trunk, hear_id, &heard), WTEL_EINVAL);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "name");
	cr_assert_eq(store_assign(world->store, 1, 1, 101, hear_change, &heard), WTEL_EINVAL);
	cr_assert_eq(store_peer_create(world->store, 0, BASE_SLICE("a"), BASE_SLICE("b"), true, hear_account, &heard),
		     WTEL_EINVAL);
	cr_assert_eq(store_peer_create(world->store, 1, BASE_SLICE("\r"), BASE_SLICE("b"), true, hear_account, &heard),
		     WTEL_EINVAL);
	cr_assert_eq(store_dispatch(world->store, wtel_time_now()), 0);
	cr_assert_eq(heard.count, 0);
}

/* After 0, 1, 2, ... dispatches. */
STORE_TEST(a_store_that_closes_tells_who_asked, true)
{
	struct heard heard[ASKED];
	int turns, turn;
	size_t i;

	for (turns = 0; turns < 5; turns++) {
		ask_all(world->store, heard);
		for (turn = 0; turn < turns; turn++)
			(void)store_dispatch(world->store, wtel_time_now());
		wtel_store_close(world->store);
		for (i = 0; i < ASKED; i++) {
			cr_assert_eq(heard[i].count, 1, "%zu after %d", i, turns);
			cr_assert(turns || heard[i].code == WTEL_ECLOSED, "%zu: %d", i, heard[i].code);
			store_pack_free(heard[i].kept);
		}
		world->store = world_open(world);
	}
}

Test(asked, nothing_leaks_when_the_store_closes)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct heard heard[ASKED];
	struct wtel_detail detail;
	struct wtel_store *store;

	options.url = "sqlite::memory:";
	cr_assert_eq(wtel_store_open(&store, &options, &allocator, &detail), 0);
	cr_assert_eq(wtel_store_migrate(store, NULL, NULL), 0);
	ask_all(store, heard);
	wtel_store_close(store);
	cr_assert_eq(fault.out, 0, "%zu blocks", fault.out);
}

/* Both find the platform's tables before either has its answer. */
STORE_TEST(the_platforms_tables_are_found_once, true)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_call call = world_call("A");
	struct wtel_detail detail;
	struct wtel_store *store;
	struct heard heard[3];
	size_t i;

	world_do(world, "CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre TEXT)");
	world_do(world, "INSERT INTO campanas VALUES (1, 'Sales')");
	call.campaign_id = 1;
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_BUSY;
	world_write(world, &call);
	options.url = world->url;
	cr_assert_eq(wtel_store_open(&store, &options, &allocator, &detail), 0, "%s", detail.text);
	memset(heard, 0, sizeof(heard));
	for (i = 0; i < 2; i++)
		cr_assert_eq(store_calls(store, NULL, hear_calls, &heard[i]), 0);
	cr_assert_eq(store_call(store, "A", hear_calls, &heard[2]), 0);
	until(store, heard, 3);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(heard[i].code, 0, "%s", heard[i].detail.text);
		cr_assert_str_eq(((struct wtel_call_list *)heard[i].kept)->campaign_names[0], "Sales");
		store_pack_free(heard[i].kept);
	}
	wtel_store_close(store);
	cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
}

/* ---- opened in the background ----------------------------------------- */

POSTGRES_TEST(a_store_in_the_background_answers_once_it_is_connected, true)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	struct wtel_trunk_list *list;
	struct wtel_store *store;
	struct heard heard = {0};

	options.url = world->url;
	options.background = true;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_not(store_connected(store));
	cr_assert_eq(store_trunks(store, hear_trunks, &heard), 0);
	until(store, &heard, 1);
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	cr_assert(store_connected(store));
	wtel_store_close(store);
	cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_trunks(store, &list, 0), 0, "%s", wtel_store_error(store)->text);
	wtel_trunk_list_free(list);
	wtel_store_close(store);
}

/* A server that takes the connection and says nothing. */
Test(postgres, a_store_in_the_background_does_not_wait_for_a_silent_server)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	struct wtel_detail detail = {"", ""};
	struct wtel_trunk_list *list;
	struct heard heard = {0};
	struct wtel_store *store;
	int64_t start, took = 0;
	char url[64];
	int i;

	cr_assert_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(server, 8), 0);
	getsockname(server, (struct sockaddr *)&address, &length);
	snprintf(url, sizeof(url), "postgresql://u@127.0.0.1:%d/x", ntohs(address.sin_port));
	options.url = url;
	options.background = true;
	options.connect_timeout = 2 * SECOND;
	/* Once more where the machine stood still. */
	for (i = 0, store = NULL; i < 5 && (!i || took >= SECOND); i++) {
		wtel_store_close(store);
		start = wtel_time_now().mono;
		cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), 0, "%s", detail.text);
		took = wtel_time_now().mono - start;
	}
	cr_assert_lt(took, SECOND);
	cr_assert_eq(store_trunks(store, hear_trunks, &heard), 0);
	cr_assert_eq(wtel_store_trunks(store, &list, 0), WTEL_ESTORE);
	cr_assert_eq(heard.count, 0);
	wtel_store_close(store);
	cr_assert_eq(heard.count, 1);
	cr_assert_eq(heard.code, WTEL_ECLOSED);
	close(server);
}
