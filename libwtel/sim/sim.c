/* The simulator as a whole: making it, its clock, its own load, and what scripts do to it. */
#include "sim/core.h"

#include <stdio.h>

enum { SIM_STATUS = 32 };

static int sim_copy_endpoints(struct wtel_sim *sim, const char *const *names)
{
	size_t count = 0;

	sim->endpoints_any = !names;
	if (!names)
		return 0;
	while (names[count])
		count++;
	sim->endpoints = base_allocate_zero(&sim->allocator, (count + 1) * sizeof(char *));
	if (!sim->endpoints)
		return WTEL_ENOMEM;
	for (; sim->endpoint_count < count; sim->endpoint_count++) {
		sim->endpoints[sim->endpoint_count] = base_copy_string(&sim->allocator, names[sim->endpoint_count]);
		if (!sim->endpoints[sim->endpoint_count])
			return WTEL_ENOMEM;
	}
	return 0;
}

static int sim_register(struct wtel_sim *sim, struct wtel_slice endpoint, const char *status)
{
	struct sim_registration *registration =
		base_allocate(&sim->allocator, sizeof(*registration) + endpoint.length + 1 + SIM_STATUS);

	if (!registration)
		return WTEL_ENOMEM;
	memcpy(registration->endpoint, endpoint.data, endpoint.length);
	registration->endpoint[endpoint.length] = '\0';
	registration->status = registration->endpoint + endpoint.length + 1;
	sim_copy(registration->status, SIM_STATUS, status);
	registration->next = NULL;
	if (sim->registrations_last)
		sim->registrations_last->next = registration;
	else
		sim->registrations = registration;
	sim->registrations_last = registration;
	return 0;
}

static bool sim_safe(const char *text)
{
	return *text && base_slice_unsafe(wtel_slice_of(text)) == strlen(text);
}

/* "endpoint=Registered"; without a status, Registered. */
static int sim_copy_registrations(struct wtel_sim *sim, const char *const *entries)
{
	int code = 0;

	for (; entries && *entries && !code; entries++) {
		const char *equals = strchr(*entries, '=');
		struct wtel_slice endpoint = {*entries, equals ? (size_t)(equals - *entries) : strlen(*entries)};

		if (!endpoint.length || !sim_safe(*entries))
			return WTEL_EINVAL;
		code = sim_register(sim, endpoint, equals ? equals + 1 : "Registered");
	}
	return code;
}

static int64_t sim_duration(int64_t given)
{
	return given < 0 ? 0 : given > INT64_MAX / 4 ? INT64_MAX / 4 : given;
}

static int sim_options(struct wtel_sim *sim, const struct wtel_sim_options *given)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	int code;

	if (given) {
		if (given->size < sizeof(given->size))
			return WTEL_EINVAL;
		memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
	}
	if (!options.username || !options.secret || strlen(options.username) >= sizeof(sim->username) ||
	    strlen(options.secret) >= sizeof(sim->secret) || !(options.load >= 0) || options.load > 1e6)
		return WTEL_EINVAL;
	sim_copy(sim->username, sizeof(sim->username), options.username);
	sim_copy(sim->secret, sizeof(sim->secret), options.secret);
	sim->agent_pickup = sim_duration(options.agent_pickup);
	sim->ring = sim_duration(options.ring);
	sim->talk = sim_duration(options.talk);
	sim->timestamps = options.timestamps;
	sim->random = options.seed;
	sim->load = options.load;
	code = sim_copy_endpoints(sim, options.endpoints);
	return code ? code : sim_copy_registrations(sim, options.registrations);
}

/* ---- load ------------------------------------------------------------- */

/* One call of our own: agents in turn, numbers that end in 00, 01, ... so that every outcome has its share. */
static void sim_load_call(struct wtel_sim *sim)
{
	const char *agent = NULL, *trunk = "carrier";
	struct sim_call *call;
	char text[80];
	size_t i;

	snprintf(text, sizeof(text), "%llu", 1000 + (unsigned long long)(sim->load_made % 900));
	for (i = 0; i < sim->endpoint_count; i++) {
		const char *endpoint = sim->endpoints[(sim->load_made + i) % sim->endpoint_count];
		bool phone = strspn(endpoint, "0123456789") == strlen(endpoint);

		if (phone && !agent)
			agent = endpoint;
		else if (!phone)
			trunk = endpoint;
	}
	sim->load_made++;
	if (sim_call_new(&call, sim)) {
		sim->failed = WTEL_ENOMEM;
		return;
	}
	snprintf(call->origin.channel, sizeof(call->origin.channel), "PJSIP/%.70s", agent ? agent : text);
	sim_copy(call->origin.context, sizeof(call->origin.context), "welcomedly-outbound");
	snprintf(call->origin.extension, sizeof(call->origin.extension), "+1555%07llu",
		 (unsigned long long)(sim->load_made % 10000000));
	sim_copy(call->origin.caller, sizeof(call->origin.caller), call->origin.extension);
	call->origin.priority = 1;
	call->origin.timeout = 30 * SIM_SECOND;
	if (sim_variable_set(sim, &call->variables, "__WTEL_ENDPOINT", wtel_slice_of(trunk))) {
		sim->failed = WTEL_ENOMEM;
		sim_call_free(sim, call);
		return;
	}
	sim_call_next(sim, call, SIM_REQUEST, 0);
}

static void sim_load_fire(struct wtel_sim *sim, struct sim_timer *timer)
{
	sim_load_call(sim);
	/* From the beginning, so that roundings do not add up. */
	sim_timer_set(sim, timer,
		      sim->load_began + (int64_t)((double)sim->load_made * 1e6 / sim->load) - sim->now.mono);
}

