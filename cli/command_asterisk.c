/*
 * Asterisk's files, for those who do not let it read the database (examples/asterisk/extconfig.conf): what stands in
 * the database as sections that pjsip.conf includes. What a name, an address or a secret holds is not trusted: one that
 * would be more than that in a configuration is left out, told, and the exit status says so.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* ---- what may stand there --------------------------------------------- */

static bool given(const char *text)
{
	return text && *text;
}

static bool only(const char *text, const char *letters)
{
	return given(text) && strspn(text, letters) == strlen(text);
}

static bool is_name(const char *text)
{
	return only(text, LETTERS "_.-");
}

static bool is_extension(const char *text)
{
	return only(text, LETTERS "_.-*#");
}

/* Of a SIP address (RFC 3261, `user`), without what begins its parameters. */
static bool is_user(const char *text)
{
	return only(text, LETTERS "_.!~*'()&=+$,/-@");
}

static bool is_host(const char *text)
{
	return only(text, LETTERS "_.:-");
}

/* Asterisk strips blanks around a value, and a line is a line. */
static bool is_value(const char *text)
{
	size_t i, length = strlen(text);

	for (i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return length && text[0] != ' ' && text[length - 1] != ' ';
}

/* ';' begins a comment unless a backslash stands before it (main/config.c). */
static void put_value(FILE *file, const char *name, const char *value)
{
	fprintf(file, "%s = ", name);
	for (; *value; value++) {
		if (*value == ';')
			fputc('\\', file);
		fputc(*value, file);
	}
	fputc('\n', file);
}

/* ---- a file ----------------------------------------------------------- */

/* A new file takes the place of the old one whole or not at all. Who may read the old one may read it: Asterisk does
 * not run as us. */
struct target {
	FILE *file;
	const char *path; /* NULL: standard output */
	char *made;
};

static int target_fail(const struct cli *cli, struct target *target, const char *what)
{
	int status = cli_fail(cli, EXIT_FAILED, "%s: %s: %s", cli_safe(target->path), what, strerror(errno));

	if (target->file && target->file != stdout)
		fclose(target->file);
	if (target->made)
		unlink(target->made);
	free(target->made);
	return status;
}

static int target_open(const struct cli *cli, struct target *target, const char *path)
{
	struct stat before;
	bool there;
	int file;

	*target = (struct target){stdout, path, NULL};
	if (!path)
		return 0;
	target->file = NULL;
	there = stat(path, &before) == 0;
	if (asprintf(&target->made, "%s.XXXXXX", path) < 0) {
		target->made = NULL;
		return target_fail(cli, target, "no memory");
	}
	file = mkostemp(target->made, O_CLOEXEC);
	if (file < 0) {
		free(target->made);
		target->made = NULL;
		return target_fail(cli, target, "cannot be made");
	}
	if ((there && (fchown(file, before.st_uid, before.st_gid) || fchmod(file, before.st_mode & 0660))) ||
	    !(target->file = fdopen(file, "w"))) {
		target_fail(cli, target, "its owner cannot be given the new one");
		close(file);
		return EXIT_FAILED;
	}
	return 0;
}

static int target_close(const struct cli *cli, struct target *target, int status)
{
	if (fflush(target->file) || ferror(target->file) ||
	    (target->path && (fsync(fileno(target->file)) || rename(target->made, target->path))))
		return target_fail(cli, target, "cannot be written");
	if (target->path)
		fclose(target->file);
	free(target->made);
	return status;
}

static void put_head(FILE *file, const char *what)
{
	fprintf(file,
		"; %s, made by `wtelctl asterisk-config`: what is changed here is lost when it runs again. Keep this "
		"file"
		" readable\n; by asterisk alone. After a change: asterisk -rx \"module reload res_pjsip.so\"\n",
		what);
}

/* ---- accounts --------------------------------------------------------- */

static bool is_endpoint(const struct wtel_trunk_list *trunks, const char *name)
{
	size_t i;

	for (i = 0; i < trunks->count; i++)
		if (given(trunks->trunks[i].endpoint) && strcmp(trunks->trunks[i].endpoint, name) == 0)
			return true;
	return false;
}

static bool is_anothers(const struct wtel_account_list *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->accounts[i].extension, name) == 0)
			return true;
	return false;
}

