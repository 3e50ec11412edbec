/*
 * People of the platform, who log in by its table `usuarios`. The names of its columns vary between versions of the
 * platform: which of them are there is asked, again after a minute or when a statement fails, and of each list the
 * first that is there is taken.
 */
#include "store/users.h"

#include <stdio.h>

#include "store/core.h"
#include "store/rows.h"

enum { NAMES_MAX = 6, LOGIN_MAX = 255, HASH_LENGTH = 60, COLUMN_MAX = 32 };

enum what { ID, LOGIN, HASH, ROLE, ACTIVE, REMOVED, WHATS };
static const char *const names[WHATS][NAMES_MAX] = {
	[ID] = {"id"},
	[LOGIN] = {"correo", "email", "usuario", "username", "nombre_usuario"},
	[HASH] = {"contrasenia", "contrasena", "password", "password_hash", "clave"},
	[ROLE] = {"rol", "role", "tipo"},
	[ACTIVE] = {"estado", "activo", "active"},
	[REMOVED] = {"deleted_at", "deletedAt"},
};

/* The last two say what may be done with a column: read it, and compare it with a number. */
const struct store_statement store_users_columns = {
	.name = "find_user_columns",
	.sqlite = "SELECT name, 1, 1 FROM pragma_table_info('usuarios')",
	.postgres = "SELECT a.attname, CAST(has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS INTEGER),"
		    " CASE WHEN t.typname IN ('int2', 'int4', 'int8') THEN 1 ELSE 0 END"
		    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
		    " WHERE a.attrelid = to_regclass('usuarios') AND a.attnum > 0 AND NOT a.attisdropped",
};

void store_users_free(struct wtel_store *store)
{
	struct store_users *users;

	while ((users = store->users)) {
		store->users = users->older;
		base_release(&store->allocator, users);
	}
}

/* ---- the statements --------------------------------------------------- */

/* Of one look at the table. */
struct columns {
	char name[WHATS][COLUMN_MAX]; /* "": there is none */
	bool unreadable;	      /* one of them */
	bool number;		      /* ids are */
};

/* The column's own spelling, quoted and with its table: but for the case of its letters it is a name of the list, so
 * there is no quotation mark in it. Without the table SQLite would take one that is gone for a text. */
static void find_column(struct columns *columns, const struct store_rows *rows, enum what what)
{
	size_t i, row;

	for (i = 0; i < NAMES_MAX && names[what][i]; i++)
		for (row = 0; row < rows->row_count; row++) {
			struct wtel_slice name = rows->column(rows, row, 0);

			if (!base_slice_equal_fold(name, wtel_slice_of(names[what][i])))
				continue;
			snprintf(columns->name[what], COLUMN_MAX, "u.\"%.*s\"", (int)name.length, name.data);
			if (what != LOGIN && what != HASH)
				columns->unreadable |= !store_row_flag(rows, row, 1);
			if (what == ID)
				columns->number = store_row_flag(rows, row, 2);
			return;
		}
}

static void add(char *text, const char *before, const char *column, const char *after)
{
	size_t length = strlen(text);
	const char *const parts[] = {before, column, after};
	size_t i;

	for (i = 0; i < 3; i++) {
		size_t more = strlen(parts[i]);

		if (length + more >= STORE_USERS_TEXT)
			return;
		memcpy(text + length, parts[i], more + 1);
		length += more;
	}
}

static void add_active(char *text, const struct columns *columns)
{
	if (*columns->name[ACTIVE])
		add(text, "lower(coalesce(CAST(", columns->name[ACTIVE], " AS TEXT), ''))");
	else
		add(text, "'1'", "", "");
}

/* Two rows of one login are too many: nobody is guessed. */
static void build_login(struct store_users *users, const struct columns *columns)
{
	char *text = users->login_text;

	add(text, "SELECT CAST(", columns->name[ID], " AS TEXT), ");
	add(text, "CAST(", columns->name[HASH], " AS TEXT), ");
	add(text, "lower(CAST(", columns->name[ROLE], " AS TEXT)), ");
	add_active(text, columns);
	add(text, " FROM usuarios u WHERE CAST(", columns->name[LOGIN], " AS TEXT) = $1");
	if (*columns->name[REMOVED])
		add(text, " AND ", columns->name[REMOVED], " IS NULL");
	add(text, " LIMIT 2", "", "");
}

/* Grants, and of their users what store_users_active() and store_users_role() want; a grant of nobody in particular is
 * active. */
