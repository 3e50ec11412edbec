/* Actions that answer with a list. */
#include "sim/core.h"

#include <stdio.h>

/* action_coreshowchannels() */
void sim_action_channels(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	const struct sim_channel *channel;
	size_t count = 0;
	char text[48];

	sim_list_begin(client, "Channels will follow");
	for (channel = sim->channels; channel; channel = channel->next, count++) {
		long long seconds = (sim->now.mono - channel->created) / SIM_SECOND;

		sim_item_begin(client, "CoreShowChannel", true);
		sim_put_channel(sim, "", channel);
		sim_line(sim, "Application", channel->application);
		sim_line(sim, "ApplicationData", channel->data);
		snprintf(text, sizeof(text), "%02lld:%02lld:%02lld", seconds / 3600, seconds % 3600 / 60, seconds % 60);
		sim_line(sim, "Duration", text);
		sim_line(sim, "BridgeId", channel->bridged ? channel->call->bridge : "");
		sim_reply_end(client);
	}
	sim_list_end(client, "CoreShowChannelsComplete", count);
	sim_reply_end(client);
}

static void list_status(struct wtel_sim_client *client, const struct sim_channel *channel)
{
	struct wtel_sim *sim = client->sim;
	const char *id = sim_header(client, "ActionID");

	sim_item_begin(client, "Status", false);
	sim_line(sim, "Privilege", "Call");
	sim_put_channel(sim, "", channel);
	sim_line(sim, "Type", "PJSIP");
	sim_line(sim, "DNID", "");
	sim_line(sim, "EffectiveConnectedLineNum", *channel->connected ? channel->connected : "<unknown>");
	sim_line(sim, "EffectiveConnectedLineName", *channel->connected_name ? channel->connected_name : "<unknown>");
	sim_line(sim, "TimeToHangup", "0");
	sim_line(sim, "BridgeID", channel->bridged ? channel->call->bridge : "");
	sim_line(sim, "Application", channel->application);
	sim_line(sim, "Data", channel->data);
	sim_line(sim, "Nativeformats", "(ulaw)");
	sim_line(sim, "Readformat", "ulaw");
	sim_line(sim, "Readtrans", "");
	sim_line(sim, "Writeformat", "ulaw");
	sim_line(sim, "Writetrans", "");
	sim_line(sim, "Callgroup", "0");
	sim_line(sim, "Pickupgroup", "0");
	sim_line_number(sim, "Seconds", (sim->now.mono - channel->created) / SIM_SECOND);
	if (*id)
		sim_line(sim, "ActionID", id);
	sim_reply_end(client);
}

/* action_status() */
void sim_action_status(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	const char *name = sim_header(client, "Channel");
	const struct sim_channel *channel = *name ? sim_channel_find(sim, name) : sim->channels;
	int64_t count = 0;

	if (*name && !channel) {
		sim_error(client, "No such channel");
		return;
	}
	sim_list_begin(client, "Channel status will follow");
	for (; channel; channel = *name ? NULL : channel->next, count++)
		list_status(client, channel);
	sim_list_end(client, "StatusComplete", (size_t)count);
	sim_line_number(sim, "Items", count);
	sim_reply_end(client);
}

static void list_registration(struct wtel_sim_client *client, const struct sim_registration *registration)
{
	struct wtel_sim *sim = client->sim;
	char uri[192];

	sim_item_begin(client, "OutboundRegistrationDetail", true);
	sim_line(sim, "ObjectType", "registration");
	sim_line(sim, "ObjectName", registration->endpoint);
	snprintf(uri, sizeof(uri), "sip:%.80s@%.80s.invalid", registration->endpoint, registration->endpoint);
	sim_line(sim, "ClientUri", uri);
	sim_line(sim, "Endpoint", registration->endpoint);
	sim_line(sim, "Expiration", "300");
	sim_line(sim, "OutboundAuth", registration->endpoint);
	snprintf(uri, sizeof(uri), "sip:%.80s.invalid", registration->endpoint);
	sim_line(sim, "ServerUri", uri);
	sim_line(sim, "Status", registration->status);
	sim_line(sim, "NextReg", strcmp(registration->status, "Registered") == 0 ? "290" : "0");
	sim_reply_end(client);
}

