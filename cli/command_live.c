#include "cli.h"

#include <string.h>

static void print_status(const struct wtel_service_stats *stats, const struct cli_choice *choice)
{
	size_t usable = 0, i;

	for (i = 0; i < choice->count; i++)
		usable += cli_may_carry(&choice->steps[i]);
	printf("connected          %s, AMI %s\n", cli_safe(stats->host), cli_safe(stats->version));
	printf("active calls       %zu\n", stats->active_calls);
	printf("calls in progress  %zu\n", stats->calls_in_progress);
	printf("trunks             %zu of %zu may carry calls\n", usable, choice->count);
	for (i = 0; i < choice->count; i++)
		if (!cli_may_carry(&choice->steps[i]))
			printf("  %-16s %s: %s\n", cli_safe(choice->steps[i].name),
			       wtel_route_verdict_name(choice->steps[i].verdict), cli_safe(choice->steps[i].text));
}

static json_t *json_status(const struct wtel_service_stats *stats, const struct cli_choice *choice)
{
	json_t *trunks = json_array();
	size_t i;

	for (i = 0; i < choice->count; i++) {
		const struct wtel_route_step *step = &choice->steps[i];

		json_array_append_new(
			trunks, json_pack("{s:I, s:o, s:b, s:s, s:o}", "id", (json_int_t)step->trunk_id, "name",
					  wtel_json_text(step->name), "usable", (int)cli_may_carry(step), "verdict",
					  wtel_route_verdict_name(step->verdict), "why", wtel_json_text(step->text)));
	}
	return json_pack("{s:b, s:I, s:I, s:s, s:s, s:I, s:o}", "connected", (int)stats->connected, "activeCalls",
			 (json_int_t)stats->active_calls, "callsInProgress", (json_int_t)stats->calls_in_progress,
			 "host", cli_safe(stats->host), "ami", cli_safe(stats->version), "channels",
			 (json_int_t)stats->tracker.channels, "trunks", trunks);
}

int command_status(struct cli *cli, int argc, char **argv)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_router *router = NULL;
	struct wtel_service_stats stats;
	struct cli_choice choice;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = cli_connect(cli)))
		return status;
	wtel_service_stats(cli->service, &stats);
	/* Registrations that were told just now are in the rows then. */
	code = wtel_store_flush(cli->store);
	if (!code)
		code = wtel_store_router(cli->store, &router, cli_country(cli));
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	status = cli_explain(cli, &choice, router, &request);
	if (!status && cli->json)
		cli_print_json(json_pack("{s:b, s:o}", "success", 1, "status", json_status(&stats, &choice)), false);
	else if (!status)
		print_status(&stats, &choice);
	cli_choice_free(&choice);
	wtel_router_free(router);
	return status;
}

static void print_notice(const struct cli *cli, const struct wtel_notice *notice)
{
	if (cli->json) {
		cli_print_json(wtel_json_notice(notice), true);
		return;
	}
	printf("%s  %-16s", cli_when(notice->wall), wtel_notice_name(notice->type));
	if (notice->call)
		printf("  %s  %s -> %s  %s", cli_safe(notice->call->call_id), cli_safe(notice->call->caller_number),
		       cli_safe(notice->call->callee_number),
		       notice->call->end ? wtel_disposition_name(notice->call->disposition)
					 : wtel_call_state_name(notice->call->state));
	if (notice->name && *notice->name)
		printf("  %s", cli_safe(notice->name));
	if (notice->status && *notice->status)
		printf("  %s", cli_safe(notice->status));
	if (notice->text && *notice->text)
		printf("  %s", cli_safe(notice->text));
	if (notice->lost)
		printf("  %llu lost", (unsigned long long)notice->lost);
	putchar('\n');
	fflush(stdout);
}

/* A name that came before makes a list of its values, in order. */
static void add_field(json_t *line, const char *name, json_t *value)
{
	json_t *before = json_object_get(line, name);

	if (!before) {
		json_object_set_new(line, name, value);
	} else if (json_is_array(before)) {
		json_array_append_new(before, value);
	} else {
		json_object_set_new(line, name, json_pack("[O, o]", before, value));
	}
}

static void on_event(const struct wtel_ami_event *event, int64_t wall, void *user)
{
	const struct wtel_ami_message *message = event->message;
	struct cli *cli = user;
	json_t *line = json_object();
	size_t i;

	for (i = 0; i < message->field_count; i++) {
		char name[128], value[512];
		const struct wtel_ami_field *field = &message->fields[i];

		snprintf(name, sizeof(name), "%.*s", (int)(field->name.length < 127 ? field->name.length : 127),
			 field->name.data ? field->name.data : "");
		snprintf(value, sizeof(value), "%.*s", (int)(field->value.length < 511 ? field->value.length : 511),
			 field->value.data ? field->value.data : "");
		if (cli->json)
			add_field(line, cli_safe(name), json_string(cli_safe(value)));
		else
			printf("%s%s: %s", i ? ", " : "", cli_safe(name), cli_safe(value));
	}
	if (cli->json) {
		json_object_set_new(line, "time", wtel_json_time(wall));
		cli_print_json(line, true);
	} else {
		json_decref(line);
		putchar('\n');
		fflush(stdout);
	}
}

int command_events(struct cli *cli, int argc, char **argv)
{
	struct wtel_observer *observer = NULL;
	struct wtel_notice notice;
	bool raw = false;
	const struct cli_option options[] = {
		{"raw", CLI_FLAG, &raw, NULL, "Asterisk's own events instead of calls"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = cli_open_service(cli)))
		return status;
	code = wtel_observer_new(&observer, cli->service, 0, NULL, NULL);
	if (code)
		return cli_fail_code(cli, code, wtel_service_error(cli->service));
	if (raw)
		wtel_service_on_event(cli->service, on_event, cli);
	while (cli_turn(cli, 60000000))
		while (wtel_observer_next(observer, &notice) == 1)
			if (!raw)
				print_notice(cli, &notice);
	wtel_observer_free(observer);
	return EXIT_DONE;
}

struct answer {
	bool done;
	int code;
	char text[256];
};

static void on_done(int code, const char *text, void *user)
{
	struct answer *answer = user;

	answer->done = true;
	answer->code = code;
	snprintf(answer->text, sizeof(answer->text), "%s", text ? text : "");
}

int command_hangup(struct cli *cli, int argc, char **argv)
{
	struct answer answer = {false, 0, ""};
	const char *words[1];
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = cli_connect(cli)))
		return status;
	code = wtel_service_hangup(cli->service, words[0], on_done, &answer);
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no active call '%s'; see wtelctl calls active",
				cli_safe(words[0]));
	if (code)
		return cli_fail_code(cli, code, wtel_service_error(cli->service));
	while (!answer.done)
		if (!cli_turn(cli, 60000000))
			return EXIT_FAILED;
	if (answer.code)
		return cli_fail(cli, EXIT_FAILED, "%s",
				answer.text[0] ? cli_safe(answer.text) : wtel_error_text(answer.code));
	if (cli->json)
		return cli_print_json(json_pack("{s:b, s:s}", "success", 1, "message", "Call hung up successfully"),
				      false);
	puts("hung up");
	return EXIT_DONE;
}
