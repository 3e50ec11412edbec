/* Where Asterisk and the database are, out of flags and environment. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wtel/service.h>

#define SECRET "s3cr3t-Value"

static const char *get(const char *name, void *user)
{
	const char *const *pairs = user;

	for (; pairs && *pairs; pairs += 2)
		if (strcmp(pairs[0], name) == 0)
			return pairs[1];
	return NULL;
}

#define READ(ami, db, ...)                                                                                             \
	const char *pairs[] = {__VA_ARGS__ __VA_OPT__(, ) NULL, NULL};                                                 \
	struct wtel_config *config = NULL;                                                                             \
	struct wtel_detail detail = {"", ""};                                                                          \
	int code = wtel_config_read(&config, ami, db, get, pairs, &detail)

Test(config, everything_of_a_url)
{
	READ("ami://wtel:" SECRET "@pbx.example:5555", "sqlite:/tmp/x.db");

	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_eq(config->host_count, 1);
	cr_assert_str_eq(config->hosts[0].host, "pbx.example");
	cr_assert_str_eq(config->hosts[0].username, "wtel");
	cr_assert_str_eq(config->hosts[0].secret, SECRET);
	cr_assert_eq(config->hosts[0].port, 5555);
	cr_assert_not(config->hosts[0].tls);
	cr_assert_str_eq(config->db, "sqlite:/tmp/x.db");
	cr_assert_null(config->db_password);
	wtel_config_free(config);
}

Test(config, several_hosts_in_order)
{
	READ("ami://a:b@one,amis://c:d@[2001:db8::1],amis://e:f@three:7000/", "sqlite:x");

	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_eq(config->host_count, 3);
	cr_assert_eq(config->hosts[0].port, 5038);
	cr_assert_eq(config->hosts[1].port, 5039);
	cr_assert(config->hosts[1].tls);
	cr_assert_str_eq(config->hosts[1].host, "2001:db8::1");
	cr_assert_eq(config->hosts[2].port, 7000);
	wtel_config_free(config);
}

Test(config, escapes_are_decoded)
{
	READ("ami://us%40er:p%3Aa%2Fs%2Cs%25@h", "sqlite:x");

	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_str_eq(config->hosts[0].username, "us@er");
	cr_assert_str_eq(config->hosts[0].secret, "p:a/s,s%");
	wtel_config_free(config);
}

Test(config, bad_urls_name_the_field_and_never_the_secret)
{
	static const char *const bad[] = {
		"http://u:" SECRET "@h",
		"ami://u:" SECRET "@",
		"ami://u:" SECRET,
		"ami://u@h",
		"ami://:" SECRET "@h",
		"ami://u:" SECRET "%0d@h",
		"ami://u:" SECRET "%00@h",
		"ami://u:" SECRET "%4@h",
		"ami://u:" SECRET "%zz@h",
		"ami://u:" SECRET "@h:0",
		"ami://u:" SECRET "@h:70000",
		"ami://u:" SECRET "@h:12x",
		"ami://u:" SECRET "@[::1",
		"ami://u:" SECRET "@h/path",
		"ami://u:" SECRET "@h\r\nx",
		"ami://u:" SECRET "@h,",
		"ami://u:" SECRET "@h,ami://u:" SECRET "@h,ami://u:x@h,ami://u:x@h,ami://u:x@h,ami://u:x@h,"
		"ami://u:x@h,ami://u:x@h,ami://u:x@h",
		"",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		READ(bad[i], "sqlite:x");

		cr_assert_eq(code, WTEL_ECONFIG, "%s gave %d", bad[i], code);
		cr_assert_null(config);
		cr_assert_str_eq(detail.field, "--ami", "%s", bad[i]);
		cr_assert(detail.text[0]);
		cr_assert_null(strstr(detail.text, SECRET), "%s", detail.text);
	}
	{
		READ(NULL, "sqlite:x", "WTEL_AMI", "ami://u:" SECRET "%@h");

		cr_assert_eq(code, WTEL_ECONFIG);
		cr_assert_str_eq(detail.field, "WTEL_AMI");
		cr_assert_null(strstr(detail.text, SECRET));
	}
}

Test(config, precedence)
{
	{
		READ("ami://flag:x@flag", "sqlite:flag", "WTEL_AMI", "ami://w:x@w", "WTEL_DB", "sqlite:w",
		     "ASTERISK_HOST", "seed", "ASTERISK_USER", "u", "ASTERISK_PASSWORD", "p", "DB_HOST", "d");
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->hosts[0].host, "flag");
		cr_assert_str_eq(config->db, "sqlite:flag");
		wtel_config_free(config);
	}
	{
		READ(NULL, NULL, "WTEL_AMI", "ami://w:x@w", "WTEL_DB", "sqlite:w", "ASTERISK_HOST", "seed",
		     "ASTERISK_USER", "u", "ASTERISK_PASSWORD", "p", "DB_HOST", "d");
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->hosts[0].host, "w");
		cr_assert_str_eq(config->db, "sqlite:w");
		wtel_config_free(config);
	}
	{
		READ(NULL, NULL, "ASTERISK_HOST", "seed", "ASTERISK_PORT", "5040", "ASTERISK_USER", "u",
		     "ASTERISK_PASSWORD", "p", "DB_HOST", "db.example", "DB_PORT", "5433", "DB_NAME", "call centre",
		     "DB_USER", "m@x", "DB_PASSWORD", SECRET);
		cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
		cr_assert_str_eq(config->hosts[0].host, "seed");
		cr_assert_eq(config->hosts[0].port, 5040);
		cr_assert_str_eq(config->hosts[0].secret, "p");
		cr_assert_str_eq(config->db, "postgresql://m%40x@db.example:5433/call%20centre");
		cr_assert_str_eq(config->db_password, SECRET);
		wtel_config_free(config);
	}
}

Test(config, nothing_set_is_sqlite_and_no_host)
{
	{
		READ(NULL, NULL, "HOME", "/home/x");
		cr_assert_eq(code, 0);
		cr_assert_eq(config->host_count, 0);
		cr_assert_str_eq(config->db, "sqlite:/home/x/.local/state/wtel/wtel.db");
		wtel_config_free(config);
	}
	{
		READ(NULL, NULL, "HOME", "/home/x", "XDG_STATE_HOME", "/state", "WTEL_DB", "");
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->db, "sqlite:/state/wtel/wtel.db");
		wtel_config_free(config);
	}
	{
		READ(NULL, NULL, "HOME", "/h", "XDG_STATE_HOME", "relative");
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->db, "sqlite:/h/.local/state/wtel/wtel.db");
		wtel_config_free(config);
	}
	{
		READ(NULL, NULL);
		cr_assert_eq(code, WTEL_ECONFIG);
		cr_assert_str_eq(detail.field, "WTEL_DB");
	}
}

Test(config, a_password_leaves_the_url)
{
	{
		READ(NULL, "postgresql://me:" SECRET "%21@db:5432/x?sslmode=require");
		cr_assert_eq(code, 0, "%s", detail.text);
		cr_assert_str_eq(config->db, "postgresql://me@db:5432/x?sslmode=require");
		cr_assert_str_eq(config->db_password, SECRET "!");
		wtel_config_free(config);
	}
	{
		READ(NULL, "postgresql://me@db/x", "DB_PASSWORD", SECRET);
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->db, "postgresql://me@db/x");
		cr_assert_str_eq(config->db_password, SECRET);
		wtel_config_free(config);
	}
	{
		READ(NULL, "postgresql:");
		cr_assert_eq(code, 0);
		cr_assert_str_eq(config->db, "postgresql:");
		wtel_config_free(config);
	}
	{
		READ(NULL, "postgresql://db/x?user=me&PassWord=" SECRET);
		cr_assert_eq(code, WTEL_ECONFIG);
		cr_assert_str_eq(detail.field, "--db");
		cr_assert_null(strstr(detail.text, SECRET));
	}
	{
		READ(NULL, "host=db password=" SECRET);
		cr_assert_eq(code, WTEL_ECONFIG);
		cr_assert_null(strstr(detail.text, SECRET));
	}
}

Test(config, single_variables_are_checked)
{
	static const struct {
		const char *field;
		const char *pairs[9];
	} cases[] = {
		{"ASTERISK_USER", {"ASTERISK_HOST", "h", "ASTERISK_PASSWORD", SECRET}},
		{"ASTERISK_PASSWORD", {"ASTERISK_HOST", "h", "ASTERISK_USER", "u"}},
		{"ASTERISK_PASSWORD", {"ASTERISK_USER", "u", "ASTERISK_PASSWORD", SECRET "\r\nx"}},
		{"ASTERISK_PORT", {"ASTERISK_USER", "u", "ASTERISK_PASSWORD", SECRET, "ASTERISK_PORT", "x"}},
		{"ASTERISK_HOST", {"ASTERISK_USER", "u", "ASTERISK_PASSWORD", SECRET, "ASTERISK_HOST", "h\nx"}},
		{"DB_PORT", {"DB_HOST", "h", "DB_PORT", "-1", "DB_PASSWORD", SECRET}},
		{"DB_HOST", {"DB_HOST", "h host=evil", "DB_PASSWORD", SECRET}},
		{"WTEL_DB", {"WTEL_DB", "mysql://x:" SECRET "@h"}},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wtel_config *config = NULL;
		struct wtel_detail detail = {"", ""};
		int code = wtel_config_read(&config, NULL, NULL, get, (void *)cases[i].pairs, &detail);

		cr_assert_eq(code, WTEL_ECONFIG, "case %zu gave %d", i, code);
		cr_assert_null(config);
		cr_assert_str_eq(detail.field, cases[i].field);
		cr_assert_null(strstr(detail.text, SECRET));
	}
}

Test(config, a_country_is_a_calling_code)
{
	{
		READ("ami://a:b@h", "sqlite:x", "WTEL_COUNTRY", "+34");
		cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
		cr_assert_str_eq(config->country, "34");
		wtel_config_free(config);
	}
	{
		READ("ami://a:b@h", "sqlite:x");
		cr_assert_eq(code, 0);
		cr_assert_null(config->country);
		wtel_config_free(config);
	}
	{
		READ("ami://a:b@h", "sqlite:x", "WTEL_COUNTRY", "Spain");
		cr_assert_eq(code, WTEL_ECONFIG);
		cr_assert_str_eq(detail.field, "WTEL_COUNTRY");
		cr_assert_null(config);
	}
}

Test(config, asterisk_host_in_brackets)
{
	READ(NULL, "sqlite:x", "ASTERISK_HOST", "[::1]", "ASTERISK_USER", "u", "ASTERISK_PASSWORD", "p");

	cr_assert_eq(code, 0);
	cr_assert_str_eq(config->hosts[0].host, "::1");
	wtel_config_free(config);
}

Test(config, long_values_fit)
{
	static char host[1200], secret[9000], url[20000];
	size_t i;

	memset(host, 'h', 200);
	for (i = 0; i + 3 < sizeof(secret); i += 3)
		memcpy(secret + i, "%41", 3);
	snprintf(url, sizeof(url), "ami://u:%s@%s", secret, host);
	{
		READ(url, "sqlite:x");

		cr_assert_eq(code, 0, "%s", detail.text);
		cr_assert_eq(strlen(config->hosts[0].secret), strlen(secret) / 3);
		wtel_config_free(config);
	}
	memset(host, 'h', sizeof(host) - 1);
	snprintf(url, sizeof(url), "ami://u:s@%s", host);
	{
		READ(url, "sqlite:x");

		cr_assert_eq(code, WTEL_ECONFIG);
	}
}

/* ---- accounts --------------------------------------------------------- */

