/* Channels with their variables, and what is told of them. They come from a pool: no allocation once it is warm. */
#include "sim/core.h"

#include <stdio.h>

const char *sim_state_text(int state)
{
	static const char *const texts[] = {"Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy"};

	return state >= 0 && state < 8 ? texts[state] : "Unknown";
}

/* main/channel.c, causes[] */
const char *sim_cause_text(int cause)
{
	static const struct {
		int cause;
		const char *text;
	} texts[] = {{1, "Unallocated (unassigned) number"},
		     {3, "No route to destination"},
		     {16, "Normal Clearing"},
		     {17, "User busy"},
		     {18, "No user responding"},
		     {19, "User alerting, no answer"},
		     {20, "Subscriber absent"},
		     {21, "Call Rejected"},
		     {26, "Answered elsewhere"},
		     {27, "Destination out of order"},
		     {28, "Invalid number format"},
		     {31, "Normal, unspecified"},
		     {34, "Circuit/channel congestion"},
		     {38, "Network out of order"},
		     {41, "Temporary failure"},
		     {42, "Switching equipment congestion"},
		     {44, "Requested channel not available"},
		     {58, "Bearer capability not available"},
		     {102, "Recover on timer expiry"},
		     {127, "Interworking, unspecified"}};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].cause == cause)
			return texts[i].text;
	return "Unknown";
}

static struct sim_channel *channel_take(struct wtel_sim *sim)
{
	struct sim_channel *channel = sim->free_channels;

	if (channel)
		sim->free_channels = channel->next;
	else
		channel = base_allocate(&sim->allocator, sizeof(*channel));
	if (channel)
		memset(channel, 0, sizeof(*channel));
	return channel;
}

static void channel_give(struct wtel_sim *sim, struct sim_channel *channel)
{
	sim_variables_free(sim, &channel->variables);
	channel->next = sim->free_channels;
	sim->free_channels = channel;
}

/* "PJSIP/1001-0000002a"; the Uniqueid is the caller's choice or "<seconds>.<number>". */
static void channel_name(struct wtel_sim *sim, struct sim_channel *channel, const char *endpoint, const char *unique_id)
{
	sim_copy(channel->endpoint, sizeof(channel->endpoint), endpoint);
	snprintf(channel->name, sizeof(channel->name), "PJSIP/%.70s-%08x", channel->endpoint, sim->channel_number++);
	if (*unique_id)
		sim_copy(channel->unique_id, sizeof(channel->unique_id), unique_id);
	else
		snprintf(channel->unique_id, sizeof(channel->unique_id), "%lld.%u",
			 (long long)(sim->now.wall / SIM_SECOND), sim->unique_number);
	sim->unique_number++;
}

int sim_channel_new(struct sim_channel **out, struct sim_call *call, enum sim_role role, const char *endpoint,
		    const char *unique_id, struct wtel_sim *sim)
{
	struct sim_channel *channel;

	if (*unique_id && base_map_get(&sim->by_unique_id, wtel_slice_of(unique_id)))
		return WTEL_EEXISTS;
	channel = channel_take(sim);
	if (!channel)
		return WTEL_ENOMEM;
	channel_name(sim, channel, endpoint, unique_id);
	if (base_map_put(&sim->by_name, &sim->allocator, wtel_slice_of(channel->name), channel)) {
		channel_give(sim, channel);
		return WTEL_ENOMEM;
	}
	if (base_map_put(&sim->by_unique_id, &sim->allocator, wtel_slice_of(channel->unique_id), channel)) {
		base_map_remove(&sim->by_name, wtel_slice_of(channel->name));
		channel_give(sim, channel);
		return WTEL_ENOMEM;
	}
	memcpy(channel->linked_id, channel->unique_id, sizeof(channel->linked_id));
	channel->call = call;
	channel->role = role;
	channel->priority = 1;
	channel->created = sim->now.mono;
	channel->next = NULL;
	channel->previous = sim->channels_last;
	if (sim->channels_last)
		sim->channels_last->next = channel;
	else
		sim->channels = channel;
	sim->channels_last = channel;
	sim->channel_count++;
	*out = channel;
	return 0;
}

void sim_channel_free(struct wtel_sim *sim, struct sim_channel *channel)
{
	base_map_remove(&sim->by_name, wtel_slice_of(channel->name));
	base_map_remove(&sim->by_unique_id, wtel_slice_of(channel->unique_id));
	if (channel->previous)
		channel->previous->next = channel->next;
	else
		sim->channels = channel->next;
	if (channel->next)
		channel->next->previous = channel->previous;
	else
		sim->channels_last = channel->previous;
	sim->channel_count--;
	channel_give(sim, channel);
}

struct sim_channel *sim_channel_find(struct wtel_sim *sim, const char *name)
{
	struct sim_channel *channel = base_map_get(&sim->by_name, wtel_slice_of(name));

	return channel ? channel : base_map_get(&sim->by_unique_id, wtel_slice_of(name));
}

/* ---- variables -------------------------------------------------------- */

static const char *variable_plain(const char *name)
{
	if (name[0] == '_')
		name += name[1] == '_' ? 2 : 1;
	return name;
}

