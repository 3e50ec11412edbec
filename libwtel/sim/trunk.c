/*
 * Trunks: what the end of an endpoint's name makes of it, how a SIP status looks in Asterisk, and what is answered to
 * those who test a trunk. Formats are those of funcs/func_pjsip_*.c and res/res_pjsip/pjsip_options.c.
 */
#include "sim/core.h"

#include <stdio.h>

/* ast_sip_hangup_sip2cause(), res/res_pjsip.c */
int sim_sip_to_cause(int status)
{
	static const struct {
		int status, cause;
	} causes[] = {{401, 21}, {403, 21},  {404, 1},	 {407, 21}, {408, 18}, {409, 41}, {410, 22}, {420, 3},
		      {480, 19}, {483, 19},  {484, 28},	 {485, 1},  {486, 17}, {488, 58}, {500, 38}, {501, 29},
		      {502, 27}, {504, 102}, {505, 127}, {600, 17}, {603, 21}, {604, 1},  {606, 58}};
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].status == status)
			return causes[i].cause;
	/* 503 and the other failures of a server: congestion; the rest: interworking. */
	return status >= 500 && status < 600 ? 34 : 127;
}

/* handle_cause() and wait_for_answer(), apps/app_dial.c: DIALSTATUS of a Dial() with one channel that was refused. */
const char *sim_dial_variable(int cause)
{
	switch (cause) {
	case 17:
		return "BUSY";
	case 34:
		return "CONGESTION";
	case 16:
	case 19:
		return "NOANSWER";
	default:
		return "CHANUNAVAIL";
	}
}

/* "-503": 503; 0: it does not end so. */
static int trunk_status(const char *endpoint)
{
	size_t length = strlen(endpoint), i;
	const char *end;

	if (length < 5)
		return 0;
	end = endpoint + length - 4;
	if (*end != '-' || end[1] < '4' || end[1] > '6')
		return 0;
	for (i = 1; i < 4; i++)
		if (end[i] < '0' || end[i] > '9')
			return 0;
	return (end[1] - '0') * 100 + (end[2] - '0') * 10 + (end[3] - '0');
}

struct sim_trunk sim_trunk_of(const char *endpoint)
{
	struct sim_trunk trunk = {.status = trunk_status(endpoint)};
	size_t length = strlen(endpoint);

	if (trunk.status) {
		trunk.rings = length > 9 && strncmp(endpoint + length - 9, "-ring", 5) == 0;
	} else if (sim_ends(endpoint, "-down")) {
		trunk.status = 500;
	} else {
		trunk.silent = sim_ends(endpoint, "-silent");
		trunk.unreachable = sim_ends(endpoint, "-unreachable");
		trunk.absent = sim_ends(endpoint, "-absent") || sim_ends(endpoint, "99");
	}
	return trunk;
}

bool sim_endpoint_phone(const char *endpoint)
{
	return strspn(endpoint, "0123456789") == strlen(endpoint);
}

/* ---- functions of the dialplan, as Getvar reads them ------------------ */

/* "aor@@hash" of a contact that stands in pjsip.conf, "aor;@hash" of one that registered itself. */
void sim_contact_id(const char *endpoint, char out[128])
{
	snprintf(out, 128, "%.80s%s@%032x", endpoint, sim_endpoint_phone(endpoint) ? ";" : "@", 1);
}

const char *sim_contact_status(const char *endpoint)
{
	return sim_trunk_of(endpoint).unreachable ? "Unreachable" : "Reachable";
}

/* Microseconds of the last qualify; each takes a little longer, so that a new one can be told from the one before. */
void sim_contact_rtt(const struct wtel_sim *sim, const char *endpoint, char out[24])
{
	if (sim_trunk_of(endpoint).unreachable)
		snprintf(out, 24, "N/A");
	else
		snprintf(out, 24, "%llu", 1000 + (unsigned long long)(sim->qualifies % 1000));
}

