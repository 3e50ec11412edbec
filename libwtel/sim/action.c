/* The table of actions, and those that answer at once. Texts are Asterisk's own. */
#include "sim/core.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#define ACTION_VERSION "22.10.1"

void sim_reply_begin(struct wtel_sim_client *client, const char *response)
{
	const char *id = sim_header(client, "ActionID");

	sim_text_clear(client->sim);
	sim_line(client->sim, "Response", response);
	if (*id)
		sim_line(client->sim, "ActionID", id);
}

void sim_reply_end(struct wtel_sim_client *client)
{
	sim_put(client->sim, "\r\n");
	sim_client_send(client, false);
}

void sim_reply(struct wtel_sim_client *client, const char *response, const char *message)
{
	sim_reply_begin(client, response);
	sim_line(client->sim, "Message", message);
	sim_reply_end(client);
}

void sim_error(struct wtel_sim_client *client, const char *message)
{
	sim_reply(client, "Error", message);
}

void sim_list_begin(struct wtel_sim_client *client, const char *message)
{
	sim_reply_begin(client, "Success");
	sim_line(client->sim, "EventList", "start");
	sim_line(client->sim, "Message", message);
	sim_reply_end(client);
}

void sim_item_begin(struct wtel_sim_client *client, const char *event, bool with_action_id)
{
	const char *id = sim_header(client, "ActionID");

	sim_text_clear(client->sim);
	sim_line(client->sim, "Event", event);
	if (with_action_id && *id)
		sim_line(client->sim, "ActionID", id);
}

/* Left open: sim_reply_end() closes it, after what a list adds. */
void sim_list_end(struct wtel_sim_client *client, const char *event, size_t count)
{
	sim_item_begin(client, event, true);
	sim_line(client->sim, "EventList", "Complete");
	sim_line_number(client->sim, "ListItems", (int64_t)count);
}

static void action_ping(struct wtel_sim_client *client)
{
	sim_reply_begin(client, "Success");
	sim_line(client->sim, "Ping", "Pong");
	sim_put(client->sim, "Timestamp: ");
	sim_put_instant(client->sim, client->sim->now.wall);
	sim_put(client->sim, "\r\n");
	sim_reply_end(client);
}

/* What the user's `read` of examples/asterisk/manager.conf allows. */
static int action_readable(int mask)
{
	return mask & (SIM_CLASS_SYSTEM | SIM_CLASS_CALL | SIM_CLASS_AGENT | SIM_CLASS_USER);
}

static void action_events(struct wtel_sim_client *client)
{
	int mask = sim_mask_parse(sim_header(client, "EventMask"));

	if (mask < 0) {
		sim_error(client, "Invalid event mask");
		return;
	}
	client->events = action_readable(mask);
	sim_reply_begin(client, "Success");
	sim_line(client->sim, "Events", mask ? "On" : "Off");
	sim_reply_end(client);
}

static void action_challenge(struct wtel_sim_client *client)
{
	if (strcasecmp(sim_header(client, "AuthType"), "MD5") != 0) {
		sim_error(client, "Must specify AuthType");
		return;
	}
	if (!*client->challenge)
		snprintf(client->challenge, sizeof(client->challenge), "%ld",
			 (long)(sim_random(client->sim) % 2147483647));
	sim_reply_begin(client, "Success");
	sim_line(client->sim, "Challenge", client->challenge);
	sim_reply_end(client);
}