/* ami_show_outbound_registrations(), res/res_pjsip_outbound_registration.c */
void sim_action_registrations(struct wtel_sim_client *client)
{
	const struct sim_registration *registration;
	size_t registered = 0, count = 0;

	sim_list_begin(client, "Following are Events for each Outbound registration");
	for (registration = client->sim->registrations; registration; registration = registration->next, count++) {
		registered += strcmp(registration->status, "Registered") == 0;
		list_registration(client, registration);
	}
	sim_list_end(client, "OutboundRegistrationDetailComplete", count);
	sim_line_number(client->sim, "Registered", (int64_t)registered);
	sim_line_number(client->sim, "NotRegistered", (int64_t)(count - registered));
	sim_reply_end(client);
}

static bool list_ends(const char *name, const char *end)
{
	size_t length = strlen(name);

	return length >= 2 && strcmp(name + length - 2, end) == 0;
}

static void list_endpoint(struct wtel_sim_client *client, const char *endpoint)
{
	struct wtel_sim *sim = client->sim;
	const struct sim_channel *channel;
	bool busy = false;

	for (channel = sim->channels; channel; channel = channel->next)
		busy |= strcmp(channel->endpoint, endpoint) == 0;
	sim_item_begin(client, "EndpointList", true);
	sim_line(sim, "ObjectType", "endpoint");
	sim_line(sim, "ObjectName", endpoint);
	sim_line(sim, "Transport", "");
	sim_line(sim, "Aor", endpoint);
	sim_line(sim, "Auths", endpoint);
	sim_line(sim, "OutboundAuths", "");
	sim_line(sim, "Contacts", "");
	sim_line(sim, "DeviceState", list_ends(endpoint, "99") ? "Unavailable" : busy ? "In use" : "Not in use");
	sim_put(sim, "ActiveChannels: ");
	for (channel = sim->channels; channel; channel = channel->next) {
		if (strcmp(channel->endpoint, endpoint) != 0)
			continue;
		if (!busy)
			sim_put(sim, ",");
		sim_put(sim, channel->name);
		busy = false;
	}
	sim_put(sim, "\r\n");
	sim_reply_end(client);
}

/* ami_show_endpoints(), res/res_pjsip/pjsip_configuration.c: the stray LF is Asterisk's. */
void sim_action_endpoints(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	size_t i;

	if (!sim->endpoint_count) {
		sim_error(client, "No endpoints found\n");
		return;
	}
	sim_list_begin(client, "A listing of Endpoints follows, presented as EndpointList events");
	for (i = 0; i < sim->endpoint_count; i++)
		list_endpoint(client, sim->endpoints[i]);
	sim_list_end(client, "EndpointListComplete", sim->endpoint_count);
	sim_reply_end(client);
}

/* ami_show_contacts(), res/res_pjsip/pjsip_options.c */
void sim_action_contacts(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	size_t i, count = 0;
	char text[256];

	for (i = 0; i < sim->endpoint_count; i++)
		count += !list_ends(sim->endpoints[i], "99");
	if (!count) {
		sim_error(client, "No Contacts found\n");
		return;
	}
	sim_list_begin(client, "A listing of Contacts follows, presented as ContactList events");
	for (i = 0; i < sim->endpoint_count; i++) {
		const char *endpoint = sim->endpoints[i];

		if (list_ends(endpoint, "99"))
			continue;
		sim_item_begin(client, "ContactList", true);
		sim_line(sim, "ObjectType", "contact");
		snprintf(text, sizeof(text), "%.80s;@%08x", endpoint, (unsigned)i);
		sim_line(sim, "ObjectName", text);
		sim_line(sim, "Aor", endpoint);
		sim_line(sim, "Endpoint", endpoint);
		snprintf(text, sizeof(text), "sip:%.80s@%.80s.invalid", endpoint, endpoint);
		sim_line(sim, "Uri", text);
		sim_line(sim, "Status", "Reachable");
		sim_line(sim, "RoundtripUsec", "1000");
		sim_reply_end(client);
	}
	sim_list_end(client, "ContactListComplete", count);
	sim_reply_end(client);
}
