/* Trunks as they are changed. */
#include <jansson.h>
#include <stdlib.h>

#include "store/core.h"
#include "store/rows.h"

#include "base/timestamp.h"
#include "trunk/rules.h"

STORE_BOTH(insert_trunk,
	   "INSERT INTO trunks (name, description, provider, trunk_type, host, port, username, password,"
	   " from_user, from_domain, max_channels, priority, status, registered, advanced_settings,"
	   " created_at, updated_at)"
	   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) RETURNING id");

STORE_BOTH(update_trunk,
	   "UPDATE trunks SET name = $1, description = $2, provider = $3, trunk_type = $4, host = $5,"
	   " port = $6, username = $7, password = coalesce($8, password), from_user = $9, from_domain = $10,"
	   " max_channels = $11, priority = $12, status = $13, registered = $14, advanced_settings = $15,"
	   " updated_at = $16 WHERE id = $17 RETURNING id");

STORE_BOTH(remove_trunk, "DELETE FROM trunks WHERE id = $1"
			 " AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.trunk_id = trunks.id AND c.end_time IS NULL)");

STORE_BOTH(find_trunk, "SELECT id FROM trunks WHERE name = $1 OR CAST(id AS TEXT) = $1"
		       " ORDER BY CASE WHEN name = $1 THEN 0 ELSE 1 END LIMIT 1");

STORE_BOTH(has_trunk, "SELECT id FROM trunks WHERE id = $1");

STORE_BOTH(assign_trunk, "INSERT INTO campaign_trunks (campana_id, trunk_id, priority, created_at, updated_at)"
			 " VALUES ($1, $2, $3, $4, $4) ON CONFLICT (campana_id, trunk_id)"
			 " DO UPDATE SET priority = excluded.priority, updated_at = excluded.updated_at");

STORE_BOTH(unassign_trunk, "DELETE FROM campaign_trunks WHERE campana_id = $1 AND trunk_id = $2");

/* A trunk that is known by its address is always registered. */
#define REGISTRY(none)                                                                                                 \
	"UPDATE trunks SET registered = $2, last_registered_at = coalesce($3, last_registered_at),"                    \
	" last_error_at = coalesce($4, last_error_at), last_error_message = coalesce($5, last_error_message),"         \
	" updated_at = $6 WHERE id = $1 AND " none
static const struct store_statement set_registry = {
	.name = "set_registry",
	.sqlite = REGISTRY("json_type(advanced_settings, '$.registration') IS NOT 'false'"),
	.postgres = REGISTRY("(advanced_settings ->> 'registration') IS DISTINCT FROM 'false'"),
	.relaxed = true,
};

/* ---- saving ----------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* advanced_settings with what the struct says beside it: an endpoint of its own, and that it needs no registration. */
static int merge_settings(json_t *settings, struct wtel_trunk *trunk, struct wtel_detail *detail)
{
	json_t *registration = json_object_get(settings, "registration"), *endpoint;
	char slug[401] = "";
	const char *given = json_string_value(json_object_get(settings, "endpoint"));

	if (registration && !json_is_boolean(registration))
		return base_fail(detail, WTEL_EINVAL, "advanced_settings", "registration must be true or false");
	if (!given && json_object_get(settings, "endpoint"))
		return base_fail(detail, WTEL_EINVAL, "advanced_settings", "endpoint must be a text");
	if (json_is_false(registration))
		trunk->needs_registration = false;
	if (!trunk->needs_registration && json_object_set_new(settings, "registration", json_false()))
		return WTEL_ENOMEM;
	if (!trunk->name || wtel_trunk_slug(slug, sizeof(slug), trunk->name))
		slug[0] = '\0';
	if (!trunk->endpoint || !trunk->endpoint[0]) {
		trunk->endpoint = given;
		return 0;
	}
	if (same(trunk->endpoint, given) || (!given && same(trunk->endpoint, slug)))
		return 0;
	endpoint = json_string(trunk->endpoint);
	if (!endpoint)
		return base_fail(detail, WTEL_EINVAL, "endpoint", "endpoint is not UTF-8");
	return json_object_set_new(settings, "endpoint", endpoint) ? WTEL_ENOMEM : 0;
}

/* *text is the object as it is stored: freed with free(). `trunk` takes what it says. */
static int read_settings(struct wtel_store *store, char **text, json_t **settings, struct wtel_trunk *trunk,
			 struct wtel_detail *detail)
{
	const char *given = trunk->advanced_settings && trunk->advanced_settings[0] ? trunk->advanced_settings : "{}";
	size_t length = strlen(given);
	json_error_t error;
	int code;

	if (length > TRUNK_SETTINGS_MAX)
		return base_fail(detail, WTEL_ELIMIT, "advanced_settings", "advanced_settings is longer than %d bytes",
				 TRUNK_SETTINGS_MAX);
	*settings = json_loadb(given, length, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(*settings))
		return base_fail(detail, WTEL_EINVAL, "advanced_settings",
				 "advanced_settings must be a JSON object%s%s", *settings ? "" : ": ",
				 *settings ? "" : error.text);
	code = merge_settings(*settings, trunk, detail);
	if (code)
		return code;
	*text = store_json_text(&store->allocator, *settings, 0);
	return *text ? 0 : WTEL_ENOMEM;
}

