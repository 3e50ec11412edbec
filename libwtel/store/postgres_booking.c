/*
 * Bookings that come while one is under way wait for it, and then go as one statement, as commits do that share a
 * flush: of one booking most is what the server does once for a statement. None waits longer than it would have
 * without, since a connection's statements run one after the other.
 */
#include "store/booking.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

enum {
	MOST_TOGETHER = 16, /* more would cost hardly less, and all of them wait for the last */
	MOST_APART =
		64 /* go alone after some that did not fit: the trunk is near its limit, or was not counted lately */
};

static const char book_together[] =
	"SELECT row_id, taken, looked FROM wtel_book_together($1::text[]::integer[], $2::text[], $3::text[],"
	" $4::text[]::integer[], $5::text[]::integer[], $6::text[]::integer[], $7::text[], $8::text[],"
	" $9::text[]::timestamptz[], $10::text[], $11::text[]::timestamptz[], $12::text[])";

/* Its arguments, as those of one booking. */
static const enum store_book_argument columns[] = {
	STORE_BOOK_TRUNKS,   STORE_BOOK_CALL_ID, STORE_BOOK_DIRECTION, STORE_BOOK_AGENT,
	STORE_BOOK_CAMPAIGN, STORE_BOOK_LEAD,	 STORE_BOOK_CALLER,    STORE_BOOK_CALLEE,
	STORE_BOOK_START,    STORE_BOOK_OWNER,	 STORE_BOOK_NOW,       STORE_BOOK_TRACE,
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* ---- together ---------------------------------------------------------- */

/* A new call whose first trunk has no limit of calls per second. */
static bool joins(const struct postgres_query *query)
{
	const char *rates;

	if (query->kind != POSTGRES_STATEMENT || !query->statement->books || query->alone || query->again ||
	    query->tries)
		return false;
	rates = query->values[STORE_BOOK_RATES];
	return query->values[STORE_BOOK_MOVE][0] == '0' && rates[1] == '0' &&
	       query->values[STORE_BOOK_TRUNKS][1] != '}';
}

bool postgres_booking_waits(const struct postgres_connection *connection, const struct postgres_query *query)
{
	return connection->booking && (query->kind == POSTGRES_BOOKINGS || joins(query));
}

struct postgres_query *postgres_booking_join(struct postgres_connection *connection, struct postgres_query *query)
{
	struct postgres_list *waiting = &connection->waiting;
	struct postgres_query *all, **end;

	if (query->kind == POSTGRES_BOOKINGS) {
		connection->booking = query;
		return query;
	}
	if (!joins(query))
		return query;
	if (connection->apart) {
		connection->apart--;
		return query;
	}
	connection->booking = query;
	all = waiting->head && joins(waiting->head) ? postgres_query_new(connection->driver, POSTGRES_BOOKINGS, 0)
						    : NULL;
	/* Without memory for more: by itself. */
	if (!all)
		return query;
	postgres_list_prepend(waiting, query);
	end = &all->members;
	while (all->count < MOST_TOGETHER && waiting->head && joins(waiting->head)) {
		*end = postgres_list_take(waiting);
		end = &(*end)->next;
		all->count++;
	}
	*end = NULL;
	connection->booking = all;
	return all;
}

/* ---- sending ----------------------------------------------------------- */

struct cursor {
	const struct postgres_query *member;
	enum store_book_argument argument;
	char first[16];
};

static const char *next_value(void *at)
{
	struct cursor *cursor = at;
	const char *value = cursor->member->values[cursor->argument];

	cursor->member = cursor->member->next;
	if (cursor->argument != STORE_BOOK_TRUNKS)
		return value;
	/* "{3,5}" */
	base_slice_copy(cursor->first, sizeof(cursor->first), (struct wtel_slice){value + 1, strcspn(value + 1, ",}")});
	return cursor->first;
}

int postgres_booking_send(struct postgres_connection *connection, struct postgres_query *query)
{
	const struct wtel_allocator *allocator = &connection->driver->allocator;
	const char *values[COLUMNS];
	int lengths[COLUMNS], formats[COLUMNS], code = 0;
	const struct postgres_parameters parameters = {COLUMNS, values, lengths, formats};
	struct base_buffer buffer = {0};
	size_t offsets[COLUMNS + 1], i;

	for (i = 0; i < COLUMNS && !code; i++) {
		struct cursor cursor = {query->members, columns[i], ""};

		offsets[i] = buffer.end;
		code = postgres_array_texts(&buffer, allocator, query->count, next_value, &cursor);
	}
	offsets[COLUMNS] = buffer.end;
	for (i = 0; i < COLUMNS && !code; i++) {
		values[i] = buffer.data + offsets[i];
		lengths[i] = (int)(offsets[i + 1] - offsets[i]);
		formats[i] = 1;
	}
	if (!code && !postgres_send_prepared(connection, query, "wtel_book_together", book_together, &parameters))
		code = WTEL_ECLOSED;
	base_buffer_free(&buffer, allocator);
	return code == WTEL_ELIMIT ? WTEL_ENOMEM : code;
}

/* ---- results ----------------------------------------------------------- */

struct one {
	const PGresult *rows;
	int row;
};

static store_value column(const struct store_rows *rows, size_t row, size_t at)
{
	const struct one *one = rows->data;

	if (row || at >= rows->column_count || PQgetisnull(one->rows, one->row, (int)at))
		return (store_value){NULL, 0};
	return (store_value){PQgetvalue(one->rows, one->row, (int)at),
			     (size_t)PQgetlength(one->rows, one->row, (int)at)};
}

static void tell(struct store_driver *driver, const struct postgres_query *all, struct postgres_query *member, int row)
{
	struct one one = {all->rows, row};
	struct store_rows rows = {1, 3, 1, column, &one};

	if (member->done)
		member->done(all->code, all->code ? NULL : &rows, &all->detail, member->user);
	postgres_query_free(driver, member);
}

/* Whether its part of the answer is all there will be. */
static bool settled(const struct postgres_query *all, int row)
{
	if (all->code)
		return all->code == WTEL_ECLOSED || all->code == WTEL_ENOMEM;
	return row < PQntuples(all->rows) && !PQgetisnull(all->rows, row, 0);
}

void postgres_booking_finish(struct postgres_connection *connection, struct postgres_query *query)
{
	struct postgres_query *member, *next;
	struct postgres_list told, apart;
	int row = 0;

	if (connection->booking == query)
		connection->booking = NULL;
	postgres_list_init(&told);
	postgres_list_init(&apart);
	for (member = query->members; member; member = next) {
		next = member->next;
		member->alone = !settled(query, row++);
		postgres_list_append(member->alone ? &apart : &told, member);
	}
	if (apart.count)
		connection->apart = MOST_APART;
	/* First of all: whoever is told may ask again. */
	postgres_list_put_before(&connection->waiting, &apart);
	for (row = 0; (member = postgres_list_take(&told)); row++) {
		while (!settled(query, row))
			row++;
		tell(connection->driver, query, member, row);
	}
	postgres_query_free(connection->driver, query);
}

void postgres_booking_drop(struct store_driver *driver, struct postgres_query *query)
{
	struct postgres_query *member = query->members;

	while (member) {
		struct postgres_query *next = member->next;

		postgres_query_free(driver, member);
		member = next;
	}
	postgres_query_free(driver, query);
}
