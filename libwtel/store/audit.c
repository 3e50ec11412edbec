/*
 * The audit log. Notes wait as the texts that they are sent as, oldest first; one batch of them is with the database at
 * a time. What it does not take waits and is tried again: a note has a mark of its own, so that one that was written
 * after all is not written twice.
 */
#include <jansson.h>
#include <stdio.h>

#include "store/core.h"
#include "store/rows.h"

#include "base/buffer.h"
#include "base/timestamp.h"

enum {
	BATCH = 200,
	BATCH_BYTES = 262144,
	ACTOR_MAX = 200,
	ADDRESS_MAX = 64,
	METHOD_MAX = 16,
	PATH_MAX = 512,
	DETAIL_MAX = 4096,
	RETRY_FIRST = 100000, /* microseconds */
	RETRY_LAST = 30000000,
	PATIENCE = 2000000 /* of a flush, without progress */
};

#define INTO "INSERT INTO wtel_audit (mark, at, user_id, actor, address, method, path, status, detail) SELECT "
static const struct store_statement write_audit = {
	.name = "write_audit",
	.sqlite = INTO "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),"
		       " json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),"
		       " json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]')"
		       " FROM json_each($1) WHERE true ORDER BY key ON CONFLICT (mark) DO NOTHING",
	.postgres = INTO
	"j->>0, CAST(j->>1 AS timestamptz), CAST(j->>2 AS integer), j->>3, j->>4, j->>5, j->>6,"
	" CAST(j->>7 AS integer), j->>8 FROM jsonb_array_elements(CAST($1 AS jsonb)) WITH ORDINALITY AS e(j, n)"
	" ORDER BY n ON CONFLICT (mark) DO NOTHING",
};

#define COLUMNS "SELECT id, at, user_id, actor, address, method, path, status, detail FROM wtel_audit WHERE id < $1"
STORE_BOTH(list_audit, COLUMNS " ORDER BY id DESC LIMIT $2");
STORE_BOTH(list_audit_user, COLUMNS " AND user_id = $3 ORDER BY id DESC LIMIT $2");

/* ---- the queue -------------------------------------------------------- */

struct store_audit_entry {
	struct store_audit_entry *next;
	size_t length;
	char text[];
};

static struct store_audit_entry *take_first(struct store_audit_list *list)
{
	struct store_audit_entry *entry = list->first;

	list->first = entry->next;
	if (!list->first)
		list->last = NULL;
	list->count--;
	return entry;
}

static void append(struct store_audit_list *list, struct store_audit_entry *entry)
{
	entry->next = NULL;
	if (list->last)
		list->last->next = entry;
	else
		list->first = entry;
	list->last = entry;
	list->count++;
}

/* Those of `front` stand before those of `list`. */
static void put_back(struct store_audit_list *list, struct store_audit_list *front)
{
	if (!front->first)
		return;
	front->last->next = list->first;
	list->first = front->first;
	if (!list->last)
		list->last = front->last;
	list->count += front->count;
	*front = (struct store_audit_list){NULL, NULL, 0};
}

static void drop_all(struct wtel_store *store, struct store_audit_list *list)
{
	while (list->first)
		base_release(&store->allocator, take_first(list));
}

void store_audit_free(struct wtel_store *store)
{
	drop_all(store, &store->audit.waiting);
	drop_all(store, &store->audit.flying);
}

/* ---- noting ----------------------------------------------------------- */

static json_t *text_value(const char *text, size_t most)
{
	char clean[DETAIL_MAX];
	size_t length = store_clean_text(clean, most, text);

	return length ? json_stringn(clean, length) : json_null();
}

