/* People of the platform, and what becomes of what they were granted: against both databases. */
#include "store/users.h"
#include "store_heard.h"

/* ---- who logs in ------------------------------------------------------ */

static struct heard user_of(struct world *world, const char *login)
{
	struct heard heard = {false};

	await(world->store, &heard, store_user(world->store, login, hear_user, &heard));
	return heard;
}

STORE_TEST(users_log_in_by_what_the_platform_calls_them, true)
{
	struct heard heard;

	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, nombre VARCHAR(50), correo VARCHAR(120),"
			" contrasenia VARCHAR(255), rol VARCHAR(30), estado BOOLEAN)");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'Ana', 'ana@example.com', '" HASH "', 'Administrador', true),"
			" (6, 'Eva', 'eva@example.com', '" HASH "', 'SUPERVISOR', true),"
			" (7, 'Luz', 'luz@example.com', '" HASH "', 'asesor', true),"
			" (8, 'Sol', 'sol@example.com', '" HASH "', 'admin', false),"
			" (9, 'Mar', 'mar@example.com', '" HASH "', 'admin', NULL),"
			" (10, 'Paz', 'paz@example.com', 'abcdefghijklm', 'admin', true),"
			" (11, 'Fe', 'fe@example.com', NULL, 'admin', true),"
			" (12, 'Rut', 'two@example.com', '" HASH "', 'admin', true),"
			" (13, 'Ruth', 'two@example.com', '" HASH "', 'admin', true)");
	heard = user_of(world, "ana@example.com");
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	cr_assert_eq(heard.grant.user_id, 5);
	cr_assert_eq(heard.grant.role, WTEL_ROLE_ADMIN);
	cr_assert_str_eq(heard.secret, HASH);
	cr_assert_eq(user_of(world, "eva@example.com").grant.role, WTEL_ROLE_SUPERVISOR);
	cr_assert_eq(user_of(world, "luz@example.com").grant.role, WTEL_ROLE_AGENT);
	cr_assert_eq(user_of(world, "sol@example.com").code, WTEL_ENOTFOUND, "not active");
	cr_assert_eq(user_of(world, "mar@example.com").code, WTEL_ENOTFOUND, "not known to be active");
	cr_assert_eq(user_of(world, "paz@example.com").code, WTEL_ENOTFOUND, "no bcrypt hash");
	cr_assert_eq(user_of(world, "fe@example.com").code, WTEL_ENOTFOUND, "no hash");
	cr_assert_eq(user_of(world, "two@example.com").code, WTEL_ENOTFOUND, "two of one name");
	cr_assert_eq(user_of(world, "Ana").code, WTEL_ENOTFOUND, "the name is no login");
	cr_assert_eq(user_of(world, "' OR '1'='1").code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, "%").code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, "").code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, NULL).code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, "ana@example.com\n").code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, "ana@example.com\xff").code, WTEL_ENOTFOUND);
}

STORE_TEST(the_platforms_table_may_be_another, true)
{
	struct heard heard = user_of(world, "ana");

	cr_assert_eq(heard.code, WTEL_ESCHEMA);
	cr_assert_str_eq(heard.detail.text, "there is no table usuarios");
	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, \"UserName\" VARCHAR(120), role VARCHAR(20),"
			" \"deletedAt\" VARCHAR(30))");
	heard = user_of(world, "ana");
	cr_assert_eq(heard.code, WTEL_ESCHEMA);
	cr_assert_str_eq(heard.detail.text, "the table usuarios has no column contrasenia, nor one of its other names");
	world_do(world, "ALTER TABLE usuarios ADD COLUMN password_hash VARCHAR(255)");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'ana', 'supervisor', NULL, '" HASH "'),"
			" (6, 'eva', 'supervisor', '2026-01-01', '" HASH "')");
	heard = user_of(world, "ana");
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	cr_assert_eq(heard.grant.user_id, 5);
	cr_assert_eq(heard.grant.role, WTEL_ROLE_SUPERVISOR);
	cr_assert_eq(user_of(world, "eva").code, WTEL_ENOTFOUND, "removed");
}

