/* Which trunk a call gets: ranked by the router, booked by the store, or why none. */
#include <inttypes.h>
#include <stdio.h>

#include "service/failover.h"
#include "service/originate_action.h"

/* The service went meanwhile: nobody dials this call. */
static void close_orphan(const struct service_ticket *ticket, const struct wtel_booking *booking)
{
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.id = booking->row_id;
	call.call_id = ticket->call_id;
	call.channel = call.recording_url = "";
	call.caller_number = ticket->extension;
	call.callee_number = ticket->number;
	call.trunk_id = ticket->routes[booking->taken].trunk_id;
	call.start = ticket->start;
	(void)originate_close_row(ticket->store, &call, wtel_time_now().wall, "the service was closed");
}

static void no_trunk(struct originate *originate, const struct service_ticket *ticket,
		     const struct wtel_booking *booking)
{
	struct wtel_service *service = originate->service;
	char why[400], text[sizeof(originate->text)];

	routing_explain(service, why, sizeof(why), originate->number, originate->call.campaign_id,
			ticket ? ticket->routes : NULL, ticket ? ticket->route_count : 0, booking);
	snprintf(text, sizeof(text), "%s%s%s", wtel_error_text(WTEL_ENOTRUNK), *why ? ": " : "", why);
	service_log(service, WTEL_LOG_WARNING, "%s (call %s, campaign %" PRId64 ")", text, originate->call_id,
		    originate->call.campaign_id);
	originate_complete(originate, WTEL_ENOTRUNK, text);
}

/* Memory is not needed here: what a route says is kept in arrays of the request. */
static void take(struct originate *originate, const struct wtel_route *route, const struct wtel_booking *booking)
{
	static const struct wtel_trunk init = WTEL_TRUNK_INIT;
	struct wtel_service *service = originate->service;
	const struct sync_trunk *trunk = table_trunk_by_id(service, route->trunk_id);
	const struct wtel_look *look = &booking->looks[booking->look_count ? booking->look_count - 1 : 0];
	unsigned variables;

	snprintf(originate->trunk_name, sizeof(originate->trunk_name), "%s", route->name);
	snprintf(originate->endpoint, sizeof(originate->endpoint), "%s", route->endpoint);
	snprintf(originate->caller_id, sizeof(originate->caller_id), "%s", route->caller_id);
	snprintf(originate->dial, sizeof(originate->dial), "%s", routing_dial(service, route, originate->number));
	routing_next(service, originate->next, sizeof(originate->next), route->trunk_id);
	originate->trunk = init;
	originate->trunk.id = route->trunk_id;
	originate->trunk.name = originate->trunk_name;
	originate->trunk.endpoint = originate->endpoint;
	originate->trunk.description = originate->trunk.host = originate->trunk.username = "";
	originate->trunk.from_user = originate->trunk.from_domain = originate->trunk.last_error_message = "";
	originate->trunk.active_calls = look->active_calls;
	originate->trunk.max_channels = look->max_channels;
	originate->trunk.registered = trunk && trunk->registered;
	originate->trunk.needs_registration = !trunk || trunk->needs_registration;
	originate->call.id = booking->row_id;
	originate->call.trunk_id = route->trunk_id;
	variables = originate->foreign_caller_id ? FAILOVER_FOREIGN_CALLER_ID : 0;
	variables |= originate->dial[0] ? FAILOVER_DIAL : 0;
	variables |= originate->caller_id[0] ? FAILOVER_CALLER_ID : 0;
	variables |= originate->next[0] ? FAILOVER_NEXT : 0;
	failover_booked(originate->failover, route->trunk_id, variables);
	originate->stage = ORIGINATE_RESERVED;
	originate->deadline = service->now.mono + ORIGINATE_ACK_TIMEOUT;
}

static void on_reserved(int code, const struct wtel_detail *detail, const struct wtel_booking *booking, void *user)
{
	struct service_ticket *ticket = user;
	struct originate *originate = ticket->originate;

	if (originate && booking)
		routing_looks(originate->service, ticket->routes, ticket->route_count, booking);
	if (!originate) {
		if (code == 0)
			close_orphan(ticket, booking);
	} else if (code == WTEL_ENOTRUNK) {
		no_trunk(originate, ticket, booking);
	} else if (code == WTEL_ENOMEM) {
		originate->stage = ORIGINATE_WAITING;
		(void)service_note(originate->service, code);
	} else if (code == WTEL_ECLOSED) {
		/* The row may or may not be there: written as ended, it is both. */
		originate_condemn(originate, ORIGINATE_CLOSING, WTEL_ESTORE,
				  "the database was lost while a trunk was booked");
	} else if (code) {
		originate_complete(originate, code, detail && detail->text[0] ? detail->text : wtel_error_text(code));
	} else {
		take(originate, &ticket->routes[booking->taken], booking);
	}
	ticket_free(ticket);
}

static int reserve(struct originate *originate, size_t count)
{
	struct wtel_service *service = originate->service;
	struct service_ticket *ticket;
	int code = ticket_new(&ticket, service, TICKET_RESERVE);

	if (code)
		return code;
	ticket->originate = originate;
	ticket->start = originate->call.start;
	memcpy(ticket->call_id, originate->call_id, sizeof(ticket->call_id));
	memcpy(ticket->extension, originate->extension, sizeof(ticket->extension));
	memcpy(ticket->number, originate->number, sizeof(ticket->number));
	ticket->route_count = count;
	code = routing_copy(&ticket->routes, service, count);
	if (!code)
		code = store_reserve(service->store, &originate->call, ticket->routes, count, service->trace,
				     on_reserved, ticket);
	if (code)
		ticket_free(ticket);
	return code;
}

int originate_book(struct originate *originate)
{
	size_t count = 0;
	int code = routing_rank(originate->service, &count, originate->number, originate->call.campaign_id, NULL, 0);

	if (code == WTEL_ENOTRUNK && !originate->reread) {
		/* A trunk that was made just now counts, whoever made it: the tables are read once more. */
		originate->reread = true;
		sync_tables(originate->service);
		return 0;
	}
	if (code == WTEL_ENOTRUNK) {
		no_trunk(originate, NULL, NULL);
		return 0;
	}
	if (!code)
		code = reserve(originate, count);
	if (code == 0) {
		originate->stage = ORIGINATE_RESERVING;
		originate->deadline = INT64_MAX;
	} else if (code != WTEL_ENOMEM) {
		originate_complete(originate, code, wtel_error_text(code));
	}
	return code;
}
