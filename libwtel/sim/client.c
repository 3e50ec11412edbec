/*
 * A session: bytes to lines to messages, as get_input() and do_message() of main/manager.c read them, and what
 * is to be sent. While an action is under way its session gets no events; they follow the answer.
 */
#include "sim/core.h"

#include <ctype.h>
#include <strings.h>

static void client_unlink(struct wtel_sim *sim, struct wtel_sim_client *client)
{
	if (client->previous)
		client->previous->next = client->next;
	else
		sim->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
}

static size_t client_read(struct wtel_sim_client *client, const char *data, size_t length);

/* Authentication took too long, or the second before a refusal is over, or bytes were kept back. */
static void client_timer(struct wtel_sim *sim, struct sim_timer *timer)
{
	struct wtel_sim_client *client =
		(struct wtel_sim_client *)((char *)timer - offsetof(struct wtel_sim_client, timer));

	if (client->authenticated) {
		size_t length = base_buffer_length(&client->input);

		if (length)
			base_buffer_take(&client->input,
					 client_read(client, base_buffer_front(&client->input), length));
		return;
	}
	if (client->refused && !client->closing) {
		sim_text_clear(sim);
		sim_line(sim, "Response", "Error");
		if (*client->refusal)
			sim_line(sim, "ActionID", client->refusal);
		sim_line(sim, "Message", "Authentication failed");
		sim_put(sim, "\r\n");
		sim_client_send(client, false);
	}
	client->closing = true;
}

int wtel_sim_connect(struct wtel_sim *sim, struct wtel_sim_client **out, struct wtel_time now)
{
	struct wtel_sim_client *client, *other;
	size_t strangers = 0;

	sim_run(sim, now);
	for (other = sim->clients; other; other = other->next)
		strangers += !other->authenticated && !other->closing;
	client = base_allocate_zero(&sim->allocator, sizeof(*client));
	if (!client)
		return WTEL_ENOMEM;
	client->sim = sim;
	client->out.limit = SIM_OUTPUT_LIMIT;
	client->late.limit = SIM_OUTPUT_LIMIT;
	client->input.limit = SIM_OUTPUT_LIMIT / 16;
	if (sim_timer_adopt(sim, &client->timer, client_timer)) {
		base_release(&sim->allocator, client);
		return WTEL_ENOMEM;
	}
	client->next = sim->clients;
	if (sim->clients)
		sim->clients->previous = client;
	sim->clients = client;
	sim_timer_set(sim, &client->timer, SIM_AUTH_TIMEOUT);
	if (strangers >= SIM_AUTH_LIMIT) {
		client->closing = true;
	} else {
		sim_text_clear(sim);
		sim_put(sim, "Asterisk Call Manager/11.0.0\r\n");
		sim_client_send(client, false);
		if (sim->failed) {
			sim->failed = 0;
			wtel_sim_disconnect(sim, client);
			return WTEL_ENOMEM;
		}
	}
	*out = client;
	return 0;
}

void wtel_sim_disconnect(struct wtel_sim *sim, struct wtel_sim_client *client)
{
	struct sim_call *call;

	if (!client)
		return;
	for (call = sim->calls; call; call = call->next)
		if (call->origin.waiting == client)
			call->origin.waiting = NULL;
	client_unlink(sim, client);
	sim_timer_abandon(sim, &client->timer);
	sim_filters_free(client);
	base_buffer_free(&client->out, &sim->allocator);
	base_buffer_free(&client->late, &sim->allocator);
	base_buffer_free(&client->input, &sim->allocator);
	base_buffer_free(&client->text, &sim->allocator);
	base_release(&sim->allocator, client);
}

void sim_client_free_all(struct wtel_sim *sim)
{
	while (sim->clients)
		wtel_sim_disconnect(sim, sim->clients);
}

/* As a failed write does to a session: nothing more is sent, the connection goes. */
void sim_client_drop(struct wtel_sim_client *client)
{
	base_buffer_take(&client->out, base_buffer_length(&client->out));
	base_buffer_take(&client->late, base_buffer_length(&client->late));
	client->closing = true;
}

static void client_append(struct wtel_sim_client *client, struct base_buffer *to, const char *data, size_t length)
{
	int code = base_buffer_append(to, &client->sim->allocator, data, length);

	if (code == WTEL_ENOMEM)
		client->sim->failed = code;
	if (code)
		sim_client_drop(client);
}

void sim_client_send(struct wtel_sim_client *client, bool event)
{
	struct wtel_sim *sim = client->sim;
	struct base_buffer *to = event && (client->acting || client->waiting) ? &client->late : &client->out;

	if (client->closing)
		return;
	if (sim->broken)
		sim_client_drop(client);
	else if (base_buffer_length(&sim->event))
		client_append(client, to, base_buffer_front(&sim->event), base_buffer_length(&sim->event));
}

