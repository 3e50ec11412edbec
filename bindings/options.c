/* What a handle is made of, out of a JSON object and the environment. */
#include <string.h>

#include "core.h"

struct settings {
	const char *ami, *db, *country, *technology, *ca_file, *tls_name;
	bool allow_plain;
	bool store;
	bool migrate, keep_schema;		 /* neither: as the database wants it */
	int64_t originate_timeout, dial_timeout; /* ms; 0: the library's own */
	int64_t max_attempts, max_queue;
};

static int read_settings(struct settings *settings, json_t *object, struct wtel_detail *detail)
{
	static const char *const names[] = {"ami",	   "db",	  "country",	"technology",
					    "caFile",	   "tlsName",	  "allowPlain", "originateTimeout",
					    "dialTimeout", "maxAttempts", "maxQueue",	"migrate",
					    "store",	   NULL};
	int code = text_known(object, names, detail);

	if (code || (code = text_read_string(&settings->ami, object, "ami", detail)) ||
	    (code = text_read_string(&settings->db, object, "db", detail)) ||
	    (code = text_read_string(&settings->country, object, "country", detail)) ||
	    (code = text_read_string(&settings->technology, object, "technology", detail)) ||
	    (code = text_read_string(&settings->ca_file, object, "caFile", detail)) ||
	    (code = text_read_string(&settings->tls_name, object, "tlsName", detail)) ||
	    (code = text_read_boolean(&settings->allow_plain, object, "allowPlain", detail)) ||
	    (code = text_read_boolean(&settings->store, object, "store", detail)) ||
	    (code = text_read_boolean(&settings->migrate, object, "migrate", detail)) ||
	    (code = text_read_integer(&settings->originate_timeout, object, "originateTimeout", 1, MILLISECONDS_MAX,
				      detail)) ||
	    (code = text_read_integer(&settings->dial_timeout, object, "dialTimeout", 1, MILLISECONDS_MAX, detail)) ||
	    (code = text_read_integer(&settings->max_attempts, object, "maxAttempts", 1, 64, detail)))
		return code;
	settings->keep_schema = json_is_false(json_object_get(object, "migrate"));
	return text_read_integer(&settings->max_queue, object, "maxQueue", 1, 10000000, detail);
}

/* The library says where in its own words. */
static void rename_field(struct wtel_detail *detail)
{
	static const char *const names[][2] = {
		{"--ami", "ami"}, {"--db", "db"}, {"ca_file", "caFile"}, {"tls_name", "tlsName"},
		{"hosts", "ami"}, {"url", "db"},  {"host", "ami"},	 {"allow_plain", "allowPlain"}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(detail->field, names[i][0]) == 0)
			strcpy(detail->field, names[i][1]);
}

/* A file of this machine is brought up to date by itself; a shared database only when somebody says so. */
static int open_store(struct binding *binding, const struct settings *settings, const struct wtel_config *config,
		      struct wtel_detail *detail)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	bool migrate;
	int code;

	options.url = config->db;
	options.password = config->db_password;
	options.secret_keys = config->secret_keys;
	if (config->sip_realm)
		options.sip_realm = config->sip_realm;
	/* Only who asks for its schema waits for a server. */
	options.background = !settings->migrate;
	options.log = core_log;
	options.log_user = binding;
	code = wtel_store_open(&binding->store, &options, NULL, detail);
	if (code)
		return code;
	migrate = settings->migrate ||
		  (!settings->keep_schema && strcmp(wtel_store_backend(binding->store), "sqlite") == 0);
	if (migrate && (code = wtel_store_migrate(binding->store, core_log, binding)))
		*detail = *wtel_store_error(binding->store);
	return code;
}

static int open_service(struct binding *binding, const struct settings *settings, const struct wtel_config *config,
			struct wtel_detail *detail)
{
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	int code;

	options.hosts = config->hosts;
	options.host_count = config->host_count;
	options.store = binding->store;
	options.ca_file = settings->ca_file;
	options.tls_name = settings->tls_name;
	options.allow_plain = settings->allow_plain;
	options.country = settings->country ? settings->country : config->country;
	options.wss_host = config->wss_host;
	options.wss_port = config->wss_port;
	if (settings->technology)
		options.technology = settings->technology;
	if (settings->originate_timeout)
		options.originate_timeout = settings->originate_timeout * 1000;
	if (settings->dial_timeout)
		options.dial_timeout = settings->dial_timeout * 1000;
	if (settings->max_attempts)
		options.max_attempts = (size_t)settings->max_attempts;
	options.log = core_log;
	options.log_user = binding;
	code = wtel_service_new(&binding->service, &options, NULL, detail);
	return code ? code
		    : wtel_observer_new(&binding->observer, binding->service, (size_t)settings->max_queue, NULL, NULL);
}

static int open_all(struct binding *binding, struct settings *settings, struct wtel_detail *detail)
{
	struct wtel_config *config = NULL;
	int code;

	if (settings->country && *settings->country == '+') /* as people write it */
		settings->country++;
	if (settings->country && (!*settings->country || wtel_country_check(settings->country)))
		return text_fail(detail, WTEL_ECONFIG, "country", "must be a country's calling code, as 34 or 1");
	code = wtel_config_read(&config, settings->ami, settings->db, NULL, NULL, detail);
	if (code)
		return code;
	if (!config->host_count)
		code = text_fail(detail, WTEL_ECONFIG, "ami",
				 "no Asterisk is configured: give ami://user:secret@host:5038, or set WTEL_AMI");
	if (!code && settings->store)
		code = open_store(binding, settings, config, detail);
	if (!code)
		code = open_service(binding, settings, config, detail);
	wtel_config_free(config);
	return code;
}

int options_open(struct binding *binding, const char *options, struct wtel_detail *detail)
{
	struct settings settings = {.store = true};
	json_t *object = NULL;
	int code = text_object(&object, options ? options : "{}", detail);

	if (!code)
		code = read_settings(&settings, object, detail);
	/* Whatever is wrong with an option is one thing to the caller. */
	if (code && code != WTEL_ENOMEM)
		code = WTEL_ECONFIG;
	if (!code)
		code = open_all(binding, &settings, detail);
	rename_field(detail);
	json_decref(object);
	return code;
}
