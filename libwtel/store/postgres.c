#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "store/postgres.h"

static void driver_free(struct store_driver *driver)
{
	size_t i;

	for (i = 0; i < POSTGRES_CONNECTIONS; i++)
		if (driver->connections[i].pq)
			PQfinish(driver->connections[i].pq);
	for (i = 0; i < POSTGRES_CONNECTIONS; i++)
		base_map_free(&driver->connections[i].prepared, &driver->allocator);
	if (driver->epoll >= 0)
		close(driver->epoll);
	postgres_options_free(driver);
	base_release(&driver->allocator, driver->write_sql);
	base_release(&driver->allocator, driver->checked_sql);
	base_release(&driver->allocator, driver);
}

static int driver_new(struct store_driver **out, const struct store_driver *start)
{
	struct store_driver *driver = base_allocate_zero(&start->allocator, sizeof(*driver));
	size_t i;

	if (!driver)
		return WTEL_ENOMEM;
	*driver = *start;
	driver->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < POSTGRES_CONNECTIONS; i++) {
		struct postgres_connection *connection = &driver->connections[i];

		connection->driver = driver;
		connection->index = i;
		connection->socket = -1;
		connection->phase = POSTGRES_IDLE;
		connection->deadline = INT64_MAX;
		base_map_init(&connection->prepared, 1);
		postgres_list_init(&connection->waiting);
		postgres_list_init(&connection->sent);
	}
	if (driver->epoll < 0) {
		driver_free(driver);
		return WTEL_EIO;
	}
	*out = driver;
	return 0;
}

/* Waits for the connection and its settings, or for its first failure. */
static int wait_connected(struct store_driver *driver, struct wtel_detail *detail)
{
	struct postgres_connection *connection = &driver->connections[0];
	struct pollfd wait = {.fd = driver->epoll, .events = POLLIN};

	postgres_connect(connection, wtel_time_now().mono);
	while (connection->phase == POSTGRES_CONNECTING || connection->sent.head) {
		int64_t left = connection->deadline == INT64_MAX ? driver->connect_timeout
								 : connection->deadline - wtel_time_now().mono;

		if (left > 0 && poll(&wait, 1, (int)(left / 1000) + 1) == 0 && connection->phase != POSTGRES_CONNECTING)
			return base_fail(detail, WTEL_ESTORE, NULL, "PostgreSQL does not answer");
		store_postgres.dispatch(driver, wtel_time_now());
	}
	if (connection->phase != POSTGRES_PIPELINE) {
		if (detail)
			*detail = connection->trouble;
		return connection->no_memory ? WTEL_ENOMEM : WTEL_ESTORE;
	}
	return 0;
}

static int postgres_open(struct store_driver **out, const struct wtel_store_options *options, const char *target,
			 const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct store_driver start = {.allocator = base_allocator(allocator),
				     .lanes = POSTGRES_LANES,
				     .connect_timeout = options->connect_timeout,
				     .log = options->log,
				     .log_user = options->log_user};
	struct store_driver *driver = NULL;
	int code = driver_new(&driver, &start);

	if (code)
		return base_fail(detail, code, NULL, "%s", wtel_error_text(code));
	code = postgres_options_read(driver, options, target, detail);
	if (!code && options->background)
		postgres_connect(&driver->connections[0], wtel_time_now().mono);
	else if (!code)
		code = wait_connected(driver, detail);
	if (code) {
		driver_free(driver);
		return code;
	}
	*out = driver;
	return 0;
}

/* What is still there is dropped without a word: whoever asked is being closed too. */
static void abandon(struct store_driver *driver, struct postgres_list *list)
{
	struct postgres_query *query;

	while ((query = postgres_list_take(list))) {
		if (query->kind == POSTGRES_WRITE)
			postgres_batch_drop(driver, query);
		else if (query->kind == POSTGRES_BOOKINGS)
			postgres_booking_drop(driver, query);
		else
			postgres_query_free(driver, query);
	}
}

static void postgres_close(struct store_driver *driver)
{
	size_t i;

	if (!driver)
		return;
	driver->closing = true;
	if (driver->dispatching)
		return;
	for (i = 0; i < POSTGRES_CONNECTIONS; i++) {
		abandon(driver, &driver->connections[i].sent);
		abandon(driver, &driver->connections[i].waiting);
	}
	driver_free(driver);
}

static int enqueue(struct store_driver *driver, struct postgres_query *query, store_done_fn *done, void *user)
{
	query->done = done;
	query->user = user;
	postgres_list_append(&driver->connections[0].waiting, query);
	return 0;
}

static bool is_full(const struct store_driver *driver)
{
	return driver->connections[0].waiting.count >= POSTGRES_MAX_WAITING;
}