Test(config, phones)
{
	READ(NULL, "sqlite:x", "ASTERISK_WSS_HOST", "pbx.example", "ASTERISK_WSS_PORT", "8443", "WTEL_SIP_REALM",
	     "here", "WTEL_SECRET_KEYS", "k1 " SECRET, "WTEL_SECRET_KEYS_FILE", "/nonexistent");

	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_str_eq(config->wss_host, "pbx.example");
	cr_assert_eq(config->wss_port, 8443);
	cr_assert_str_eq(config->sip_realm, "here");
	cr_assert_str_eq(config->secret_keys, "k1 " SECRET);
	wtel_config_free(config);
}

Test(config, phones_without_a_word)
{
	READ(NULL, "sqlite:x");

	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_null(config->wss_host);
	cr_assert_eq(config->wss_port, 8089);
	cr_assert_null(config->sip_realm);
	cr_assert_null(config->secret_keys);
	wtel_config_free(config);
}

Test(config, phones_that_cannot_be)
{
	static const char *const wrong[][2] = {
		{"ASTERISK_WSS_HOST", "a b"},	 {"ASTERISK_WSS_HOST", "a/b"},
		{"ASTERISK_WSS_HOST", "a\r\nb"}, {"ASTERISK_WSS_PORT", "0"},
		{"ASTERISK_WSS_PORT", "65536"},	 {"WTEL_SECRET_KEYS_FILE", "/nonexistent/keys"},
		{"WTEL_SECRET_KEYS_FILE", "/"}};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		READ(NULL, "sqlite:x", wrong[i][0], wrong[i][1]);

		cr_assert_eq(code, WTEL_ECONFIG, "%s", wrong[i][1]);
		cr_assert_str_eq(detail.field, wrong[i][0]);
		cr_assert_null(config);
	}
}

