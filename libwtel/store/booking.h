/* What the booking's two sides agree on: the one that asks, and the databases. */
#ifndef STORE_BOOKING_H
#define STORE_BOOKING_H

enum {
	STORE_RATE_MAX = 1000,	  /* calls per second; so many bookings are remembered of each trunk */
	STORE_TRIAL_SECONDS = 120 /* a trial call that has not told by then is given up */
};

/* The statement's arguments. */
enum store_book_argument {
	STORE_BOOK_TRUNKS, /* "{3,5}"; the next two are as long */
	STORE_BOOK_RATES,  /* calls per second; 0: no limit */
	STORE_BOOK_TRIALS, /* 1: its breaker may be open */
	STORE_BOOK_MOVE,   /* 1: of the unfinished call of that call_id; what describes a new call is not used */
	STORE_BOOK_CALL_ID,
	STORE_BOOK_DIRECTION,
	STORE_BOOK_AGENT,
	STORE_BOOK_CAMPAIGN,
	STORE_BOOK_LEAD,
	STORE_BOOK_CALLER,
	STORE_BOOK_CALLEE,
	STORE_BOOK_START,
	STORE_BOOK_OWNER,
	STORE_BOOK_NOW,
	STORE_BOOK_TRACE, /* begins a line of the call's route; NULL: no line */
	STORE_BOOK_ARGUMENTS
};

#endif