/* Columns that come and go while a process runs. */
STORE_TEST(the_platforms_table_may_change, true)
{
	struct heard heard;

	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, email VARCHAR(99), password VARCHAR(99),"
			" role VARCHAR(20), \"deletedAt\" VARCHAR(30))");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'ana', '" HASH "', 'admin', NULL)");
	cr_assert_eq(user_of(world, "ana").code, 0);
	world_do(world, "ALTER TABLE usuarios DROP COLUMN \"deletedAt\"");
	heard = user_of(world, "ana");
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	world_do(world, "ALTER TABLE usuarios RENAME COLUMN password TO contrasenia");
	heard = user_of(world, "ana");
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	cr_assert_str_eq(heard.secret, HASH);
	world_do(world, "DROP TABLE usuarios");
	heard = user_of(world, "ana");
	cr_assert_eq(heard.code, WTEL_ESCHEMA);
	cr_assert_str_eq(heard.detail.text, "there is no table usuarios");
	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, correo VARCHAR(99), clave VARCHAR(99),"
			" tipo VARCHAR(20), activo BOOLEAN)");
	world_do(world, "INSERT INTO usuarios VALUES (6, 'eva', '" HASH "', 'supervisor', true)");
	heard = user_of(world, "eva");
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	cr_assert_eq(heard.grant.user_id, 6);
}

/* ---- what they were granted ------------------------------------------- */

static void people(struct world *world)
{
	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, email VARCHAR(99), password VARCHAR(99),"
			" rol VARCHAR(30), estado BOOLEAN, deleted_at VARCHAR(30))");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'ana', '" HASH "', 'supervisor', true, NULL),"
			" (6, 'eva', '" HASH "', 'admin', true, NULL)");
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
}

static void is_over(struct world *world, const struct heard *session, const struct heard *token)
{
	struct heard found = find(world, session->secret);

	cr_expect_eq(found.code, WTEL_ESTATE, "%s", wtel_error_name(found.code));
	cr_expect_str_eq(found.detail.text, "the session's user may not log in");
	found = find(world, token->secret);
	cr_expect_eq(found.code, WTEL_ESTATE, "%s", wtel_error_name(found.code));
	cr_expect_str_eq(found.detail.text, "the token's user may not log in");
}

STORE_TEST(who_may_not_log_in_any_more_can_do_nothing_more, false)
{
	struct heard session, token, other, nobodys;

	people(world);
	session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY);
	token = create(world, WTEL_GRANT_TOKEN, 5, "a", 0);
	other = create(world, WTEL_GRANT_SESSION, 6, "", wtel_time_now().wall + DAY);
	nobodys = create(world, WTEL_GRANT_SESSION, 0, "b", wtel_time_now().wall + DAY);
	cr_assert_eq(find(world, session.secret).code, 0);
	cr_assert_eq(find(world, token.secret).code, 0);
	world_do(world, "UPDATE usuarios SET estado = false WHERE id = 5");
	is_over(world, &session, &token);
	world_do(world, "UPDATE usuarios SET estado = NULL WHERE id = 5");
	is_over(world, &session, &token);
	world_do(world, "UPDATE usuarios SET estado = true, deleted_at = '2026-01-01' WHERE id = 5");
	is_over(world, &session, &token);
	cr_assert_eq(find(world, other.secret).code, 0);
	cr_assert_eq(find(world, nobodys.secret).code, 0);
	cr_assert_eq(find(world, nobodys.secret).grant.role, WTEL_ROLE_SUPERVISOR);
	/* Nothing was revoked. */
	world_do(world, "UPDATE usuarios SET deleted_at = NULL WHERE id = 5");
	cr_assert_eq(find(world, session.secret).code, 0);
	cr_assert_eq(find(world, token.secret).code, 0);
}

STORE_TEST(a_role_that_changed_counts_for_sessions, false)
{
	struct heard session, token;

	people(world);
	session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY);
	token = create(world, WTEL_GRANT_TOKEN, 5, "a", 0);
	cr_assert_eq(find(world, session.secret).grant.role, WTEL_ROLE_SUPERVISOR);
	world_do(world, "UPDATE usuarios SET rol = 'Administrador' WHERE id = 5");
	cr_assert_eq(find(world, session.secret).grant.role, WTEL_ROLE_ADMIN);
	cr_assert_eq(find(world, token.secret).grant.role, WTEL_ROLE_SUPERVISOR, "a token has the role it was given");
	world_do(world, "UPDATE usuarios SET rol = NULL WHERE id = 5");
	cr_assert_eq(find(world, session.secret).grant.role, WTEL_ROLE_AGENT);
}