/* ---- the clock -------------------------------------------------------- */

void sim_run(struct wtel_sim *sim, struct wtel_time now)
{
	struct sim_timer *timer;

	if (!sim->running) {
		sim->running = true;
		sim->now = now;
		sim->started = now.wall;
		sim->load_began = now.mono;
		if (sim->load > 0)
			sim_timer_set(sim, &sim->load_timer, 0);
	}
	while ((timer = sim_timer_take(sim, now.mono))) {
		if (timer->due > sim->now.mono)
			sim->now.mono = timer->due;
		/* Events carry the time when they were due, not when somebody looked. */
		sim->now.wall = now.wall - (now.mono - sim->now.mono);
		timer->fire(sim, timer);
	}
	if (now.mono > sim->now.mono)
		sim->now.mono = now.mono;
	sim->now.wall = now.wall;
}

int wtel_sim_tick(struct wtel_sim *sim, struct wtel_time now)
{
	int code;

	sim_run(sim, now);
	code = sim->failed;
	sim->failed = 0;
	return code;
}

int64_t wtel_sim_deadline(const struct wtel_sim *sim)
{
	if (!sim->running && sim->load > 0)
		return INT64_MIN;
	return sim->timers.count ? sim->timers.heap[0]->due : INT64_MAX;
}

size_t wtel_sim_channels(const struct wtel_sim *sim)
{
	return sim->channel_count;
}

/* ---- making and scripts ----------------------------------------------- */

int wtel_sim_new(struct wtel_sim **out, const struct wtel_sim_options *options, const struct wtel_allocator *allocator)
{
	struct wtel_allocator from = base_allocator(allocator);
	struct wtel_sim *sim = base_allocate_zero(&from, sizeof(*sim));
	int code;

	if (!sim)
		return WTEL_ENOMEM;
	sim->allocator = from;
	code = sim_options(sim, options);
	base_map_init(&sim->by_name, sim->random);
	base_map_init(&sim->by_unique_id, sim->random + 1);
	if (!code)
		code = sim_timer_adopt(sim, &sim->load_timer, sim_load_fire);
	if (code) {
		wtel_sim_free(sim);
		return code;
	}
	*out = sim;
	return 0;
}

void wtel_sim_free(struct wtel_sim *sim)
{
	struct wtel_allocator allocator;
	struct sim_registration *registration;
	struct sim_channel *channel;

	if (!sim)
		return;
	sim_client_free_all(sim);
	sim_call_free_all(sim);
	while ((channel = sim->free_channels)) {
		sim->free_channels = channel->next;
		base_release(&sim->allocator, channel);
	}
	while ((registration = sim->registrations)) {
		sim->registrations = registration->next;
		base_release(&sim->allocator, registration);
	}
	while (sim->endpoint_count)
		base_release(&sim->allocator, sim->endpoints[--sim->endpoint_count]);
	base_release(&sim->allocator, sim->endpoints);
	sim_variables_free(sim, &sim->globals);
	base_map_free(&sim->by_name, &sim->allocator);
	base_map_free(&sim->by_unique_id, &sim->allocator);
	base_buffer_free(&sim->event, &sim->allocator);
	base_release(&sim->allocator, sim->timers.heap);
	base_wipe(sim->secret, sizeof(sim->secret));
	allocator = sim->allocator;
	base_release(&allocator, sim);
}

/* registration_response of res/res_pjsip_outbound_registration.c: the two addresses, not the section's name. */
static void sim_registry_event(struct wtel_sim *sim, const struct sim_registration *registration)
{
	char uri[192];

	sim_event_begin(sim, "Registry", SIM_CLASS_SYSTEM);
	sim_line(sim, "ChannelType", "PJSIP");
	snprintf(uri, sizeof(uri), "sip:%.80s@%.80s.invalid", registration->endpoint, registration->endpoint);
	sim_line(sim, "Username", uri);
	snprintf(uri, sizeof(uri), "sip:%.80s.invalid", registration->endpoint);
	sim_line(sim, "Domain", uri);
	sim_line(sim, "Status", registration->status);
	sim_event_end(sim);
}

int wtel_sim_registry(struct wtel_sim *sim, const char *endpoint, const char *status, struct wtel_time now)
{
	struct sim_registration *registration;
	int code;

	if (!endpoint || !status || !sim_safe(endpoint) || !sim_safe(status) || strlen(status) >= SIM_STATUS)
		return WTEL_EINVAL;
	sim_run(sim, now);
	for (registration = sim->registrations; registration; registration = registration->next)
		if (strcmp(registration->endpoint, endpoint) == 0)
			break;
	if (!registration) {
		code = sim_register(sim, wtel_slice_of(endpoint), status);
		if (code)
			return code;
		registration = sim->registrations_last;
	}
	sim_copy(registration->status, SIM_STATUS, status);
	sim_registry_event(sim, registration);
	code = sim->failed;
	sim->failed = 0;
	return code;
}

int wtel_sim_inject(struct wtel_sim *sim, struct wtel_slice bytes)
{
	struct wtel_sim_client *client;
	int code = 0;

	sim_text_clear(sim);
	if (base_buffer_append(&sim->event, &sim->allocator, bytes.data, bytes.length))
		return WTEL_ENOMEM;
	for (client = sim->clients; client; client = client->next)
		if (client->authenticated)
			sim_client_send(client, true);
	code = sim->failed;
	sim->failed = 0;
	return code;
}
