/*
 * The service's inside. One dispatch goes through the same steps, always:
 *
 *   link      connect, read the socket; each session notice goes
 *   fold        to the tracker, its changes to the store and the observers
 *   store     its own reads and writes; answers to tickets
 *   sync      what is to be known about trunks, accounts and channels
 *   originate, failover, health, hangup, jobs   the next step of each
 *   timers, then callbacks of the program: completions, observers
 *
 * The program's callbacks run at the end, where nothing is half done; only those of
 * wtel_service_action() run in the middle, because they are shown the message itself.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/slice.h"
#include "service/connection.h"
#include "service/loop.h"
#include "service/sync.h"
#include "store/store.h"
#include <wtel/service.h>

/* A list in both directions; a head links to itself. */
struct service_link {
	struct service_link *next;
	struct service_link *previous;
};

void service_list_init(struct service_link *head);
void service_list_add(struct service_link *head, struct service_link *entry); /* at the end */
void service_list_remove(struct service_link *entry);			      /* harmless when repeated */

/* ---- actions in flight ---- */

struct service_request;
/* 0, or WTEL_ENOMEM: nothing was taken, the same notice comes again. */
typedef int request_fn(struct wtel_service *service, struct service_request *request,
		       const struct wtel_ami_notice *notice);

/* What stands behind the `user` of a session's action. */
struct service_request {
	struct service_link link; /* in service->requests, if it is allocated by request.c */
	request_fn *item;	  /* may be NULL */
	request_fn *done;
};

/* ---- questions to the store ---- */

enum ticket_kind {
	TICKET_TRUNKS,
	TICKET_CAMPAIGNS,
	TICKET_PEERS,
	TICKET_ADOPT,
	TICKET_ATTEMPTS,
	TICKET_RESERVE,
	TICKET_MOVE,
	TICKET_BREAKER
};

struct originate;
struct health_step;

/*
 * A question under way at the store, which outlives the service: an answer that comes after the service
 * finds `service` NULL.
 */
struct service_ticket {
	struct service_link link;
	struct wtel_service *service;
	struct wtel_allocator allocator;
	struct wtel_store *store;
	enum ticket_kind kind;
	struct originate *originate; /* RESERVE */
	struct health_step *step;    /* BREAKER */
	struct wtel_route *routes;   /* RESERVE, MOVE: our copy, one block */
	size_t route_count;
	int64_t trunk_id;		 /* MOVE: where it was */
	char call_id[WTEL_CALL_ID_SIZE]; /* RESERVE: to close the row if nobody else can; MOVE */
	char extension[WTEL_PEER_EXTENSION_MAX + 1];
	char number[48];
	int64_t start;
};

int ticket_new(struct service_ticket **out, struct wtel_service *service, enum ticket_kind kind);
void ticket_free(struct service_ticket *ticket);
/* The service goes: what is answered at once is waited for, the rest is left to the store. */
void ticket_abandon_all(struct wtel_service *service);

/* How long channels' events may be behind an OriginateResponse, which takes another way through Asterisk. */
enum { SERVICE_PATIENCE = 500000 };

/* ---- hosts ---- */

struct service_host {
	struct wtel_ami_host host; /* our copies */
	char name[160];		   /* "host:port" for people */
	struct wtel_ami_session *session;
	unsigned failures;
	int64_t not_before; /* mono: when it may be tried again */
};

struct service_annex;

struct wtel_service {
	struct wtel_allocator allocator;
	struct wtel_service_options options; /* strings are our copies */
	struct loop loop;
	struct tls tls;
	struct wtel_tracker *tracker;
	struct wtel_store *store;
	struct wtel_detail error;
	struct wtel_time now; /* of the present dispatch */
	uint64_t random;      /* of the jitter */

	unsigned depth; /* callbacks of the program under way */
	bool dispatching;
	bool closing; /* freed from inside a callback, or being freed */
	int code;     /* WTEL_ENOMEM: something is to be tried again */

	/* link.c */
	struct service_host hosts[WTEL_MAX_HOSTS];
	size_t host_count;
	size_t host; /* present or last one */
	struct conn conn;
	bool linked;	  /* a transport is open and the session is fed */
	bool ready;	  /* logged in */
	bool again;	  /* more to read than one dispatch takes */
	int64_t ready_at; /* mono */
	int64_t retry_at; /* mono: no attempt before */
	int down_code;	  /* the link is to be taken down; 0: no */
	char down_text[256];
	uint64_t reconnects;
	uint64_t connects;

	/* fold.c */
	wtel_event_fn *event; /* the program's, for raw events */
	void *event_user;
	bool held; /* `notice` was not taken for lack of memory */
	struct wtel_ami_notice notice;
	bool change_held; /* `change` was not written for lack of memory */
	struct wtel_call_change change;
	uint64_t store_refused;
	uint64_t security;

