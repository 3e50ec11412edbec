/* Paths and queries: percent-encoded, from anybody. */
#include <stdio.h>

#include "api/request.h"

static const char base[] = "/api/telephony/";

static const struct api_route routes[] = {
#define API_ROUTE_X(name, method, path, role, query, body, most)                                                       \
	{method, path, WTEL_ROLE_##role, api_##name, query, body, most},
#include "api/route.def"
#undef API_ROUTE_X
};
enum { ROUTES = sizeof(routes) / sizeof(*routes) };

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * In place, `length` bytes, terminated. false: a broken escape, NUL, or not UTF-8. A '+' stays one: telephone numbers
 * and offsets of times begin with it.
 */
static bool decode(char *text, size_t length)
{
	size_t from, to = 0;

	for (from = 0; from < length; from++, to++) {
		int high, low;

		text[to] = text[from];
		if (text[from] == '\0')
			return false;
		if (text[from] != '%')
			continue;
		high = from + 2 < length ? digit_of(text[from + 1]) : -1;
		low = from + 2 < length ? digit_of(text[from + 2]) : -1;
		if (high < 0 || low < 0 || !(high | low))
			return false;
		text[to] = (char)(high << 4 | low);
		from += 2;
	}
	text[to] = '\0';
	return base_slice_utf8((struct wtel_slice){text, to});
}

/* ---- paths ------------------------------------------------------------ */

/* Whether a pattern fits, segment by segment, before anything is decoded: "%2F" is no separator. */
static bool fits(const char *pattern, const char *path)
{
	while (*pattern) {
		size_t wanted = strcspn(pattern, "/"), there = strcspn(path, "/");

		if (pattern[0] == '{' ? !there : wanted != there || memcmp(pattern, path, wanted) != 0)
			return false;
		pattern += wanted;
		path += there;
		if (*pattern != *path)
			return false;
		pattern += *pattern == '/';
		path += *path == '/';
	}
	return !*path;
}

static bool take_words(struct api_request *request, const char *pattern, char *path)
{
	size_t count = 0;

	while (*pattern) {
		size_t wanted = strcspn(pattern, "/"), there = strcspn(path, "/");
		bool more = path[there] == '/';

		if (pattern[0] == '{' && count < API_WORDS_MAX) {
			path[there] = '\0';
			if (!decode(path, there))
				return false;
			request->words[count++] = path;
		}
		pattern += wanted + (pattern[wanted] == '/');
		path += there + more;
	}
	return true;
}

static void refuse_method(struct api_request *request, const char *path)
{
	char methods[64] = "";
	size_t i;

	for (i = 0; i < ROUTES; i++) {
		if (!fits(routes[i].path, path))
			continue;
		snprintf(methods + strlen(methods), sizeof(methods) - strlen(methods), "%s%s", *methods ? ", " : "",
			 routes[i].method);
	}
	api_fail(request, 405, WTEL_EUNSUPPORTED, "method", "the method must be one of: %s", methods);
}

bool api_match(struct api_request *request)
{
	char *path = request->path;
	size_t length, i;
	bool known = false;

	if (strncmp(path, base, sizeof(base) - 1) != 0) {
		api_fail(request, 404, WTEL_ENOTFOUND, "path", "there is no such path");
		return false;
	}
	path += sizeof(base) - 1;
	length = strlen(path);
	if (length > 1 && path[length - 1] == '/' && path[length - 2] != '/')
		path[length - 1] = '\0';
	for (i = 0; i < ROUTES && !request->route; i++) {
		if (!fits(routes[i].path, path))
			continue;
		known = true;
		if (strcmp(routes[i].method, request->method) == 0)
			request->route = &routes[i];
	}
	if (!known)
		api_fail(request, 404, WTEL_ENOTFOUND, "path", "there is no such path");
	else if (!request->route)
		refuse_method(request, path);
	else if (request->role < request->route->role)
		api_fail(request, 403, WTEL_EPERMISSION, "", "this is for %s only",
			 request->route->role == WTEL_ROLE_ADMIN ? "administrators" : "supervisors");
	else if (!take_words(request, request->route->path, path))
		api_fail(request, 400, WTEL_EINVAL, "path", "the path is not well encoded");
	else
		return true;
	return false;
}

/* ---- queries ---------------------------------------------------------- */

/* Is it among the words of the list? */
static bool listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t here = strcspn(list, " ");

		if (length && here == length && memcmp(list, word, length) == 0)
			return true;
		list += here + (list[here] == ' ');
	}
	return false;
}

static bool add_parameter(struct api_request *request, char *text, size_t length)
{
	char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	char *value = equals ? equals + 1 : text + length;

	if (request->parameter_count == API_PARAMETERS_MAX) {
		api_fail(request, 400, WTEL_ELIMIT, "query", "there are too many parameters");
		return false;
	}
	if (!decode(value, length - name - (equals != NULL)) || !decode(text, name)) {
		api_fail(request, 400, WTEL_EINVAL, "query", "the query is not well encoded");
		return false;
	}
	if (!listed(request->route->query, text)) {
		api_fail(request, 400, WTEL_EINVAL, text, "there is no such parameter");
		return false;
	}
	if (api_parameter(request, text)) {
		api_fail(request, 400, WTEL_EINVAL, text, "the parameter is there twice");
		return false;
	}
	request->parameters[request->parameter_count++] = (struct api_parameter){text, value};
	return true;
}

bool api_read_query(struct api_request *request)
{
	char *text = (char *)(uintptr_t)request->query.data;
	size_t left = request->query.length;

	while (left) {
		char *end = memchr(text, '&', left);
		size_t length = end ? (size_t)(end - text) : left;

		/* The terminator of each takes the place of its '&', or of the end. */
		if (length && !add_parameter(request, text, length))
			return false;
		text += length + (end != NULL);
		left -= length + (end != NULL);
	}
	return true;
}

const char *api_parameter(const struct api_request *request, const char *name)
{
	size_t i;

	for (i = 0; i < request->parameter_count; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return NULL;
}