/* Of users that no foreign key ties to their grants, in a table that came, changed and went. */
STORE_TEST(grants_follow_a_table_that_changes, true)
{
	struct heard session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY), found;
	struct wtel_store *knowing = world->store;

	cr_assert_eq(session.code, 0);
	cr_assert_eq(find(world, session.secret).code, 0, "nobody knows better");
	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, rol VARCHAR(30), estado BOOLEAN)");
	world->store = world_open(world);
	cr_assert_eq(find(world, session.secret).code, WTEL_ESTATE, "there is no such user");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'admin', true)");
	cr_assert_eq(find(world, session.secret).grant.role, WTEL_ROLE_ADMIN);
	world_do(world, "ALTER TABLE usuarios DROP COLUMN rol");
	found = find(world, session.secret);
	cr_assert_eq(found.code, 0, "%s", found.detail.text);
	cr_assert_eq(found.grant.role, WTEL_ROLE_SUPERVISOR, "as it was when it logged in");
	world_do(world, "ALTER TABLE usuarios RENAME COLUMN estado TO activo");
	cr_assert_eq(find(world, session.secret).code, 0);
	world_do(world, "UPDATE usuarios SET activo = false");
	cr_assert_eq(find(world, session.secret).code, WTEL_ESTATE);
	world_do(world, "DROP TABLE usuarios");
	cr_assert_eq(find(world, session.secret).code, 0);
	wtel_store_close(knowing);
}

/* A column that comes makes nothing fail: it is looked for now and then. */
STORE_TEST(a_column_that_comes_is_found_within_a_minute, true)
{
	struct heard session;
	int64_t until = wtel_time_now().mono + 60 * SECOND;

	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, rol VARCHAR(30))");
	world_do(world, "INSERT INTO usuarios VALUES (5, 'admin')");
	session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY);
	cr_assert_eq(find(world, session.secret).code, 0);
	world_do(world, "ALTER TABLE usuarios ADD COLUMN activo BOOLEAN");
	world->store->users->looked -= 61 * SECOND;
	while (find(world, session.secret).code != WTEL_ESTATE)
		cr_assert_lt(wtel_time_now().mono, until, "the column was never seen");
}

/* Ids need not be numbers for the database; and who may not read the table is not locked out by that. */
POSTGRES_TEST(the_table_may_be_anything, true)
{
	struct heard session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY), found;

	world_do(world, "CREATE TABLE usuarios (id VARCHAR(20) PRIMARY KEY, email VARCHAR(99), password VARCHAR(99),"
			" rol VARCHAR(30), estado VARCHAR(9))");
	world_do(world, "INSERT INTO usuarios VALUES ('5', 'ana', '" HASH "', 'admin', 'activo'),"
			" ('x', 'eva', '" HASH "', 'admin', 'activo')");
	found = find(world, session.secret);
	cr_assert_eq(found.code, 0, "%s", found.detail.text);
	cr_assert_eq(found.grant.role, WTEL_ROLE_ADMIN);
	world_do(world, "UPDATE usuarios SET estado = 'inactivo'");
	cr_assert_eq(find(world, session.secret).code, WTEL_ESTATE);
}

/* Tokens work for a user of the database that may not look at the platform's people. */
POSTGRES_TEST(whoever_may_not_read_the_table_is_not_locked_out, false)
{
	struct wtel_store *mighty = world->store;
	struct heard session, found;
	char sql[512], *url = strdup(world->url);

	people(world);
	session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + DAY);
	snprintf(sql, sizeof(sql), "CREATE ROLE %s_reader; GRANT ALL ON wtel_grants TO %s_reader", world->name,
		 world->name);
	world_do(world, sql);
	snprintf(world->url, sizeof(world->url), "%s?options=-crole%%3D%s_reader", url, world->name);
	world->store = world_open(world);
	world_do(world, "SELECT 1 FROM wtel_grants");
	found = find(world, session.secret);
	cr_expect_eq(found.code, 0, "%s", found.detail.text);
	cr_expect_eq(found.grant.role, WTEL_ROLE_SUPERVISOR);
	wtel_store_close(world->store);
	world->store = mighty;
	snprintf(world->url, sizeof(world->url), "%s", url);
	snprintf(sql, sizeof(sql), "DROP OWNED BY %s_reader; DROP ROLE %s_reader", world->name, world->name);
	world_do(world, sql);
	free(url);
}
