/* Campaigns: their own trunks in order, and what comes after them. */
#include "store/core.h"
#include "store/rows.h"

/* A row for each assignment, at least one for each campaign. Without settings: its own trunks and nothing else. */
STORE_BOTH(list_campaigns,
	   "SELECT x.id, s.general, s.caller_id, a.trunk_id, a.priority"
	   " FROM (SELECT campana_id AS id FROM campaign_trunks UNION SELECT campaign_id FROM wtel_campaigns) x"
	   " LEFT JOIN wtel_campaigns s ON s.campaign_id = x.id LEFT JOIN campaign_trunks a ON a.campana_id = x.id"
	   " ORDER BY x.id, a.priority, a.trunk_id");

STORE_BOTH(save_campaign, "INSERT INTO wtel_campaigns (campaign_id, general, caller_id) VALUES ($1, $2, $3)"
			  " ON CONFLICT (campaign_id) DO UPDATE SET general = excluded.general,"
			  " caller_id = excluded.caller_id");

static size_t count_campaigns(const struct store_rows *rows)
{
	int64_t last = 0;
	size_t row, count = 0;

	for (row = 0; row < rows->row_count; row++) {
		int64_t id = store_row_number(rows, row, 0);

		count += !row || id != last;
		last = id;
	}
	return count;
}

static void fill_campaigns(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	size_t count = count_campaigns(rows), row, at = 0, assigned = 0;
	struct wtel_campaign_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_campaign *campaigns = store_pack_room(pack, count * sizeof(*campaigns));
	struct wtel_assignment *assignments = store_pack_room(pack, rows->row_count * sizeof(*assignments));
	int64_t last = 0;

	for (row = 0; row < rows->row_count; row++) {
		int64_t id = store_row_number(rows, row, 0);

		if (!row || id != last) {
			const char *caller_id = store_pack_column(pack, rows, row, 2);

			if (campaigns)
				campaigns[at] = (struct wtel_campaign){id, store_row_flag(rows, row, 1), caller_id,
								       assignments + assigned, 0};
			at++;
		}
		last = id;
		if (!assignments || !rows->column(rows, row, 3).data)
			continue;
		assignments[assigned++] =
			(struct wtel_assignment){store_row_number(rows, row, 3), (int)store_row_number(rows, row, 4)};
		campaigns[at - 1].trunk_count++;
	}
	if (list)
		*list = (struct wtel_campaign_list){count, campaigns};
}

static int take_campaigns(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, fill_campaigns, rows);
}

void wtel_campaign_list_free(struct wtel_campaign_list *list)
{
	store_pack_free(list);
}

static void campaigns_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_campaigns_fn *done = (store_campaigns_fn *)ask->callback;
	void *list = NULL, *tell = ask->user;
	struct wtel_detail said;

	code = store_ask_take(ask, &list, code, rows, detail, take_campaigns, &said);
	done(code, &said, list, tell);
	store_pack_free(list);
}

int store_campaigns(struct wtel_store *store, store_campaigns_fn *done, void *user)
{
	const struct store_args args = {0};

	return store_ask(store, &list_campaigns, &args, campaigns_done, (void (*)(void))done, user);
}

static void campaigns_waited(int code, const struct wtel_detail *detail, const struct wtel_campaign_list *list,
			     void *user)
{
	store_answered_list(user, code, detail, list);
}

int wtel_store_campaigns(struct wtel_store *store, struct wtel_campaign_list **out)
{
	struct store_answer answer;
	void *list;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_list(&answer, store_campaigns(store, campaigns_waited, answer.waiter), &list);
	if (!code)
		*out = list;
	return code;
}

static void campaign_saved(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail missing = {"id", "no such campaign"};
	struct store_ask *ask = user;
	store_change_fn *done = (store_change_fn *)ask->callback;
	struct wtel_detail said;
	void *tell = ask->user;

	(void)rows;
	store_ask_say(&said, code, code == WTEL_ENOTFOUND ? &missing : detail);
	store_ask_free(ask);
	done(code, &said, tell);
}

int store_campaign_save(struct wtel_store *store, const struct wtel_campaign *campaign, store_change_fn *done,
			void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct store_args args = {0};
	int code = wtel_campaign_check(campaign, detail);

	if (!code)
		code = store_check_id(detail, "id", campaign->id);
	if (!code)
		code = store_check_text(detail, "caller_id", wtel_slice_of(campaign->caller_id), STORE_NUMBER_MAX);
	if (code)
		return code;
	store_args_id(&args, campaign->id);
	store_args_flag(&args, campaign->general);
	store_args_text(&args, campaign->caller_id);
	return store_ask(store, &save_campaign, &args, campaign_saved, (void (*)(void))done, user);
}

int wtel_store_campaign_save(struct wtel_store *store, const struct wtel_campaign *campaign)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer,
				       store_campaign_save(store, campaign, store_answered_change, answer.waiter));
}
