#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "base/error.h"
#include "store/postgres.h"

enum { FIRST_DELAY = 100000, LONGEST_DELAY = 30000000, RESOLVE_EVERY = 4 };

/* Between half of the delay and the whole: many processes that lost one server do not come back in step. */
static int64_t backoff(unsigned attempts)
{
	int64_t delay = FIRST_DELAY;
	uint32_t random = 0;

	while (attempts-- && delay < LONGEST_DELAY)
		delay *= 2;
	if (delay > LONGEST_DELAY)
		delay = LONGEST_DELAY;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return delay / 2 + (int64_t)(random % (uint32_t)(delay / 2));
}

void postgres_watch(struct postgres_connection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};
	int epoll = connection->driver->epoll;
	int socket = connection->pq ? PQsocket(connection->pq) : -1;
	bool connecting = connection->phase == POSTGRES_CONNECTING;

	/* While it connects libpq may close a socket and open another under the same number: ask epoll, not memory. */
	if (socket == connection->socket && events == connection->events && !connecting)
		return;
	if (connection->socket >= 0 && connection->socket != socket)
		epoll_ctl(epoll, EPOLL_CTL_DEL, connection->socket, NULL);
	if (socket >= 0 && epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) && errno == ENOENT)
		epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
	connection->socket = socket;
	connection->events = events;
}

static void drop(struct postgres_connection *connection)
{
	if (connection->socket >= 0)
		epoll_ctl(connection->driver->epoll, EPOLL_CTL_DEL, connection->socket, NULL);
	connection->socket = -1;
	connection->events = 0;
	PQfinish(connection->pq);
	connection->pq = NULL;
	base_map_free(&connection->prepared, &connection->driver->allocator);
}

void postgres_lose(struct postgres_connection *connection, int64_t mono)
{
	struct store_driver *driver = connection->driver;
	struct postgres_query *query = connection->sent.head;
	bool was_connecting = connection->phase == POSTGRES_CONNECTING;

	if (!connection->trouble.text[0])
		postgres_connection_error(driver, connection->pq, &connection->trouble);
	postgres_log(driver, WTEL_LOG_WARNING, "postgresql: %s%s",
		     was_connecting ? "no connection: " : "connection lost: ", connection->trouble.text);
	drop(connection);
	postgres_list_init(&connection->sent);
	connection->booking = NULL;
	connection->phase = connection->index && !connection->waiting.head ? POSTGRES_IDLE : POSTGRES_WAITING;
	connection->deadline = mono + backoff(connection->attempts++);
	if (connection->phase == POSTGRES_IDLE)
		connection->deadline = INT64_MAX;
	while (query) {
		struct postgres_query *next = query->next;

		postgres_query_reset(query);
		query->code = WTEL_ECLOSED;
		query->detail = connection->trouble;
		if (query->kind == POSTGRES_WRITE)
			postgres_batch_finish(connection, query);
		else if (query->kind == POSTGRES_BOOKINGS)
			postgres_booking_finish(connection, query);
		else
			postgres_query_finish(driver, query);
		query = next;
	}
}

/*
 * libpq resolves names by getaddrinfo(), which blocks. So a reconnect goes to the address that was good before; after
 * some failures the name is asked again, in case the server moved.
 */
static bool start(struct postgres_connection *connection)
{
	struct store_driver *driver = connection->driver;
	size_t end = driver->option_count;
	bool known =
		driver->one_host && connection->address[0] && connection->attempts % RESOLVE_EVERY != RESOLVE_EVERY - 1;

	driver->keywords[end] = known ? (char *)"hostaddr" : NULL;
	driver->values[end] = known ? connection->address : NULL;
	driver->keywords[end + 1] = NULL;
	connection->pq =
		PQconnectStartParams((const char *const *)driver->keywords, (const char *const *)driver->values, 0);
	driver->keywords[end] = driver->values[end] = NULL;
	return connection->pq && PQstatus(connection->pq) != CONNECTION_BAD;
}

static void notice(void *user, const PGresult *result)
{
	struct store_driver *driver = user;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	bool warning = severity && strcmp(severity, "WARNING") == 0;

	if (primary)
		postgres_log(driver, warning ? WTEL_LOG_WARNING : WTEL_LOG_INFO, "postgresql: %s", primary);
}

void postgres_connect(struct postgres_connection *connection, int64_t mono)
{
	connection->phase = POSTGRES_CONNECTING;
	connection->deadline = mono + connection->driver->connect_timeout;
	memset(&connection->trouble, 0, sizeof(connection->trouble));
	connection->no_memory = false;
	if (!start(connection)) {
		postgres_lose(connection, mono);
		return;
	}
	PQsetNoticeReceiver(connection->pq, notice, connection->driver);
	postgres_watch(connection, EPOLLOUT);
}

static bool established(struct postgres_connection *connection)
{
	const char *address = PQhostaddr(connection->pq);

	if (PQserverVersion(connection->pq) < 140000) {
		base_fail(&connection->trouble, 0, NULL, "PostgreSQL 14 or newer is needed");
		return false;
	}
	if (PQsetnonblocking(connection->pq, 1) || !PQenterPipelineMode(connection->pq))
		return false;
	if (address && strlen(address) < sizeof(connection->address))
		memcpy(connection->address, address, strlen(address) + 1);
	connection->phase = POSTGRES_PIPELINE;
	connection->deadline = INT64_MAX;
	connection->sequence++;
	postgres_listen_reset(connection);
	return postgres_settings(connection);
}

void postgres_connect_poll(struct postgres_connection *connection, int64_t mono)
{
	switch (PQconnectPoll(connection->pq)) {
	case PGRES_POLLING_READING:
		postgres_watch(connection, EPOLLIN);
		return;
	case PGRES_POLLING_WRITING:
		postgres_watch(connection, EPOLLOUT);
		return;
	case PGRES_POLLING_OK:
		postgres_watch(connection, EPOLLIN);
		if (!established(connection))
			postgres_lose(connection, mono);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		postgres_lose(connection, mono);
		return;
	}
}
