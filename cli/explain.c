#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool cli_may_carry(const struct wtel_route_step *step)
{
	return step->verdict == WTEL_ROUTE_TAKEN || step->verdict == WTEL_ROUTE_NEXT;
}

static int bad_number(const struct cli *cli, const char *number)
{
	return cli_fail(cli, EXIT_USAGE, "number '%s' is none that can be called", cli_safe(number));
}

static int rank(const struct cli *cli, struct cli_choice *out, struct wtel_router *router,
		const struct wtel_route_request *request, int64_t wall)
{
	int code;

	out->routes = calloc(out->count + 1, sizeof(*out->routes));
	if (!out->routes)
		return cli_fail_code(cli, WTEL_ENOMEM, NULL);
	code = wtel_router_rank(router, out->routes, &out->route_count, out->count + 1, request, wall);
	if (code)
		out->route_count = 0;
	return code && code != WTEL_ENOTRUNK ? cli_fail_code(cli, code, NULL) : 0;
}

int cli_explain(const struct cli *cli, struct cli_choice *out, struct wtel_router *router,
		const struct wtel_route_request *request)
{
	int64_t wall = wtel_time_now().wall;
	struct wtel_route_step step;
	int code;

	memset(out, 0, sizeof(*out));
	code = wtel_router_explain(router, &step, &out->count, 1, request, wall);
	if (code == WTEL_EINVAL)
		return bad_number(cli, request->number);
	if (code)
		return cli_fail_code(cli, code, NULL);
	out->steps = calloc(out->count + 1, sizeof(*out->steps));
	code = out->steps ? wtel_router_explain(router, out->steps, &out->count, out->count, request, wall)
			  : WTEL_ENOMEM;
	if (code)
		return cli_fail_code(cli, code, NULL);
	return request->number ? rank(cli, out, router, request, wall) : 0;
}

void cli_choice_free(struct cli_choice *choice)
{
	free(choice->steps);
	free(choice->routes);
	memset(choice, 0, sizeof(*choice));
}
