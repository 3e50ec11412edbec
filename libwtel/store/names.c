#include "store/names.h"

#include "store/core.h"
#include "store/rows.h"

#define FROM	" FROM calls c LEFT JOIN wtel_calls w ON w.id = c.id"
#define LEGS	" LEFT JOIN wtel_legs l ON l.id = c.id"
#define NEWEST	" ORDER BY c.start_time DESC, c.id DESC"
#define NONAMES ", '', ''"

/* Behind a row: what has the same start and came before it is there still. $2 says as much, for the index. */
#define BEHIND	   " AND (CAST($12 AS INTEGER) IS NULL OR c.start_time < $11 OR c.id < CAST($12 AS INTEGER))"
#define PAGE	   STORE_ACTIVE("$10") BEHIND NEWEST " LIMIT $13 OFFSET $14"
#define ALL_TAIL   STORE_OF_ALL PAGE
#define AGENT_TAIL STORE_OF_AGENT PAGE
#define LEAD_TAIL  STORE_OF_LEAD PAGE
#define ONE_TAIL                                                                                                       \
	" WHERE c.call_id = $1 ORDER BY l.start_time, l.unique_id <> c.call_id, length(l.unique_id), l.unique_id"
#define OWN_TAIL   " WHERE w.owner = $1 AND c.end_time IS NULL ORDER BY c.id"
#define TAKEN_TAIL " WHERE w.owner = $1 AND w.adopted AND c.end_time IS NULL ORDER BY c.id"

#define SELECT	   "SELECT " STORE_CALL_COLUMNS
#define SELECT_ONE SELECT NONAMES ", " STORE_LEG_COLUMNS STORE_ROUTE_COLUMN FROM LEGS ONE_TAIL

const struct store_names store_no_names = {
	{.name = "all", .sqlite = SELECT NONAMES FROM ALL_TAIL, .postgres = SELECT NONAMES FROM ALL_TAIL},
	{.name = "agent", .sqlite = SELECT NONAMES FROM AGENT_TAIL, .postgres = SELECT NONAMES FROM AGENT_TAIL},
	{.name = "lead", .sqlite = SELECT NONAMES FROM LEAD_TAIL, .postgres = SELECT NONAMES FROM LEAD_TAIL},
	{.name = "one", .sqlite = SELECT_ONE, .postgres = SELECT_ONE},
	{.name = "taken", .sqlite = SELECT NONAMES FROM TAKEN_TAIL, .postgres = SELECT NONAMES FROM TAKEN_TAIL},
	{.name = "own", .sqlite = SELECT NONAMES FROM OWN_TAIL, .postgres = SELECT NONAMES FROM OWN_TAIL},
};

/*
 * Which of the columns that may make a name are there. Their spelling varies between versions of the platform; a
 * campaign is called by its nombre, a lead by its nombre or by the parts of a name.
 */
const struct store_statement store_find_columns = {
	.name = "find_columns",
	.sqlite = "SELECT 'campanas', name FROM pragma_table_info('campanas')"
		  " UNION ALL SELECT 'base_campanas', name FROM pragma_table_info('base_campanas')",
	.postgres = "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
		    " WHERE c.oid IN (to_regclass('campanas'), to_regclass('base_campanas'))"
		    " AND a.attnum > 0 AND NOT a.attisdropped",
};

static const char *const parts[] = {"nombre",	"primer_nombre",   "segundo_nombre",
				    "apellido", "primer_apellido", "segundo_apellido"};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

struct found {
	bool campaign;
	bool lead[PARTS];
	bool any_lead;
};

static void read_columns(struct found *found, const struct store_rows *rows)
{
	size_t row, i;

	for (row = 0; row < rows->row_count; row++) {
		struct wtel_slice table = rows->column(rows, row, 0), column = rows->column(rows, row, 1);

		if (base_slice_is(table, "campanas"))
			found->campaign |= base_slice_is(column, "nombre");
		for (i = 0; i < PARTS && base_slice_is(table, "base_campanas"); i++)
			if (base_slice_is(column, parts[i]))
				found->any_lead = found->lead[i] = true;
	}
}

/* The statements' texts, one after another, behind the struct. */
struct builder {
	char *text;
	size_t used;
	size_t room;
};

static void add(struct builder *builder, const char *text)
{
	size_t length = strlen(text);

	if (builder->used + length < builder->room) {
		memcpy(builder->text + builder->used, text, length + 1);
		builder->used += length;
	}
}

static const char *build(struct builder *builder, const struct found *found, const char *legs, const char *tail)
{
	const char *start = builder->text + builder->used;
	const char *between = "";
	size_t i;

	add(builder, SELECT);
	add(builder, found->campaign ? ", coalesce(CAST(p.nombre AS TEXT), '')" : ", ''");
	add(builder, ", trim(");
	for (i = 0; i < PARTS; i++) {
		if (!found->lead[i])
			continue;
		add(builder, between);
		add(builder, "coalesce(CAST(b.");
		add(builder, parts[i]);
		add(builder, " AS TEXT), '')");
		between = " || ' ' || ";
	}
	add(builder, found->any_lead ? ")" : "'')");
	add(builder, legs[0] ? ", " STORE_LEG_COLUMNS STORE_ROUTE_COLUMN FROM LEGS : FROM);
	add(builder, found->campaign ? " LEFT JOIN campanas p ON p.id = c.campaign_id" : "");
	add(builder, found->any_lead ? " LEFT JOIN base_campanas b ON b.id = c.lead_id" : "");
	add(builder, tail);
	builder->used++;
	return start;
}

static int build_names(struct wtel_store *store, const struct found *found)
{
	enum { ROOM = 16384 };
	struct store_names *names = base_allocate_zero(&store->allocator, sizeof(*names) + ROOM);
	struct builder builder;

	if (!names)
		return WTEL_ENOMEM;
	builder = (struct builder){(char *)(names + 1), 0, ROOM};
	names->all.name = "all_named";
	names->all.sqlite = names->all.postgres = build(&builder, found, "", ALL_TAIL);
	names->agent.name = "agent_named";
	names->agent.sqlite = names->agent.postgres = build(&builder, found, "", AGENT_TAIL);
	names->lead.name = "lead_named";
	names->lead.sqlite = names->lead.postgres = build(&builder, found, "", LEAD_TAIL);
	names->one.name = "one_named";
	names->one.sqlite = names->one.postgres = build(&builder, found, "legs", ONE_TAIL);
	store->names = names;
	return 0;
}

int store_names_found(struct wtel_store *store, const struct store_rows *rows, const struct store_names **out)
{
	struct found found = {false, {false}, false};
	int code = 0;

	read_columns(&found, rows);
	/* Another question may have asked the same, and was answered before. */
	if (!store->names && (found.campaign || found.any_lead))
		code = build_names(store, &found);
	if (!code)
		*out = store->names ? store->names : &store_no_names;
	return code;
}

void store_names_free(struct wtel_store *store)
{
	base_release(&store->allocator, store->names);
	store->names = NULL;
}
