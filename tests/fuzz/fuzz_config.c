/* Flags and environment as anybody may have set them: first byte where it goes, the rest what stands there. */
#include <stdlib.h>
#include <string.h>
#include <wtel/service.h>

struct input {
	const char *name;
	const char *text;
};

static const char *get(const char *name, void *user)
{
	const struct input *input = user;

	if (strcmp(name, "HOME") == 0)
		return "/home/x";
	return input->name && strcmp(name, input->name) == 0 ? input->text : NULL;
}

static void check(const struct wtel_config *config)
{
	size_t i;

	for (i = 0; i < config->host_count; i++)
		if (!config->hosts[i].host[0] || !config->hosts[i].username[0] || config->hosts[i].port < 1 ||
		    strpbrk(config->hosts[i].secret, "\r\n") || strpbrk(config->hosts[i].username, "\r\n"))
			abort();
	if (!config->db || strpbrk(config->db, "\r\n"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"WTEL_AMI",	     "WTEL_DB",		  "ASTERISK_HOST", "ASTERISK_PORT",
					    "ASTERISK_USER", "ASTERISK_PASSWORD", "DB_HOST",	   "DB_NAME",
					    "DB_USER",	     "XDG_STATE_HOME"};
	const size_t count = sizeof(names) / sizeof(*names);
	struct wtel_config *config;
	struct wtel_detail detail;
	struct input input;
	char *text;
	size_t where;

	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	where = data[0] % (count + 2);
	input.name = where < count ? names[where] : NULL;
	input.text = text;
	if (wtel_config_read(&config, where == count ? text : NULL, where == count + 1 ? text : NULL, get, &input,
			     &detail) == 0) {
		check(config);
		wtel_config_free(config);
	}
	free(text);
	return 0;
}
