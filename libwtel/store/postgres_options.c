#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/postgres.h"

/* What a URL may leave out. A server that vanished without a word is noticed within a minute. */
static const struct {
	const char *keyword, *value;
} defaults[] = {
	{"fallback_application_name", "wtel"}, {"keepalives_idle", "30"},
	{"keepalives_interval", "10"},	       {"keepalives_count", "3"},
	{"tcp_user_timeout", "40000"},
};

const char *postgres_option(const struct store_driver *driver, const char *keyword)
{
	size_t i;

	for (i = 0; i < driver->option_count; i++)
		if (strcmp(driver->keywords[i], keyword) == 0)
			return driver->values[i];
	return NULL;
}

void postgres_options_free(struct store_driver *driver)
{
	size_t i;

	for (i = 0; i < driver->option_count; i++) {
		base_wipe(driver->values[i], strlen(driver->values[i]));
		base_release(&driver->allocator, driver->values[i]);
		base_release(&driver->allocator, driver->keywords[i]);
	}
	base_release(&driver->allocator, driver->keywords);
	base_release(&driver->allocator, driver->values);
	driver->option_count = 0;
	driver->keywords = driver->values = NULL;
}

static int add(struct store_driver *driver, const char *keyword, const char *value)
{
	char *copy = base_copy_string(&driver->allocator, value);
	char *name = base_copy_string(&driver->allocator, keyword);

	if (!copy || !name) {
		base_release(&driver->allocator, copy);
		base_release(&driver->allocator, name);
		return WTEL_ENOMEM;
	}
	driver->keywords[driver->option_count] = name;
	driver->values[driver->option_count++] = copy;
	return 0;
}

static int copy_options(struct store_driver *driver, const PQconninfoOption *parsed, const char *password)
{
	size_t count = 0, i;
	int code = 0;

	while (parsed[count].keyword)
		count++;
	/* The defaults, client_encoding, password, and in a reconnect hostaddr and the end. */
	count += sizeof(defaults) / sizeof(defaults[0]) + 4;
	driver->keywords = base_allocate_zero(&driver->allocator, count * sizeof(char *));
	driver->values = base_allocate_zero(&driver->allocator, count * sizeof(char *));
	if (!driver->keywords || !driver->values)
		return WTEL_ENOMEM;
	for (; parsed->keyword && !code; parsed++) {
		bool ours = strcmp(parsed->keyword, "client_encoding") == 0 ||
			    (password && strcmp(parsed->keyword, "password") == 0);

		if (parsed->val && !ours)
			code = add(driver, parsed->keyword, parsed->val);
	}
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && !code; i++)
		if (!postgres_option(driver, defaults[i].keyword))
			code = add(driver, defaults[i].keyword, defaults[i].value);
	if (!code)
		code = add(driver, "client_encoding", "UTF8");
	if (!code && password)
		code = add(driver, "password", password);
	return code;
}

static PQconninfoOption *parse(const char *target)
{
	PQconninfoOption *parsed;
	char *message = NULL;
	char url[2048];

	if (!target)
		target = "";
	if (strncmp(target, "//", 2) == 0) {
		if ((size_t)snprintf(url, sizeof(url), "postgresql:%s", target) >= sizeof(url))
			return NULL;
		target = url;
	} else if (strncmp(target, "postgresql://", 13) != 0 && strncmp(target, "postgres://", 11) != 0) {
		/* "postgresql:" alone: everything from libpq's environment. */
		if (strncmp(target, "postgresql:", 11) == 0)
			target += 11;
		else if (strncmp(target, "postgres:", 9) == 0)
			target += 9;
	}
	parsed = PQconninfoParse(target, &message);
	base_wipe(url, sizeof(url));
	/* The message quotes the URL, and where that is malformed nobody knows which part of it was a password. */
	PQfreemem(message);
	return parsed;
}

int postgres_options_read(struct store_driver *driver, const struct wtel_store_options *options, const char *target,
			  struct wtel_detail *detail)
{
	PQconninfoOption *parsed = parse(target);
	const char *host;
	int code;

	if (!parsed)
		return base_fail(detail, WTEL_ECONFIG, "url",
				 "the database URL cannot be read: postgresql://user@host:5432/name is its form");
	code = copy_options(driver, parsed, options->password);
	PQconninfoFree(parsed);
	if (code)
		return base_fail(detail, code, NULL, "out of memory");
	host = postgres_option(driver, "host");
	driver->one_host = host && *host && *host != '/' && *host != '@' && !strchr(host, ',') &&
			   !postgres_option(driver, "hostaddr");
	return 0;
}