	/* store side */
	int store_fd; /* as registered; -1: none */
	struct service_link tickets;
	int64_t heartbeat_at;

	int64_t expire_at; /* mono: calls whose Originate failed and that have no channel end; INT64_MAX: none */

	/* routing.c */
	struct wtel_router *router; /* NULL: the trunks were not read yet */
	struct store_zones zones;
	bool primed;				   /* outcomes of the past were counted */
	struct wtel_route routes[WTEL_MAX_ROUTES]; /* of the choice under way */
	char trace[4096];

	struct sync sync;
	struct service_link requests;
	int64_t expected_at; /* mono: a call of ours was given to the tracker last */
	struct service_link originates;
	struct base_map calls;	       /* call_id -> struct failover: calls that this process originated */
	struct service_link failovers; /* those with something to do */
	struct service_link health_steps;
	int64_t health_at; /* mono: no step before, after the store failed */
	struct service_link hangups;
	struct service_link jobs_new;
	struct service_link jobs; /* begun */
	struct service_link jobs_due;
	int64_t jobs_deadline; /* mono: not later than the earliest of `jobs` */
	struct service_annex *annex; /* of the api room; NULL: none yet */
	struct service_link observers;
	bool observers_fresh; /* at least one has something new, or is to be removed */
};

/* ---- service.c ---- */

