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

/* Names and values in turn, NULL at the end. */
static void list_lines(struct wtel_sim *sim, const char *const *lines)
{
	for (; *lines; lines += 2)
		sim_line(sim, lines[0], lines[1]);
}

/* The order of the fields is that of a hash in Asterisk. */
static void list_registration(struct wtel_sim_client *client, const struct sim_registration *registration)
{
	const char *name = registration->endpoint;
	struct wtel_sim *sim = client->sim;
	char user[192], server[192];

	snprintf(user, sizeof(user), "sip:%.80s@%.80s.invalid", name, name);
	snprintf(server, sizeof(server), "sip:%.80s.invalid", name);
	sim_item_begin(client, "OutboundRegistrationDetail", true);
	list_lines(sim, (const char *const[]){"ObjectType",
					      "registration",
					      "ObjectName",
					      name,
					      "MaxRetries",
					      "1000000",
					      "ClientUri",
					      user,
					      "SecurityNegotiation",
					      "no",
					      "AuthRejectionPermanent",
					      "true",
					      "ServerUri",
					      server,
					      "MaxRandomInitialDelay",
					      "0",
					      "SupportPath",
					      "false",
					      "RetryInterval",
					      "20",
					      "ContactHeaderParams",
					      "",
					      "Expiration",
					      "300",
					      "Transport",
					      "",
					      "Line",
					      "true",
					      "ContactUser",
					      name,
					      "Endpoint",
					      name,
					      "UserAgent",
					      "",
					      "ForbiddenRetryInterval",
					      "300",
					      "OutboundAuth",
					      name,
					      "OutboundProxy",
					      "",
					      "FatalRetryInterval",
					      "300",
					      "SupportOutbound",
					      "no",
					      "Status",
					      registration->status,
					      "NextReg",
					      "0",
					      NULL});
	sim_reply_end(client);
	/* ast_sip_format_auths_ami() tells the password too; here there is none. */
	sim_item_begin(client, "AuthDetail", true);
	list_lines(sim, (const char *const[]){"ObjectType",
					      "auth",
					      "ObjectName",
					      name,
					      "OauthSecret",
					      "",
					      "PasswordDigest",
					      "",
					      "SupportedAlgorithmsUas",
					      "MD5",
					      "RefreshToken",
					      "",
					      "Username",
					      name,
					      "Md5Cred",
					      "",
					      "Realm",
					      "",
					      "AuthType",
					      "userpass",
					      "Password",
					      "",
					      "SupportedAlgorithmsUac",
					      "MD5",
					      "NonceLifetime",
					      "32",
					      "OauthClientid",
					      "",
					      NULL});
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

/* A phone is busy with its first call (device_state_busy_at=1), a trunk is not. */
static void list_endpoint(struct wtel_sim_client *client, const char *endpoint)
{
	bool phone = strspn(endpoint, "0123456789") == strlen(endpoint), absent = sim_ends(endpoint, "99");
	struct wtel_sim *sim = client->sim;
	const struct sim_channel *channel;
	char contact[256] = "";
	int64_t active = 0;

	for (channel = sim->channels; channel; channel = channel->next)
		active += strcmp(channel->endpoint, endpoint) == 0;
	if (!absent)
		snprintf(contact, sizeof(contact), "%.80s/sip:%.80s@127.0.0.1:5060,", endpoint, endpoint);
	sim_item_begin(client, "EndpointList", true);
	list_lines(sim, (const char *const[]){"ObjectType", "endpoint", "ObjectName", endpoint, "Transport", "", "Aor",
					      endpoint, "Auths", phone ? endpoint : "", "OutboundAuths",
					      phone ? "" : endpoint, "Contacts", contact, NULL});
	sim_line(sim, "DeviceState", absent ? "Unavailable" : !active ? "Not in use" : phone ? "Busy" : "In use");
	sim_line_number(sim, "ActiveChannels", active);
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

static void list_contact(struct wtel_sim_client *client, const char *endpoint, unsigned number)
{
	struct wtel_sim *sim = client->sim;
	char name[128], uri[128], id[64];

	snprintf(name, sizeof(name), "%.80s;@%032x", endpoint, number);
	snprintf(uri, sizeof(uri), "sip:%.80s@127.0.0.1:5060", endpoint);
	snprintf(id, sizeof(id), "%08x", number);
	sim_item_begin(client, "ContactList", true);
	list_lines(sim, (const char *const[]){"ObjectType",
					      "contact",
					      "ObjectName",
					      name,
					      "ViaAddr",
					      "127.0.0.1",
					      "QualifyTimeout",
					      "3.000000",
					      "Qualify2xxOnly",
					      "false",
					      "CallId",
					      id,
					      "RegServer",
					      "",
					      "PruneOnBoot",
					      "no",
					      "Path",
					      "",
					      "Endpoint",
					      endpoint,
					      "ViaPort",
					      "5060",
					      "AuthenticateQualify",
					      "no",
					      "Uri",
					      uri,
					      "QualifyFrequency",
					      "60",
					      "UserAgent",
					      "",
					      NULL});
	sim_line_number(sim, "ExpirationTime", sim->now.wall / SIM_SECOND + 3600);
	list_lines(sim,
		   (const char *const[]){"OutboundProxy", "", "Status", "Reachable", "RoundtripUsec", "1000", NULL});
	sim_reply_end(client);
}

/* ami_show_contacts(), res/res_pjsip/pjsip_options.c */
void sim_action_contacts(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	size_t i, count = 0;

	for (i = 0; i < sim->endpoint_count; i++)
		count += !sim_ends(sim->endpoints[i], "99");
	if (!count) {
		sim_error(client, "No Contacts found\n");
		return;
	}
	sim_list_begin(client, "A listing of Contacts follows, presented as ContactList events");
	for (i = 0; i < sim->endpoint_count; i++) {
		const char *endpoint = sim->endpoints[i];

		if (sim_ends(endpoint, "99"))
			continue;
		list_contact(client, endpoint, (unsigned)i);
	}
	sim_list_end(client, "ContactListComplete", count);
	sim_reply_end(client);
}