static void build_grants(char *text, const struct columns *columns, const char *which)
{
	add(text, "SELECT " STORE_GRANT_COLUMNS, "", "");
	if (!*columns->name[ID] || columns->unreadable) {
		add(text, ", '1', NULL FROM wtel_grants g", "", "");
	} else {
		add(text, ", CASE WHEN g.user_id IS NULL THEN '1' WHEN ", columns->name[ID], " IS NULL THEN ''");
		if (*columns->name[REMOVED])
			add(text, " WHEN ", columns->name[REMOVED], " IS NOT NULL THEN ''");
		add(text, " ELSE ", "", "");
		add_active(text, columns);
		add(text, " END, ", "", "");
		if (*columns->name[ROLE])
			add(text, "CASE WHEN g.user_id IS NULL THEN NULL ELSE lower(coalesce(CAST(",
			    columns->name[ROLE], " AS TEXT), '')) END");
		else
			add(text, "NULL", "", "");
		add(text, " FROM wtel_grants g LEFT JOIN usuarios u ON ", "", "");
		if (columns->number)
			add(text, "", columns->name[ID], " = g.user_id");
		else
			add(text, "CAST(", columns->name[ID], " AS TEXT) = CAST(g.user_id AS TEXT)");
	}
	add(text, which, "", "");
}

/* What a login would be told. */
static int judge(struct wtel_detail *said, const struct store_rows *rows, const struct columns *columns)
{
	enum what what;

	if (!rows->row_count)
		return base_fail(said, WTEL_ESCHEMA, "usuarios", "there is no table usuarios");
	for (what = ID; what <= ROLE; what++)
		if (!*columns->name[what])
			return base_fail(said, WTEL_ESCHEMA, "usuarios", "the table usuarios has no column %s%s",
					 names[what][0], names[what][1] ? ", nor one of its other names" : "");
	return 0;
}

/* false: it is what was known. */
static bool keep(struct wtel_store *store, struct store_users *users)
{
	struct store_users *known = store->users;

	users->looked = wtel_time_now().mono;
	if (known && strcmp(known->login_text, users->login_text) == 0 &&
	    strcmp(known->grant_text, users->grant_text) == 0) {
		known->looked = users->looked;
		known->code = users->code;
		known->said = users->said;
		base_release(&store->allocator, users);
		return false;
	}
	users->number = known ? known->number + 1 : 1;
	snprintf(users->login_name, sizeof(users->login_name), "find_user_%u", users->number);
	snprintf(users->grant_name, sizeof(users->grant_name), "find_grant_%u", users->number);
	snprintf(users->tokens_name, sizeof(users->tokens_name), "list_tokens_%u", users->number);
	users->login = (struct store_statement){
		.name = users->login_name, .sqlite = users->login_text, .postgres = users->login_text};
	users->grant = (struct store_statement){
		.name = users->grant_name, .sqlite = users->grant_text, .postgres = users->grant_text};
	users->tokens = (struct store_statement){
		.name = users->tokens_name, .sqlite = users->tokens_text, .postgres = users->tokens_text};
	users->older = known;
	store->users = users;
	return true;
}

int store_users_learn(struct wtel_store *store, const struct store_rows *rows)
{
	struct store_users *users = base_allocate_zero(&store->allocator, sizeof(*users));
	struct columns columns;
	enum what what;

	if (!users)
		return WTEL_ENOMEM;
	memset(&columns, 0, sizeof(columns));
	for (what = ID; what < WHATS; what++)
		find_column(&columns, rows, what);
	users->code = judge(&users->said, rows, &columns);
	if (!users->code)
		build_login(users, &columns);
	build_grants(users->grant_text, &columns, " WHERE g.hash = $1");
	build_grants(users->tokens_text, &columns, " WHERE g.kind = 'token' ORDER BY g.created_at DESC, g.id DESC");
	if (keep(store, users) && columns.unreadable)
		store_log(store, WTEL_LOG_WARNING,
			  "store: the table usuarios may not be read: whether a session's user is active is not known");
	return 0;
}

/* ---- looking again ---------------------------------------------------- */

static void looked_again(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	struct wtel_store *store = ask->store;

	(void)detail;
	store_ask_free(ask);
	if (!code)
		(void)store_users_learn(store, rows);
}

/* What is known counts until the answer is there. */
void store_users_refresh(struct wtel_store *store)
{
	const struct store_args args = {0};
	int64_t now = wtel_time_now().mono;

	if (now - store->users->looked < STORE_USERS_KNOWN)
		return;
	store->users->looked = now;
	(void)store_ask(store, &store_users_columns, &args, looked_again, NULL, NULL);
}

