/* /healthz: the process lives. /readyz: Asterisk and the database are there. */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "gateway/gateway.h"

void health_live(struct gateway_exchange *exchange);
void health_ready(struct gateway_exchange *exchange);

#endif
