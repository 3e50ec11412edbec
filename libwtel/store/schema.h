/*
 * The schema, as versions: each is one script that runs in one transaction and ends by noting its number in
 * wtel_schema, which fails if another process was faster. A version once published never changes; a new one is
 * appended.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

enum { STORE_SCHEMA_VERSION = 2 };

/* By version - 1. */
extern const char *const store_schema_postgres[STORE_SCHEMA_VERSION];

/* Run after them, each time: foreign keys to such of the platform's tables as have come meanwhile. */
extern const char store_associations_postgres[];

/*
 * SQLite has no way to ask in SQL whether a table is there, and cannot add a foreign key later: a script is pieces, of
 * which those that need an absent table are left out. Ends with text NULL.
 */
struct store_piece {
	const char *needs; /* table of the platform; NULL: always */
	const char *text;
};
extern const struct store_piece *const store_schema_sqlite[STORE_SCHEMA_VERSION];

#endif
