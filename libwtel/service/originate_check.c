/* What a call's request may hold. Refused here, nothing is sent and nothing is stored. */
#include "service/service.h"

enum { VARIABLES_MAX = 64, CALLER_ID_MAX = 120, VARIABLE_NAME_MAX = 80 };

static int check_caller_id(const char *text, struct wtel_detail *detail)
{
	size_t i, length = text ? strlen(text) : 0;

	if (length > CALLER_ID_MAX)
		return base_fail(detail, WTEL_ELIMIT, "caller_id", "longer than %d bytes", CALLER_ID_MAX);
	if (length && base_slice_unsafe(wtel_slice_of(text)) != length)
		return base_fail(detail, WTEL_EINJECTION, "caller_id", "CR or LF in the caller id");
	for (i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return base_fail(detail, WTEL_EINVAL, "caller_id", "a control character in the caller id");
	if (length && !base_slice_utf8(wtel_slice_of(text)))
		return base_fail(detail, WTEL_EINVAL, "caller_id", "the caller id is not UTF-8");
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* Plain names only: Asterisk takes "CALLERID(num)" or "SHELL(...)" for a function and runs it. */
static int check_variable_name(const char *name, struct wtel_detail *detail)
{
	static const char *const ours[] = {"TRUNK_ID", "WTEL_ENDPOINT", "WTEL_DIAL", "WTEL_NEXT",
					   "CALL_ID",  "CAMPAIGN_ID",	"LEAD_ID",   "WTEL_DIAL_TIMEOUT"};
	size_t i, length = name ? strlen(name) : 0;

	if (!length)
		return base_fail(detail, WTEL_EINVAL, "variables", "a variable without a name");
	if (length > VARIABLE_NAME_MAX)
		return base_fail(detail, WTEL_ELIMIT, "variables", "a variable's name is longer than %d bytes",
				 VARIABLE_NAME_MAX);
	if (base_slice_unsafe(wtel_slice_of(name)) != length)
		return base_fail(detail, WTEL_EINJECTION, "variables", "CR or LF in the name of a variable");
	for (i = 0; i < length; i++)
		if (!is_letter(name[i]) && !(i && name[i] >= '0' && name[i] <= '9'))
			return base_fail(
				detail, WTEL_EINVAL, "variables",
				"a variable's name is letters, digits and underscores, and begins with no digit");
	while (*name == '_')
		name++;
	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return base_fail(detail, WTEL_EINVAL, "variables", "%s is set by the library", ours[i]);
	return 0;
}

static int check_variables(const struct wtel_originate *request, struct wtel_detail *detail)
{
	size_t i;
	int code;

	if (request->variable_count > VARIABLES_MAX)
		return base_fail(detail, WTEL_ELIMIT, "variables", "more than %d variables", VARIABLES_MAX);
	if (request->variable_count && !request->variables)
		return base_fail(detail, WTEL_EINVAL, "variables", "a count of variables without variables");
	for (i = 0; i < request->variable_count; i++) {
		const struct wtel_variable *variable = &request->variables[i];

		code = check_variable_name(variable->name, detail);
		if (code)
			return code;
		if (variable->value.length && !variable->value.data)
			return base_fail(detail, WTEL_EINVAL, variable->name, "a length without a value");
		if (base_slice_unsafe(variable->value) != variable->value.length)
			return base_fail(detail, WTEL_EINJECTION, variable->name, "CR, LF or NUL in the value");
	}
	return 0;
}

int originate_check(struct wtel_service *service, const struct wtel_originate *request, struct wtel_detail *detail)
{
	int code;

	(void)service;
	if (!request->extension || !request->number)
		return base_fail(detail, WTEL_EINVAL, request->extension ? "number" : "extension", "is needed");
	code = wtel_extension_check(request->extension, detail);
	if (!code)
		code = wtel_number_check("number", wtel_slice_of(request->number), detail);
	if (!code)
		code = check_caller_id(request->caller_id, detail);
	if (!code)
		code = check_variables(request, detail);
	if (code)
		return code;
	if (request->campaign_id < 0 || request->lead_id < 0 || request->agent_id < 0)
		return base_fail(detail, WTEL_EINVAL,
				 request->campaign_id < 0 ? "campaign_id"
				 : request->lead_id < 0	  ? "lead_id"
							  : "agent_id",
				 "an id is not negative");
	if (request->timeout < 0 || request->timeout > INT64_C(3600000000) ||
	    (request->timeout && request->timeout < 1000))
		return base_fail(detail, WTEL_EINVAL, "timeout", "must be between a millisecond and an hour");
	return 0;
}
