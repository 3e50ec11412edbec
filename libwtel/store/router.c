/* A router of what the store has now, for programs without a service. */
#include "store/core.h"
#include "store/rows.h"

/* The outcomes are a health window's; the breakers came with the trunks. */
static int count_attempt(struct wtel_router *router, const struct store_attempt *attempt)
{
	int64_t rang = attempt->ringing ? attempt->ringing : attempt->answer;
	int64_t delay = rang > attempt->start && attempt->start ? rang - attempt->start : 0;
	int64_t duration = attempt->answer && attempt->end > attempt->answer ? attempt->end - attempt->answer : 0;
	const struct wtel_slice no_status = {NULL, 0};
	enum wtel_outcome outcome = WTEL_OUTCOME_ANSWERED;

	if (!attempt->answer)
		outcome = wtel_router_fault(router, attempt->trunk_id, attempt->sip_code, attempt->cause, no_status,
					    attempt->ringing != 0) == WTEL_FAULT_TRUNK
				  ? WTEL_OUTCOME_FAULT
				  : WTEL_OUTCOME_CALLEE;
	return wtel_router_outcome(router, NULL, attempt->trunk_id, outcome, delay, duration, attempt->end);
}

/* Trunks may have gone since. */
static int count_attempts(struct wtel_store *store, struct wtel_router *router)
{
	struct store_attempt_list *list = NULL;
	int code = store_wait_attempts(store, &list, WTEL_HEALTH_WINDOW);
	size_t i;

	for (i = 0; list && i < list->count && !code; i++) {
		code = count_attempt(router, &list->attempts[i]);
		if (code >= 0 || code == WTEL_ENOTFOUND)
			code = 0;
		else
			base_fail(store_forget_error(store), code, "", "%s", wtel_error_text(code));
	}
	store_pack_free(list);
	return code;
}

static int fill_router(struct wtel_store *store, struct wtel_router *router)
{
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_campaign_list *campaigns = NULL;
	int code = wtel_store_trunks(store, &trunks, 0);

	if (!code)
		code = wtel_store_campaigns(store, &campaigns);
	if (!code) {
		code = wtel_router_set_trunks(router, trunks->trunks, trunks->count);
		if (!code)
			code = wtel_router_set_campaigns(router, campaigns->campaigns, campaigns->count);
		if (code)
			base_fail(store_forget_error(store), code, "", "%s", wtel_error_text(code));
	}
	wtel_trunk_list_free(trunks);
	wtel_campaign_list_free(campaigns);
	return code;
}

int wtel_store_router(struct wtel_store *store, struct wtel_router **out, const char *country)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_router *router = NULL;
	int code;

	options.country = country;
	options.zone = store_zone;
	options.zone_user = &store->zones;
	code = wtel_router_new(&router, &options, &store->allocator);
	if (code)
		return base_fail(store_forget_error(store), code, code == WTEL_EINVAL ? "country" : "", "%s",
				 code == WTEL_EINVAL ? "no such country calling code" : wtel_error_text(code));
	code = fill_router(store, router);
	if (!code)
		code = count_attempts(store, router);
	if (code) {
		wtel_router_free(router);
		return code;
	}
	*out = router;
	return 0;
}