static int postgres_query(struct store_driver *driver, const struct store_statement *statement,
			  const store_value *parameters, size_t count, store_done_fn *done, void *user)
{
	struct postgres_query *query;
	int code;

	if (driver->closing || is_full(driver))
		return driver->closing ? WTEL_ESTATE : WTEL_EOVERFLOW;
	code = postgres_query_statement(&query, driver, statement, parameters, count);
	return code ? code : enqueue(driver, query, done, user);
}

/* A migration may rewrite a large table: it takes the time it takes. */
static const char script_settings[] = "SET LOCAL statement_timeout = 0;\n";

static int postgres_script(struct store_driver *driver, const char *sql, store_done_fn *done, void *user)
{
	size_t length = strlen(sql) + 1;
	struct postgres_query *query;

	if (driver->closing || is_full(driver))
		return driver->closing ? WTEL_ESTATE : WTEL_EOVERFLOW;
	query = postgres_query_new(driver, POSTGRES_SCRIPT, sizeof(script_settings) + length);
	if (!query)
		return WTEL_ENOMEM;
	query->sql = (char *)(query + 1);
	memcpy(query->sql, script_settings, sizeof(script_settings) - 1);
	memcpy(query->sql + sizeof(script_settings) - 1, sql, length);
	return enqueue(driver, query, done, user);
}

static int postgres_fd(const struct store_driver *driver)
{
	return driver->epoll;
}

static short postgres_events(const struct store_driver *driver)
{
	(void)driver;
	return POLLIN;
}

static bool wants_connection(const struct postgres_connection *connection)
{
	return connection->phase == POSTGRES_IDLE && connection->waiting.head;
}

static int64_t postgres_deadline(const struct store_driver *driver)
{
	int64_t deadline = INT64_MAX;
	size_t i;

	for (i = 0; i < POSTGRES_CONNECTIONS; i++) {
		const struct postgres_connection *connection = &driver->connections[i];

		if (wants_connection(connection) || postgres_sendable(connection))
			return 0;
		if (connection->deadline < deadline)
			deadline = connection->deadline;
	}
	return deadline;
}

static void ready(struct postgres_connection *connection, uint32_t events, int64_t mono)
{
	if (connection->phase == POSTGRES_CONNECTING)
		postgres_connect_poll(connection, mono);
	else if (connection->pq && events & ~(uint32_t)EPOLLOUT)
		postgres_receive(connection, mono);
}

static void advance(struct postgres_connection *connection, int64_t mono)
{
	if (connection->phase == POSTGRES_CONNECTING && connection->deadline <= mono) {
		base_fail(&connection->trouble, WTEL_ETIMEOUT, NULL, "PostgreSQL did not answer in time");
		postgres_lose(connection, mono);
	}
	if (wants_connection(connection) || (connection->phase == POSTGRES_WAITING && connection->deadline <= mono))
		postgres_connect(connection, mono);
	if (!connection->pq || (connection->phase != POSTGRES_PIPELINE && connection->phase != POSTGRES_SIMPLE))
		return;
	postgres_send(connection, mono);
	/* While it wrote, libpq may have read: the socket would not tell again. */
	if (connection->sent.head && connection->pq && connection->phase != POSTGRES_CONNECTING &&
	    !PQisBusy(connection->pq))
		postgres_receive(connection, mono);
}

static int postgres_dispatch(struct store_driver *driver, struct wtel_time now)
{
	struct epoll_event events[POSTGRES_CONNECTIONS];
	int count, i;

	if (driver->dispatching)
		return WTEL_EBUSY;
	driver->dispatching = true;
	count = epoll_wait(driver->epoll, events, POSTGRES_CONNECTIONS, 0);
	for (i = 0; i < count && !driver->closing; i++)
		ready(events[i].data.ptr, events[i].events, now.mono);
	if (!driver->closing)
		postgres_listen_ask(driver);
	for (i = 0; i < POSTGRES_CONNECTIONS && !driver->closing; i++)
		advance(&driver->connections[i], now.mono);
	if (!driver->closing)
		postgres_listen_take(driver);
	driver->dispatching = false;
	if (driver->closing)
		postgres_close(driver);
	return 0;
}

static bool postgres_connected(const struct store_driver *driver)
{
	return driver->connections[0].phase == POSTGRES_PIPELINE || driver->connections[0].phase == POSTGRES_SIMPLE;
}

const struct store_driver_ops store_postgres = {
	.backend = "postgresql",
	.open = postgres_open,
	.close = postgres_close,
	.query = postgres_query,
	.script = postgres_script,
	.write = postgres_write,
	.fd = postgres_fd,
	.events = postgres_events,
	.deadline = postgres_deadline,
	.dispatch = postgres_dispatch,
	.connected = postgres_connected,
	.watch = postgres_listen,
};
