/* What the service refuses: hostile requests and impossible options. */
#include "service_world.h"

static const char long_text[10241] = {[0 ... 10239] = '5'};

/* code 0: whichever of EINVAL, EINJECTION and ELIMIT the check of extensions or numbers gives. */
static const struct {
	int code;
	const char *field;
	const char *extension;
	const char *number;
	const char *caller;
	const char *name;
	struct wtel_slice value;
} hostile[] = {
	{0, "extension", "1001\r\nAction: Command", "5550001", NULL, NULL, {NULL, 0}},
	{0, "extension", "1001;DROP TABLE calls", "5550001", NULL, NULL, {NULL, 0}},
	{0, "extension", "1001,1002", "5550001", NULL, NULL, {NULL, 0}},
	{0, "extension", "1001/n", "5550001", NULL, NULL, {NULL, 0}},
	{0, "extension", "", "5550001", NULL, NULL, {NULL, 0}},
	{0, "extension", long_text, "5550001", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "555\n0001", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "555'0001", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "555\"0001", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "5550001,30", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "5550001;DROP TABLE calls", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "${SHELL(id)}", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", "", NULL, NULL, {NULL, 0}},
	{0, "number", "1001", long_text, NULL, NULL, {NULL, 0}},
	{WTEL_EINJECTION, "caller_id", "1001", "5550001", "x\r\nVariable: a=b", NULL, {NULL, 0}},
	{WTEL_EINVAL, "caller_id", "1001", "5550001", "x\033[2J", NULL, {NULL, 0}},
	{WTEL_EINVAL, "caller_id", "1001", "5550001", "x\xff", NULL, {NULL, 0}},
	{WTEL_ELIMIT, "caller_id", "1001", "5550001", long_text, NULL, {NULL, 0}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "", {"v", 1}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "A B", {"v", 1}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "SHELL(id)", {"v", 1}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "9A", {"v", 1}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "__TRUNK_ID", {"7", 1}},
	{WTEL_EINVAL, "variables", "1001", "5550001", NULL, "WTEL_ENDPOINT", {"evil", 4}},
	{WTEL_EINJECTION, "variables", "1001", "5550001", NULL, "A\r\nB", {"v", 1}},
	{WTEL_ELIMIT, "variables", "1001", "5550001", NULL, long_text, {"v", 1}},
	{WTEL_EINJECTION, "NOTE", "1001", "5550001", NULL, "NOTE", {"a\r\nb", 4}},
	{WTEL_EINJECTION, "NOTE", "1001", "5550001", NULL, "NOTE", {"a\0b", 3}},
	{WTEL_ELIMIT, "NOTE", "1001", "5550001", NULL, "NOTE", {long_text, 10240}},
};

Test(service_input, hostile_requests_are_refused_with_the_field_and_nothing_is_sent)
{
	struct world world;
	size_t i;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	for (i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct wtel_variable variable = {hostile[i].name, hostile[i].value};
		struct wtel_originate request = WTEL_ORIGINATE_INIT;
		const struct wtel_detail *error = wtel_service_error(world.service);
		int code;

		request.extension = hostile[i].extension;
		request.number = hostile[i].number;
		request.caller_id = hostile[i].caller;
		request.variables = &variable;
		request.variable_count = hostile[i].name != NULL;
		code = wtel_service_originate(world.service, NULL, &request, world_originated, &world);
		cr_assert(code == WTEL_EINVAL || code == WTEL_EINJECTION || code == WTEL_ELIMIT, "case %zu: %d", i,
			  code);
		if (hostile[i].code)
			cr_assert_eq(code, hostile[i].code, "case %zu: %d", i, code);
		cr_assert_str_eq(error->field, hostile[i].field, "case %zu: %s", i, error->field);
		cr_assert(error->text[0], "case %zu", i);
	}
	world_run(&world, 100);
	cr_assert_eq(world.done, 0);
	cr_assert_eq(world_rows(&world, false), 0);
	cr_assert_eq(wtel_sim_channels(world.sim), 0);
	world_close(&world);
}

Test(service_input, odd_but_honest_values_arrive_whole)
{
	struct wtel_variable variables[2] = {{"NOTE", {"it's \"5\", 10% \\ more; DROP TABLE calls", 38}},
					     {"WTEL_CALLER_ID", {"+15550100", 9}}};
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct world world;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	request.extension = "1001";
	request.number = "+15550001";
	request.caller_id = "Zoë, \"of\" Sales <100>";
	request.variables = variables;
	request.variable_count = 2;
	request.timeout = 5000000;
	cr_assert_eq(wtel_service_originate(world.service, NULL, &request, world_originated, &world), 0, "%s",
		     wtel_service_error(world.service)->text);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	world_close(&world);
}

Test(service_input, options_are_checked)
{
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_ami_host host = {"h", 5038, "u", "s", false};
	struct wtel_service *service = NULL;
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_ECONFIG);
	cr_assert_str_eq(detail.field, "hosts");
	options.hosts = &host;
	options.host_count = 9;
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_ELIMIT);
	options.host_count = 1;
	options.technology = "PJSIP/";
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "technology");
	options.technology = "PJSIP";
	options.backoff_min = 0;
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_EINVAL);
	options.backoff_min = 1000;
	host.port = 0;
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "port");
	host.port = 5039;
	host.tls = true;
	options.ca_file = "/nonexistent.pem";
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), WTEL_ETLS);
	cr_assert_str_eq(detail.field, "ca_file");
	cr_assert_null(service);
}
