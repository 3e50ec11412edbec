#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RING = 8, TEXT_SIZE = 512 };

struct cli_table {
	const char *const *headings;
	size_t columns;
	char **cells;
	size_t count;
	size_t room;
};

/* Length of a well-formed UTF-8 sequence at `text`; 0: broken, or a control character. */
static size_t sequence(const unsigned char *text)
{
	size_t length = text[0] < 0x80			    ? 1
			: text[0] >= 0xc2 && text[0] < 0xe0 ? 2
			: text[0] >= 0xe0 && text[0] < 0xf0 ? 3
			: text[0] >= 0xf0 && text[0] < 0xf5 ? 4
							    : 0;
	size_t i;

	if (length == 1)
		return text[0] >= 0x20 && text[0] != 0x7f;
	for (i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009F are controls too. */
	return length == 2 && text[0] == 0xc2 && text[1] < 0xa0 ? 0 : length;
}

const char *cli_safe(const char *text)
{
	static char ring[RING][TEXT_SIZE];
	static unsigned next;
	char *out = ring[next++ % RING];
	size_t length = 0;

	while (text && *text && length + 5 < TEXT_SIZE) {
		size_t bytes = sequence((const unsigned char *)text);

		if (!bytes) {
			out[length++] = '?';
			text++;
			continue;
		}
		memcpy(out + length, text, bytes);
		length += bytes;
		text += bytes;
	}
	out[length] = '\0';
	return out;
}

const char *cli_when(int64_t wall)
{
	static char ring[RING][32];
	static unsigned next;
	char *out = ring[next++ % RING];
	time_t seconds = (time_t)(wall / 1000000);
	struct tm tm;

	if (!wall || !localtime_r(&seconds, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		return "-";
	return out;
}

static void out_of_memory(void)
{
	fputs("wtelctl: out of memory\n", stderr);
	exit(EXIT_FAILED);
}

struct cli_table *cli_table_new(const char *const *headings, size_t count)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	if (!table)
		out_of_memory();
	table->headings = headings;
	table->columns = count;
	return table;
}

void cli_table_add(struct cli_table *table, const char *cell)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		char **grown = realloc(table->cells, room * sizeof(*grown));

		if (!grown)
			out_of_memory();
		table->cells = grown;
		table->room = room;
	}
	table->cells[table->count] = strdup(cli_safe(cell && *cell ? cell : "-"));
	if (!table->cells[table->count++])
		out_of_memory();
}

void cli_table_addf(struct cli_table *table, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cli_table_add(table, text);
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
	int padding = (int)(width - width_of(text));

	if (right)
		printf("%*s%s", padding, "", text);
	else
		printf("%s%*s", text, last ? 0 : padding, "");
	fputs(last ? "" : "  ", stdout);
}

void cli_table_print(struct cli_table *table, const struct cli *cli)
{
	size_t *widths = calloc(table->columns, sizeof(*widths));
	size_t i;

	if (!widths)
		out_of_memory();
	for (i = 0; i < table->columns; i++)
		widths[i] = width_of(table->headings[i]) - (table->headings[i][0] == '%');
	for (i = 0; i < table->count; i++)
		if (width_of(table->cells[i]) > widths[i % table->columns])
			widths[i % table->columns] = width_of(table->cells[i]);
	fputs(cli->colour ? "\033[1m" : "", stdout);
	for (i = 0; i < table->columns; i++) {
		bool right = table->headings[i][0] == '%';

		print_cell(table->headings[i] + right, widths[i], right, i + 1 == table->columns);
	}
	fputs(cli->colour ? "\033[0m\n" : "\n", stdout);
	for (i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		print_cell(table->cells[i], widths[column], table->headings[column][0] == '%',
			   column + 1 == table->columns);
		if (column + 1 == table->columns)
			putchar('\n');
		free(table->cells[i]);
	}
	free(table->cells);
	free(widths);
	free(table);
}

int cli_print_json(json_t *document, bool line)
{
	if (!document)
		out_of_memory();
	json_dumpf(document, stdout, (line ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(15));
	putchar('\n');
	fflush(stdout);
	json_decref(document);
	return EXIT_DONE;
}

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:{s:s}}", "success", 0, "error", "message", text), false);
	cli_say("wtelctl: %s", text);
	return status;
}

int cli_fail_code(const struct cli *cli, int code, const struct wtel_detail *detail)
{
	const char *text = detail && detail->text[0] ? detail->text : wtel_error_text(code);
	const char *field = detail ? detail->field : "";
	int status = EXIT_FAILED;

	if (code == WTEL_ECONNECT || code == WTEL_EAUTH || code == WTEL_ETLS || code == WTEL_ECLOSED)
		status = EXIT_NO_ASTERISK;
	if (code == WTEL_ESTORE || code == WTEL_ESCHEMA)
		status = EXIT_NO_DATABASE;
	if (code == WTEL_EINVAL || code == WTEL_EINJECTION || code == WTEL_ELIMIT || code == WTEL_ECONFIG)
		status = EXIT_USAGE;
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:{s:s, s:s, s:o}}", "success", 0, "error", "code",
					 wtel_error_name(code), "message", cli_safe(text), "field",
					 wtel_json_text(field)),
			       false);
	/* Mostly the sentence names the field by itself. */
	if (*field && !strstr(text, field))
		cli_say("wtelctl: %s: %s", cli_safe(field), cli_safe(text));
	else
		cli_say("wtelctl: %s", cli_safe(text));
	return status;
}