static bool action_key_right(const struct wtel_sim_client *client, const char *key)
{
	char text[sizeof(client->challenge) + sizeof(client->sim->secret)], hex[33];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0, i;

	if (!*key || !*client->challenge)
		return false;
	snprintf(text, sizeof(text), "%s%s", client->challenge, client->sim->secret);
	if (!EVP_Digest(text, strlen(text), digest, &length, EVP_md5(), NULL) || length != 16)
		return false;
	for (i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return strcmp(hex, key) == 0;
}

static void action_booted(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	int64_t uptime = (sim->now.wall - sim->started) / SIM_SECOND;

	sim_text_clear(sim);
	sim_line(sim, "Event", "FullyBooted");
	sim_line(sim, "Privilege", sim_class_text(SIM_CLASS_SYSTEM));
	sim_line_number(sim, "Uptime", uptime);
	sim_line_number(sim, "LastReload", uptime);
	sim_line(sim, "Status", "Fully Booted");
	sim_reply_end(client);
}

static void action_login(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	const char *events = sim_header(client, "Events");
	bool right;
	int mask;

	if (client->authenticated) {
		sim_reply(client, "Success", "Already authenticated");
		return;
	}
	if (strcasecmp(sim_header(client, "AuthType"), "MD5") == 0)
		right = action_key_right(client, sim_header(client, "Key"));
	else
		right = strcmp(sim_header(client, "Secret"), sim->secret) == 0;
	if (!right || strcasecmp(sim_header(client, "Username"), sim->username) != 0) {
		client->refused = true;
		sim_copy(client->refusal, sizeof(client->refusal), sim_header(client, "ActionID"));
		sim_timer_set(sim, &client->timer, SIM_LOGIN_DELAY);
		return;
	}
	client->authenticated = true;
	sim_timer_clear(sim, &client->timer);
	/* An Events header that says nothing Asterisk knows leaves none; one that is not there, all that may be read.
	 */
	mask = *events ? sim_mask_parse(events) : SIM_CLASS_ALL;
	client->events = mask < 0 ? 0 : action_readable(mask);
	sim_reply(client, "Success", "Authentication accepted");
	if (client->events & SIM_CLASS_SYSTEM)
		action_booted(client);
}

static void action_logoff(struct wtel_sim_client *client)
{
	sim_reply(client, "Goodbye", "Thanks for all the fish.");
	client->closing = true;
}

void sim_action_command(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	const char *command = sim_header(client, "Command");

	if (!*command) {
		sim_error(client, "No command provided");
		return;
	}
	if (strcmp(command, "core show version") == 0) {
		sim_reply_begin(client, "Success");
		sim_line(sim, "Message", "Command output follows");
		sim_line(sim, "Output", "Asterisk " ACTION_VERSION " (simulated by libwtel " WTEL_VERSION ")");
	} else if (strcmp(command, "core show uptime") == 0) {
		sim_reply_begin(client, "Success");
		sim_line(sim, "Message", "Command output follows");
		sim_put(sim, "Output: System uptime: ");
		sim_put_number(sim, (sim->now.wall - sim->started) / SIM_SECOND);
		sim_put(sim, " seconds\r\n");
	} else {
		sim_reply_begin(client, "Error");
		sim_line(sim, "Message", "Command output follows");
		sim_put(sim, "Output: No such command '");
		sim_put(sim, command);
		sim_put(sim, "' (type 'core show help ");
		sim_put(sim, command);
		sim_put(sim, "' for other possible commands)\r\n");
	}
	sim_reply_end(client);
}

void sim_action_settings(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;

	sim_reply_begin(client, "Success");
	sim_line(sim, "AMIversion", "11.0.0");
	sim_line(sim, "AsteriskVersion", ACTION_VERSION);
	sim_line(sim, "SystemName", "");
	sim_line(sim, "CoreMaxCalls", "0");
	sim_line(sim, "CoreMaxLoadAvg", "0.000000");
	sim_line(sim, "CoreRunUser", "");
	sim_line(sim, "CoreRunGroup", "");
	sim_line(sim, "CoreMaxFilehandles", "0");
	sim_line(sim, "CoreRealTimeEnabled", "No");
	sim_line(sim, "CoreCDRenabled", "Yes");
	sim_line(sim, "CoreHTTPenabled", "No");
	sim_line(sim, "SoundsSearchCustomDir", "No");
	sim_reply_end(client);
}

static void action_moment(struct wtel_sim *sim, const char *name, const char *format, int64_t wall)
{
	time_t seconds = (time_t)(wall / SIM_SECOND);
	struct tm parts;
	char text[32] = "";

	if (gmtime_r(&seconds, &parts))
		strftime(text, sizeof(text), format, &parts);
	sim_line(sim, name, text);
}

void sim_action_core_status(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;

	sim_reply_begin(client, "Success");
	action_moment(sim, "CoreStartupDate", "%Y-%m-%d", sim->started);
	action_moment(sim, "CoreStartupTime", "%H:%M:%S", sim->started);
	action_moment(sim, "CoreReloadDate", "%Y-%m-%d", sim->started);
	action_moment(sim, "CoreReloadTime", "%H:%M:%S", sim->started);
	sim_line_number(sim, "CoreCurrentCalls", (int64_t)sim->channel_count);
	sim_line_number(sim, "CoreProcessedCalls", (int64_t)sim->calls_processed);
	sim_reply_end(client);
}

void sim_action_user_event(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	const char *line;
	size_t i;

	sim_reply(client, "Success", "Event Sent");
	sim_event_begin(sim, "UserEvent", SIM_CLASS_USER);
	sim_line(sim, "UserEvent", sim_header(client, "UserEvent"));
	for (i = 0; (line = sim_header_line(client, i)); i++) {
		if (strncasecmp(line, "UserEvent:", 10) == 0 || strncasecmp(line, "Action:", 7) == 0)
			continue;
		sim_put(sim, line);
		sim_put(sim, "\r\n");
	}
	sim_event_end(sim);
}

static const struct {
	const char *name;
	sim_action_fn *act;
} actions[] = {
	{"Ping", action_ping},
	{"Events", action_events},
	{"Challenge", action_challenge},
	{"Login", action_login},
	{"Logoff", action_logoff},
	{"Filter", sim_action_filter},
	{"Command", sim_action_command},
	{"CoreSettings", sim_action_settings},
	{"CoreStatus", sim_action_core_status},
	{"CoreShowChannels", sim_action_channels},
	{"Status", sim_action_status},
	{"PJSIPShowRegistrationsOutbound", sim_action_registrations},
	{"PJSIPShowEndpoints", sim_action_endpoints},
	{"PJSIPShowContacts", sim_action_contacts},
	{"Originate", sim_action_originate},
	{"Hangup", sim_action_hangup},
	{"Redirect", sim_action_redirect},
	{"Setvar", sim_action_setvar},
	{"Getvar", sim_action_getvar},
	{"Bridge", sim_action_bridge},
	{"UserEvent", sim_action_user_event},
	{"PJSIPQualify", sim_action_qualify},
};

/* process_message() */
void sim_action(struct wtel_sim_client *client)
{
	const char *name = sim_header(client, "Action");
	char text[512];
	size_t i;

	if (!*name) {
		sim_error(client, "Missing action in request");
		return;
	}
	if (!client->authenticated && strcasecmp(name, "Login") != 0 && strcasecmp(name, "Logoff") != 0 &&
	    strcasecmp(name, "Challenge") != 0) {
		sim_error(client, "Permission denied");
		return;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcasecmp(name, actions[i].name) == 0) {
			actions[i].act(client);
			return;
		}
	}
	snprintf(text, sizeof(text),
		 "Invalid/unknown command: %s. Use Action: ListCommands to show available commands.", name);
	sim_error(client, text);
}
