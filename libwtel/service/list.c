#include "service/service.h"

void service_list_init(struct service_link *head)
{
	head->next = head->previous = head;
}

void service_list_add(struct service_link *head, struct service_link *entry)
{
	entry->next = head;
	entry->previous = head->previous;
	head->previous->next = entry;
	head->previous = entry;
}

void service_list_remove(struct service_link *entry)
{
	entry->next->previous = entry->previous;
	entry->previous->next = entry->next;
	service_list_init(entry);
}