/* Whether the zone exists is known only here: the rules are pure. Their form was checked before. */
static int check_zone(struct wtel_store *store, const json_t *settings, struct wtel_detail *detail)
{
	const char *name = json_string_value(json_object_get(settings, "timezone"));
	struct store_zones zones = {&store->allocator, NULL};
	struct wtel_slice data;
	int code = name && name[0] ? store_zone(&data, name, &zones) : 0;

	store_zones_free(&zones);
	if (code == WTEL_ENOTFOUND)
		return base_fail(detail, WTEL_EINVAL, "advanced_settings.timezone",
				 "timezone \"%.64s\" is not one of the system's time zones", name);
	return code;
}

static void trunk_args(struct store_args *args, const struct wtel_trunk *trunk, const char *settings)
{
	store_args_text(args, trunk->name);
	store_args_text(args, trunk->description);
	store_args_text(args, wtel_trunk_provider_name(trunk->provider));
	store_args_text(args, wtel_trunk_type_name(trunk->type));
	store_args_text(args, trunk->host);
	store_args_number(args, trunk->port);
	store_args_text(args, trunk->username);
	store_args_slice(args, wtel_slice_of(trunk->password)); /* "" takes it away */
	store_args_text(args, trunk->from_user);
	store_args_text(args, trunk->from_domain);
	store_args_number(args, trunk->max_channels);
	store_args_number(args, trunk->priority);
	store_args_text(args, wtel_trunk_status_name(trunk->status));
	store_args_flag(args, trunk->registered || !trunk->needs_registration);
	store_args_text(args, settings);
	store_args_time(args, wtel_time_now().wall);
	if (trunk->id)
		store_args_id(args, trunk->id);
}

/* One row of one id, or which error it is. */
static void id_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	store_id_fn *done = (store_id_fn *)ask->callback;
	struct wtel_detail said;
	void *tell = ask->user;
	int64_t id = 0;

	if (!code && !rows->row_count) {
		code = WTEL_ENOTFOUND;
		detail = &store_no_trunk;
	} else if (!code) {
		id = store_row_number(rows, 0, 0);
	}
	store_ask_say(&said, code, detail);
	store_ask_free(ask);
	done(code, &said, id, tell);
}

static void saved(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail taken = {"name", "a trunk of that name exists already"};

	id_done(code, rows, code == WTEL_EEXISTS ? &taken : detail, user);
}

int store_trunk_save(struct wtel_store *store, const struct wtel_trunk *trunk, store_id_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct wtel_trunk use = *trunk;
	struct store_args args = {0};
	json_t *settings = NULL;
	char *text = NULL;
	int code = store_check_id(detail, "id", trunk->id);

	if (!code)
		code = read_settings(store, &text, &settings, &use, detail);
	if (!code)
		code = wtel_trunk_check(&use, detail);
	if (!code)
		code = check_zone(store, settings, detail);
	if (!code) {
		trunk_args(&args, &use, text);
		code = store_ask(store, use.id ? &update_trunk : &insert_trunk, &args, saved, (void (*)(void))done,
				 user);
	}
	base_release(&store->allocator, text);
	json_decref(settings);
	return code == WTEL_ENOMEM ? base_fail(detail, code, "", "%s", wtel_error_text(code)) : code;
}

int wtel_store_trunk_save(struct wtel_store *store, int64_t *id, const struct wtel_trunk *trunk)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_end(&answer, store_trunk_save(store, trunk, store_answered_id, answer.waiter));
	if (!code)
		*id = answer.id;
	return code;
}

/* ---- the rest --------------------------------------------------------- */

int store_trunk_find(struct wtel_store *store, const char *name_or_id, store_id_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_check_text(store_forget_error(store), "trunk", wtel_slice_of(name_or_id), 400);

	if (code)
		return code;
	store_args_slice(&args, name_or_id ? wtel_slice_of(name_or_id) : BASE_SLICE(""));
	return store_ask(store, &find_trunk, &args, id_done, (void (*)(void))done, user);
}

int wtel_store_trunk_find(struct wtel_store *store, int64_t *id, const char *name_or_id)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (!code)
		code = store_answer_end(&answer, store_trunk_find(store, name_or_id, store_answered_id, answer.waiter));
	if (!code)
		*id = answer.id;
	return code;
}

/* A change that may change nothing, and is there to say why: by whether the trunk exists. */
struct change {
	struct store_ask ask; /* first */
	int64_t trunk_id;
	struct wtel_detail without; /* there is no such trunk */
	struct wtel_detail with;    /* there is */
	int code;		    /* of the latter */
};

