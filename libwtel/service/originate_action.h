#ifndef SERVICE_ORIGINATE_ACTION_H
#define SERVICE_ORIGINATE_ACTION_H

#include "service/originate.h"

/* Makes originate->action of everything but the trunk. WTEL_ELIMIT and others with the field; WTEL_ENOMEM. */
int originate_action(struct wtel_service *service, struct originate *originate, const struct wtel_originate *request,
		     struct wtel_detail *detail);

/* Adds the trunk's variables. WTEL_ENOMEM: try again, WTEL_ELIMIT. */
int originate_action_trunk(struct originate *originate);

#endif
