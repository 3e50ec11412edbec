/* What a session was asked to be. */
#include "ami/session.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"

/* The classes whose events the library folds: Newexten and VarSet are of class `dialplan`, left out on purpose. */
static const char default_mask[] = "call,system,agent,user";

static int copy_string(struct wtel_ami_session *session, char **out, const char *text)
{
	*out = base_copy_string(&session->allocator, text);
	return *out ? 0 : WTEL_ENOMEM;
}

static int check_authentication(const struct wtel_ami_session_options *options, struct wtel_detail *detail)
{
	struct wtel_slice secret = wtel_slice_of(options->secret);

	if (!options->username || !*options->username)
		return base_fail(detail, WTEL_EINVAL, "username", "the manager's user name is missing");
	if (!options->secret)
		return base_fail(detail, WTEL_EINVAL, "secret", "the manager's secret is missing");
	if (secret.length + strlen("Secret: ") > WTEL_AMI_MAX_ACTION_LINE)
		return base_fail(detail, WTEL_ELIMIT, "secret", "the secret is longer than Asterisk reads");
	switch (options->authentication) {
	case WTEL_AMI_MD5:
		return 0;
	case WTEL_AMI_PLAIN:
		if (!options->encrypted && !options->allow_plain)
			return base_fail(detail, WTEL_EINVAL, "authentication",
					 "a plain secret needs TLS, or allow_plain to insist");
		return action_check_header("Secret", secret, "secret", detail);
	}
	return base_fail(detail, WTEL_EINVAL, "authentication", "it is neither MD5 nor plain");
}

static int check_numbers(const struct wtel_ami_session_options *options, struct wtel_detail *detail)
{
	const int64_t longest = INT64_C(86400000000); /* a day */

	if (options->login_timeout <= 0 || options->login_timeout > longest)
		return base_fail(detail, WTEL_EINVAL, "login_timeout", "it must be between 1 us and a day");
	if (options->ping_interval < 0 || options->ping_interval > longest)
		return base_fail(detail, WTEL_EINVAL, "ping_interval", "it must be between 0 (never) and a day");
	if (options->ping_interval && (options->ping_timeout <= 0 || options->ping_timeout > longest))
		return base_fail(detail, WTEL_EINVAL, "ping_timeout", "it must be between 1 us and a day");
	if (!options->max_pending || options->max_pending > PENDING_MAX)
		return base_fail(detail, WTEL_EINVAL, "max_pending", "it must be between 1 and %d", PENDING_MAX);
	return 0;
}

/* ---- filters ---- */

