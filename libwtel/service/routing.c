/*
 * The service's router. Trunks and campaigns come from the store, whole, whenever somebody changed them; what Asterisk,
 * bookings, ends of calls and breakers tell in between is put into it here. Its loads are only hints: the booking
 * looks at the true ones.
 */
#include "service/service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "trunk/router.h"

enum { STEPS = 64, NEXT_CODES = 32 };

int routing_check(const struct wtel_service_options *options, struct wtel_detail *detail)
{
	if (wtel_country_check(options->country))
		return base_fail(detail, WTEL_EINVAL, "country", "must be a country's calling code, as 34 or 1");
	if (options->max_attempts < 1 || options->max_attempts > 16)
		return base_fail(detail, WTEL_EINVAL, "max_attempts", "must be between 1 and 16");
	return 0;
}

void routing_free(struct wtel_service *service)
{
	wtel_router_free(service->router);
	service->router = NULL;
	store_zones_free(&service->zones);
}

struct wtel_router *wtel_service_router(struct wtel_service *service)
{
	return service->router;
}

/* ---- what the store says ---------------------------------------------- */

static int make_router(struct wtel_service *service, struct wtel_router **out)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;

	service->zones.allocator = &service->allocator;
	options.country = service->options.country;
	options.zone = store_zone;
	options.zone_user = &service->zones;
	return wtel_router_new(out, &options, &service->allocator);
}

int routing_trunks(struct wtel_service *service, const struct wtel_trunk_list *list, const struct sync_trunk *trunks)
{
	struct wtel_router *router = service->router;
	struct wtel_trunk *rows;
	size_t i;
	int code = router ? 0 : make_router(service, &router);

	if (code)
		return code;
	rows = base_allocate(&service->allocator, (list->count + 1) * sizeof(*rows));
	code = rows ? 0 : WTEL_ENOMEM;
	for (i = 0; i < list->count && rows; i++) {
		rows[i] = list->trunks[i];
		/* Asterisk knows better than its copy in the table, and a breaker that was just stored is newer. */
		rows[i].registered = trunks[i].registered;
		rows[i].breaker = trunks[i].breaker;
	}
	if (!code)
		code = wtel_router_set_trunks(router, rows, list->count);
	base_release(&service->allocator, rows);
	if (!code)
		service->router = router;
	else if (router != service->router)
		wtel_router_free(router);
	return code;
}

void routing_campaigns(struct wtel_service *service, int code, const struct wtel_detail *detail,
		       const struct wtel_campaign_list *list)
{
	struct sync *sync = &service->sync;

	sync->asked &= ~(1u << TICKET_CAMPAIGNS);
	if (!code && !service->router)
		code = WTEL_ENOMEM; /* the trunks come again, and before these */
	if (!code)
		code = wtel_router_set_campaigns(service->router, list->campaigns, list->count);
	if (service_note(service, code) == WTEL_ENOMEM)
		sync->wanted |= 1u << TICKET_CAMPAIGNS;
	else if (code)
		service_log(service, WTEL_LOG_ERROR, "campaigns cannot be read: %s",
			    detail && detail->text[0] ? detail->text : wtel_error_text(code));
}

/* The past fills the windows once; the breakers came with the trunks. */
void routing_attempts(struct wtel_service *service, int code, const struct store_attempt *attempts, size_t count)
{
	const struct wtel_slice none = {NULL, 0};
	enum wtel_outcome outcome;
	size_t i;

	service->sync.asked &= ~(1u << TICKET_ATTEMPTS);
	if (service_note(service, code) == WTEL_ENOMEM)
		return;
	service->primed = true;
	for (i = 0; !code && i < count; i++) {
		const struct store_attempt *a = &attempts[i];
		int64_t rang = a->ringing ? a->ringing : a->answer;

		outcome = WTEL_OUTCOME_ANSWERED;
		if (!a->answer)
			outcome = wtel_router_fault(service->router, a->trunk_id, a->sip_code, a->cause, none,
						    a->ringing != 0) == WTEL_FAULT_TRUNK
					  ? WTEL_OUTCOME_FAULT
					  : WTEL_OUTCOME_CALLEE;
		(void)wtel_router_outcome(service->router, NULL, a->trunk_id, outcome,
					  rang > a->start && a->start ? rang - a->start : 0,
					  a->answer && a->end > a->answer ? a->end - a->answer : 0, a->end);
	}
}

