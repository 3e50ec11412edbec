/*
 * Whether a trunk is there for Asterisk, and whether its carrier answers. Every question is of the classes call or
 * reporting: Getvar (main/manager.c), PJSIPShowRegistrationsOutbound and PJSIPQualify (res/res_pjsip/pjsip_options.c).
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { POLL = 50000 }; /* microseconds */

struct test {
	struct cli_probe probe; /* first: what is heard comes to it */
	const struct wtel_trunk *trunk;
	char registration[32]; /* Status of the best one; "" if there is none */
	char aor[160];
	char contact[160];
	double round_trip; /* milliseconds; -1: not known */
	double limit;	   /* seconds until Asterisk gives up an OPTIONS */
};

/* ---- endpoint and trunk ----------------------------------------------- */

static bool test_endpoint(struct test *test)
{
	struct cli_probe *probe = &test->probe;
	const char *endpoint = test->trunk->endpoint;
	int code = cli_ask_value(probe, "PJSIP_ENDPOINT(%s,context)", endpoint);

	if (code == WTEL_EPERMISSION) {
		cli_tell(probe, CLI_BAD, "endpoint", "'%s' cannot be looked up: manager.conf lacks write = call",
			 endpoint);
	} else if (code) {
		cli_tell(probe, CLI_BAD, "endpoint", "'%s' cannot be looked up: %s", endpoint,
			 probe->text[0] ? probe->text : wtel_error_text(code));
	} else if (!probe->value[0]) {
		cli_tell(
			probe, CLI_BAD, "endpoint",
			"Asterisk knows no '%s': add it to pjsip.conf and reload, or wtelctl trunk set '%s' --endpoint "
			"NAME",
			endpoint, test->trunk->name);
	} else {
		cli_tell(probe, CLI_GOOD, "endpoint", "%s", endpoint);
		return true;
	}
	return false;
}

static void test_status(struct test *test)
{
	const struct wtel_trunk *trunk = test->trunk;
	const char *status = wtel_trunk_status_name(trunk->status);

	if (trunk->breaker.state == WTEL_BREAKER_OPEN)
		cli_tell(&test->probe, CLI_BAD, "status", "%s: calls failed%s%s; one is let through from %s on", status,
			 *trunk->last_error_message ? ": " : "", trunk->last_error_message,
			 cli_when(trunk->breaker.retry_at));
	else if (trunk->status != WTEL_TRUNK_ACTIVE)
		cli_tell(&test->probe, CLI_WARNING, "status",
			 "%s: no call takes it; wtelctl trunk set '%s' --status active", status, trunk->name);
	else
		cli_tell(&test->probe, CLI_GOOD, "status", "%s, %d of %d calls", status, trunk->active_calls,
			 trunk->max_channels);
}

/* ---- registration ----------------------------------------------------- */

static bool is(struct wtel_slice text, const char *word)
{
	return text.length == strlen(word) && (!text.length || memcmp(text.data, word, text.length) == 0);
}

/* A trunk's registration bears its endpoint's name or is bound to it; one that is registered is enough. */
static void on_registration(int code, const struct wtel_ami_message *message, void *user)
{
	struct test *test = user;
	struct wtel_slice status;

	(void)code;
	if (!message || !is(message->head, "OutboundRegistrationDetail"))
		return;
	if (!is(wtel_ami_message_get(message, "ObjectName"), test->trunk->endpoint) &&
	    !is(wtel_ami_message_get(message, "Endpoint"), test->trunk->endpoint))
		return;
	status = wtel_ami_message_get(message, "Status");
	if (strcmp(test->registration, "Registered") != 0)
		snprintf(test->registration, sizeof(test->registration), "%.*s", (int)status.length,
			 status.data ? status.data : "");
}

static void test_registration(struct test *test)
{
	struct cli_probe *probe = &test->probe;
	const struct wtel_trunk *trunk = test->trunk;
	int code;

	if (!trunk->needs_registration) {
		cli_tell(probe, CLI_GOOD, "registration", "not needed");
		return;
	}
	code = cli_ask(probe, "PJSIPShowRegistrationsOutbound", NULL, on_registration);
	if (code)
		cli_tell(probe, CLI_BAD, "registration", "not seen: %s",
			 code == WTEL_EPERMISSION ? "manager.conf lacks write = reporting"
			 : probe->text[0]	  ? probe->text
						  : wtel_error_text(code));
	else if (!test->registration[0])
		cli_tell(
			probe, CLI_BAD, "registration",
			"Asterisk has none for '%s': add it to pjsip.conf, or wtelctl trunk set '%s' --no-registration "
			"if the carrier knows us by address",
			trunk->endpoint, trunk->name);
	else if (strcmp(test->registration, "Registered") == 0)
		cli_tell(probe, CLI_GOOD, "registration", "Registered%s%s",
			 trunk->last_registered_at ? ", last told at " : "",
			 trunk->last_registered_at ? cli_when(trunk->last_registered_at) : "");
	else
		cli_tell(probe, CLI_BAD, "registration", "%s: %s", test->registration,
			 strcmp(test->registration, "Rejected") == 0
				 ? "the carrier refuses user name or password of pjsip.conf"
				 : "the carrier does not answer: look at server_uri, its address and the firewall");
}

/* ---- qualify ---------------------------------------------------------- */

/* The first of a list that commas part; false: nothing. */
static bool take_first(char *out, size_t room, const char *list)
{
	size_t length = strcspn(list, ",");

	if (!length || length >= room)
		return false;
	memcpy(out, list, length);
	out[length] = '\0';
	return true;
}

/* What is to be asked, and whether an answer can be told: Asterisk drops what comes for a contact that it does not
 * qualify by itself (sip_options_contact_status_notify_task()). */
