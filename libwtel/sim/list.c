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

/* A field of a sorcery object; their order is that of a hash in Asterisk. */
struct list_field {
	const char *name;
	const char *value; /* or what stands for one */
};

static const char list_name[] = "name", list_user[] = "user", list_server[] = "server", list_contact_id[] = "contact";

static const struct list_field list_registration_fields[] = {{"ObjectType", "registration"},
							     {"ObjectName", list_name},
							     {"MaxRetries", "1000000"},
							     {"ClientUri", list_user},
							     {"SecurityNegotiation", "no"},
							     {"AuthRejectionPermanent", "true"},
							     {"ServerUri", list_server},
							     {"MaxRandomInitialDelay", "0"},
							     {"SupportPath", "false"},
							     {"RetryInterval", "20"},
							     {"ContactHeaderParams", ""},
							     {"Expiration", "300"},
							     {"Transport", ""},
							     {"Line", "true"},
							     {"ContactUser", list_name},
							     {"Endpoint", list_name},
							     {"UserAgent", ""},
							     {"ForbiddenRetryInterval", "300"},
							     {"OutboundAuth", list_name},
							     {"OutboundProxy", ""},
							     {"FatalRetryInterval", "300"},
							     {"SupportOutbound", "no"},
							     {NULL, NULL}};

/* ast_sip_format_auths_ami() tells the password too; here there is none. */
static const struct list_field list_auth_fields[] = {{"ObjectType", "auth"},
						     {"ObjectName", list_name},
						     {"OauthSecret", ""},
						     {"PasswordDigest", ""},
						     {"SupportedAlgorithmsUas", "MD5"},
						     {"RefreshToken", ""},
						     {"Username", list_name},
						     {"Md5Cred", ""},
						     {"Realm", ""},
						     {"AuthType", "userpass"},
						     {"Password", ""},
						     {"SupportedAlgorithmsUac", "MD5"},
						     {"NonceLifetime", "32"},
						     {"OauthClientid", ""},
						     {NULL, NULL}};

static const struct list_field list_contact_fields[] = {{"ObjectType", "contact"},
							{"ObjectName", list_contact_id},
							{"ViaAddr", "127.0.0.1"},
							{"QualifyTimeout", "3.000000"},
							{"Qualify2xxOnly", "false"},
							{"CallId", list_name},
							{"RegServer", ""},
							{"PruneOnBoot", "no"},
							{"Path", ""},
							{"Endpoint", list_name},
							{"ViaPort", "5060"},
							{"AuthenticateQualify", "no"},
							{"Uri", list_user},
							{"QualifyFrequency", "60"},
							{"UserAgent", ""},
							{"ExpirationTime", "0"},
							{"OutboundProxy", ""},
							{NULL, NULL}};

static void list_fields(struct wtel_sim *sim, const struct list_field *field, const char *name)
{
	char text[192];

	for (; field->name; field++) {
		const char *value = field->value;

		if (value == list_name) {
			value = name;
		} else if (value == list_user) {
			snprintf(text, sizeof(text), "sip:%.80s@%.80s.invalid", name, name);
			value = text;
		} else if (value == list_server) {
			snprintf(text, sizeof(text), "sip:%.80s.invalid", name);
			value = text;
		} else if (value == list_contact_id) {
			sim_contact_id(name, text);
			value = text;
		}
		sim_line(sim, field->name, value);
	}
}

static void list_registration(struct wtel_sim_client *client, const struct sim_registration *registration)
{
	struct wtel_sim *sim = client->sim;

	sim_item_begin(client, "OutboundRegistrationDetail", true);
	list_fields(sim, list_registration_fields, registration->endpoint);
	sim_line(sim, "Status", registration->status);
	sim_line(sim, "NextReg", "0");
	sim_reply_end(client);
	sim_item_begin(client, "AuthDetail", true);
	list_fields(sim, list_auth_fields, registration->endpoint);
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
	bool phone = sim_endpoint_phone(endpoint), absent = sim_trunk_of(endpoint).absent;
	bool away = absent || sim_trunk_of(endpoint).unreachable;
	struct wtel_sim *sim = client->sim;
	const struct sim_channel *channel;
	char contact[256] = "";
	int64_t active = 0;

	for (channel = sim->channels; channel; channel = channel->next)
		active += strcmp(channel->endpoint, endpoint) == 0;
	if (!absent)
		snprintf(contact, sizeof(contact), "%.80s/sip:%.80s@127.0.0.1:5060,", endpoint, endpoint);
	sim_item_begin(client, "EndpointList", true);
	sim_line(sim, "ObjectType", "endpoint");
	sim_line(sim, "ObjectName", endpoint);
	sim_line(sim, "Transport", "");
	sim_line(sim, "Aor", endpoint);
	sim_line(sim, "Auths", phone ? endpoint : "");
	sim_line(sim, "OutboundAuths", phone ? "" : endpoint);
	sim_line(sim, "Contacts", contact);
	sim_line(sim, "DeviceState", away ? "Unavailable" : !active ? "Not in use" : phone ? "Busy" : "In use");
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

static void list_contact(struct wtel_sim_client *client, const char *endpoint)
{
	struct wtel_sim *sim = client->sim;
	char rtt[24];

	sim_contact_rtt(sim, endpoint, rtt);
	sim_item_begin(client, "ContactList", true);
	list_fields(sim, list_contact_fields, endpoint);
	sim_line(sim, "Status", sim_contact_status(endpoint));
	sim_line(sim, "RoundtripUsec", rtt);
	sim_reply_end(client);
}

/* ami_show_contacts(), res/res_pjsip/pjsip_options.c */
void sim_action_contacts(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	size_t i, count = 0;

	for (i = 0; i < sim->endpoint_count; i++)
		count += !sim_trunk_of(sim->endpoints[i]).absent;
	if (!count) {
		sim_error(client, "No Contacts found\n");
		return;
	}
	sim_list_begin(client, "A listing of Contacts follows, presented as ContactList events");
	for (i = 0; i < sim->endpoint_count; i++) {
		const char *endpoint = sim->endpoints[i];

		if (sim_trunk_of(endpoint).absent)
			continue;
		list_contact(client, endpoint);
	}
	sim_list_end(client, "ContactListComplete", count);
	sim_reply_end(client);
}