/* ---- what happens in between ------------------------------------------ */

void routing_registered(struct wtel_service *service, const struct sync_trunk *trunk)
{
	if (service->router)
		wtel_router_set_registered(service->router, trunk->id, trunk->registered);
}

void routing_breaker(struct wtel_service *service, struct sync_trunk *trunk, const struct wtel_breaker *breaker)
{
	/* The store sets the row's status with it. */
	if (breaker->state == WTEL_BREAKER_OPEN && trunk->set == WTEL_TRUNK_ACTIVE)
		trunk->set = WTEL_TRUNK_ERROR;
	else if (breaker->state == WTEL_BREAKER_CLOSED && trunk->breaker.state == WTEL_BREAKER_OPEN &&
		 trunk->set == WTEL_TRUNK_ERROR)
		trunk->set = WTEL_TRUNK_ACTIVE;
	trunk->breaker = *breaker;
	if (service->router)
		wtel_router_set_breaker(service->router, trunk->id, breaker);
}

static void set_load(struct wtel_service *service, struct sync_trunk *trunk, int active_calls)
{
	trunk->active_calls = active_calls > 0 ? active_calls : 0;
	if (service->router)
		wtel_router_set_load(service->router, trunk->id, trunk->active_calls);
}

void routing_load(struct wtel_service *service, int64_t trunk_id, int change)
{
	struct sync_trunk *trunk = trunk_id ? table_trunk_by_id(service, trunk_id) : NULL;

	if (trunk)
		set_load(service, trunk, trunk->active_calls + change);
	service->sync.loads_stale = true;
}

static void tell_full(struct wtel_service *service, struct sync_trunk *trunk, const struct wtel_look *look)
{
	struct wtel_notice notice = {
		WTEL_NOTICE_TRUNK_FULL, service->now.wall, NULL, trunk->id, trunk->name, "", "", 0};
	char text[64];

	trunk->full = true;
	snprintf(text, sizeof(text), "%d of %d channels", look->active_calls, look->max_channels);
	notice.text = text;
	service_log(service, WTEL_LOG_WARNING, "trunk %s is full: %s", trunk->name, text);
	observer_tell(service, &notice);
}

void routing_looks(struct wtel_service *service, const struct wtel_route *routes, size_t count,
		   const struct wtel_booking *booking)
{
	struct wtel_breaker breaker;
	size_t i;

	for (i = 0; i < booking->look_count && i < count; i++) {
		const struct wtel_look *look = &booking->looks[i];
		struct sync_trunk *trunk = table_trunk_by_id(service, routes[i].trunk_id);

		if (!trunk || look->active_calls < 0)
			continue;
		trunk->max_channels = look->max_channels;
		set_load(service, trunk, look->active_calls);
		if (look->verdict == WTEL_ROUTE_FULL && !trunk->full)
			tell_full(service, trunk, look);
		else if (look->verdict != WTEL_ROUTE_FULL)
			trunk->full = false;
		if (look->verdict != WTEL_ROUTE_TAKEN || trunk->breaker.state != WTEL_BREAKER_OPEN)
			continue;
		/* The store noted that this is the trial call. If it had closed meanwhile, its version says so later.
		 */
		breaker = trunk->breaker;
		breaker.version++;
		breaker.trial_until = service->now.wall + INT64_C(120000000);
		routing_breaker(service, trunk, &breaker);
	}
}

/* ---- a choice --------------------------------------------------------- */

static void request_of(struct wtel_route_request *out, const char *number, int64_t campaign_id, const int64_t *tried,
		       size_t tried_count)
{
	const struct wtel_route_request init = WTEL_ROUTE_REQUEST_INIT;

	*out = init;
	out->number = number;
	out->campaign_id = campaign_id;
	out->tried = tried;
	out->tried_count = tried_count;
	out->loads_are_old = true;
}

