#include "cli.h"

#include <string.h>

const char *cli_trunk_name(const struct wtel_trunk_list *trunks, int64_t id)
{
	size_t i;

	for (i = 0; trunks && i < trunks->count; i++)
		if (trunks->trunks[i].id == id)
			return trunks->trunks[i].name;
	return "";
}

static const char *colour_of(enum wtel_disposition disposition)
{
	return disposition == WTEL_DISPOSITION_ANSWERED ? "\033[32m"
	       : disposition == WTEL_DISPOSITION_NONE	? ""
							: "\033[33m";
}

/* "+1.234 s" after the start of the call, "-" if it did not happen. */
static void add_offset(struct cli_table *table, int64_t start, int64_t wall)
{
	if (wall)
		cli_table_addf(table, "%+.3f", (double)(wall - start) / 1e6);
	else
		cli_table_add(table, "-");
}

static void print_legs(const struct cli *cli, const struct wtel_call *call, const struct wtel_trunk_list *trunks)
{
	static const char *const headings[] = {"leg",	   "channel", "trunk", "number", "%start",
					       "%ringing", "%answer", "%end",  "%cause", "%SIP"};
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;

	for (i = 0; i < call->leg_count; i++) {
		const struct wtel_leg *leg = &call->legs[i];

		cli_table_add(table, wtel_leg_role_name(leg->role));
		cli_table_add(table, leg->channel);
		cli_table_add(table, cli_trunk_name(trunks, leg->trunk_id));
		cli_table_add(table, leg->number);
		add_offset(table, call->start, leg->start);
		add_offset(table, call->start, leg->ringing);
		add_offset(table, call->start, leg->answer);
		add_offset(table, call->start, leg->end);
		cli_table_addf(table, "%d", leg->cause);
		if (leg->sip_code)
			cli_table_addf(table, "%d", leg->sip_code);
		else
			cli_table_add(table, "-");
	}
	cli_table_print(table, cli);
}

void cli_print_call(const struct cli *cli, const struct wtel_call *call, const struct wtel_trunk_list *trunks)
{
	const char *trunk = cli_trunk_name(trunks, call->trunk_id);
	const char *disposition =
		call->end ? wtel_disposition_name(call->disposition) : wtel_call_state_name(call->state);

	printf("call         %s (%s)\n", cli_safe(call->call_id), wtel_direction_name(call->direction));
	printf("from, to     %s, %s\n", *call->caller_number ? cli_safe(call->caller_number) : "-",
	       *call->callee_number ? cli_safe(call->callee_number) : "-");
	printf("disposition  %s%s%s%s\n", cli->colour ? colour_of(call->disposition) : "", disposition,
	       cli->colour ? "\033[0m" : "", call->estimated ? " (its end was not seen: estimated)" : "");
	if (*call->reason)
		printf("reason       %s\n", cli_safe(call->reason));
	printf("start        %s\n", cli_when(call->start));
	printf("answer       %s\n", cli_when(call->answer));
	printf("end          %s\n", cli_when(call->end));
	printf("duration     %lld s, billed %lld s\n", (long long)wtel_call_duration(call),
	       (long long)wtel_call_billsec(call));
	if (*trunk)
		printf("trunk        %s\n", cli_safe(trunk));
	if (call->agent_id || call->campaign_id || call->lead_id)
		printf("agent %lld, campaign %lld, lead %lld\n", (long long)call->agent_id,
		       (long long)call->campaign_id, (long long)call->lead_id);
	if (call->leg_count) {
		puts("");
		print_legs(cli, call, trunks);
	}
}
