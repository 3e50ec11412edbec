/* Where a call's recording is. */
#include "store/args.h"
#include "store/core.h"

enum { URL_MAX = 500 };

static const struct store_statement set_recording = {
	.name = "set_recording",
	.sqlite = "UPDATE calls SET recording_url = $2, updated_at = $3 WHERE call_id = $1",
	.postgres = "UPDATE calls SET recording_url = $2, updated_at = $3 WHERE call_id = $1",
};

/* ---- what may stand there --------------------------------------------- */

/* What browsers and shells would take for more than a part of an address. */
static bool has_odd(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || strchr("\"'<>\\^`{|}\x7f", *text))
			return true;
	return false;
}

static bool has_dots(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/?#");

		if (length == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += length;
		if (*path != '/')
			return false;
		path++;
	}
	return false;
}

/* Without a user and a password: whoever may see the call would see them. */
static bool is_url(const char *text)
{
	size_t host;

	if (strncmp(text, "http://", 7) == 0)
		text += 7;
	else if (strncmp(text, "https://", 8) == 0)
		text += 8;
	else
		return false;
	host = strcspn(text, "/?#");
	return host && text[0] != ':' && !memchr(text, '@', host);
}

/* "/var/spool/a.wav", "2025/10/a.wav"; "//host/a.wav" and "name:..." are addresses of another kind. */
static bool is_path(const char *text)
{
	size_t first = strcspn(text, "/");

	return !(text[0] == '/' && text[1] == '/') && !memchr(text, ':', first) && !has_dots(text);
}

static int check_url(struct wtel_detail *detail, const char *url)
{
	int code = store_check_text(detail, "recording_url", wtel_slice_of(url), URL_MAX);

	if (!code && *url && (has_odd(url) || !(is_url(url) || is_path(url))))
		code = base_fail(detail, WTEL_EINVAL, "recording_url",
				 "recording_url must be an http or https URL, or a path");
	return code;
}

/* ---- setting it ------------------------------------------------------- */

static void changed(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail missing = {"call_id", "no such call"};

	store_ask_changed(user, code, rows, detail, &missing);
}

int store_recording(struct wtel_store *store, const char *call_id, const char *url, store_change_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct store_args args = {0};
	int code = store_check_text(detail, "call_id", wtel_slice_of(call_id), STORE_CALL_ID_MAX);

	if (!code)
		code = check_url(detail, url ? url : "");
	if (code)
		return code;
	store_args_slice(&args, wtel_slice_of(call_id));
	store_args_text(&args, url);
	store_args_time(&args, wtel_time_now().wall);
	return store_ask(store, &set_recording, &args, changed, (void (*)(void))done, user);
}

int wtel_store_recording(struct wtel_store *store, const char *call_id, const char *url)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer,
				       store_recording(store, call_id, url, store_answered_change, answer.waiter));
}
