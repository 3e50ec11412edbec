/*
 * What has to be known before calls can be told apart, and again after everything that may have made it stale:
 *
 *   OFF --ready--> STORE --trunks, accounts and orphans read--> LISTS --registrations, contacts, channels--> DONE
 *    ^               ^                                                                                         |
 *    |               +------------------- reload, quarantine, doubt, new trunks -------------------------------+
 *    +--disconnected
 */
#ifndef SERVICE_SYNC_H
#define SERVICE_SYNC_H

#include <stdbool.h>
#include <wtel/ami.h>
#include <wtel/store.h>

enum sync_stage { SYNC_OFF, SYNC_STORE, SYNC_LISTS, SYNC_DONE };

struct sync_trunk {
	int64_t id;
	char *name;
	char *endpoint;
	uint64_t line; /* of what a registration is made of: another one, and Asterisk is asked again */
	bool needs_registration;
	bool known;	    /* Asterisk has a registration for it */
	bool registered;    /* as Asterisk told last */
	bool dirty;	    /* the store is to be told */
	const char *status; /* literal; NULL: Asterisk told nothing yet */
	int64_t wall;
	enum wtel_trunk_status set; /* its row's status */
	struct wtel_breaker breaker;
	int active_calls;
	int max_channels;
	bool full;	    /* a booking found it so, and that was told */
	bool judged;	    /* `down` is known */
	unsigned char down; /* enum health_down; 0: it is up */
	char error[160];    /* its row's last_error_message */
};

struct sync_registration {
	char *client_uri;
	char *server_uri;
	char *name;	/* of its section; often the endpoint's */
	char *endpoint; /* "" unless line=yes */
	const char *status;
};

/* A registration that we ended in Asterisk, because its row was gone. */
struct sync_ended {
	char *name;
	enum { SYNC_REST, SYNC_END, SYNC_BEGIN } wanted; /* what Asterisk is to be told */
};

struct sync_peer {
	int64_t agent_id;
	char extension[24];
	char username[WTEL_PEER_USERNAME_MAX + 1]; /* under which its phone may be known, too */
	char uri[256];				   /* of the contact that is registered */
	char ask[256];				   /* a variable that is to be asked for; "": none */
	bool asks_contact;
	bool registered;
	bool seen;  /* in the list of contacts */
	bool dirty; /* the store is to be told */
	const char *status;
	char address[64];
	char agent[128];
	int64_t wall;
};

/* A phone whose account we have not read yet: another process may have made it a moment ago. */
struct sync_stranger {
	char extension[24];
	char aor[64];
	char uri[256];
	const struct state_word *word;
	int64_t wall;
};

enum { SYNC_STRANGERS = 32 };

struct sync_request; /* sync.c */

struct sync {
	enum sync_stage stage;
	bool synchronised;
	bool booted;	       /* the first list was answered */
	int64_t deadline;      /* of the STORE stage, mono */
	int64_t again_at;      /* mono; INT64_MAX: no other round is wanted */
	int64_t refresh_at;    /* mono: trunks, accounts and orphans are read again */
	int64_t loads_at;      /* mono: trunks are read again for their loads; INT64_MAX: no */
	bool loads_stale;      /* ends of calls were on their way when the trunks were read */
	int64_t last;	       /* mono: the last round began */
	int64_t missing_at;    /* mono: channels that the list did not name are given up; 0: none is missed */
	unsigned asked;	       /* set of ticket kinds under way */
	unsigned wanted;       /* and of those still to ask */
	unsigned lists;	       /* set of lists under way */
	unsigned lists_wanted; /* and of those still to ask */
	bool resyncing;	       /* tracker_resync_begin() was called */
	bool doubted;	       /* items of the list of channels may have been dropped */
	unsigned repeats;      /* of that list in this round */
	bool store_failed;     /* told in the log already */
	bool watched;	       /* the store tells of changes */
	struct sync_request *requests;
	struct sync_trunk *trunks;
	size_t trunk_count;
	struct sync_registration *registrations;
	size_t registration_count;
	struct sync_registration *incoming; /* of the list that is being read */
	size_t incoming_count;
	bool listed; /* the registrations were, since the connect */
	struct sync_ended *ended;
	size_t ended_count;
	struct sync_stranger strangers[SYNC_STRANGERS]; /* a ring: the newest are kept */
	size_t stranger_count;				/* ever, since the login */
	int64_t strangers_at;	 /* mono: accounts are read for their sake; INT64_MAX: there is none */
	int64_t peers_read;	 /* mono: accounts were asked for */
	bool asks;		 /* a peer has a question */
	struct sync_peer *peers; /* by extension */
	size_t peer_count;
	bool dirty; /* a trunk or a peer is */
};

struct wtel_service;
struct service_ticket;

int sync_init(struct wtel_service *service);
void sync_free(struct wtel_service *service);
void sync_start(struct wtel_service *service); /* logged in */
void sync_stop(struct wtel_service *service);  /* the connection is gone */
/* Another round, not before `delay` from now and not more often than every few seconds. */
void sync_request_again(struct wtel_service *service, int64_t delay);
/* Trunks and campaigns are read anew; whether they still are. */
void sync_tables(struct wtel_service *service);
bool sync_reads_tables(const struct wtel_service *service);
/* Genuine messages may have been dropped: a list that is being read may not be whole. */
void sync_doubt(struct wtel_service *service);
/* A channel whose own list item had to be dropped is alive all the same. */
void sync_vouch(struct wtel_service *service, const char *channel);
void sync_step(struct wtel_service *service);
int64_t sync_deadline(const struct wtel_service *service);

/* Answers of the store. */
void sync_trunks(struct wtel_service *service, int code, const struct wtel_detail *detail,
		 const struct wtel_trunk_list *list);
void sync_peers(struct wtel_service *service, int code, const struct wtel_detail *detail,
		const struct wtel_peer_list *list);
void sync_adopted(struct wtel_service *service, int code, const struct wtel_detail *detail,
		  const struct wtel_call_list *list);

/* table.c: what they are kept in. */
void table_free(struct wtel_service *service);
struct sync_trunk *table_trunk(const struct wtel_service *service, struct wtel_slice endpoint);
struct sync_trunk *table_trunk_by_id(const struct wtel_service *service, int64_t id);
struct sync_peer *table_peer(const struct wtel_service *service, struct wtel_slice extension);
struct sync_peer *table_peer_of(const struct wtel_service *service, struct wtel_slice username);
void table_drop_registrations(struct wtel_service *service, struct sync_registration *list, size_t count);

/* realtime.c */
void realtime_listed(struct wtel_service *service); /* before the list that was read becomes the list */
void realtime_registered(struct wtel_service *service, struct sync_peer *peer, struct wtel_slice aor);
void realtime_step(struct wtel_service *service);
void realtime_free(struct wtel_service *service);

/* state.c: events about trunks and accounts. */
int state_registry(struct wtel_service *service, const struct wtel_ami_event *event, int64_t wall);
/* Accounts were read: what was told of phones that had none. */
void state_strangers(struct wtel_service *service);
int state_peer(struct wtel_service *service, const struct wtel_ami_event *event, int64_t wall);
int state_registration_item(struct wtel_service *service, const struct wtel_ami_message *message);
void state_registrations_done(struct wtel_service *service);
void state_registrations_drop(struct wtel_service *service); /* of the list being read */
void state_contact_item(struct wtel_service *service, const struct wtel_ami_message *message);
void state_contacts_done(struct wtel_service *service);
void state_flush(struct wtel_service *service); /* tells the store what is dirty */

#endif