Test(config, keys_of_a_file)
{
	char path[] = "/tmp/wtel-keys-XXXXXX", text[80000];
	int file = mkstemp(path);
	size_t i;

	cr_assert_eq(write(file, "k1 " SECRET "\n", strlen(SECRET) + 4), (ssize_t)strlen(SECRET) + 4);
	for (i = 0; i < 3; i++) {
		static const mode_t modes[] = {0600, 0440, 0644};
		READ(NULL, "sqlite:x", "WTEL_SECRET_KEYS_FILE", path);

		wtel_config_free(config);
		fchmod(file, modes[i]);
		config = NULL;
		code = wtel_config_read(&config, NULL, "sqlite:x", get, pairs, &detail);
		cr_assert_eq(code, i < 2 ? 0 : WTEL_ECONFIG, "%s", detail.text);
		if (!code)
			cr_assert_str_eq(config->secret_keys, "k1 " SECRET "\n");
		wtel_config_free(code ? NULL : config);
		cr_assert_null(strstr(detail.text, SECRET));
		fchmod(file, 0600);
	}
	memset(text, 'x', sizeof(text));
	cr_assert_eq(write(file, text, sizeof(text)), (ssize_t)sizeof(text));
	{
		READ(NULL, "sqlite:x", "WTEL_SECRET_KEYS_FILE", path);
		cr_assert_eq(code, WTEL_ECONFIG);
	}
	close(file);
	unlink(path);
}