static struct change *change_new(struct wtel_store *store, int64_t trunk_id, store_change_fn *done, void *user)
{
	struct change *change = (struct change *)store_ask_new(store, sizeof(*change));

	if (!change)
		return NULL;
	change->ask.callback = (void (*)(void))done;
	change->ask.user = user;
	change->trunk_id = trunk_id;
	return change;
}

static void change_end(struct change *change, int code, const struct wtel_detail *detail)
{
	store_change_fn *done = (store_change_fn *)change->ask.callback;
	void *user = change->ask.user;
	struct wtel_detail said;

	store_ask_say(&said, code, detail);
	store_ask_free(&change->ask);
	done(code, &said, user);
}

static void change_explained(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct change *change = user;

	if (!code) {
		const struct wtel_detail *said = rows->row_count ? &change->with : &change->without;

		detail = said;
		code = rows->row_count ? change->code : WTEL_ENOTFOUND;
	}
	change_end(change, code, detail);
}

static void change_explain(struct change *change)
{
	struct store_args args = {0};
	int code;

	store_args_number(&args, change->trunk_id);
	code = store_ask_send(&change->ask, &has_trunk, &args, change_explained);
	if (code)
		change_end(change, code, NULL);
}

static int change_send(struct change *change, const struct store_statement *statement, const struct store_args *args,
		       store_done_fn *done)
{
	int code = store_ask_send(&change->ask, statement, args, done);

	if (code)
		store_ask_free(&change->ask);
	return code;
}

static void removed(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct change *change = user;

	if (code || rows->changed)
		change_end(change, code, detail);
	else
		change_explain(change);
}

int store_trunk_remove(struct wtel_store *store, int64_t id, store_change_fn *done, void *user)
{
	struct store_args args = {0};
	struct change *change;
	int code = store_check_id(store_forget_error(store), "id", id);

	if (code)
		return code;
	change = change_new(store, id, done, user);
	if (!change)
		return WTEL_ENOMEM;
	change->without = store_no_trunk;
	change->code = base_fail(&change->with, WTEL_ESTATE, "trunk", "calls are on this trunk now");
	store_args_number(&args, id);
	return change_send(change, &remove_trunk, &args, removed);
}

int wtel_store_trunk_remove(struct wtel_store *store, int64_t id)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer, store_trunk_remove(store, id, store_answered_change, answer.waiter));
}

/* SQLite does not say which of the keys it was that is missing. */
static void assigned(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct change *change = user;

	(void)rows;
	if (code == WTEL_ENOTFOUND)
		change_explain(change);
	else
		change_end(change, code, detail);
}

static void unassigned(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	static const struct wtel_detail missing = {"trunk_id", "that trunk is not assigned to the campaign"};

	if (!code && !rows->changed)
		change_end(user, WTEL_ENOTFOUND, &missing);
	else
		change_end(user, code, detail);
}

int store_assign(struct wtel_store *store, int64_t campaign_id, int64_t trunk_id, int priority, store_change_fn *done,
		 void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct store_args args = {0};
	struct change *change;
	int code = store_check_id(detail, "campaign_id", campaign_id);

	if (!code)
		code = store_check_id(detail, "trunk_id", trunk_id);
	if (!code && (priority < 0 || priority > 100))
		code = base_fail(detail, WTEL_EINVAL, "priority", "priority must be between 1 and 100");
	if (code)
		return code;
	change = change_new(store, trunk_id, done, user);
	if (!change)
		return WTEL_ENOMEM;
	base_fail(&change->without, WTEL_ENOTFOUND, "trunk_id", "no such trunk");
	change->code = base_fail(&change->with, WTEL_ENOTFOUND, "campaign_id", "no such campaign");
	store_args_number(&args, campaign_id);
	store_args_number(&args, trunk_id);
	if (!priority)
		return change_send(change, &unassign_trunk, &args, unassigned);
	store_args_number(&args, priority);
	store_args_time(&args, wtel_time_now().wall);
	return change_send(change, &assign_trunk, &args, assigned);
}

int wtel_store_assign(struct wtel_store *store, int64_t campaign_id, int64_t trunk_id, int priority)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer, store_assign(store, campaign_id, trunk_id, priority,
							     store_answered_change, answer.waiter));
}

static void registry_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code)
		store_log(ask->store, WTEL_LOG_WARNING, "store: a registration could not be kept: %s",
			  detail ? detail->text : wtel_error_text(code));
	store_ask_free(ask);
}

int store_registry(struct wtel_store *store, int64_t trunk_id, bool registered, int64_t wall, const char *error)
{
	struct store_args args = {0};
	char text[501];

	text[store_clean_text(text, sizeof(text) - 1, error)] = '\0';
	store_args_number(&args, trunk_id);
	store_args_flag(&args, registered);
	store_args_time(&args, registered ? wall : 0);
	store_args_time(&args, registered ? 0 : wall);
	store_args_text(&args, registered ? NULL : text);
	store_args_time(&args, wall);
	return store_ask(store, &set_registry, &args, registry_done, NULL, NULL);
}
