#include "cli.h"

#include <stdarg.h>
#include <string.h>

void cli_tell(struct cli_probe *probe, enum cli_finding finding, const char *what, const char *format, ...)
{
	static const char *const marks[] = {"ok", "warning", "bad"};
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	bool colour = probe->cli->colour;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	probe->bad += finding == CLI_BAD;
	json_array_append_new(probe->findings, json_pack("{s:s, s:s, s:s}", "verdict", marks[finding], "check", what,
							 "text", cli_safe(text)));
	if (!probe->json)
		printf("%s%-7s%s  %-13s  %s\n", colour ? colours[finding] : "", marks[finding], colour ? "\033[0m" : "",
		       what, cli_safe(text));
}

static void on_answer(int code, const struct wtel_ami_message *message, void *user)
{
	struct cli_probe *probe = user;
	struct wtel_slice text = message ? wtel_ami_message_get(message, "Message") : wtel_slice_of("");
	struct wtel_slice value = message ? wtel_ami_message_get(message, "Value") : wtel_slice_of("");

	probe->answered = true;
	probe->code = code;
	snprintf(probe->text, sizeof(probe->text), "%.*s", (int)text.length, text.data ? text.data : "");
	snprintf(probe->value, sizeof(probe->value), "%.*s", (int)value.length, value.data ? value.data : "");
}

int cli_ask(struct cli_probe *probe, const char *name, const char *const *pairs, wtel_action_fn *item)
{
	struct wtel_ami_action *action = NULL;
	int code = wtel_ami_action_new(&action, name, NULL);

	for (; !code && pairs && *pairs; pairs += 2)
		code = wtel_ami_action_add(action, pairs[0], wtel_slice_of(pairs[1]), NULL);
	probe->answered = false;
	probe->text[0] = probe->value[0] = '\0';
	if (!code)
		code = wtel_service_action(probe->cli->service, action, 5000000, item, on_answer, probe);
	wtel_ami_action_free(action);
	if (code)
		return code;
	while (!probe->answered)
		if (!cli_turn(probe->cli, 10000000))
			return WTEL_ECLOSED;
	return probe->code;
}

int cli_ask_value(struct cli_probe *probe, const char *format, ...)
{
	char variable[512];
	const char *const pairs[] = {"Variable", variable, NULL};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(variable, sizeof(variable), format, arguments);
	va_end(arguments);
	return cli_ask(probe, "Getvar", pairs, NULL);
}
