/*
 * libwtel: telephony for call centres on Asterisk. All of it but the optional
 * adapters (<wtel/ev.h>, <wtel/json.h>) and the simulator (<wtel/sim.h>).
 */
#ifndef WTEL_H
#define WTEL_H

#include <wtel/access.h>
#include <wtel/ami.h>
#include <wtel/api.h>
#include <wtel/base.h>
#include <wtel/call.h>
#include <wtel/peer.h>
#include <wtel/route.h>
#include <wtel/service.h>
#include <wtel/store.h>
#include <wtel/trunk.h>

#endif
