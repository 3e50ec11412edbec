/*
 * A simulated Asterisk: an AMI server that says what Asterisk 22 says for what the service uses, for quick starts,
 * tests and your own CI. The called number decides how a call ends. A test runs the same scenarios against it and the
 * real one and compares the sequences of events.
 *
 *   wtel_sim         pure: bytes and time in, bytes out; a virtual clock runs an hour in a blink
 *   wtel_sim_server  the same behind a TCP port on one pollable descriptor
 *
 * What the last digits of a called number do ("5551" is any number that ends so):
 *
 *   ...01  answers after ringing, hangs up after `talk`   ...02  busy (486, cause 17)
 *   ...03  rings for ever (no answer)                     ...04  congestion (503, cause 34)
 *   ...05  unknown number (404, cause 1)                  ...06  declined (603, cause 21)
 *   ...07  183 with early media, then answers             ...08  answers at once, without ringing
 *   ...09  never replies (no 1xx)                         others as 01
 *
 * and of an agent's extension: ends in 96: busy; in 97: answers, and hangs up first, `talk` after that; in 98: never
 * picks up; in 99: not registered; others answer. The end of a trunk's endpoint decides before the number does:
 *
 *   -NNN          400 to 699: answers every call with that SIP status, without ringing
 *   -ring-NNN     rings (180) for `ring`, then that status
 *   -down         500, cause 38
 *   -silent       never says a word: fails as 408, cause 18, after 4 s
 *   -absent       has no contact: Dial() makes no channel
 *   -unreachable  has a contact that does not answer: Dial() makes no channel, a qualify finds it Unreachable
 *
 * The dialplan is that of examples/asterisk: it dials WTEL_DIAL, or the number, at WTEL_ENDPOINT; a trunk's fault
 * before the customer rang, or a status that WTEL_NEXT lists, sends UserEvent WtelTrunkFault and leaves the agent two
 * seconds in which the call can be redirected. Getvar reads PJSIP_ENDPOINT(name,field), PJSIP_AOR(name,contact) and
 * PJSIP_CONTACT(id,status|rtt|uri); after each PJSIPQualify the round-trip time is a microsecond longer.
 */
#ifndef WTEL_SIM_H
#define WTEL_SIM_H

#include <stdbool.h>
#include <wtel/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wtel_sim_options {
	size_t size;
	const char *username;		  /* "wtel" */
	const char *secret;		  /* "wtel" */
	int64_t agent_pickup;		  /* microseconds until the agent answers, 500 ms */
	int64_t ring;			  /* until a customer answers, 1 s */
	int64_t talk;			  /* until the customer hangs up, 3 s */
	const char *const *registrations; /* "endpoint=Registered", NULL-terminated; NULL: none listed */
	const char *const *endpoints;	  /* PJSIP endpoints that exist; NULL: any */
	bool timestamps;		  /* timestampevents=yes, true */
	uint64_t seed;			  /* of channel numbers and the challenge */
	double load;			  /* calls per second of its own making, for measurements; 0: none */
};
#define WTEL_SIM_OPTIONS_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct wtel_sim_options), "wtel", "wtel", 500000, 1000000, 3000000, NULL, NULL, true, 1, 0      \
	}

struct wtel_sim;
struct wtel_sim_client;

WTEL_API int wtel_sim_new(struct wtel_sim **out, const struct wtel_sim_options *options,
			  const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
WTEL_API void wtel_sim_free(struct wtel_sim *sim);

/* A connection arrives; it is greeted with the banner. Freed with the sim, or by wtel_sim_disconnect(). */
WTEL_API int wtel_sim_connect(struct wtel_sim *sim, struct wtel_sim_client **out, struct wtel_time now) WTEL_MUST_CHECK;
WTEL_API void wtel_sim_disconnect(struct wtel_sim *sim, struct wtel_sim_client *client);
WTEL_API int wtel_sim_feed(struct wtel_sim *sim, struct wtel_sim_client *client, const void *data, size_t length,
			   struct wtel_time now) WTEL_MUST_CHECK;
/* Bytes for that client. Borrowed until the next call. `closing`: it wants to be disconnected after them. */
WTEL_API struct wtel_slice wtel_sim_output(struct wtel_sim_client *client, bool *closing);
WTEL_API void wtel_sim_sent(struct wtel_sim_client *client, size_t length);

/* When something is due, on the mono clock; INT64_MAX: never. Then tick. */
WTEL_API int64_t wtel_sim_deadline(const struct wtel_sim *sim);
WTEL_API int wtel_sim_tick(struct wtel_sim *sim, struct wtel_time now) WTEL_MUST_CHECK;

/* Scripts: a trunk's registration changes; raw bytes are sent to everyone (a forged message, say). */
WTEL_API int wtel_sim_registry(struct wtel_sim *sim, const char *endpoint, const char *status,
			       struct wtel_time now) WTEL_MUST_CHECK;
WTEL_API int wtel_sim_inject(struct wtel_sim *sim, struct wtel_slice bytes) WTEL_MUST_CHECK;
/* A customer calls in through a trunk's endpoint to `extension` in welcomedly-inbound. */
WTEL_API int wtel_sim_call_in(struct wtel_sim *sim, const char *endpoint, const char *from, const char *extension,
			      struct wtel_time now) WTEL_MUST_CHECK;
/* Active channels now. */
WTEL_API size_t wtel_sim_channels(const struct wtel_sim *sim);

struct wtel_sim_server;

/*
 * Listens on `address` ("127.0.0.1"), `port` 0: any free. Caller frees. Poll its fd, then dispatch;
 * dispatch once after a script (wtel_sim_call_in() and the like) too. `sim` is borrowed.
 */
WTEL_API int wtel_sim_server_new(struct wtel_sim_server **out, struct wtel_sim *sim, const char *address, int port,
				 struct wtel_detail *detail) WTEL_MUST_CHECK;
WTEL_API void wtel_sim_server_free(struct wtel_sim_server *server);
WTEL_API int wtel_sim_server_port(const struct wtel_sim_server *server);
WTEL_API int wtel_sim_server_fd(const struct wtel_sim_server *server);
WTEL_API int wtel_sim_server_dispatch(struct wtel_sim_server *server);

#ifdef __cplusplus
}
#endif
#endif