static bool find_contact(struct test *test)
{
	struct cli_probe *probe = &test->probe;

	if (cli_ask_value(probe, "PJSIP_ENDPOINT(%s,aors)", test->trunk->endpoint) ||
	    !take_first(test->aor, sizeof(test->aor), probe->value)) {
		cli_tell(probe, CLI_BAD, "address", "the endpoint has no aor: add aors = %s to it in pjsip.conf",
			 test->trunk->endpoint);
		return false;
	}
	if (cli_ask_value(probe, "PJSIP_AOR(%s,contact)", test->aor) ||
	    !take_first(test->contact, sizeof(test->contact), probe->value)) {
		cli_tell(probe, CLI_BAD, "address", "aor '%s' has no contact: add contact = sip:%s to it in pjsip.conf",
			 test->aor, test->trunk->host);
		return false;
	}
	if (!cli_ask_value(probe, "PJSIP_CONTACT(%s,uri)", test->contact) && probe->value[0])
		cli_tell(probe, CLI_GOOD, "address", "%s", probe->value);
	if (!cli_ask_value(probe, "PJSIP_AOR(%s,qualify_frequency)", test->aor) && strcmp(probe->value, "0") == 0) {
		cli_tell(probe, CLI_WARNING, "qualify",
			 "aor '%s' is not qualified: set qualify_frequency = 60 in pjsip.conf, and it can be measured",
			 test->aor);
		return false;
	}
	if (cli_ask_value(probe, "PJSIP_AOR(%s,qualify_timeout)", test->aor))
		probe->value[0] = '\0';
	test->limit = strtod(probe->value, NULL);
	if (!(test->limit > 0 && test->limit < 30))
		test->limit = 3; /* as Asterisk has it */
	return true;
}

/* Until the round-trip is another one than before: then the answer came. One that stays is believed at the end. */
static int await(struct test *test, const char *before)
{
	struct cli_probe *probe = &test->probe;
	int64_t end = wtel_time_now().mono + (int64_t)((test->limit + 0.5) * 1e6);
	int code;

	for (;;) {
		code = cli_ask_value(probe, "PJSIP_CONTACT(%s,rtt)", test->contact);
		if (code || strcmp(probe->value, before) != 0 || wtel_time_now().mono >= end)
			return code;
		if (!cli_turn(probe->cli, POLL))
			return WTEL_ECLOSED;
	}
}

static void test_qualify(struct test *test)
{
	const char *const pairs[] = {"Endpoint", test->trunk->endpoint, NULL};
	struct cli_probe *probe = &test->probe;
	char before[64], *end;
	int code;

	if (!find_contact(test))
		return;
	code = cli_ask_value(probe, "PJSIP_CONTACT(%s,rtt)", test->contact);
	snprintf(before, sizeof(before), "%.60s", probe->value);
	if (!code)
		code = cli_ask(probe, "PJSIPQualify", pairs, NULL);
	if (!code)
		code = await(test, before);
	if (code) {
		cli_tell(probe, CLI_WARNING, "qualify", "not measured: %s",
			 code == WTEL_EPERMISSION ? "manager.conf lacks write = reporting"
			 : probe->text[0]	  ? probe->text
						  : wtel_error_text(code));
		return;
	}
	test->round_trip = strtod(probe->value, &end) / 1000;
	if (end != probe->value) {
		cli_tell(probe, CLI_GOOD, "qualify", "the carrier answered after %.1f ms", test->round_trip);
		return;
	}
	test->round_trip = -1;
	code = cli_ask_value(probe, "PJSIP_CONTACT(%s,status)", test->contact);
	cli_tell(probe, CLI_BAD, "qualify",
		 "%s: no answer to OPTIONS within %.1f s: look at the address, the firewall, and whether the carrier "
		 "knows ours",
		 code || !probe->value[0] ? "Unreachable" : probe->value, test->limit);
}

/* ---- command ---------------------------------------------------------- */

static const struct wtel_trunk *trunk_of(const struct wtel_trunk_list *list, int64_t id)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->trunks[i].id == id)
			return &list->trunks[i];
	return NULL;
}

static int run(struct cli *cli, const struct wtel_trunk *trunk)
{
	struct test test = {.probe = {.cli = cli, .json = cli->json}, .trunk = trunk, .round_trip = -1};
	struct cli_probe *probe = &test.probe;

	probe->findings = json_array();
	if (test_endpoint(&test)) {
		test_registration(&test);
		test_qualify(&test);
	}
	test_status(&test);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:I, s:o, s:o, s:o, s:o, s:O}", "success", !probe->bad, "id",
					 (json_int_t)trunk->id, "name", wtel_json_text(trunk->name), "endpoint",
					 wtel_json_text(trunk->endpoint), "registration",
					 wtel_json_text(test.registration), "roundTrip",
					 test.round_trip < 0 ? json_null() : json_real(test.round_trip), "findings",
					 probe->findings),
			       false);
	json_decref(probe->findings);
	return probe->bad ? EXIT_FAILED : EXIT_DONE;
}

int command_trunk_test(struct cli *cli, int argc, char **argv)
{
	const struct wtel_trunk *trunk;
	struct wtel_trunk_list *list = NULL;
	const char *words[1];
	int64_t id = 0;
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = cli_find_trunk(cli, &id, words[0])) ||
	    (status = cli_connect(cli)))
		return status;
	/* What Asterisk told of registrations on the way is in the row then. */
	code = wtel_store_flush(cli->store);
	if (!code)
		code = wtel_store_trunks(cli->store, &list, 0);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	trunk = trunk_of(list, id);
	status = trunk ? run(cli, trunk) : cli_fail(cli, EXIT_FAILED, "the trunk was removed");
	wtel_trunk_list_free(list);
	return status;
}