static void client_late(struct wtel_sim_client *client)
{
	size_t length = base_buffer_length(&client->late);

	if (!length)
		return;
	client_append(client, &client->out, base_buffer_front(&client->late), length);
	base_buffer_take(&client->late, base_buffer_length(&client->late));
}

/* ---- input ------------------------------------------------------------ */

const char *sim_header_line(const struct wtel_sim_client *client, size_t n)
{
	return n < client->header_count ? base_buffer_front(&client->text) + client->header[n] : NULL;
}

/* __astman_get_header(): "Name:" and blanks before the value; Action is the first that is not empty. */
const char *sim_header(const struct wtel_sim_client *client, const char *name)
{
	size_t length = strlen(name), i;
	const char *value;

	for (i = 0; i < client->header_count; i++) {
		value = sim_header_line(client, i);
		if (strncasecmp(value, name, length) != 0 || value[length] != ':')
			continue;
		value += length + 1;
		while (*value && (unsigned char)*value < 33)
			value++;
		if (!*value && strcasecmp(name, "Action") == 0)
			continue;
		return value;
	}
	return "";
}

static void client_message(struct wtel_sim_client *client)
{
	client->acting = true;
	if (client->header_lost) {
		sim_error(client, "Too many lines in message or allocation failure");
	} else if (client->too_long) {
		sim_error(client, "Failed to parse message: line too long");
		client->too_long = false;
	} else {
		sim_action(client);
	}
	client->acting = false;
	client->header_count = 0;
	client->header_lost = false;
	base_buffer_take(&client->text, base_buffer_length(&client->text));
	if (!client->waiting)
		client_late(client);
}

static void client_line(struct wtel_sim_client *client)
{
	size_t length = client->line_length;

	if (length && client->line[length - 1] == '\r')
		length--;
	client->line_length = 0;
	/* Asterisk copies the line as a C string: a NUL ends it. */
	length = strnlen(client->line, length);
	if (!length) {
		client_message(client);
		return;
	}
	if (client->header_count == SIM_HEADERS) {
		client->header_lost = true;
		return;
	}
	client->line[length] = '\0';
	client->header[client->header_count] = (uint32_t)base_buffer_length(&client->text);
	if (base_buffer_append(&client->text, &client->sim->allocator, client->line, length + 1)) {
		client->header_lost = true;
		client->sim->failed = WTEL_ENOMEM;
		return;
	}
	client->header_count++;
}

static size_t client_read(struct wtel_sim_client *client, const char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length && !client->closing && !client->refused && !client->waiting; i++) {
		if (data[i] == '\n') {
			client_line(client);
			continue;
		}
		client->line[client->line_length++] = data[i];
		/* The buffer is full without a line's end: its last byte is kept, it may be half of one. */
		if (client->line_length == SIM_LINE) {
			client->line[0] = data[i];
			client->line_length = 1;
			client->too_long = true;
		}
	}
	return i;
}

int wtel_sim_feed(struct wtel_sim *sim, struct wtel_sim_client *client, const void *data, size_t length,
		  struct wtel_time now)
{
	size_t used;
	int code;

	sim_run(sim, now);
	used = client_read(client, data, length);
	if (used < length && client->waiting && !client->closing)
		client_append(client, &client->input, (const char *)data + used, length - used);
	code = sim->failed;
	sim->failed = 0;
	return code;
}

/* What came while it stood still is read in a timer: here a call is in the midst of its own. */
void sim_client_resume(struct wtel_sim_client *client, bool success)
{
	sim_text_clear(client->sim);
	sim_line(client->sim, "Response", success ? "Success" : "Error");
	if (*client->refusal)
		sim_line(client->sim, "ActionID", client->refusal);
	sim_line(client->sim, "Message", success ? "Originate successfully queued" : "Originate failed");
	sim_put(client->sim, "\r\n");
	sim_client_send(client, false);
	client->waiting = false;
	client_late(client);
	if (base_buffer_length(&client->input))
		sim_timer_set(client->sim, &client->timer, 0);
}

struct wtel_slice wtel_sim_output(struct wtel_sim_client *client, bool *closing)
{
	struct wtel_slice out = {base_buffer_length(&client->out) ? base_buffer_front(&client->out) : "",
				 base_buffer_length(&client->out)};

	if (closing)
		*closing = client->closing;
	return out;
}

void wtel_sim_sent(struct wtel_sim_client *client, size_t length)
{
	size_t there = base_buffer_length(&client->out);

	base_buffer_take(&client->out, length < there ? length : there);
}
