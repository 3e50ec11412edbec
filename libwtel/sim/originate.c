/* Originate, and the actions on a channel. The order of the checks is action_originate()'s of main/manager.c. */
#include "sim/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The dialplan is examples/asterisk/extensions.conf: its contexts, patterns and priorities. */
bool sim_extension_exists(const char *context, const char *extension, int priority)
{
	const char *digits = extension + (*extension == '+');
	size_t length = strlen(digits);
	bool number = strspn(digits, "0123456789") == length;

	if (strcmp(context, "welcomedly-outbound") == 0)
		return priority <= SIM_LAST_PRIORITY && extension[0] && extension[1] &&
		       strchr("+0123456789", *extension);
	if (strcmp(context, "welcomedly-inbound") == 0)
		return priority == 1 && number && length >= 3 && length <= 15;
	if (strcmp(context, "welcomedly-agents") == 0)
		return priority <= 2 && number && length == 4 && *extension == '1';
	return false;
}

/* sscanf("%30d") */
static bool originate_number(const char *text, int *out)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text)
		return false;
	*out = number > INT32_MAX ? INT32_MAX : number < -INT32_MAX ? -INT32_MAX : (int)number;
	return true;
}

static bool originate_true(const char *text)
{
	static const char *const words[] = {"yes", "true", "y", "t", "1", "on"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* ast_callerid_parse() and ast_shrink_phone_number(): `"Name" <number>`, or a number, or a name. */
static void originate_caller(struct sim_origin *origin, const char *text)
{
	const char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
	const char *number = text;
	size_t length = strlen(text), i, out = 0;

	if (close) {
		size_t end = (size_t)(open - text);

		while (end && (text[end - 1] == ' ' || text[end - 1] == '"'))
			end--;
		while (end && (*text == ' ' || *text == '"')) {
			text++;
			end--;
		}
		if (end >= sizeof(origin->caller_name))
			end = sizeof(origin->caller_name) - 1;
		memcpy(origin->caller_name, text, end);
		origin->caller_name[end] = '\0';
		number = open + 1;
		length = (size_t)(close - number);
	} else if (!length || strspn(text, "0123456789*#+()-. ") != length) {
		sim_copy(origin->caller_name, sizeof(origin->caller_name), text);
		return;
	}
	for (i = 0; i < length && out < sizeof(origin->caller) - 1; i++)
		if (!strchr("().- ", number[i]))
			origin->caller[out++] = number[i];
	origin->caller[out] = '\0';
}

/* What is wrong with the action; NULL: nothing. */
static const char *originate_check(struct wtel_sim_client *client, struct sim_origin *origin, int *timeout)
{
	const char *priority = sim_header(client, "Priority");

	if (strlen(sim_header(client, "ChannelId")) > SIM_UNIQUE_ID ||
	    strlen(sim_header(client, "OtherChannelId")) > SIM_UNIQUE_ID)
		return "Uniqueid length exceeds maximum of 149\n";
	if (!*sim_header(client, "Channel"))
		return "Channel not specified";
	if (*priority && !originate_number(priority, &origin->priority))
		return "Invalid priority";
	if (*sim_header(client, "Timeout") && !originate_number(sim_header(client, "Timeout"), timeout))
		return "Invalid timeout";
	if (!strchr(sim_header(client, "Channel"), '/'))
		return "Invalid channel";
	if (origin->priority &&
	    !sim_extension_exists(sim_header(client, "Context"), sim_header(client, "Exten"), origin->priority))
		return "Extension does not exist.";
	if (!originate_true(sim_header(client, "Async")) && !*sim_header(client, "Application") && !origin->priority)
		return "Originate with 'Exten' requires 'Context' and 'Priority'";
	return NULL;
}

/* One "name=value" of a Variable line, which ends at `end`: quotes and backslashes are eaten. */
static int originate_variable(struct wtel_sim *sim, struct sim_variable **list, const char *text, const char *end)
{
	char name[SIM_LINE], value[SIM_LINE];
	const char *equals = memchr(text, '=', (size_t)(end - text));
	size_t length = 0;

	if (!equals || equals == text)
		return 0;
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	for (text = equals + 1; text < end; text++) {
		if (*text == '"')
			continue;
		if (*text == '\\' && text + 1 < end)
			text++;
		value[length++] = *text;
	}
	return sim_variable_set(sim, list, name, (struct wtel_slice){value, length});
}

/* man_do_variable_value(): a line is split at commas outside quotes and parentheses. */
static int originate_variables(struct wtel_sim_client *client, struct sim_variable **list)
{
	const char *line, *at, *start;
	size_t i;

	for (i = 0; (line = sim_header_line(client, i)); i++) {
		int depth = 0, code;
		bool quoted = false;

		if (strncasecmp(line, "Variable:", 9) != 0)
			continue;
		for (start = line + 9; *start == ' ' || *start == '\t'; start++)
			;
		for (at = start;; at++) {
			if (!*at || (*at == ',' && !quoted && depth <= 0)) {
				code = originate_variable(client->sim, list, start, at);
				if (code)
					return code;
				if (!*at)
					break;
				start = at + 1;
			} else if (*at == '\\' && at[1]) {
				at++;
			} else if (*at == '"') {
				quoted = !quoted;
			} else if (!quoted) {
				depth += (*at == '(') - (*at == ')');
			}
		}
	}
	return 0;
}

static void originate_fill(struct wtel_sim_client *client, struct sim_origin *origin, int priority, int timeout)
{
	sim_copy(origin->action_id, sizeof(origin->action_id), sim_header(client, "ActionID"));
	sim_copy(origin->channel, sizeof(origin->channel), sim_header(client, "Channel"));
	sim_copy(origin->context, sizeof(origin->context), sim_header(client, "Context"));
	sim_copy(origin->extension, sizeof(origin->extension), sim_header(client, "Exten"));
	sim_copy(origin->application, sizeof(origin->application), sim_header(client, "Application"));
	sim_copy(origin->data, sizeof(origin->data), sim_header(client, "Data"));
	sim_copy(origin->account, sizeof(origin->account), sim_header(client, "Account"));
	sim_copy(origin->unique_id, sizeof(origin->unique_id), sim_header(client, "ChannelId"));
	originate_caller(origin, sim_header(client, "CallerID"));
	origin->priority = priority;
	/* A timeout of nought or less means none to ast_dial. */
	origin->timeout = timeout > 0 ? (int64_t)timeout * 1000 : INT64_MAX / 4;
}

void sim_action_originate(struct wtel_sim_client *client)
{
	struct wtel_sim *sim = client->sim;
	struct sim_origin checked = {.priority = 0};
	struct sim_call *call;
	int timeout = 30000;
	const char *wrong = originate_check(client, &checked, &timeout);

	if (wrong) {
		sim_error(client, wrong);
		return;
	}
	if (sim_call_new(&call, sim)) {
		sim_error(client, "Internal Error. Memory allocation failure.");
		return;
	}
	originate_fill(client, &call->origin, checked.priority, timeout);
	if (originate_variables(client, &call->variables)) {
		sim_call_free(sim, call);
		sim_error(client, "Internal Error. Memory allocation failure.");
		return;
	}
	if (originate_true(sim_header(client, "Async"))) {
		sim_reply(client, "Success", "Originate successfully queued");
	} else {
		call->origin.waiting = client;
		client->waiting = true;
		sim_copy(client->refusal, sizeof(client->refusal), call->origin.action_id);
	}
	sim_call_next(sim, call, SIM_REQUEST, 0);
}

/* ---- channels --------------------------------------------------------- */

static int originate_cause(const char *text)
{
	int cause;

	if (strspn(text, "0123456789") != strlen(text) || !originate_number(text, &cause) || cause > 127)
		return 0;
	return cause;
}

/* ast_regex_string_to_regex_pattern(): "/pattern/". */
static void originate_hangup_many(struct wtel_sim_client *client, const char *text, int cause)
{
	struct wtel_sim *sim = client->sim;
	struct sim_channel *channel;
	char pattern[SIM_LINE];
	size_t length = strlen(text), count = 0;
	regex_t regex;
	bool more = true;

	if (length < 2 || text[length - 1] != '/') {
		sim_error(client, "Regex format invalid, Channel param should be /regex/");
		return;
	}
	snprintf(pattern, sizeof(pattern), "%.*s", (int)(length - 2), text + 1);
	if (!sim_pattern(&regex, pattern)) {
		snprintf(pattern, sizeof(pattern), "Regex compile failed on: %.900s", text);
		sim_error(client, pattern);
		return;
	}
	sim_list_begin(client, "Channels hung up will follow");
	/* A hangup changes the list only in timers to come: here it is only asked for. */
	for (channel = sim->channels; channel && more; channel = channel->next) {
		const char *id = sim_header(client, "ActionID");

		if (regexec(&regex, channel->name, 0, NULL, 0) != 0)
			continue;
		sim_call_hangup(sim, channel->call, channel, cause);
		sim_item_begin(client, "ChannelHungup", false);
		sim_line(sim, "Channel", channel->name);
		if (*id)
			sim_line(sim, "ActionID", id);
		sim_reply_end(client);
		count++;
	}
	regfree(&regex);
	sim_list_end(client, "ChannelsHungupListComplete", count);
	sim_reply_end(client);
}

/* ast_manager_hangup_helper() */
void sim_action_hangup(struct wtel_sim_client *client)
{
	const char *name = sim_header(client, "Channel");
	int cause = originate_cause(sim_header(client, "Cause"));
	struct sim_channel *channel;

	if (!*name) {
		sim_error(client, "No channel specified");
		return;
	}
	if (*name == '/') {
		originate_hangup_many(client, name, cause);
		return;
	}
	channel = sim_channel_find(client->sim, name);
	if (!channel) {
		sim_error(client, "No such channel");
		return;
	}
	sim_call_hangup(client->sim, channel->call, channel, cause);
	sim_reply(client, "Success", "Channel Hungup");
}

void sim_action_redirect(struct wtel_sim_client *client)
{
	const char *name = sim_header(client, "Channel"), *context = sim_header(client, "Context");
	const char *extension = sim_header(client, "Exten");
	struct sim_channel *channel;
	int priority = 0;
	char text[256];

	if (!*name) {
		sim_error(client, "Channel not specified");
	} else if (!*context) {
		sim_error(client, "Context not specified");
	} else if (!*extension) {
		sim_error(client, "Exten not specified");
	} else if (!*sim_header(client, "Priority")) {
		sim_error(client, "Priority not specified");
	} else if (!originate_number(sim_header(client, "Priority"), &priority) || priority < 1) {
		sim_error(client, "Priority is invalid");
	} else if (!(channel = sim_channel_find(client->sim, name))) {
		snprintf(text, sizeof(text), "Channel does not exist: %s", name);
		sim_error(client, text);
	} else if (channel->doomed) {
		sim_error(client, "Redirect failed, channel not up.");
	} else {
		sim_call_redirect(client->sim, channel->call, channel, context, extension, priority);
		sim_reply(client, "Success", "Redirect successful");
	}
}

void sim_action_setvar(struct wtel_sim_client *client)
{
	const char *name = sim_header(client, "Channel"), *variable = sim_header(client, "Variable");
	struct wtel_sim *sim = client->sim;
	struct sim_channel *channel = NULL;

	if (!*variable) {
		sim_error(client, "No variable specified");
		return;
	}
	if (*name && !(channel = sim_channel_find(sim, name))) {
		sim_error(client, "No such channel");
		return;
	}
	if (sim_variable_set(sim, channel ? &channel->variables : &sim->globals, variable,
			     wtel_slice_of(sim_header(client, "Value"))))
		sim_error(client, "Variable not set");
	else
		sim_reply(client, "Success", "Variable Set");
}

void sim_action_getvar(struct wtel_sim_client *client)
{
	const char *name = sim_header(client, "Channel"), *variable = sim_header(client, "Variable");
	struct wtel_sim *sim = client->sim;
	struct sim_channel *channel = NULL;
	const char *value;
	char text[256];

	if (!*variable) {
		sim_error(client, "No variable specified");
		return;
	}
	if (*name && !(channel = sim_channel_find(sim, name))) {
		sim_error(client, "No such channel");
		return;
	}
	value = channel ? sim_variable_get(channel->variables, variable) : "";
	if (!*value)
		value = sim_variable_get(sim->globals, variable);
	if (sim_function(sim, variable, text, sizeof(text)))
		value = text;
	sim_reply_begin(client, "Success");
	sim_line(sim, "Variable", variable);
	sim_line(sim, "Value", value);
	sim_reply_end(client);
}
