/*
 * People of the platform, who log in by its table `usuarios`. The names of its columns vary between versions of the
 * platform: which of them are there is asked once, and of each list the first that is there is taken.
 */
#include <stdio.h>

#include "store/core.h"
#include "store/rows.h"

enum { NAMES_MAX = 6, LOGIN_MAX = 255, HASH_LENGTH = 60, COLUMN_MAX = 32, TEXT_MAX = 1024 };

enum what { ID, LOGIN, HASH, ROLE, ACTIVE, REMOVED, WHATS };
static const char *const names[WHATS][NAMES_MAX] = {
	[ID] = {"id"},
	[LOGIN] = {"correo", "email", "usuario", "username", "nombre_usuario"},
	[HASH] = {"contrasenia", "contrasena", "password", "password_hash", "clave"},
	[ROLE] = {"rol", "role", "tipo"},
	[ACTIVE] = {"estado", "activo", "active"},
	[REMOVED] = {"deleted_at", "deletedAt"},
};

static const struct store_statement find_user_columns = {
	.name = "find_user_columns",
	.sqlite = "SELECT name FROM pragma_table_info('usuarios')",
	.postgres = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('usuarios') AND attnum > 0"
		    " AND NOT attisdropped",
};

/* Of the tables as they were when somebody logged in first; lives as long as the store, which has it prepared. */
struct store_users {
	struct store_statement find;
	char text[TEXT_MAX];
};

void store_users_free(struct wtel_store *store)
{
	base_release(&store->allocator, store->users);
	store->users = NULL;
}

/* ---- the statement ---------------------------------------------------- */

/* The column's own spelling, quoted: but for the case of its letters it is a name of the list, so there is no quotation
 * mark in it. false: none is there. */
static bool column_of(char out[COLUMN_MAX], const struct store_rows *rows, enum what what)
{
	size_t i, row;

	for (i = 0; i < NAMES_MAX && names[what][i]; i++)
		for (row = 0; row < rows->row_count; row++) {
			struct wtel_slice name = rows->column(rows, row, 0);

			if (!base_slice_equal_fold(name, wtel_slice_of(names[what][i])))
				continue;
			snprintf(out, COLUMN_MAX, "\"%.*s\"", (int)name.length, name.data);
			return true;
		}
	return false;
}

static void add(char *text, const char *before, const char *column, const char *after)
{
	size_t length = strlen(text);
	const char *const parts[] = {before, column, after};
	size_t i;

	for (i = 0; i < 3; i++) {
		size_t more = strlen(parts[i]);

		if (length + more >= TEXT_MAX)
			return;
		memcpy(text + length, parts[i], more + 1);
		length += more;
	}
}

/* Two rows of one login are too many: nobody is guessed. */
static int build(struct wtel_store *store, const struct store_rows *rows, struct wtel_detail *said)
{
	char columns[WHATS][COLUMN_MAX];
	bool there[WHATS];
	struct store_users *users;
	enum what what;

	for (what = ID; what < WHATS; what++)
		there[what] = column_of(columns[what], rows, what);
	if (!rows->row_count)
		return base_fail(said, WTEL_ESCHEMA, "usuarios", "there is no table usuarios");
	for (what = ID; what <= ROLE; what++)
		if (!there[what])
			return base_fail(said, WTEL_ESCHEMA, "usuarios", "the table usuarios has no column %s%s",
					 names[what][0], names[what][1] ? ", nor one of its other names" : "");
	users = base_allocate_zero(&store->allocator, sizeof(*users));
	if (!users)
		return WTEL_ENOMEM;
	add(users->text, "SELECT CAST(", columns[ID], " AS TEXT), ");
	add(users->text, "CAST(", columns[HASH], " AS TEXT), ");
	add(users->text, "lower(CAST(", columns[ROLE], " AS TEXT)), ");
	if (there[ACTIVE])
		add(users->text, "lower(coalesce(CAST(", columns[ACTIVE], " AS TEXT), ''))");
	else
		add(users->text, "'1'", "", "");
	add(users->text, " FROM usuarios WHERE CAST(", columns[LOGIN], " AS TEXT) = $1");
	if (there[REMOVED])
		add(users->text, " AND ", columns[REMOVED], " IS NULL");
	add(users->text, " LIMIT 2", "", "");
	users->find.name = "find_user";
	users->find.sqlite = users->find.postgres = users->text;
	store->users = users;
	return 0;
}

/* ---- asking ----------------------------------------------------------- */

struct user_ask {
	struct store_ask ask; /* first */
	char login[LOGIN_MAX + 1];
};

static const struct wtel_detail nobody = {"", "no such user"};

static bool is_active(struct wtel_slice value)
{
	static const char *const words[] = {"1",  "t",	       "true", "activo",     "activa",	   "active",
					    "si", "s\xc3\xad", "yes",  "habilitado", "habilitada", "enabled"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (base_slice_is(value, words[i]))
			return true;
	return false;
}

static enum wtel_role role_of(struct wtel_slice value)
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

static void user_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct user_ask *ask = user;
	char hash[HASH_LENGTH + 1];
	struct wtel_slice value;
	int64_t id;

	if (code) {
		end(ask, code, detail, 0, WTEL_ROLE_AGENT, NULL);
		return;
	}
	id = rows->row_count == 1 ? store_row_number(rows, 0, 0) : 0;
	if (id < 1 || id > INT32_MAX || !is_active(rows->column(rows, 0, 3))) {
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
	end(ask, 0, NULL, id, role_of(rows->column(rows, 0, 2)), hash);
	base_wipe(hash, sizeof(hash));
}

static int send_find(struct user_ask *ask)
{
	struct store_args args = {0};

	store_args_text(&args, ask->login);
	return store_ask_send(&ask->ask, &ask->ask.store->users->find, &args, user_found);
}

static void columns_found(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct user_ask *ask = user;
	struct wtel_detail said = {"", ""};

	/* Another question may have asked the same, and was answered before. */
	if (!code && !ask->ask.store->users) {
		code = build(ask->ask.store, rows, &said);
		detail = &said;
	}
	if (!code)
		code = send_find(ask);
	if (code)
		end(ask, code, detail, 0, WTEL_ROLE_AGENT, NULL);
}

int store_user(struct wtel_store *store, const char *login, store_user_fn *done, void *user)
{
	struct wtel_detail *detail = store_forget_error(store);
	const struct store_args args = {0};
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
	code = store->users ? send_find(ask) : store_ask_send(&ask->ask, &find_user_columns, &args, columns_found);
	if (code)
		store_ask_free(&ask->ask);
	return code;
}
