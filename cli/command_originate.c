#include "cli.h"

#include <string.h>

/* One call from the request to its record. */
struct follow {
	struct cli *cli;
	char call_id[WTEL_CALL_ID_SIZE];
	char trunk[128];
	bool answered; /* `done` was told */
	bool ended;
	int code;
	char text[256];
	struct wtel_observer *observer;
	enum wtel_call_state shown;
};

static void say(const struct follow *follow, const char *format, const char *what)
{
	if (!follow->cli->json) {
		printf(format, cli_safe(what));
		fflush(stdout);
	}
}

static void on_queued(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
		      void *user)
{
	struct follow *follow = user;

	(void)call;
	follow->answered = true;
	follow->code = code;
	snprintf(follow->text, sizeof(follow->text), "%s", text ? text : "");
	if (trunk && trunk->name)
		snprintf(follow->trunk, sizeof(follow->trunk), "%s", trunk->name);
	if (!code) {
		say(follow, "call     %s\n", follow->call_id);
		say(follow, "trunk    %s\n", follow->trunk);
	}
}

static const char *sentence(enum wtel_call_state state)
{
	switch (state) {
	case WTEL_CALL_QUEUED:
		return "queued";
	case WTEL_CALL_AGENT:
		return "calling the agent's phone";
	case WTEL_CALL_DIALING:
		return "the agent answered, dialling the customer";
	case WTEL_CALL_RINGING:
		return "the customer's phone rings";
	case WTEL_CALL_ANSWERED:
		return "the customer answered";
	case WTEL_CALL_ENDED:
		break;
	}
	return "ended";
}

/* "twilio-main failed (503), trying vonage". */
static void say_failover(struct follow *follow, const struct wtel_notice *notice)
{
	char line[512];

	snprintf(line, sizeof(line), "%s failed%s%s%s, trying %s", follow->trunk, *notice->text ? " (" : "",
		 notice->text, *notice->text ? ")" : "", notice->name);
	say(follow, "         %s\n", line);
	snprintf(follow->trunk, sizeof(follow->trunk), "%s", notice->name);
}

static void read_notices(struct follow *follow)
{
	struct wtel_notice notice;

	while (wtel_observer_next(follow->observer, &notice) == 1) {
		if (notice.type == WTEL_NOTICE_AMI_DISCONNECTED)
			fprintf(stderr, "wtelctl: connection to Asterisk lost: %s; connecting again\n",
				cli_safe(notice.text));
		if (!notice.call || strcmp(notice.call->call_id, follow->call_id) != 0)
			continue;
		if (notice.type == WTEL_NOTICE_CALL_HANGUP)
			follow->ended = true;
		if (notice.type == WTEL_NOTICE_CALL_FAILOVER)
			say_failover(follow, &notice);
		if (notice.call->state != follow->shown && notice.call->state != WTEL_CALL_ENDED) {
			follow->shown = notice.call->state;
			say(follow, "         %s\n", sentence(notice.call->state));
		}
	}
}

static int print_record(struct follow *follow)
{
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_call_list *list = NULL;
	struct cli *cli = follow->cli;
	bool answered;
	int code = wtel_store_flush(cli->store);

	if (!code)
		code = wtel_store_call(cli->store, &list, follow->call_id);
	if (!code && !cli->json)
		code = wtel_store_trunks(cli->store, &trunks, 0);
	if (code) {
		wtel_call_list_free(list);
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	}
	answered = list->calls->disposition == WTEL_DISPOSITION_ANSWERED;
	if (cli->json) {
		cli_print_json(json_pack("{s:b, s:s, s:o, s:o}", "success", answered, "callId", follow->call_id,
					 "trunk", wtel_json_text(follow->trunk), "call",
					 wtel_json_call(list->calls, list->campaign_names[0], list->lead_names[0])),
			       false);
	} else {
		puts("");
		cli_print_call(cli, list->calls, trunks);
	}
	wtel_trunk_list_free(trunks);
	wtel_call_list_free(list);
	return answered ? EXIT_DONE : EXIT_FAILED;
}

