#include "store/core.h"
#include "store/rows.h"
#include "store/schema.h"

#include <stdio.h>

STORE_BOTH(get_version, "SELECT coalesce(max(version), 0) FROM wtel_schema");

/* Tables of the platform that a foreign key can refer to. */
static const struct store_statement find_platform = {
	.name = "find_platform",
	.sqlite = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'id' AND c.pk = 1"
		  " WHERE m.type = 'table' AND m.name IN ('usuarios', 'campanas', 'base_campanas')",
};

struct platform {
	bool usuarios;
	bool campanas;
	bool base_campanas;
};

static int take_version(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	(void)store;
	*(int *)out = (int)store_row_number(rows, 0, 0);
	return 0;
}

static int take_platform(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct platform *platform = out;
	size_t row;

	(void)store;
	for (row = 0; row < rows->row_count; row++) {
		struct wtel_slice name = rows->column(rows, row, 0);

		platform->usuarios |= base_slice_is(name, "usuarios");
		platform->campanas |= base_slice_is(name, "campanas");
		platform->base_campanas |= base_slice_is(name, "base_campanas");
	}
	return 0;
}

int wtel_store_schema(struct wtel_store *store, int *version, int *wanted)
{
	const struct store_args args = {0};
	int found = 0;
	int code = store_wait(store, &get_version, &args, take_version, &found);

	if (code && code != WTEL_ESCHEMA)
		return code;
	store_forget_error(store);
	*version = found;
	*wanted = STORE_SCHEMA_VERSION;
	return 0;
}

static bool is_left_out(const struct store_piece *piece, const struct platform *platform)
{
	struct wtel_slice needs = wtel_slice_of(piece->needs);

	return piece->needs && !(base_slice_is(needs, "usuarios") && platform->usuarios) &&
	       !(base_slice_is(needs, "campanas") && platform->campanas) &&
	       !(base_slice_is(needs, "base_campanas") && platform->base_campanas);
}

static int run_pieces(struct wtel_store *store, const struct store_piece *pieces)
{
	struct platform platform = {false, false, false};
	const struct store_args args = {0};
	const struct store_piece *piece;
	size_t size = 1;
	char *script;
	int code = store_wait(store, &find_platform, &args, take_platform, &platform);

	if (code)
		return code;
	for (piece = pieces; piece->text; piece++)
		size += strlen(piece->text);
	script = base_allocate(&store->allocator, size);
	if (!script)
		return base_fail(&store->error, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	size = 0;
	for (piece = pieces; piece->text; piece++) {
		size_t length = is_left_out(piece, &platform) ? 0 : strlen(piece->text);

		memcpy(script + size, piece->text, length);
		size += length;
	}
	script[size] = '\0';
	code = store_wait_script(store, script);
	base_release(&store->allocator, script);
	return code;
}

static bool is_sqlite(const struct wtel_store *store)
{
	return strcmp(store->ops->backend, "sqlite") == 0;
}

static void tell(wtel_log_fn *progress, void *user, const char *what, int version)
{
	char text[128];

	if (!progress)
		return;
	snprintf(text, sizeof(text), "schema version %d: %s", version, what);
	progress(WTEL_LOG_INFO, text, user);
}

int wtel_store_migrate(struct wtel_store *store, wtel_log_fn *progress, void *user)
{
	int version = 0, wanted = 0;
	int code = wtel_store_schema(store, &version, &wanted);

	for (; !code && version < wanted; version++) {
		code = is_sqlite(store) ? run_pieces(store, store_schema_sqlite[version])
					: store_wait_script(store, store_schema_postgres[version]);
		/* Its number is in wtel_schema already: another process was faster, and has done the same. */
		tell(progress, user, code ? code == WTEL_EEXISTS ? "made by another process" : "failed" : "made",
		     version + 1);
		if (code == WTEL_EEXISTS)
			code = 0;
	}
	if (!code && !is_sqlite(store))
		code = store_wait_script(store, store_associations_postgres);
	if (!code)
		tell(progress, user, "up to date", version);
	return code;
}
