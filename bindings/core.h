/* What the files of the binding share. */
#ifndef CORE_H
#define CORE_H

#include <jansson.h>
#include <wtel/api.h>
#include <wtel/json.h>
#include <wtel/wtel.h>

#include "binding.h"

enum {
	TEXT_MAX = 1 << 20,		   /* bytes of one string */
	REQUEST_MAX = 16 << 20,		   /* bytes of one request */
	ITEMS_MAX = 100000,		   /* of one list that Asterisk gives */
	LOGS_MAX = 256,			   /* lines kept for the package */
	RAW_MAX = 1 << 30,		   /* bytes of a block of raw events: ends are 32-bit integers */
	MILLISECONDS_MAX = 60 * 60 * 1000, /* an hour */
};

/* ---- text.c: JSON from other languages ---- */

/* Formats into *detail and gives `code` back. */
int text_fail(struct wtel_detail *detail, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * An object out of text that may be anything. WTEL_EINVAL, WTEL_EINJECTION (NUL), WTEL_ELIMIT, WTEL_ENOMEM; the field
 * is the one in which the text breaks. Nothing of the text is in the sentence: there may be secrets in it. Caller
 * frees.
 */
int text_object(json_t **out, const char *text, struct wtel_detail *detail);

/* One of `names` (NULL-terminated) each: WTEL_EINVAL with the first that is not. */
int text_known(json_t *object, const char *const *names, struct wtel_detail *detail);

/* Leave *out as it is where the key is missing or null. Borrowed from the object. */
int text_read_string(const char **out, json_t *object, const char *key, struct wtel_detail *detail);
int text_read_integer(int64_t *out, json_t *object, const char *key, int64_t least, int64_t most,
		      struct wtel_detail *detail);
int text_read_boolean(bool *out, json_t *object, const char *key, struct wtel_detail *detail);

/* WTEL_EINVAL, WTEL_ELIMIT, WTEL_EINJECTION for a value that is no string without NUL of at most TEXT_MAX bytes. */
int text_check(json_t *value, const char *field, struct wtel_detail *detail);

/* ---- block.c: bytes that grow, and blocks of messages ---- */

struct bytes {
	char *data;
	size_t length;
	size_t room;
};

bool bytes_add(struct bytes *bytes, const void *data, size_t length); /* false: out of memory, nothing was added */
bool bytes_json(struct bytes *bytes, json_t *value);		      /* the same; `value` NULL: out of memory */
void bytes_clear(struct bytes *bytes);				      /* gives back what was large */
void bytes_free(struct bytes *bytes);
struct binding_bytes bytes_give(const struct bytes *bytes);

struct block {
	struct bytes bytes;
	struct bytes ends;
	size_t first; /* messages at the front that are dropped */
};

/* false: out of memory. */
bool block_add(struct block *block, const struct wtel_ami_message *message);
/* Drops the oldest until at most `most` bytes are left; how many they were. */
size_t block_limit(struct block *block, size_t most);
/* Takes away what was dropped. */
void block_compact(struct block *block);
void block_clear(struct block *block);
void block_free(struct block *block);

/* ---- binding.c ---- */

/* A question on its way, then its answer: so that no answer is lost for want of memory. */
struct ask {
	struct ask *prev, *next;
	struct binding *binding;
	int64_t id;
	bool answered;
	char *text; /* of the answer, `"data": ...` or `"error": ...`; NULL: out of memory */
	json_t *items;
	size_t item_count;
};

struct log_line {
	enum wtel_log_level level;
	char *text;
};

struct binding {
	int fd;	  /* epoll of the service's and of `wake` */
	int wake; /* eventfd: there is something to take, or to do, that the service knows nothing of */
	struct wtel_store *store;
	struct wtel_service *service; /* NULL after binding_close() */
	struct wtel_observer *observer;
	int64_t last_id;
	int64_t closing;    /* id of the question; 0: none */
	struct ask asks;    /* ring: those under way */
	struct ask answers; /* ring: those answered, oldest first */
	struct bytes out;   /* what was given last */
	struct block raw[2];
	uint32_t unwanted; /* notices, a bit for each type */
	unsigned filling;  /* raw[filling] takes events, the other one was given */
	size_t raw_most;   /* 0: none are wanted */
	uint64_t raw_lost;
	struct log_line logs[LOGS_MAX];
	size_t log_first, log_count;
	char error[1024];
};

/* Keeps the error as JSON; gives `code` back. */
int core_fail(struct binding *binding, int code, const struct wtel_detail *detail);
/* NULL: out of memory. */
struct ask *core_ask(struct binding *binding);
void core_forget(struct ask *ask);
/* The ask moves to the answers. `data` is stolen; NULL: out of memory. */
void core_answer(struct ask *ask, json_t *data);
/* The same with `text`, which becomes the ask's (malloc); NULL: out of memory. */
void core_answer_text(struct ask *ask, char *text);
void core_answer_error(struct ask *ask, int code, const char *text);
void core_wake(struct binding *binding);
void core_log(enum wtel_log_level level, const char *text, void *user);

/* ---- options.c ---- */

/* Opens store, service and observer as `options` wants them. */
int options_open(struct binding *binding, const char *options, struct wtel_detail *detail);

#endif