static json_t *document_of(struct wtel_store *store, const struct store_note *note)
{
	char mark[STORE_INSTANCE_SIZE + 24], at[BASE_TIME_SIZE];
	bool known = note->user_id > 0 && note->user_id <= INT32_MAX;

	snprintf(mark, sizeof(mark), "%s-%llu", store->instance, (unsigned long long)++store->audit.notes);
	base_time_format(at, note->at ? note->at : wtel_time_now().wall);
	return json_pack("[s, s, o, o, o, o, o, i, o]", mark, at, known ? json_integer(note->user_id) : json_null(),
			 text_value(note->actor, ACTOR_MAX), text_value(note->address, ADDRESS_MAX),
			 text_value(note->method && note->method[0] ? note->method : "-", METHOD_MAX),
			 text_value(note->path && note->path[0] ? note->path : "-", PATH_MAX), note->status,
			 text_value(note->detail, DETAIL_MAX));
}

static int new_entry(struct store_audit_entry **out, struct wtel_store *store, const struct store_note *note)
{
	json_t *document = document_of(store, note);
	char *text = document ? store_json_text(&store->allocator, document, sizeof(struct store_audit_entry)) : NULL;

	json_decref(document);
	if (!text)
		return WTEL_ENOMEM;
	*out = (struct store_audit_entry *)(void *)text;
	(*out)->length = strlen((*out)->text);
	return 0;
}

int store_note(struct wtel_store *store, const struct store_note *note)
{
	struct store_audit *audit = &store->audit;
	struct store_audit_entry *entry = NULL;
	int code = store->closing ? WTEL_ECLOSED : new_entry(&entry, store, note);

	if (code)
		return code;
	if (!audit->waiting.count)
		audit->due = wtel_time_now().mono + store->max_delay;
	append(&audit->waiting, entry);
	while (audit->waiting.count + audit->flying.count > STORE_AUDIT_WAITING) {
		base_release(&store->allocator, take_first(&audit->waiting));
		if (!audit->lost++)
			store_log(store, WTEL_LOG_ERROR, "store: audit: more than %d entries wait, the oldest are lost",
				  STORE_AUDIT_WAITING);
	}
	return 0;
}

/* ---- writing ---------------------------------------------------------- */

static void failed(struct wtel_store *store, int code, const struct wtel_detail *detail)
{
	struct store_audit *audit = &store->audit;
	int64_t pause = RETRY_FIRST;
	unsigned i;

	for (i = 0; i < audit->failures && pause < RETRY_LAST; i++)
		pause *= 2;
	audit->retry_at = wtel_time_now().mono + (pause < RETRY_LAST ? pause : RETRY_LAST);
	if (!audit->failures++ && code != WTEL_ECLOSED)
		store_log(store, WTEL_LOG_ERROR, "store: audit: %zu entries wait: %s",
			  audit->waiting.count + audit->flying.count,
			  detail && detail->text[0] ? detail->text : wtel_error_text(code));
}

static void audit_written(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	struct wtel_store *store = ask->store;
	struct store_audit *audit = &store->audit;
	bool blamed;

	(void)rows;
	store_ask_free(ask);
	audit->result = code;
	audit->answers++;
	if (!code) {
		drop_all(store, &audit->flying);
		if (audit->lost)
			store_log(store, WTEL_LOG_ERROR, "store: audit: %zu entries were lost", audit->lost);
		audit->failures = 0;
		audit->lost = 0;
		audit->retry_at = 0;
		audit->batch = BATCH;
		return;
	}
	failed(store, code, detail);
	/* If it is one of them that is refused, it is to stand in nobody's way: alone, and then behind the others. */
	blamed = code != WTEL_ECLOSED && code != WTEL_ENOMEM && code != WTEL_ESCHEMA;
	if (blamed && audit->flying.count == 1)
		append(&audit->waiting, take_first(&audit->flying));
	else
		put_back(&audit->waiting, &audit->flying);
	audit->batch = blamed ? 1 : BATCH;
}

/* "[...]" of the first entries, which then fly. */
static int gather(struct base_buffer *text, struct wtel_store *store)
{
	struct store_audit *audit = &store->audit;
	size_t most = audit->batch ? audit->batch : BATCH;
	int code = 0;

	while (!code && audit->waiting.first && audit->flying.count < most && base_buffer_length(text) < BATCH_BYTES) {
		struct store_audit_entry *entry = audit->waiting.first;

		code = base_buffer_append(text, &store->allocator, audit->flying.count ? "," : "[", 1);
		if (!code)
			code = base_buffer_append(text, &store->allocator, entry->text, entry->length);
		if (!code)
			append(&audit->flying, take_first(&audit->waiting));
	}
	return code ? code : base_buffer_append(text, &store->allocator, "]", 1);
}