/* One of an account's two names: a phone is known by either. */
static void put_phone(FILE *file, const struct wtel_account *account, const char *name, const char *md5, bool old)
{
	fprintf(file, "\n[%s](%s)\n", name, account->webrtc ? "wtel-agent-webrtc" : "wtel-agent");
	fprintf(file, "auth = %s,%s\naors = %s,%s\n", account->username, account->extension, account->extension,
		account->username);
	fprintf(file, "[%s]\ntype = auth\nusername = %s\n", name, name);
	put_value(file, "realm", account->realm);
	if (old)
		fprintf(file, "auth_type = md5\nmd5_cred = %s\n", md5);
	else
		fprintf(file, "auth_type = digest\npassword_digest = MD5:%s\n", md5);
	fprintf(file, "[%s](wtel-agent-aor)\n", name);
}

static int put_peers(const struct cli *cli, FILE *file, const struct wtel_account_list *list,
		     const struct wtel_trunk_list *trunks, bool old)
{
	int status = EXIT_DONE;
	size_t i;

	put_head(file, "Agents' phones");
	for (i = 0; i < list->count; i++) {
		const struct wtel_account *account = &list->accounts[i];

		if (!is_extension(account->extension) || !is_name(account->username) || !is_value(account->realm) ||
		    is_endpoint(trunks, account->extension) || is_endpoint(trunks, account->username) ||
		    is_anothers(list, account->username)) {
			status = cli_fail(cli, EXIT_FAILED, "the account %s (%s) is left out: its names cannot be used",
					  cli_safe(account->extension), cli_safe(account->username));
			continue;
		}
		put_phone(file, account, account->extension, account->extension_md5, old);
		put_phone(file, account, account->username, account->username_md5, old);
	}
	return status;
}

