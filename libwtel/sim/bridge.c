/*
 * The bridge of a call: "basic", with two channels. It begins as a simple_bridge; once both are in, Asterisk lets RTP
 * pass natively, unless an option such as Queue's `t` wants to hear the digits.
 */
#include "sim/core.h"

#include <stdio.h>

static void bridge_block(struct wtel_sim *sim, const struct sim_call *call)
{
	sim_line(sim, "BridgeUniqueid", call->bridge);
	sim_line(sim, "BridgeType", "basic");
	sim_line(sim, "BridgeTechnology", call->native ? "native_rtp" : "simple_bridge");
	sim_line(sim, "BridgeCreator", "<unknown>");
	sim_line(sim, "BridgeName", "<unknown>");
	sim_line_number(sim, "BridgeNumChannels", (int64_t)call->bridged);
	sim_line(sim, "BridgeVideoSourceMode", "none");
}

static void bridge_event(struct wtel_sim *sim, const char *event, const struct sim_call *call,
			 const struct sim_channel *channel)
{
	sim_event_begin(sim, event, SIM_CLASS_CALL);
	bridge_block(sim, call);
	if (channel)
		sim_put_channel(sim, "", channel);
	sim_event_end(sim);
}

void sim_bridge_create(struct wtel_sim *sim, struct sim_call *call)
{
	uint64_t high = sim_random(sim), low = sim_random(sim);

	/* A version 4 UUID. */
	snprintf(call->bridge, sizeof(call->bridge), "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
		 (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xfff, 0x8000 | ((unsigned)(low >> 48) & 0x3fff),
		 (unsigned long long)(low & UINT64_C(0xffffffffffff)));
	call->bridged = 0;
	call->native = false;
	bridge_event(sim, "BridgeCreate", call, NULL);
}

void sim_bridge_enter(struct wtel_sim *sim, struct sim_channel *channel)
{
	channel->bridged = true;
	channel->call->bridged++;
	bridge_event(sim, "BridgeEnter", channel->call, channel);
	channel->call->native = channel->call->bridged == 2 && !channel->call->inbound;
}

void sim_bridge_leave(struct wtel_sim *sim, struct sim_channel *channel)
{
	if (!channel->bridged)
		return;
	channel->bridged = false;
	channel->call->bridged--;
	bridge_event(sim, "BridgeLeave", channel->call, channel);
}

void sim_bridge_destroy(struct wtel_sim *sim, struct sim_call *call)
{
	if (!*call->bridge)
		return;
	bridge_event(sim, "BridgeDestroy", call, NULL);
	*call->bridge = '\0';
}

/* An application's channel, in no bridge. */
static bool bridge_plain(const struct sim_channel *channel)
{
	const struct sim_call *call = channel->call;

	return !call->inbound && call->originated && *call->origin.application && call->agent == channel &&
	       !call->customer && !channel->doomed;
}

/* The second call goes into the first: from now on the two channels are one call. */
static void bridge_join(struct wtel_sim *sim, struct sim_channel *first, struct sim_channel *second)
{
	struct sim_call *call = first->call, *other = second->call;

	other->agent = NULL;
	second->call = call;
	call->customer = second;
	memcpy(second->linked_id, first->linked_id, sizeof(second->linked_id));
	sim_call_free(sim, other);
	sim_bridge_create(sim, call);
	sim_bridge_enter(sim, first);
	sim_bridge_enter(sim, second);
	sim_call_next(sim, call, SIM_TALK_ENDS, INT64_MAX / 2);
}

/* action_bridge(), main/features.c; channels that are not an application's own stay where they are. */
void sim_action_bridge(struct wtel_sim_client *client)
{
	const char *names[2] = {sim_header(client, "Channel1"), sim_header(client, "Channel2")};
	struct sim_channel *channels[2];
	char text[SIM_LINE + 64];
	int i;

	if (!*names[0] || !*names[1]) {
		sim_error(client, "Missing channel parameter in request");
		return;
	}
	for (i = 0; i < 2; i++) {
		channels[i] = sim_channel_find(client->sim, names[i]);
		if (!channels[i]) {
			snprintf(text, sizeof(text), "Channel%d does not exist: %s", i + 1, names[i]);
			sim_error(client, text);
			return;
		}
	}
	if (channels[0] == channels[1] || !bridge_plain(channels[0]) || !bridge_plain(channels[1])) {
		sim_error(client, "Bridge failed");
		return;
	}
	sim_reply(client, "Success", "Channels have been bridged");
	bridge_join(client->sim, channels[0], channels[1]);
}