void service_log(struct wtel_service *service, enum wtel_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Remembers that memory was lacking: this dispatch gives WTEL_ENOMEM. */
int service_note(struct wtel_service *service, int code);
/* Fails with service->error. */
int service_fail(struct wtel_service *service, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Around a callback of the program. */
void service_enter(struct wtel_service *service);
void service_leave(struct wtel_service *service);

/* ---- options.c ---- */

int options_copy(struct wtel_service *service, const struct wtel_service_options *options, struct wtel_detail *detail);
int options_hosts(struct wtel_service *service, const struct wtel_service_options *options, struct wtel_detail *detail);
void options_free(struct wtel_service *service);

/* ---- link.c ---- */

struct wtel_ami_session *link_session(const struct wtel_service *service);
int link_dispatch(struct wtel_service *service);
int link_flush(struct wtel_service *service);
void link_finish(struct wtel_service *service); /* logs off; pending actions are told */
int64_t link_deadline(const struct wtel_service *service);
void link_ready(struct wtel_service *service);
/* The link is to be taken down as soon as what was read is folded. */
void link_fail(struct wtel_service *service, int code, const char *text);

/* ---- fold.c ---- */

/* Takes everything that the session and the tracker have. WTEL_ENOMEM: again later. */
int fold_drain(struct wtel_service *service);
int fold_changes(struct wtel_service *service);

/* ---- request.c ---- */

/* Sends an action of the service's own; `request` is its `user`. Errors of wtel_ami_session_send(). */
int request_send(struct wtel_service *service, struct service_request *request, struct wtel_ami_action *action,
		 int64_t timeout);
void request_end_all(struct wtel_service *service);

/* ---- routing.c: the router, and what becomes known of trunks between two readings of the tables ---- */

int routing_check(const struct wtel_service_options *options, struct wtel_detail *detail);
void routing_free(struct wtel_service *service);
/* The list is about to become that of `trunks`. WTEL_ENOMEM: the router is as it was. */
int routing_trunks(struct wtel_service *service, const struct wtel_trunk_list *list, const struct sync_trunk *trunks);
void routing_campaigns(struct wtel_service *service, int code, const struct wtel_detail *detail,
		       const struct wtel_campaign_list *list);
void routing_attempts(struct wtel_service *service, int code, const struct store_attempt *attempts, size_t count);
void routing_registered(struct wtel_service *service, const struct sync_trunk *trunk);
void routing_breaker(struct wtel_service *service, struct sync_trunk *trunk, const struct wtel_breaker *breaker);
void routing_load(struct wtel_service *service, int64_t trunk_id, int change);
/*
 * service->routes and service->trace for a call. `tried` trunks are left out. WTEL_ENOTRUNK; WTEL_EINVAL; WTEL_ESTATE
 * without a router.
 */
int routing_rank(struct wtel_service *service, size_t *count, const char *number, int64_t campaign_id,
		 const int64_t *tried, size_t tried_count);
/* What a booking saw. */
void routing_looks(struct wtel_service *service, const struct wtel_route *routes, size_t count,
		   const struct wtel_booking *booking);
/* "Twilio Main full (20 of 20 channels), ...": why none could be booked. `booking` may be NULL. */
void routing_explain(struct wtel_service *service, char *out, size_t room, const char *number, int64_t campaign_id,
		     const struct wtel_route *routes, size_t count, const struct wtel_booking *booking);
/* A copy in one block, strings included. */
int routing_copy(struct wtel_route **out, const struct wtel_service *service, size_t count);
/* What is to be dialled, if that is not the number as it is; else "". */
const char *routing_dial(const struct wtel_service *service, const struct wtel_route *route, const char *number);
/* WTEL_NEXT: the codes of the callee after which a trunk's calls go on to the next. */
void routing_next(const struct wtel_service *service, char *out, size_t room, int64_t trunk_id);

/* ---- health.c: what became of attempts, the trunks' breakers, and whether a trunk is up ---- */

/* "SIP 503", "cause 34", "CHANUNAVAIL". */
void health_words(char *out, size_t room, int sip_code, int cause, const char *status);
/* One attempt; of a call of our own the breaker is told too, and `fault` says what the trunk did. WTEL_ENOMEM: it is
 * not counted. */
int health_count(struct wtel_service *service, const struct wtel_call *call, const struct wtel_leg *leg, bool own);
int health_outcome(struct wtel_service *service, int64_t trunk_id, enum wtel_outcome outcome, int64_t delay,
		   int64_t duration, bool own, const char *fault);
/* A call of ours was answered on it: a trial call need not end before its breaker closes. */
int health_answered(struct wtel_service *service, int64_t trunk_id);
/* A trunk went down, or came up again: told once. `why`: of a breaker; NULL: what the trunk's row says. */
void health_judge(struct wtel_service *service, struct sync_trunk *trunk, const char *why);
void health_step_all(struct wtel_service *service);
void health_end_all(struct wtel_service *service);
int64_t health_deadline(const struct wtel_service *service);

/* ---- failover.c ---- */

/* A call changed. WTEL_ENOMEM: the same change is to be shown again. */
int failover_change(struct wtel_service *service, const struct wtel_call_change *change);
int failover_event(struct wtel_service *service, const struct wtel_ami_event *event);
/* A hangup of that call was asked for. */
void failover_cancel(struct wtel_service *service, const char *call_id);
bool failover_owns(const struct wtel_service *service, const char *call_id);
void failover_step_all(struct wtel_service *service);
void failover_end_all(struct wtel_service *service);
int64_t failover_deadline(const struct wtel_service *service);

/* ---- originate.c ---- */

/* A row without a call behind it: ended as failed. */
int originate_close_row(struct wtel_store *store, const struct wtel_call *call, int64_t wall, const char *reason);
void originate_step_all(struct wtel_service *service);
void originate_complete_all(struct wtel_service *service); /* tells the program */
void originate_end_all(struct wtel_service *service);
int64_t originate_deadline(const struct wtel_service *service);
/* The channels were just read: one that is in doubt is there or is not. */
void originate_resynced(struct wtel_service *service);
bool originate_owns(const struct wtel_service *service, const char *call_id);
/* A hangup of a call that is not dialled yet. false: none of that id. */
bool originate_cancel(struct wtel_service *service, const char *call_id);

/* originate_check.c: everything that a person or a program may have put in. */
int originate_check(struct wtel_service *service, const struct wtel_originate *request, struct wtel_detail *detail);

/* ---- hangup.c ---- */

void hangup_step_all(struct wtel_service *service);
void hangup_complete_all(struct wtel_service *service);
void hangup_end_all(struct wtel_service *service);
int64_t hangup_deadline(const struct wtel_service *service);

/* ---- job.c: work of the rooms above ---- */

struct service_job {
	struct service_link link;
	/* From a dispatch, where the tracker and the store may be asked. Not the place for the program's callbacks. */
	void (*begin)(struct service_job *job);
	/* The last that is heard of it, where the program may be called back. `code`: 0, WTEL_ETIMEOUT, or WTEL_ECLOSED
	 * when the service is freed. */
	void (*finish)(struct service_job *job, int code);
	int64_t deadline; /* mono: half a minute, unless begin() puts it off */
	int code;
};

void job_add(struct wtel_service *service, struct service_job *job);
/* It is to be finished. */
void job_due(struct wtel_service *service, struct service_job *job);
void job_step_all(struct wtel_service *service);
void job_complete_all(struct wtel_service *service);
void job_end_all(struct wtel_service *service);
int64_t job_deadline(const struct wtel_service *service);

/* What a room above keeps with the service, first in a block of its own; freed with it. */
struct service_annex {
	void (*release)(struct wtel_service *service, struct service_annex *annex);
};

/* ---- observer.c ---- */

void observer_tell(struct wtel_service *service, const struct wtel_notice *notice);
void observer_run(struct wtel_service *service); /* ready callbacks */
void observer_detach_all(struct wtel_service *service);

/* ---- copy.c ---- */

/* One block with a deep copy of the notice and its call; NULL: out of memory. */
struct wtel_notice *copy_notice(const struct wtel_allocator *allocator, const struct wtel_notice *notice,
				size_t prefix);

#endif