int64_t store_audit_deadline(const struct wtel_store *store)
{
	const struct store_audit *audit = &store->audit;

	if (!audit->waiting.count || audit->flying.count)
		return INT64_MAX;
	return audit->due > audit->retry_at ? audit->due : audit->retry_at;
}

int store_audit_dispatch(struct wtel_store *store, struct wtel_time now)
{
	struct base_buffer text = {NULL, 0, 0, 0, 0};
	struct store_audit *audit = &store->audit;
	struct store_args args = {0};
	int code;

	if (store_audit_deadline(store) > now.mono)
		return 0;
	code = gather(&text, store);
	if (!code) {
		store_args_slice(&args, (struct wtel_slice){text.data, base_buffer_length(&text)});
		code = store_ask(store, &write_audit, &args, audit_written, NULL, NULL);
	}
	base_buffer_free(&text, &store->allocator);
	if (code) {
		put_back(&audit->waiting, &audit->flying);
		failed(store, code, NULL);
	}
	return code;
}

void store_audit_flush(struct wtel_store *store)
{
	struct store_audit *audit = &store->audit;
	int64_t progress = wtel_time_now().mono;

	audit->failures = 0;
	audit->retry_at = 0;
	while (audit->waiting.count + audit->flying.count) {
		uint64_t answers = audit->answers;
		int64_t now = wtel_time_now().mono;
		int code;

		audit->due = 0;
		code = store_turn(store, now + 100000);
		if (answers != audit->answers && !audit->result)
			progress = now;
		if (code == WTEL_ENOMEM || now - progress > PATIENCE ||
		    (answers != audit->answers && audit->result && audit->result != WTEL_ECLOSED &&
		     audit->failures >= 3))
			break;
	}
}

/* ---- reading ---------------------------------------------------------- */

static void fill_notes(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct store_note_list *list = store_pack_room(pack, sizeof(*list));
	struct store_note *notes = store_pack_room(pack, rows->row_count * sizeof(*notes));
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		struct store_note note = {
			.id = store_row_number(rows, row, 0),
			.at = store_row_time(rows, row, 1),
			.user_id = store_row_number(rows, row, 2),
			.actor = store_pack_column(pack, rows, row, 3),
			.address = store_pack_column(pack, rows, row, 4),
			.method = store_pack_column(pack, rows, row, 5),
			.path = store_pack_column(pack, rows, row, 6),
			.status = (int)store_row_number(rows, row, 7),
			.detail = store_pack_column(pack, rows, row, 8),
		};

		if (notes)
			notes[row] = note;
	}
	if (list)
		*list = (struct store_note_list){rows->row_count, notes};
}

static int take_notes(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	return store_pack_build(out, &store->allocator, fill_notes, rows);
}

static void notes_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_notes_fn *done = (store_notes_fn *)ask->callback;
	void *list = NULL, *tell = ask->user;
	struct wtel_detail said;

	code = store_ask_take(ask, &list, code, rows, detail, take_notes, &said);
	done(code, &said, list, tell);
	store_pack_free(list);
}

int store_notes(struct wtel_store *store, int64_t before, int64_t user_id, int64_t limit, store_notes_fn *done,
		void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct store_args args = {0};

	if (before < 0 || limit < 1 || limit > STORE_AUDIT_PAGE)
		return base_fail(detail, WTEL_EINVAL, before < 0 ? "before" : "limit", "out of range");
	store_args_number(&args, before ? before : INT64_MAX);
	store_args_number(&args, limit);
	if (user_id)
		store_args_number(&args, user_id);
	return store_ask(store, user_id ? &list_audit_user : &list_audit, &args, notes_done, (void (*)(void))done,
			 user);
}