int command_asterisk_peers(struct cli *cli, int argc, char **argv)
{
	const char *path = NULL;
	bool old = false;
	const struct cli_option options[] = {
		{"output", CLI_TEXT, &path, "FILE", "instead of standard output; /etc/asterisk/wtel-agents.conf"},
		{"md5-cred", CLI_FLAG, &old, NULL, "for an Asterisk before 22.2"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_account_list *list = NULL;
	struct wtel_trunk_list *trunks = NULL;
	struct target target;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_accounts(cli->store, &list);
	if (!code)
		code = wtel_store_trunks(cli->store, &trunks, 0);
	if (code)
		status = cli_fail_code(cli, code, wtel_store_error(cli->store));
	else
		status = target_open(cli, &target, path);
	if (!status)
		status = target_close(cli, &target, put_peers(cli, target.file, list, trunks, old));
	wtel_trunk_list_free(trunks);
	wtel_account_list_free(list);
	return status;
}

/* ---- trunks ----------------------------------------------------------- */

static const char *trunk_wrong(const struct wtel_trunk *trunk, const char *password)
{
	if (!is_name(trunk->endpoint))
		return "it has no endpoint";
	if (!is_host(trunk->host))
		return "its host is none";
	if (given(trunk->username) && !is_user(trunk->username))
		return "its user name cannot stand in a SIP address";
	if ((given(trunk->from_user) && !is_user(trunk->from_user)) ||
	    (given(trunk->from_domain) && !is_host(trunk->from_domain)))
		return "its From cannot stand in a SIP address";
	if (*password && !is_value(password))
		return "its password cannot stand in a file";
	return NULL;
}

/* What an advanced setting adds to the endpoint: a text, or texts in an array. */
static void put_setting(FILE *file, const json_t *settings, const char *key, const char *name, const char *letters)
{
	const json_t *value = json_object_get(settings, key), *one;
	size_t i;

	if (json_is_string(value) && only(json_string_value(value), letters))
		fprintf(file, "%s = %s\n", name, json_string_value(value));
	json_array_foreach(value, i, one) if (only(json_string_value(one), LETTERS))
		fprintf(file, "%s = %s\n", name, json_string_value(one));
}

static void put_settings(FILE *file, const struct wtel_trunk *trunk)
{
	json_t *settings = json_loads(trunk->advanced_settings ? trunk->advanced_settings : "{}", 0, NULL);

	if (json_object_get(settings, "codecs"))
		fputs("disallow = all\n", file);
	put_setting(file, settings, "codecs", "allow", LETTERS ",");
	put_setting(file, settings, "transport", "transport", LETTERS "_.-");
	json_decref(settings);
}

static void put_registration(FILE *file, const struct wtel_trunk *trunk, const char *address, bool secret)
{
	const char *at = strchr(trunk->username, '@');

	fprintf(file, "[%s](wtel-trunk-registration)\nendpoint = %s\nserver_uri = sip:%s\n", trunk->endpoint,
		trunk->endpoint, address);
	if (secret)
		fprintf(file, "outbound_auth = %s\n", trunk->endpoint);
	fprintf(file, "client_uri = sip:%s%s%s\ncontact_user = %.*s\n", trunk->username, at ? "" : "@",
		at ? "" : address, at ? (int)(at - trunk->username) : (int)strlen(trunk->username), trunk->username);
}

static void put_trunk(FILE *file, const struct wtel_trunk *trunk, const char *password)
{
	bool bare = strchr(trunk->host, ':') != NULL, secret = given(trunk->username) && *password;
	char address[300];

	snprintf(address, sizeof(address), "%s%s%s:%d", bare ? "[" : "", trunk->host, bare ? "]" : "", trunk->port);
	/* Nobody is the carrier by its name in From. */
	fprintf(file, "\n[%s](wtel-trunk)\naors = %s\nidentify_by = ip\n", trunk->endpoint, trunk->endpoint);
	if (secret)
		fprintf(file, "outbound_auth = %s\n", trunk->endpoint);
	if (given(trunk->from_user))
		put_value(file, "from_user", trunk->from_user);
	if (given(trunk->from_domain))
		put_value(file, "from_domain", trunk->from_domain);
	put_settings(file, trunk);
	if (secret) {
		fprintf(file, "[%s](wtel-trunk-auth)\n", trunk->endpoint);
		put_value(file, "username", trunk->username);
		put_value(file, "password", password);
	}
	fprintf(file, "[%s](wtel-trunk-aor)\ncontact = sip:%s\n", trunk->endpoint, address);
	if (given(trunk->username) && trunk->needs_registration)
		put_registration(file, trunk, address, secret);
	else
		fprintf(file, "[%s]\ntype = identify\nendpoint = %s\nmatch = %s\n", trunk->endpoint, trunk->endpoint,
			trunk->host);
}

static int put_trunks(const struct cli *cli, FILE *file, const struct wtel_trunk_list *list)
{
	char password[WTEL_TRUNK_PASSWORD_SIZE];
	int status = EXIT_DONE, code = 0;
	const char *wrong;
	size_t i;

	put_head(file, "Trunks");
	for (i = 0; i < list->count && !code; i++) {
		const struct wtel_trunk *trunk = &list->trunks[i];

		if (trunk->status == WTEL_TRUNK_INACTIVE || trunk->type == WTEL_TRUNK_IAX2)
			continue;
		code = wtel_store_trunk_password(cli->store, password, trunk->id);
		if (code == WTEL_ENOTFOUND) { /* removed a moment ago */
			code = 0;
			continue;
		}
		wrong = code ? NULL : trunk_wrong(trunk, password);
		if (code)
			status = cli_fail_code(cli, code, wtel_store_error(cli->store));
		else if (wrong)
			status = cli_fail(cli, EXIT_FAILED, "the trunk %s is left out: %s", cli_safe(trunk->name),
					  wrong);
		else
			put_trunk(file, trunk, password);
	}
	OPENSSL_cleanse(password, sizeof(password));
	return status;
}

int command_asterisk_trunks(struct cli *cli, int argc, char **argv)
{
	const char *path = NULL;
	const struct cli_option options[] = {
		{"output", CLI_TEXT, &path, "FILE", "instead of standard output; /etc/asterisk/wtel-trunks.conf"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_trunk_list *list = NULL;
	struct target target;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);

	if (status || (status = cli_open_store(cli)))
		return status;
	if (wtel_store_trunks(cli->store, &list, 0))
		return cli_fail_code(cli, WTEL_ESTORE, wtel_store_error(cli->store));
	status = target_open(cli, &target, path);
	if (!status)
		status = target_close(cli, &target, put_trunks(cli, target.file, list));
	wtel_trunk_list_free(list);
	return status;
}

/* ---- dialplan --------------------------------------------------------- */

int command_asterisk_dialplan(struct cli *cli, int argc, char **argv)
{
	const char *path = NULL;
	const struct cli_option options[] = {
		{"output", CLI_TEXT, &path, "FILE", "instead of standard output; /etc/asterisk/extensions.conf"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct target target;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);

	if (status || (status = target_open(cli, &target, path)))
		return status;
	fputs(cli_dialplan, target.file); /* it needs nothing of the database */
	return target_close(cli, &target, EXIT_DONE);
}
