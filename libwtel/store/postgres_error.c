#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/postgres.h"

bool postgres_state_closes(const char *state)
{
	/* Class 08 is the connection; 57P01 to 57P05 are the server's ways of ending a session. */
	return strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0;
}

bool postgres_state_passes(const char *state)
{
	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0;
}

/* One line, without the password: libpq does not print it, but a server or a proxy in between might. */
static void sentence(const struct store_driver *driver, char *out, size_t room, const char *text)
{
	const char *secret = postgres_option(driver, "password");
	size_t secret_length = secret ? strlen(secret) : 0;
	size_t used = 0;

	while (*text && used + 4 < room) {
		if (secret_length && strncmp(text, secret, secret_length) == 0) {
			memcpy(out + used, "***", 3);
			used += 3;
			text += secret_length;
		} else if (*text == '\n') {
			out[used++] = *++text ? ' ' : '\0';
		} else {
			out[used++] = (unsigned char)*text < ' ' ? ' ' : *text;
			text++;
		}
	}
	out[used] = '\0';
	/* What was cut off may have been the rest of a character. */
	while (used && !base_slice_utf8((struct wtel_slice){out, used}))
		out[--used] = '\0';
}

static int code_of(const char *state)
{
	static const struct {
		const char *state;
		int code;
	} known[] = {
		{"23505", WTEL_EEXISTS}, {"23503", WTEL_ENOTFOUND}, {"42P01", WTEL_ESCHEMA},
		{"42703", WTEL_ESCHEMA}, {"42883", WTEL_ESCHEMA},   {"53200", WTEL_ENOMEM},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(state, known[i].state) == 0)
			return known[i].code;
	return postgres_state_closes(state) ? WTEL_ECLOSED : WTEL_ESTORE;
}

/* A unique violation names the constraint; its column is in DETAIL, as `Key (column)=(value)`: up to the parenthesis.
 */
static void violated_column(char *out, size_t room, const PGresult *result)
{
	const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *from = detail ? strchr(detail, '(') : NULL;
	size_t length = from ? strcspn(from + 1, "),") : 0;

	if (column)
		base_slice_copy(out, room, wtel_slice_of(column));
	else if (from && from[1 + length] == ')')
		base_slice_copy(out, room, (struct wtel_slice){from + 1, length});
	else
		*out = '\0';
}

int postgres_result_error(const struct store_driver *driver, const PGresult *result, struct wtel_detail *detail)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int code;

	/* Without a SQLSTATE the sentence is libpq's own: the connection broke, or its memory ended. */
	if (!state) {
		base_fail(detail, 0, NULL, "%s", "");
		sentence(driver, detail->text, sizeof(detail->text), PQresultErrorMessage(result));
		return WTEL_ECLOSED;
	}
	code = code_of(state);
	base_fail(detail, code, NULL, "%s", "");
	if (code == WTEL_EEXISTS)
		violated_column(detail->field, sizeof(detail->field), result);
	sentence(driver, detail->text, sizeof(detail->text), primary ? primary : "the server gave no reason");
	return code;
}

void postgres_connection_error(const struct store_driver *driver, const PGconn *pq, struct wtel_detail *detail)
{
	const char *text = pq ? PQerrorMessage(pq) : "out of memory";

	base_fail(detail, 0, NULL, "%s", "");
	sentence(driver, detail->text, sizeof(detail->text), *text ? text : "the connection was lost");
}

void postgres_log(const struct store_driver *driver, enum wtel_log_level level, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!driver->log)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	driver->log(level, text, driver->log_user);
}
