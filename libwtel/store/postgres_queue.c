#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

void postgres_list_init(struct postgres_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
	list->count = 0;
}

void postgres_list_append(struct postgres_list *list, struct postgres_query *query)
{
	query->next = NULL;
	*list->tail = query;
	list->tail = &query->next;
	list->count++;
}

void postgres_list_prepend(struct postgres_list *list, struct postgres_query *query)
{
	query->next = list->head;
	if (!list->head)
		list->tail = &query->next;
	list->head = query;
	list->count++;
}

void postgres_list_put_before(struct postgres_list *list, struct postgres_list *before)
{
	if (!before->head)
		return;
	*before->tail = list->head;
	if (!list->head)
		list->tail = before->tail;
	list->head = before->head;
	list->count += before->count;
	postgres_list_init(before);
}

void postgres_list_again(struct postgres_list *list, struct postgres_query *query)
{
	struct postgres_query **at = &list->head;

	while (*at && (*at)->again)
		at = &(*at)->next;
	query->next = *at;
	*at = query;
	if (!query->next)
		list->tail = &query->next;
	list->count++;
}

struct postgres_query *postgres_list_take(struct postgres_list *list)
{
	struct postgres_query *query = list->head;

	if (!query)
		return NULL;
	list->head = query->next;
	if (!list->head)
		list->tail = &list->head;
	list->count--;
	return query;
}

struct postgres_query *postgres_query_new(struct store_driver *driver, enum postgres_kind kind, size_t extra)
{
	struct postgres_query *query = base_allocate(&driver->allocator, sizeof(*query) + extra);

	if (query) {
		memset(query, 0, sizeof(*query));
		query->kind = kind;
	}
	return query;
}

/* Room for what postgres_text() makes of it. */
static size_t text_room(struct wtel_slice text)
{
	return (base_slice_utf8(text) ? text.length : 2 * text.length) + 1;
}

int postgres_query_statement(struct postgres_query **out, struct store_driver *driver,
			     const struct store_statement *statement, const store_value *parameters, size_t count)
{
	size_t room = count * sizeof(char *), i;
	struct postgres_query *query;
	char *text;

	if (count > POSTGRES_MAX_PARAMETERS)
		return WTEL_ELIMIT;
	for (i = 0; i < count; i++)
		room += parameters[i].data ? text_room(parameters[i]) : 0;
	query = postgres_query_new(driver, POSTGRES_STATEMENT, room);
	if (!query)
		return WTEL_ENOMEM;
	query->statement = statement;
	query->count = count;
	query->values = (const char **)(query + 1);
	text = (char *)(query->values + count);
	for (i = 0; i < count; i++) {
		query->values[i] = parameters[i].data ? text : NULL;
		if (parameters[i].data)
			text += postgres_text(text, parameters[i]) + 1;
	}
	*out = query;
	return 0;
}

void postgres_query_reset(struct postgres_query *query)
{
	PQclear(query->rows);
	query->rows = NULL;
	query->code = 0;
	query->state[0] = '\0';
	query->prepares = false;
	memset(&query->detail, 0, sizeof(query->detail));
}

void postgres_query_free(struct store_driver *driver, struct postgres_query *query)
{
	PQclear(query->rows);
	base_release(&driver->allocator, query);
}

static store_value column(const struct store_rows *rows, size_t row, size_t at)
{
	const PGresult *result = rows->data;

	if (row >= rows->row_count || at >= rows->column_count || PQgetisnull(result, (int)row, (int)at))
		return (store_value){NULL, 0};
	return (store_value){PQgetvalue(result, (int)row, (int)at), (size_t)PQgetlength(result, (int)row, (int)at)};
}

void postgres_query_finish(struct store_driver *driver, struct postgres_query *query)
{
	struct store_rows rows = {0, 0, 0, column, query->rows};

	if (query->rows) {
		rows.row_count = (size_t)PQntuples(query->rows);
		rows.column_count = (size_t)PQnfields(query->rows);
		rows.changed = base_slice_number(wtel_slice_of(PQcmdTuples(query->rows)), 0);
	}
	if (query->done)
		query->done(query->code, query->code ? NULL : &rows, &query->detail, query->user);
	postgres_query_free(driver, query);
}
