/* Trunks as they are read: with their load and their breaker. */
#include "store/core.h"
#include "store/rows.h"

/* The password is never read. */
#define COLUMNS                                                                                                        \
	"SELECT t.id, t.name, t.description, t.provider, t.trunk_type, t.host, t.port, t.username, t.from_user,"       \
	" t.from_domain, t.max_channels, t.priority, t.status, t.registered, t.last_registered_at, t.last_error_at,"   \
	" t.last_error_message, t.total_calls, t.successful_calls, t.failed_calls, t.advanced_settings,"               \
	" t.created_at, t.updated_at,"                                                                                 \
	" (SELECT count(*) FROM calls c WHERE c.trunk_id = t.id AND c.end_time IS NULL)"
#define SQLITE_SETTINGS                                                                                                \
	", json_extract(t.advanced_settings, '$.endpoint'), json_type(t.advanced_settings, '$.registration')"
#define POSTGRES_SETTINGS ", t.advanced_settings ->> 'endpoint', t.advanced_settings ->> 'registration'"
#define BREAKER		  ", b.version, b.state, b.faults, b.openings, b.retry_at, b.trial_until"
#define OF_TRUNK	  " LEFT JOIN wtel_trunks b ON b.trunk_id = t.id"
#define ALL		  ", 0" BREAKER " FROM trunks t" OF_TRUNK " ORDER BY t.priority, t.id"
#define ONE		  ", 0" BREAKER " FROM trunks t" OF_TRUNK " WHERE t.id = $1"
#define OF_CAMPAIGN                                                                                                    \
	", a.priority" BREAKER " FROM campaign_trunks a JOIN trunks t ON t.id = a.trunk_id" OF_TRUNK                   \
	" WHERE a.campana_id = $1 ORDER BY a.priority, t.id"

static const struct store_statement list_trunks = {
	.name = "list_trunks",
	.sqlite = COLUMNS SQLITE_SETTINGS ALL,
	.postgres = COLUMNS POSTGRES_SETTINGS ALL,
};

static const struct store_statement get_trunk = {
	.name = "get_trunk",
	.sqlite = COLUMNS SQLITE_SETTINGS ONE,
	.postgres = COLUMNS POSTGRES_SETTINGS ONE,
};

static const struct store_statement list_campaign = {
	.name = "list_campaign",
	.sqlite = COLUMNS SQLITE_SETTINGS OF_CAMPAIGN,
	.postgres = COLUMNS POSTGRES_SETTINGS OF_CAMPAIGN,
};

static const char *fill_endpoint(struct store_pack *pack, struct wtel_slice endpoint, const char *name)
{
	char slug[401];

	if (endpoint.length)
		return store_pack_text(pack, endpoint);
	/* A name of which no slug can be made gives no endpoint: the trunk then needs one of its own. */
	if (wtel_trunk_slug(slug, sizeof(slug), name))
		slug[0] = '\0';
	return store_pack_text(pack, wtel_slice_of(slug));
}

static void fill_enums(struct wtel_trunk *trunk, const struct store_rows *rows, size_t row)
{
	char text[32];

	if (wtel_trunk_provider_parse(&trunk->provider, store_row_text(text, sizeof(text), rows, row, 3)))
		trunk->provider = WTEL_PROVIDER_CUSTOM;
	if (wtel_trunk_type_parse(&trunk->type, store_row_text(text, sizeof(text), rows, row, 4)))
		trunk->type = WTEL_TRUNK_PJSIP;
	if (wtel_trunk_status_parse(&trunk->status, store_row_text(text, sizeof(text), rows, row, 12)))
		trunk->status = WTEL_TRUNK_ERROR;
}