/* The length of "(...)" with its brackets; 0: they do not match. */
static size_t bracketed(const char *text)
{
	size_t depth = 0;
	size_t i;

	for (i = 0; text[i]; i++) {
		if (text[i] == '(')
			depth++;
		else if (text[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/*
 * Either a pattern alone, or a line as manager.conf has it: "eventfilter(name(VarSet),action(exclude))", with
 * " = pattern" behind it where the criteria want one (Asterisk 22 and late 20).
 */
static int fill_filter(struct wtel_ami_action *action, const char *text, struct wtel_detail *detail)
{
	static const char advanced[] = "eventfilter(";
	struct wtel_slice criteria;
	size_t length;
	int code = wtel_ami_action_add(action, "Operation", wtel_slice_of("Add"), detail);

	if (code || strncmp(text, advanced, sizeof(advanced) - 1) != 0)
		return code ? code : wtel_ami_action_add(action, "Filter", wtel_slice_of(text), detail);
	text += sizeof(advanced) - 2;
	length = bracketed(text);
	if (!length)
		return base_fail(detail, WTEL_EINVAL, "filters", "the brackets of an eventfilter do not match");
	/* Asterisk puts the outer brackets around it again (action_filter). */
	criteria = (struct wtel_slice){text + 1, length - 2};
	code = wtel_ami_action_add(action, "MatchCriteria", criteria, detail);
	text += length;
	text += strspn(text, " ");
	text += *text == '=';
	text += strspn(text, " ");
	return code || !*text ? code : wtel_ami_action_add(action, "Filter", wtel_slice_of(text), detail);
}

static int add_filter(struct wtel_ami_session *session, const char *text, struct wtel_detail *detail)
{
	struct session_filter *filter = session->filters + session->filter_count;
	int code;

	if (!*text)
		return base_fail(detail, WTEL_EINVAL, "filters", "a filter is empty");
	code = wtel_ami_action_new(&filter->action, "Filter", &session->allocator);
	if (code)
		return code;
	session->filter_count++;
	code = fill_filter(filter->action, text, detail);
	if (code) {
		if (detail)
			snprintf(detail->field, sizeof(detail->field), "filters");
		return code;
	}
	session->login_room += action_length(filter->action, "") + SESSION_ID_SIZE;
	return copy_string(session, &filter->text, text);
}

static int add_filters(struct wtel_ami_session *session, const char *const *filters, struct wtel_detail *detail)
{
	size_t count = 0;
	size_t i;
	int code = 0;

	while (filters && filters[count])
		count++;
	if (!count)
		return 0;
	if (count > 1024)
		return base_fail(detail, WTEL_ELIMIT, "filters", "there are more than 1024");
	session->filters = base_allocate_zero(&session->allocator, count * sizeof(*session->filters));
	if (!session->filters)
		return WTEL_ENOMEM;
	for (i = 0; !code && i < count; i++)
		code = add_filter(session, filters[i], detail);
	return code;
}

/* ---- all of it ---- */

static int make_prefix(struct wtel_ami_session *session, uint64_t seed, struct wtel_detail *detail)
{
	uint64_t value = seed;

	if (!seed && RAND_bytes((unsigned char *)&value, sizeof(value)) != 1)
		return base_fail(detail, WTEL_EIO, "seed", "the system's random source failed");
	snprintf(session->prefix, sizeof(session->prefix), "%016llx", (unsigned long long)value);
	return 0;
}

static int copy_options(struct wtel_ami_session *session, const struct wtel_ami_session_options *options,
			struct wtel_detail *detail)
{
	const char *mask = options->event_mask && *options->event_mask ? options->event_mask : default_mask;
	int code = action_check_header("Username", wtel_slice_of(options->username), "username", detail);

	if (!code)
		code = action_check_header("Events", wtel_slice_of(mask), "event_mask", detail);
	if (!code)
		code = copy_string(session, &session->username, options->username);
	if (!code)
		code = copy_string(session, &session->secret, options->secret);
	if (!code)
		code = copy_string(session, &session->event_mask, mask);
	session->authentication = options->authentication;
	session->login_timeout = options->login_timeout;
	session->ping_interval = options->ping_interval;
	session->ping_timeout = options->ping_timeout;
	return code;
}

int session_configure(struct wtel_ami_session *session, const struct wtel_ami_session_options *options,
		      struct wtel_detail *detail)
{
	struct wtel_ami_session_options all = WTEL_AMI_SESSION_OPTIONS_INIT;
	int code;

	if (!options || options->size < sizeof(options->size))
		return base_fail(detail, WTEL_EINVAL, "size", "the options were not initialised");
	memcpy(&all, options, options->size < sizeof(all) ? options->size : sizeof(all));
	code = check_authentication(&all, detail);
	if (!code)
		code = check_numbers(&all, detail);
	if (!code)
		code = copy_options(session, &all, detail);
	if (!code)
		code = make_prefix(session, all.seed, detail);
	if (!code)
		code = pending_init(&session->pending, &session->allocator, all.max_pending);
	if (!code)
		code = wtel_ami_parser_new(&session->parser, &all.limits, &session->allocator);
	if (code)
		return code;
	/* Challenge and Login without their values, three values of a line at most, and the filters. */
	session->login_room = 512 + 3 * WTEL_AMI_MAX_ACTION_LINE;
	return add_filters(session, all.filters, detail);
}
