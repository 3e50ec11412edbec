#include "cli.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Looks at each part of the setup and says what to mend. The probes change nothing:
 * the Originate names a technology that does not exist, so that no channel comes to
 * life, and its OriginateResponse (class call) shows that events arrive.
 */

struct doctor {
	struct cli_probe probe;
	struct cli *cli;
	int worst; /* exit status */
	/* what the probes saw */
	bool fully_booted, originate_response, timestamp;
};

/* ---- files ------------------------------------------------------------ */

static void check_file(struct doctor *doctor, const char *path, bool secret)
{
	struct stat status;

	if (!secret || stat(path, &status) || !S_ISREG(status.st_mode))
		return;
	if (status.st_mode & S_IROTH)
		cli_tell(&doctor->probe, CLI_BAD, "secrets", "%s holds secrets and anybody can read it: chmod o-rwx it",
			 path);
	else
		cli_tell(&doctor->probe, CLI_GOOD, "secrets", "%s is not readable by everybody", path);
}

/* Whether a file sets one of the variables that hold a secret. */
static bool holds_secret(const char *path)
{
	static const char *const names[] = {"ASTERISK_PASSWORD", "DB_PASSWORD", "WTEL_AMI", "WTEL_DB", "secret"};
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[1024];
	size_t i;

	while (file && !found && fgets(line, sizeof(line), file))
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			found = found || strstr(line, names[i]);
	if (file)
		fclose(file);
	return found;
}

static void check_files(struct doctor *doctor)
{
	static const char *const files[] = {".env", "/etc/asterisk/manager.conf", "/etc/asterisk/pjsip.conf",
					    "/etc/default/wtel"};
	const char *db = doctor->cli->config->db;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_file(doctor, files[i], holds_secret(files[i]));
	if (strncmp(db, "sqlite:", 7) == 0)
		check_file(doctor, db + 7, true);
}

/* ---- database --------------------------------------------------------- */

/* In numbers, or what that name stands for. */
static bool is_address_of(const char *address, const char *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list = NULL, *one;
	bool found = strcmp(address, host) == 0;
	char number[NI_MAXHOST];

	if (found || getaddrinfo(host, NULL, &hints, &list))
		return found;
	for (one = list; one && !found; one = one->ai_next)
		found = !getnameinfo(one->ai_addr, one->ai_addrlen, number, sizeof(number), NULL, 0, NI_NUMERICHOST) &&
			strcmp(address, number) == 0;
	freeaddrinfo(list);
	return found;
}

static void check_address(struct doctor *doctor, const struct wtel_trunk *trunk, const struct wtel_peer_list *peers)
{
	size_t i;

	for (i = 0; i < peers->count; i++) {
		const char *address = peers->peers[i].ip_address;

		if (!address || !*address || !is_address_of(address, trunk->host))
			continue;
		cli_tell(
			&doctor->probe, CLI_WARNING, "trunk",
			"%s is known by its address, from which extension %s registered too: Asterisk takes what comes "
			"from there for the carrier's, and phones behind it cannot register; let the trunk register "
			"(--registration), or give one of them another address",
			trunk->name, peers->peers[i].extension);
		return;
	}
}

static bool registers(const struct wtel_trunk *trunk)
{
	return trunk->needs_registration && trunk->username && *trunk->username;
}

/* Of a trunk that does not register, whatever comes from its host is the carrier's. */
static void check_addresses(struct doctor *doctor)
{
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_peer_list *peers = NULL;
	size_t i;

	if (!wtel_store_trunks(doctor->cli->store, &trunks, 0) && !wtel_store_peers(doctor->cli->store, &peers))
		for (i = 0; i < trunks->count; i++)
			if (trunks->trunks[i].status != WTEL_TRUNK_INACTIVE && !registers(&trunks->trunks[i]))
				check_address(doctor, &trunks->trunks[i], peers);
	wtel_trunk_list_free(trunks);
	wtel_peer_list_free(peers);
}