void sim_variables_free(struct wtel_sim *sim, struct sim_variable **list)
{
	struct sim_variable *variable;

	while ((variable = *list)) {
		*list = variable->next;
		base_release(&sim->allocator, variable);
	}
}

int sim_variable_set(struct wtel_sim *sim, struct sim_variable **list, const char *name, struct wtel_slice value)
{
	size_t length = strlen(name);
	struct sim_variable *variable =
		base_allocate(&sim->allocator, sizeof(*variable) + length + 1 + value.length + 1);
	struct sim_variable **at;

	if (!variable)
		return WTEL_ENOMEM;
	memcpy(variable->name, name, length + 1);
	variable->value = variable->name + length + 1;
	if (value.length)
		memcpy(variable->value, value.data, value.length);
	variable->value[value.length] = '\0';
	for (at = list; *at; at = &(*at)->next) {
		if (strcmp(variable_plain((*at)->name), variable_plain(name)) == 0) {
			struct sim_variable *old = *at;

			*at = old->next;
			base_release(&sim->allocator, old);
			break;
		}
	}
	variable->next = *list;
	*list = variable;
	return 0;
}

const char *sim_variable_get(const struct sim_variable *list, const char *name)
{
	for (; list; list = list->next)
		if (strcmp(variable_plain(list->name), variable_plain(name)) == 0)
			return list->value;
	return "";
}

/* "_NAME" is inherited once and loses its underscore, "__NAME" for ever. */
void sim_variables_inherit(struct wtel_sim *sim, struct sim_channel *to, const struct sim_channel *from)
{
	const struct sim_variable *variable;

	for (variable = from->variables; variable; variable = variable->next) {
		const char *name = variable->name;

		if (name[0] != '_')
			continue;
		if (name[1] != '_')
			name++;
		if (sim_variable_set(sim, &to->variables, name, wtel_slice_of(variable->value)))
			sim->failed = WTEL_ENOMEM;
	}
}

bool sim_endpoint_exists(const struct wtel_sim *sim, const char *endpoint)
{
	size_t i;

	if (sim->endpoints_any)
		return *endpoint != '\0';
	for (i = 0; i < sim->endpoint_count; i++)
		if (strcmp(sim->endpoints[i], endpoint) == 0)
			return true;
	return false;
}

/* ---- what is told ----------------------------------------------------- */

void sim_channel_state(struct wtel_sim *sim, struct sim_channel *channel, int state)
{
	if (channel->state == state)
		return;
	channel->state = state;
	sim_event_channel(sim, "Newstate", channel);
}

void sim_channel_caller(struct wtel_sim *sim, struct sim_channel *channel, const char *number, const char *name)
{
	if (strcmp(channel->caller, number) == 0 && strcmp(channel->caller_name, name) == 0)
		return;
	sim_copy(channel->caller, sizeof(channel->caller), number);
	sim_copy(channel->caller_name, sizeof(channel->caller_name), name);
	sim_event_begin(sim, "NewCallerid", SIM_CLASS_CALL);
	sim_put_channel(sim, "", channel);
	sim_line(sim, "CID-CallingPres", "0 (Presentation Allowed, Not Screened)");
	sim_event_end(sim);
}

void sim_channel_connected(struct wtel_sim *sim, struct sim_channel *channel, const char *number, const char *name)
{
	if (strcmp(channel->connected, number) == 0 && strcmp(channel->connected_name, name) == 0)
		return;
	sim_copy(channel->connected, sizeof(channel->connected), number);
	sim_copy(channel->connected_name, sizeof(channel->connected_name), name);
	sim_event_channel(sim, "NewConnectedLine", channel);
}

void sim_channel_request(struct wtel_sim *sim, struct sim_channel *channel, bool soft, int cause, int tech_cause)
{
	sim_event_begin(sim, soft ? "SoftHangupRequest" : "HangupRequest", SIM_CLASS_CALL);
	sim_put_channel(sim, "", channel);
	if (cause)
		sim_line_number(sim, "Cause", cause);
	if (tech_cause)
		sim_line_number(sim, "TechCause", tech_cause);
	sim_event_end(sim);
}

void sim_channel_hangup(struct wtel_sim *sim, struct sim_channel *channel, int cause, int tech_cause)
{
	struct sim_call *call = channel->call;

	sim_event_begin(sim, "Hangup", SIM_CLASS_CALL);
	sim_put_channel(sim, "", channel);
	sim_line_number(sim, "Cause", cause);
	sim_line(sim, "Cause-txt", sim_cause_text(cause));
	if (tech_cause)
		sim_line_number(sim, "TechCause", tech_cause);
	sim_event_end(sim);
	if (call->agent == channel)
		call->agent = NULL;
	if (call->customer == channel)
		call->customer = NULL;
	sim_channel_free(sim, channel);
}

void sim_dial(struct wtel_sim *sim, const char *event, const struct sim_channel *caller,
	      const struct sim_channel *destination, const char *status)
{
	sim_event_begin(sim, event, SIM_CLASS_CALL);
	if (caller)
		sim_put_channel(sim, "", caller);
	sim_put_channel(sim, "Dest", destination);
	sim_line(sim, strcmp(event, "DialBegin") == 0 ? "DialString" : "DialStatus", status);
	sim_event_end(sim);
}
