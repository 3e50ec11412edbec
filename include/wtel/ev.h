/*
 * A service on a libev loop. Header-only, so that libwtel itself needs no libev:
 * include it where you link libev.
 *
 *   struct wtel_ev adapter;
 *   wtel_ev_start(&adapter, EV_DEFAULT, service);
 *   ev_run(EV_DEFAULT, 0);
 *   wtel_ev_stop(&adapter);        (before wtel_service_free())
 */
#ifndef WTEL_EV_H
#define WTEL_EV_H

#include <ev.h>
#include <wtel/service.h>

struct wtel_ev {
	struct ev_loop *loop;
	struct wtel_service *service;
	ev_io readable;
};

static inline void wtel_ev_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct wtel_ev *adapter = (struct wtel_ev *)watcher->data;

	(void)loop;
	(void)events;
	(void)wtel_service_dispatch(adapter->service);
}

/* The adapter must stay where it is until wtel_ev_stop(). Idempotence: start once, stop once. */
static inline void wtel_ev_start(struct wtel_ev *adapter, struct ev_loop *loop, struct wtel_service *service)
{
	adapter->loop = loop;
	adapter->service = service;
	ev_io_init(&adapter->readable, wtel_ev_readable, wtel_service_fd(service), EV_READ);
	adapter->readable.data = adapter;
	ev_io_start(loop, &adapter->readable);
}

static inline void wtel_ev_stop(struct wtel_ev *adapter)
{
	ev_io_stop(adapter->loop, &adapter->readable);
}

#endif