static void fill_trunk(struct wtel_trunk *trunk, struct store_pack *pack, const struct store_rows *rows, size_t row)
{
	char name[401];

	memset(trunk, 0, sizeof(*trunk));
	fill_enums(trunk, rows, row);
	trunk->id = store_row_number(rows, row, 0);
	trunk->name = store_pack_column(pack, rows, row, 1);
	trunk->description = store_pack_column(pack, rows, row, 2);
	trunk->host = store_pack_column(pack, rows, row, 5);
	trunk->port = (int)store_row_number(rows, row, 6);
	trunk->username = store_pack_column(pack, rows, row, 7);
	trunk->from_user = store_pack_column(pack, rows, row, 8);
	trunk->from_domain = store_pack_column(pack, rows, row, 9);
	trunk->max_channels = (int)store_row_number(rows, row, 10);
	trunk->priority = (int)store_row_number(rows, row, 11);
	trunk->registered = store_row_flag(rows, row, 13);
	trunk->last_registered_at = store_row_time(rows, row, 14);
	trunk->last_error_at = store_row_time(rows, row, 15);
	trunk->last_error_message = store_pack_column(pack, rows, row, 16);
	trunk->total_calls = store_row_number(rows, row, 17);
	trunk->successful_calls = store_row_number(rows, row, 18);
	trunk->failed_calls = store_row_number(rows, row, 19);
	trunk->advanced_settings = store_pack_column(pack, rows, row, 20);
	trunk->created_at = store_row_time(rows, row, 21);
	trunk->updated_at = store_row_time(rows, row, 22);
	trunk->active_calls = (int)store_row_number(rows, row, 23);
	trunk->endpoint =
		fill_endpoint(pack, rows->column(rows, row, 24), store_row_text(name, sizeof(name), rows, row, 1));
	trunk->needs_registration = !base_slice_is(rows->column(rows, row, 25), "false");
	trunk->campaign_priority = (int)store_row_number(rows, row, 26);
	store_fill_breaker(&trunk->breaker, rows, row, 27);
}

void store_fill_trunk_list(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct wtel_trunk_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_trunk *trunks = store_pack_room(pack, rows->row_count * sizeof(*trunks));
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		struct wtel_trunk trunk;

		fill_trunk(&trunk, pack, rows, row);
		if (trunks)
			trunks[row] = trunk;
	}
	if (list)
		*list = (struct wtel_trunk_list){rows->row_count, trunks};
}

static int take_trunks(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, store_fill_trunk_list, rows);
}

static void trunks_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_trunks_fn *done = (store_trunks_fn *)ask->callback;
	void *list = NULL, *tell = ask->user;
	struct wtel_detail said;

	code = store_ask_take(ask, &list, code, rows, detail, take_trunks, &said);
	done(code, &said, list, tell);
	store_pack_free(list);
}

int store_trunks(struct wtel_store *store, store_trunks_fn *done, void *user)
{
	const struct store_args args = {0};

	return store_ask(store, &list_trunks, &args, trunks_done, (void (*)(void))done, user);
}

int store_campaign_trunks(struct wtel_store *store, int64_t campaign_id, store_trunks_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_check_id(store_forget_error(store), "campaign_id", campaign_id);

	if (code)
		return code;
	store_args_number(&args, campaign_id);
	return store_ask(store, &list_campaign, &args, trunks_done, (void (*)(void))done, user);
}

const struct wtel_detail store_no_trunk = {"trunk", "no such trunk"};

static void trunk_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	if (!code && !rows->row_count)
		trunks_done(WTEL_ENOTFOUND, NULL, &store_no_trunk, user);
	else
		trunks_done(code, rows, detail, user);
}

int store_trunk(struct wtel_store *store, int64_t id, store_trunks_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_check_id(store_forget_error(store), "id", id);

	if (code)
		return code;
	store_args_number(&args, id);
	return store_ask(store, &get_trunk, &args, trunk_done, (void (*)(void))done, user);
}

static void trunks_waited(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	store_answered_list(user, code, detail, list);
}

int wtel_store_trunks(struct wtel_store *store, struct wtel_trunk_list **out, int64_t campaign_id)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	code = store_answer_list(&answer,
				 campaign_id ? store_campaign_trunks(store, campaign_id, trunks_waited, answer.waiter)
					     : store_trunks(store, trunks_waited, answer.waiter),
				 &list);
	if (!code)
		*out = list;
	return code;
}