/* ---- asking ----------------------------------------------------------- */

struct user_ask {
	struct store_ask ask; /* first */
	bool looked;	      /* at the columns, for this one */
	char login[LOGIN_MAX + 1];
};

static const struct wtel_detail nobody = {"", "no such user"};

bool store_users_active(struct wtel_slice value)
{
	static const char *const words[] = {"1",  "t",	       "true", "activo",     "activa",	   "active",
					    "si", "s\xc3\xad", "yes",  "habilitado", "habilitada", "enabled"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (base_slice_is(value, words[i]))
			return true;
	return false;
}

enum wtel_role store_users_role(struct wtel_slice value)
{
	if (base_slice_is(value, "admin") || base_slice_is(value, "administrador"))
		return WTEL_ROLE_ADMIN;
	return base_slice_is(value, "supervisor") ? WTEL_ROLE_SUPERVISOR : WTEL_ROLE_AGENT;
}

static void end(struct user_ask *ask, int code, const struct wtel_detail *detail, int64_t user_id, enum wtel_role role,
		const char *hash)
{
	store_user_fn *done = (store_user_fn *)ask->ask.callback;
	void *tell = ask->ask.user;
	struct wtel_detail said;

	store_ask_say(&said, code, detail);
	store_ask_free(&ask->ask);
	done(code, &said, user_id, role, hash, tell);
}

static int look(struct user_ask *ask);

static void user_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct user_ask *ask = user;
	char hash[HASH_LENGTH + 1];
	struct wtel_slice value;
	int64_t id;

	if (code == WTEL_ESCHEMA && !ask->looked && !look(ask))
		return;
	if (code) {
		end(ask, code, detail, 0, WTEL_ROLE_AGENT, NULL);
		return;
	}
	id = rows->row_count == 1 ? store_row_number(rows, 0, 0) : 0;
	if (id < 1 || id > INT32_MAX || !store_users_active(rows->column(rows, 0, 3))) {
		end(ask, WTEL_ENOTFOUND, &nobody, 0, WTEL_ROLE_AGENT, NULL);
		return;
	}
	/* Whatever else stands there is no hash of bcrypt, and must not be tried as one of another kind. */
	value = rows->column(rows, 0, 1);
	if (value.length != HASH_LENGTH || !base_slice_starts(value, BASE_SLICE("$2")) ||
	    base_slice_unsafe(value) != value.length) {
		end(ask, WTEL_ENOTFOUND, &nobody, 0, WTEL_ROLE_AGENT, NULL);
		return;
	}
	base_slice_copy(hash, sizeof(hash), value);
	end(ask, 0, NULL, id, store_users_role(rows->column(rows, 0, 2)), hash);
	base_wipe(hash, sizeof(hash));
}

static int send_find(struct user_ask *ask)
{
	struct store_args args = {0};

	store_args_text(&args, ask->login);
	return store_ask_send(&ask->ask, &ask->ask.store->users->login, &args, user_found);
}

static void columns_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct user_ask *ask = user;
	struct wtel_store *store = ask->ask.store;

	if (!code)
		code = store_users_learn(store, rows);
	if (!code && store->users->code) {
		code = store->users->code;
		detail = &store->users->said;
	}
	if (!code)
		code = send_find(ask);
	if (code)
		end(ask, code, detail, 0, WTEL_ROLE_AGENT, NULL);
}

static int look(struct user_ask *ask)
{
	const struct store_args args = {0};

	ask->looked = true;
	return store_ask_send(&ask->ask, &store_users_columns, &args, columns_found);
}

int store_user(struct wtel_store *store, const char *login, store_user_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	struct user_ask *ask;
	int code;

	if (!login || !login[0] || store_check_text(detail, "", wtel_slice_of(login), LOGIN_MAX)) {
		*detail = nobody;
		return WTEL_ENOTFOUND;
	}
	ask = (struct user_ask *)store_ask_new(store, sizeof(*ask));
	if (!ask)
		return WTEL_ENOMEM;
	ask->ask.callback = (void (*)(void))done;
	ask->ask.user = user;
	base_slice_copy(ask->login, sizeof(ask->login), wtel_slice_of(login));
	if (store->users && !store->users->code) {
		store_users_refresh(store);
		code = send_find(ask);
	} else {
		code = look(ask);
	}
	if (code)
		store_ask_free(&ask->ask);
	return code;
}
