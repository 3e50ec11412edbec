/* Questions to the store whose answers may come after the service is gone. */
#include "service/service.h"

#include <poll.h>

int ticket_new(struct service_ticket **out, struct wtel_service *service, enum ticket_kind kind)
{
	struct service_ticket *ticket = base_allocate_zero(&service->allocator, sizeof(*ticket));

	if (!ticket)
		return WTEL_ENOMEM;
	ticket->service = service;
	ticket->allocator = service->allocator;
	ticket->store = service->store;
	ticket->kind = kind;
	service_list_add(&service->tickets, &ticket->link);
	*out = ticket;
	return 0;
}

void ticket_free(struct service_ticket *ticket)
{
	struct wtel_allocator allocator = ticket->allocator;

	service_list_remove(&ticket->link);
	base_release(&allocator, ticket->routes);
	base_release(&allocator, ticket);
}

/* An embedded database answers at once; a remote one is given half a second, then its answers find nobody. */
static void settle(struct wtel_store *store, struct service_link *left)
{
	struct wtel_time now = wtel_time_now();
	int64_t until = now.mono + 500000;

	while (left->next != left && now.mono < until) {
		if (store_deadline(store) > now.mono) {
			struct pollfd poller = {store_fd(store), store_events(store), 0};

			(void)poll(&poller, poller.fd >= 0, 10);
		}
		if (store_dispatch(store, wtel_time_now()) == WTEL_EBUSY)
			break;
		now = wtel_time_now();
	}
	while (left->next != left)
		service_list_remove(left->next);
}

void ticket_abandon_all(struct wtel_service *service)
{
	struct service_link left;

	service_list_init(&left);
	while (service->tickets.next != &service->tickets) {
		struct service_ticket *ticket = (struct service_ticket *)service->tickets.next;

		service_list_remove(&ticket->link);
		service_list_add(&left, &ticket->link);
		ticket->service = NULL;
		ticket->originate = NULL;
		ticket->step = NULL;
	}
	if (service->store)
		settle(service->store, &left);
}
