/* GET trunks/explain: which trunk would take a call now, and why not the others. */
#include "api/request.h"

struct choice {
	struct wtel_route_step *steps;
	size_t count;
	struct wtel_route *routes;
	size_t route_count;
};

static bool may_carry(const struct wtel_route_step *step)
{
	return step->verdict == WTEL_ROUTE_TAKEN || step->verdict == WTEL_ROUTE_NEXT;
}

static const struct wtel_route *route_of(const struct choice *choice, int64_t trunk_id)
{
	size_t i;

	for (i = 0; i < choice->route_count; i++)
		if (choice->routes[i].trunk_id == trunk_id)
			return &choice->routes[i];
	return NULL;
}

/* {"success": true, "trunkId": the first one or null, "trunks": [...]} */
static json_t *document_of(const struct choice *choice)
{
	json_t *document = api_success(NULL), *trunks = json_array();
	int64_t first = 0;
	size_t order = 0, i;

	for (i = 0; i < choice->count; i++) {
		const struct wtel_route_step *step = &choice->steps[i];
		bool may = may_carry(step);

		order += may;
		if (may && !first)
			first = step->trunk_id;
		array_add(&trunks, wtel_json_step(step, route_of(choice, step->trunk_id), may ? order : 0));
	}
	object_put(&document, "trunkId", wtel_json_id(first));
	object_put(&document, "trunks", trunks);
	return document;
}

static int choose(struct api_request *request, struct choice *choice, struct wtel_router *router,
		  const struct wtel_route_request *ask)
{
	int64_t wall = wtel_time_now().wall;
	struct wtel_route_step step;
	size_t room;
	int code = wtel_router_explain(router, &step, &room, 1, ask, wall);

	if (code || !room)
		return code;
	choice->steps = base_allocate(&request->allocator, (room + 1) * sizeof(*choice->steps));
	choice->routes = base_allocate(&request->allocator, (room + 1) * sizeof(*choice->routes));
	if (!choice->steps || !choice->routes)
		return WTEL_ENOMEM;
	code = wtel_router_explain(router, choice->steps, &choice->count, room, ask, wall);
	if (code || !ask->number)
		return code;
	code = wtel_router_rank(router, choice->routes, &choice->route_count, room, ask, wall);
	if (code == WTEL_ENOTRUNK)
		choice->route_count = 0;
	return code == WTEL_ENOTRUNK ? 0 : code;
}

/* "+34 600 123 456" in a query may have come as "+34+600+123+456". */
static const char *number_of(struct api_request *request, char *out, size_t room)
{
	const char *text = api_parameter(request, "to");
	size_t i;

	if (!text)
		return NULL;
	base_slice_copy(out, room, wtel_slice_of(text));
	for (i = 1; out[0] && out[i]; i++)
		if (out[i] == '+')
			out[i] = ' ';
	return out;
}

void api_trunks_explain(struct api_request *request)
{
	struct wtel_route_request ask = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_router *router = wtel_service_router(request->service);
	struct choice choice = {NULL, 0, NULL, 0};
	char number[128];
	int code;

	if (!api_parameter_number(request, &ask.campaign_id, "campaignId", 0, API_ID_MAX))
		return;
	if (!router) {
		api_fail(request, 503, WTEL_ESTORE, "", "the trunks were not read yet");
		return;
	}
	ask.number = number_of(request, number, sizeof(number));
	code = choose(request, &choice, router, &ask);
	if (!code)
		api_answer(request, 200, document_of(&choice));
	else if (code == WTEL_EINVAL)
		api_fail(request, 400, code, "to", "to must be a telephone number");
	else
		api_fail_code(request, code, NULL);
	base_release(&request->allocator, choice.steps);
	base_release(&request->allocator, choice.routes);
}
