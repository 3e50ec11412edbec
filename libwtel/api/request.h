/*
 * One request of the REST interface, from its copy to its answer:
 *
 *   wtel_api_call() copies it -> a dispatch finds its route and checks it -> the handler asks the service and the store
 *   -> api_answer() or api_fail() -> the end of that dispatch calls the program back
 *
 * A handler is a function, and its continuations are the callbacks of what it asked.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <jansson.h>
#include <wtel/api.h>
#include <wtel/json.h>

#include "api/object.h"
#include "api/text.h"
#include "service/service.h"

enum {
	API_PATH_MAX = 1024,
	API_QUERY_MAX = 4096,
	API_NOTED_MAX = 256, /* actor, address */
	API_PARAMETERS_MAX = 16,
	API_WORDS_MAX = 2,
	API_BODY = 65536,
	API_BODY_LARGE = 4194304, /* a trunk's rules */
	API_ID_MAX = 2147483647	  /* as the tables' INTEGER */
};

#define API_TRUNK_KEYS                                                                                                 \
	"description provider trunkType port username password fromUser fromDomain maxChannels priority status"        \
	" endpoint needsRegistration advancedSettings"

struct api_request;

struct api_route {
	const char *method;
	const char *path;
	enum wtel_role role;
	void (*handle)(struct api_request *request);
	const char *query;
	const char *body;
	size_t body_max;
};

struct api_parameter {
	const char *name;
	const char *value;
};

struct api_request {
	struct service_job job;	      /* first */
	struct wtel_service *service; /* NULL: it was answered, and only callbacks are waited for */
	struct wtel_allocator allocator;
	wtel_api_fn *done;
	void *user;
	unsigned pending; /* callbacks that will come */
	/* the question, our copies */
	char method[8];
	char *path;
	struct wtel_slice query;
	struct wtel_slice text; /* of the body */
	bool too_long;		/* something was, and was not copied */
	int64_t user_id;
	enum wtel_role role;
	const char *noted; /* the path as it came, for the audit log; NULL: a GET */
	const char *actor, *address;
	const struct api_route *route;
	const char *words[API_WORDS_MAX]; /* variables of the path, in order */
	struct api_parameter parameters[API_PARAMETERS_MAX];
	size_t parameter_count;
	json_t *body; /* an object */
	/* the answer */
	bool answered;
	int status;
	json_t *document; /* NULL: there was no memory for it, or it is a text */
	struct api_text *written;
	bool secret; /* there is one in it */
	/* a handler's own, between its steps */
	void *kept; /* a list: store_pack_free() */
	int64_t id, other_id;
	const char *message;
	size_t size;
	char data[];
};

/* ---- api.c: answering ---- */

/* {"success": true, "message": ...}, to be added to; `message` may be NULL. */
json_t *api_success(const char *message);
/*
 * An answer that is written as text, and may be that of many requests. Made with one reference; `text` writes into it.
 * NULL: out of memory.
 */
struct api_text {
	size_t references;
	struct wtel_allocator allocator;
	struct base_buffer buffer;
	struct text text;
};
struct api_text *api_text_new(const struct wtel_allocator *allocator);
void api_text_release(struct api_text *text); /* NULL is allowed */

/* Takes the text; NULL, or one that lacked memory: out of memory. */
void api_answer_text(struct api_request *request, int status, struct api_text *text);
/* Takes the document; NULL: out of memory. */
void api_answer(struct api_request *request, int status, json_t *document);
void api_fail(struct api_request *request, int status, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* A code of the library, with the status that it has by nature. */
void api_fail_code(struct api_request *request, int code, const struct wtel_detail *detail);
int api_status(int code);

/* ---- asking ---- */

/* The database; NULL: there is none now, and that was answered. */
struct wtel_store *api_store(struct api_request *request);
/* What a function of the store or the service gave that calls back later: a failure is answered. */
void api_asked(struct api_request *request, int code, const struct wtel_detail *detail);
void api_asked_store(struct api_request *request, int code);
/* To begin a callback with: false: nobody waits for it any more. */
bool api_resume(struct api_request *request);

/* ---- audit.c ---- */

/* When it is answered: into the audit log, unless it is a GET. */
void api_note(struct wtel_service *service, const struct api_request *request);

/* ---- match.c ---- */

/* Sets route and words. false: answered with 404 or 405. */
bool api_match(struct api_request *request);
/* false: answered with 400. */
bool api_read_query(struct api_request *request);

/* ---- input.c: each false was answered ---- */

bool api_read_body(struct api_request *request);

/* NULL: not there. */
const char *api_parameter(const struct api_request *request, const char *name);
/* Untouched where the parameter is not there. */
bool api_parameter_number(struct api_request *request, int64_t *out, const char *name, int64_t least, int64_t most);
/* `end`: a day without a time counts to its end. */
bool api_parameter_time(struct api_request *request, int64_t *out, const char *name, bool end);
/* cursor.c: of a page that goes on where another ended. */
enum { API_CURSOR_SIZE = 40 };
void api_cursor_write(char out[API_CURSOR_SIZE], const struct wtel_call *last);
bool api_parameter_cursor(struct api_request *request, struct wtel_call_filter *filter);
/* The id in the path: 1 and up. */
bool api_word_id(struct api_request *request, int64_t *out, size_t index);

/* Of the body; untouched where the key is not there. null: 0, false, "". */
bool api_body_has(const struct api_request *request, const char *key);
bool api_body_number(struct api_request *request, int64_t *out, const char *key, int64_t least, int64_t most);
bool api_body_flag(struct api_request *request, bool *out, const char *key);
bool api_body_text(struct api_request *request, const char **out, const char *key);

/* Whether it is one that who asks may know of. */
bool api_is_own(const struct api_request *request, const struct wtel_call *call);

/* Whose calls: by `asked` (0: not said) and who asks. */
bool api_whose(struct api_request *request, int64_t *out, bool said, int64_t asked, const char *field);

#define API_ROUTE_X(name, method, path, role, query, body, most) void api_##name(struct api_request *request);
#include "api/route.def"
#undef API_ROUTE_X

#endif