int routing_rank(struct wtel_service *service, size_t *count, const char *number, int64_t campaign_id,
		 const int64_t *tried, size_t tried_count)
{
	struct wtel_route_request request;
	int code;

	if (!service->router)
		return WTEL_ESTATE;
	request_of(&request, number, campaign_id, tried, tried_count);
	code = wtel_router_rank(service->router, service->routes, count, WTEL_MAX_ROUTES, &request, service->now.wall);
	if (code)
		return code;
	return wtel_router_trace(service->router, service->trace, sizeof(service->trace), service->routes, *count,
				 &request, service->now.wall);
}

static const struct wtel_look *look_at(const struct wtel_route *routes, size_t count,
				       const struct wtel_booking *booking, int64_t trunk_id)
{
	size_t i;

	for (i = 0; booking && i < booking->look_count && i < count; i++)
		if (routes[i].trunk_id == trunk_id)
			return &booking->looks[i];
	return NULL;
}

static void say_step(char *out, size_t room, const struct wtel_route_step *step, const struct wtel_look *look)
{
	enum wtel_route_verdict verdict = look ? look->verdict : step->verdict;
	char text[sizeof(step->text)];

	snprintf(text, sizeof(text), "%s", look ? "" : step->text);
	if (look && look->active_calls >= 0 && look->verdict == WTEL_ROUTE_FULL)
		snprintf(text, sizeof(text), "%d of %d channels", look->active_calls, look->max_channels);
	snprintf(out, room, text[0] ? "%s %s (%s)" : "%s %s", step->name, wtel_route_verdict_name(verdict), text);
}

void routing_explain(struct wtel_service *service, char *out, size_t room, const char *number, int64_t campaign_id,
		     const struct wtel_route *routes, size_t count, const struct wtel_booking *booking)
{
	struct wtel_route_step steps[STEPS];
	struct wtel_route_request request;
	size_t total, i, length = 0;
	char one[640];

	out[0] = '\0';
	request_of(&request, number, campaign_id, NULL, 0);
	if (!service->router || wtel_router_explain(service->router, steps, &total, STEPS, &request, service->now.wall))
		return;
	if (!total)
		snprintf(out, room, "none is configured");
	for (i = 0; i < total && i < STEPS; i++) {
		say_step(one, sizeof(one), &steps[i], look_at(routes, count, booking, steps[i].trunk_id));
		if (length + strlen(one) + 16 >= room)
			break;
		length += (size_t)snprintf(out + length, room - length, "%s%s", i ? ", " : "", one);
	}
	if (total && i < total && length + 12 < room)
		snprintf(out + length, room - length, "%sand %zu more", i ? ", " : "", total - i);
}

/* ---- routes ----------------------------------------------------------- */

static const char *put(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *out = *at;

	memcpy(out, text, size);
	*at += size;
	return out;
}

int routing_copy(struct wtel_route **out, const struct wtel_service *service, size_t count)
{
	size_t size = count * sizeof(struct wtel_route), i;
	struct wtel_route *copy;
	char *at;

	for (i = 0; i < count; i++)
		size += strlen(service->routes[i].name) + strlen(service->routes[i].endpoint) +
			strlen(service->routes[i].caller_id) + 3;
	copy = base_allocate(&service->allocator, size);
	if (!copy)
		return WTEL_ENOMEM;
	at = (char *)(copy + count);
	for (i = 0; i < count; i++) {
		copy[i] = service->routes[i];
		copy[i].name = put(&at, copy[i].name);
		copy[i].endpoint = put(&at, copy[i].endpoint);
		copy[i].caller_id = put(&at, copy[i].caller_id);
	}
	*out = copy;
	return 0;
}

const char *routing_dial(const struct wtel_service *service, const struct wtel_route *route, const char *number)
{
	char plain[WTEL_NUMBER_SIZE];

	if (wtel_number_normalise(plain, number, service->options.country) || strcmp(plain, route->number) == 0)
		return "";
	return route->number;
}

void routing_next(const struct wtel_service *service, char *out, size_t room, int64_t trunk_id)
{
	const struct router_trunk *trunk = service->router ? router_trunk_of(service->router, trunk_id) : NULL;
	size_t i, length = 0;

	out[0] = '\0';
	for (i = 0; trunk && i < trunk->rules.next_count && i < NEXT_CODES && length + 6 < room; i++)
		length += (size_t)snprintf(out + length, room - length, "%s%u", i ? "-" : "", trunk->rules.next[i]);
}