/* The first interrupt hangs up and waits for the record; the second one leaves it to the next process. */
static int turn(struct follow *follow)
{
	struct cli *cli = follow->cli;

	if (cli_turn(cli, 60000000))
		return 0;
	if (cli_interrupts() > 1 || wtel_service_hangup(cli->service, follow->call_id, NULL, NULL))
		return cli_fail(cli, EXIT_FAILED, "call %s was left", follow->call_id);
	fputs("wtelctl: hanging up; interrupt again to leave the call\n", stderr);
	return 0;
}

static int follow_call(struct follow *follow)
{
	int status;

	while (!follow->ended) {
		if ((status = turn(follow)))
			return status;
		read_notices(follow);
	}
	return print_record(follow);
}

static int detach(struct follow *follow)
{
	struct cli *cli = follow->cli;
	int code = wtel_store_flush(cli->store);

	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	if (cli->json)
		return cli_print_json(json_pack("{s:b, s:s, s:{s:s, s:o}}", "success", 1, "message",
						"Call originated successfully", "data", "callId", follow->call_id,
						"trunk", wtel_json_text(follow->trunk)),
				      false);
	return EXIT_DONE;
}

static int originate(struct follow *follow, const struct wtel_originate *request, bool detached)
{
	struct cli *cli = follow->cli;
	int code, status = cli_connect(cli);

	if (status)
		return status;
	code = wtel_observer_new(&follow->observer, cli->service, 0, NULL, NULL);
	if (!code)
		code = wtel_service_originate(cli->service, follow->call_id, request, on_queued, follow);
	if (code)
		return cli_fail_code(cli, code, wtel_service_error(cli->service));
	while (!follow->answered)
		if ((status = turn(follow)))
			return status;
	if (follow->code) {
		struct wtel_detail detail = {"", ""};

		snprintf(detail.text, sizeof(detail.text), "%s", follow->text);
		code = wtel_store_flush(cli->store);
		if (code)
			cli_fail_code(cli, code, wtel_store_error(cli->store));
		cli_fail_code(cli, follow->code, &detail);
		if (cli_interrupts())
			return EXIT_FAILED;
		return follow->code == WTEL_ECLOSED || follow->code == WTEL_ECONNECT ? EXIT_NO_ASTERISK
		       : follow->code == WTEL_ESTORE				     ? EXIT_NO_DATABASE
										     : EXIT_FAILED;
	}
	return detached && !cli_interrupts() ? detach(follow) : follow_call(follow);
}

int command_originate(struct cli *cli, int argc, char **argv)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct follow follow = {.cli = cli, .shown = WTEL_CALL_QUEUED};
	bool detached = false;
	const struct cli_option options[] = {
		{"campaign", CLI_NUMBER, &request.campaign_id, "N",
		 "campaign: its own trunks come first, if it has any"},
		{"lead", CLI_NUMBER, &request.lead_id, "N", "lead, kept with the call"},
		{"agent", CLI_NUMBER, &request.agent_id, "N", "agent, kept with the call"},
		{"timeout", CLI_SECONDS, &request.timeout, "S", "how long the agent's phone rings (30)"},
		{"detach", CLI_FLAG, &detached, NULL,
		 "return once the call is queued; a running service writes its end"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_detail detail = {"", ""};
	const char *words[2];
	int code, status = cli_parse(cli, argc, argv, options, words, 2, 2);

	if (status)
		return status;
	request.extension = words[0];
	request.number = words[1];
	/* Before any connection: a slip of the fingers should not cost a wait. */
	code = wtel_extension_check(request.extension, &detail);
	if (!code)
		code = wtel_number_check("number", wtel_slice_of(request.number), &detail);
	if (code)
		return cli_fail_code(cli, code, &detail);
	if ((status = cli_open_store(cli)))
		return status;
	status = originate(&follow, &request, detached);
	wtel_observer_free(follow.observer);
	return status;
}