static void trunk_endpoint_field(const char *endpoint, const char *field, char *out, size_t room)
{
	bool phone = sim_endpoint_phone(endpoint);
	const char *const fields[][2] = {{"aors", endpoint},
					 {"context", phone ? "welcomedly-agents" : "welcomedly-inbound"},
					 {"auth", phone ? endpoint : ""},
					 {"outbound_auth", phone ? "" : endpoint},
					 {"from_user", phone ? "" : endpoint},
					 {"allow", "(ulaw|alaw)"},
					 {"direct_media", "false"}};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i][0], field) == 0)
			sim_copy(out, room, fields[i][1]);
}

static void trunk_aor_field(const char *aor, const char *field, char *out, size_t room)
{
	char id[128];

	if (strcmp(field, "contact") == 0 && !sim_trunk_of(aor).absent) {
		sim_contact_id(aor, id);
		sim_copy(out, room, id);
	} else if (strcmp(field, "qualify_frequency") == 0) {
		sim_copy(out, room, "60");
	} else if (strcmp(field, "qualify_timeout") == 0) {
		sim_copy(out, room, "3.000000");
	} else if (strcmp(field, "max_contacts") == 0) {
		sim_copy(out, room, sim_endpoint_phone(aor) ? "1" : "0");
	}
}

/* Up to one of the characters of `end`. */
static void trunk_word(char *out, size_t room, const char *text, const char *end)
{
	size_t length = strcspn(text, end);

	sim_copy(out, length < room ? length + 1 : room, text);
}

static void trunk_contact_field(const struct wtel_sim *sim, const char *id, const char *field, char *out, size_t room)
{
	char endpoint[96], known[128], rtt[24];

	trunk_word(endpoint, sizeof(endpoint), id, ";@");
	sim_contact_id(endpoint, known);
	if (strcmp(known, id) != 0 || !sim_endpoint_exists(sim, endpoint) || sim_trunk_of(endpoint).absent)
		return;
	if (strcmp(field, "status") == 0) {
		sim_copy(out, room, sim_contact_status(endpoint));
	} else if (strcmp(field, "rtt") == 0) {
		sim_contact_rtt(sim, endpoint, rtt);
		sim_copy(out, room, rtt);
	} else if (strcmp(field, "uri") == 0) {
		snprintf(out, room, "sip:%.80s@%.80s.invalid", endpoint, endpoint);
	} else if (strcmp(field, "user_agent") == 0) {
		sim_copy(out, room, "simulated phone");
	}
}

/* "NAME(object,field)": its value, "" for what is not there, as it is in Asterisk. False: another function. */
bool sim_function(const struct wtel_sim *sim, const char *text, char *out, size_t room)
{
	static const char *const names[] = {"PJSIP_ENDPOINT(", "PJSIP_AOR(", "PJSIP_CONTACT("};
	size_t i, length = strlen(text);
	char object[128], field[64] = "";
	const char *comma;

	for (i = 0; i < 3 && strncmp(text, names[i], strlen(names[i])) != 0; i++)
		;
	*out = '\0';
	if (i == 3 || text[length - 1] != ')')
		return false;
	text += strlen(names[i]);
	trunk_word(object, sizeof(object), text, ",)");
	comma = strchr(text, ',');
	if (comma)
		trunk_word(field, sizeof(field), comma + 1, ",)");
	if (i == 2)
		trunk_contact_field(sim, object, field, out, room);
	else if (sim_endpoint_exists(sim, object) && i == 0)
		trunk_endpoint_field(object, field, out, room);
	else if (sim_endpoint_exists(sim, object))
		trunk_aor_field(object, field, out, room);
	return true;
}

/* ami_sip_qualify(): the line feeds are Asterisk's. The answer of the contact comes later and is no event. */
void sim_action_qualify(struct wtel_sim_client *client)
{
	const char *endpoint = sim_header(client, "Endpoint");

	if (!*endpoint) {
		sim_error(client, "Endpoint parameter missing.");
	} else if (!sim_endpoint_exists(client->sim, endpoint)) {
		sim_error(client, "Unable to retrieve endpoint\n");
	} else {
		client->sim->qualifies++;
		sim_reply(client, "Success", "Endpoint found, will qualify");
	}
}