static void check_database(struct doctor *doctor)
{
	struct cli *cli = doctor->cli;
	int version = 0, wanted = 0;

	if (cli_open_database(cli)) {
		cli_tell(&doctor->probe, CLI_BAD, "database",
			 "cannot be opened: see above; check --db, WTEL_DB or DB_HOST, DB_NAME, DB_USER");
		doctor->worst = EXIT_NO_DATABASE;
		return;
	}
	if (wtel_store_schema(cli->store, &version, &wanted)) {
		cli_tell(&doctor->probe, CLI_BAD, "schema", "%s", wtel_store_error(cli->store)->text);
		doctor->worst = EXIT_NO_DATABASE;
	} else if (version < wanted) {
		cli_tell(&doctor->probe, CLI_BAD, "schema", "version %d, %d is wanted: run wtelctl migrate", version,
			 wanted);
		doctor->worst = EXIT_NO_DATABASE;
	} else if (version > wanted) {
		cli_tell(&doctor->probe, CLI_BAD, "schema", "version %d is newer than this wtelctl (%d): upgrade it",
			 version, wanted);
		doctor->worst = EXIT_NO_DATABASE;
	} else {
		cli_tell(&doctor->probe, CLI_GOOD, "schema", "%s, version %d", wtel_store_backend(cli->store), version);
		check_addresses(doctor);
	}
}

/* ---- Asterisk --------------------------------------------------------- */

static void on_event(const struct wtel_ami_event *event, int64_t wall, void *user)
{
	struct doctor *doctor = user;

	(void)wall;
	doctor->timestamp = doctor->timestamp || event->timestamp;
	if (event->type == WTEL_AMI_FULLY_BOOTED)
		doctor->fully_booted = true;
	if (event->type == WTEL_AMI_ORIGINATE_RESPONSE)
		doctor->originate_response = true;
}

static void check_login(struct doctor *doctor)
{
	const char *text = wtel_service_error(doctor->cli->service)->text;

	cli_tell(&doctor->probe, CLI_BAD, "login", "%s",
		 *text ? text : "no answer: is manager.conf enabled, the address permitted, the port right?");
	doctor->worst = EXIT_NO_ASTERISK;
}

/* The permission that each probe needs, and what is lost without it. */
static void check_rights(struct doctor *doctor)
{
	static const char *const originate[] = {"Channel", "WtelDoctor/none", "Application", "NoOp", "Async", "true",
						NULL};
	static const char *const hangup[] = {"Channel", "WtelDoctor/none", NULL};
	static const struct {
		const char *action;
		const char *const *pairs;
		const char *need;
	} probes[] = {
		{"CoreShowChannels", NULL, "read = system or reporting: calls are not found again after a reconnect"},
		{"PJSIPShowRegistrationsOutbound", NULL,
		 "read = system or reporting: registrations of trunks are not seen"},
		{"Originate", originate, "write = originate: no call can be made"},
		{"Hangup", hangup, "write = call or system: no call can be ended"},
	};
	size_t i;

	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int code = cli_ask(&doctor->probe, probes[i].action, probes[i].pairs, NULL);

		if (code == WTEL_EPERMISSION)
			cli_tell(&doctor->probe, CLI_BAD, "permission", "manager.conf lacks %s", probes[i].need);
		else if (code == WTEL_ETIMEOUT || code == WTEL_ECLOSED)
			cli_tell(&doctor->probe, CLI_BAD, "permission", "%s was not answered", probes[i].action);
		else
			cli_tell(&doctor->probe, CLI_GOOD, "permission", "%s", probes[i].action);
	}
}

