/*
 * Being told of changes: the first connection listens for what the triggers of routing send. LISTEN goes before the
 * statements that wait, so that what they read is never older than what is told; after a reconnect changes may have
 * been missed, and that is told as one.
 */
#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

static const struct store_statement statement = {.name = "listen", .postgres = "LISTEN wtel_trunks"};

static void listening(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_driver *driver = user;

	(void)rows;
	/* A lost connection asks again. */
	if (code && code != WTEL_ECLOSED)
		postgres_log(driver, WTEL_LOG_WARNING, "postgresql: changes of trunks will not be told: %s",
			     detail->text);
	if (!code && driver->listen.again && driver->listen.changed)
		driver->listen.changed(driver->listen.user);
	driver->listen.again |= !code;
}

void postgres_listen(struct store_driver *driver, void (*changed)(void *user), void *user)
{
	driver->listen.changed = changed;
	driver->listen.user = user;
}

void postgres_listen_reset(struct postgres_connection *connection)
{
	if (!connection->index)
		connection->driver->listen.asked = false;
}

void postgres_listen_ask(struct store_driver *driver)
{
	struct postgres_connection *connection = &driver->connections[0];
	struct postgres_query *query;

	if (!driver->listen.changed || driver->listen.asked || connection->phase != POSTGRES_PIPELINE)
		return;
	/* Without memory: at the next dispatch. */
	if (postgres_query_statement(&query, driver, &statement, NULL, 0))
		return;
	query->done = listening;
	query->user = driver;
	postgres_list_prepend(&connection->waiting, query);
	driver->listen.asked = true;
}

/* Also of nobody who watches any more: libpq would keep them. */
void postgres_listen_take(struct store_driver *driver)
{
	PGconn *pq = driver->connections[0].pq;
	PGnotify *told;
	bool any = false;

	while (pq && (told = PQnotifies(pq))) {
		any = true;
		PQfreemem(told);
	}
	if (any && driver->listen.changed)
		driver->listen.changed(driver->listen.user);
}