static void check_events(struct doctor *doctor)
{
	int64_t end = wtel_time_now().mono + 3000000;

	while (!(doctor->originate_response && doctor->fully_booted) && wtel_time_now().mono < end)
		if (!cli_turn(doctor->cli, 200000))
			return;
	if (doctor->originate_response)
		cli_tell(&doctor->probe, CLI_GOOD, "events", "they arrive");
	else
		cli_tell(&doctor->probe, CLI_BAD, "events", "manager.conf lacks read = call: calls cannot be followed");
	if (doctor->fully_booted)
		cli_tell(&doctor->probe, CLI_GOOD, "FullyBooted", "seen");
	else
		cli_tell(&doctor->probe, CLI_WARNING, "FullyBooted",
			 "not seen: manager.conf lacks read = system, or Asterisk is still starting");
	if (doctor->timestamp)
		cli_tell(&doctor->probe, CLI_GOOD, "timestamps", "timestampevents is on");
	else
		cli_tell(&doctor->probe, CLI_WARNING, "timestamps",
			 "set timestampevents = yes in manager.conf: times are exact to the millisecond then");
}

/* Asked by a function of the dialplan: the list of endpoints needs a wider permission (funcs/func_pjsip_endpoint.c). */
static void check_trunk(struct doctor *doctor, const struct wtel_trunk *trunk)
{
	int code = cli_ask_value(&doctor->probe, "PJSIP_ENDPOINT(%s,context)", trunk->endpoint);

	if (code == WTEL_EPERMISSION)
		cli_tell(&doctor->probe, CLI_WARNING, "trunk",
			 "%s: its endpoint cannot be looked up: manager.conf lacks write = call", trunk->name);
	else if (code || !doctor->probe.value[0])
		cli_tell(&doctor->probe, CLI_BAD, "trunk",
			 "%s: Asterisk knows no endpoint '%s': add it to pjsip.conf or say --endpoint", trunk->name,
			 trunk->endpoint);
	else if (trunk->status == WTEL_TRUNK_ACTIVE && trunk->needs_registration && !trunk->registered)
		cli_tell(&doctor->probe, CLI_WARNING, "trunk", "%s is not registered%s%s", trunk->name,
			 *trunk->last_error_message ? ": " : "", trunk->last_error_message);
	else
		cli_tell(&doctor->probe, CLI_GOOD, "trunk", "%s", trunk->name);
}

static void check_trunks(struct doctor *doctor)
{
	struct wtel_trunk_list *list = NULL;
	size_t i;

	if (!doctor->cli->store || wtel_store_trunks(doctor->cli->store, &list, 0))
		return;
	if (!list->count)
		cli_tell(&doctor->probe, CLI_WARNING, "trunks", "there is none: wtelctl trunk add NAME --host HOST");
	for (i = 0; i < list->count; i++)
		check_trunk(doctor, &list->trunks[i]);
	wtel_trunk_list_free(list);
}

static void check_asterisk(struct doctor *doctor)
{
	struct cli *cli = doctor->cli;
	struct wtel_service_stats stats;

	if (cli_open_service(cli)) {
		cli_tell(&doctor->probe, CLI_BAD, "asterisk", "not configured: see above");
		doctor->worst = EXIT_NO_ASTERISK;
		return;
	}
	wtel_service_on_event(cli->service, on_event, doctor);
	if (cli_connect(cli)) {
		check_login(doctor);
		return;
	}
	wtel_service_stats(cli->service, &stats);
	cli_tell(&doctor->probe, CLI_GOOD, "login", "%s, AMI %s", stats.host, stats.version);
	check_rights(doctor);
	check_events(doctor);
	check_trunks(doctor);
}

int command_doctor(struct cli *cli, int argc, char **argv)
{
	struct doctor doctor = {.probe = {.cli = cli}, .cli = cli};
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);

	if (status || (status = cli_open_config(cli)))
		return status;
	doctor.probe.findings = json_array();
	doctor.probe.json = cli->json;
	cli->json = false;
	check_files(&doctor);
	check_database(&doctor);
	check_asterisk(&doctor);
	if (doctor.probe.json)
		cli_print_json(json_pack("{s:b, s:O}", "success", !doctor.probe.bad, "findings", doctor.probe.findings),
			       false);
	json_decref(doctor.probe.findings);
	if (doctor.worst)
		return doctor.worst;
	return doctor.probe.bad ? EXIT_FAILED : EXIT_DONE;
}
