/*
 * Campaigns' own settings, and how a change of trunks, campaigns or their assignments is told to every process.
 *
 * Told is what a choice depends on or a person edits: not the statistics of a trunk and not when it was last seen,
 * which change with every call and every registration. The rows are compared, so that an UPDATE that changes nothing
 * wakes nobody. These texts stand behind the tables of schema_postgres.c and schema_sqlite.c.
 */
#ifndef STORE_SCHEMA_ROUTING_H
#define STORE_SCHEMA_ROUTING_H

/* COLUMN(name, comma): advanced_settings may be json, which has no equality. */
#define SCHEMA_TRUNK_COLUMNS(COLUMN)                                                                                   \
	COLUMN("name", ", ")                                                                                           \
	COLUMN("description", ", ")                                                                                    \
	COLUMN("provider", ", ")                                                                                       \
	COLUMN("trunk_type", ", ")                                                                                     \
	COLUMN("host", ", ")                                                                                           \
	COLUMN("port", ", ")                                                                                           \
	COLUMN("username", ", ")                                                                                       \
	COLUMN("password", ", ")                                                                                       \
	COLUMN("from_user", ", ")                                                                                      \
	COLUMN("from_domain", ", ")                                                                                    \
	COLUMN("max_channels", ", ")                                                                                   \
	COLUMN("priority", ", ")                                                                                       \
	COLUMN("status", ", ")                                                                                         \
	COLUMN("registered", ", ")                                                                                     \
	COLUMN("last_error_message", ", ")                                                                             \
	COLUMN("advanced_settings", "")
#define SCHEMA_CAMPAIGN_TRUNK_COLUMNS(COLUMN)                                                                          \
	COLUMN("campana_id", ", ")                                                                                     \
	COLUMN("trunk_id", ", ")                                                                                       \
	COLUMN("priority", "")
#define SCHEMA_CAMPAIGN_COLUMNS(COLUMN)                                                                                \
	COLUMN("campaign_id", ", ")                                                                                    \
	COLUMN("general", ", ")                                                                                        \
	COLUMN("caller_id", "")
/* trial_until changes with a call: nobody chooses by it but the booking. */
#define SCHEMA_BREAKER_COLUMNS(COLUMN)                                                                                 \
	COLUMN("state", ", ")                                                                                          \
	COLUMN("retry_at", "")

/* ---- PostgreSQL ------------------------------------------------------- */

#define SCHEMA_COLUMN(name, comma)     name comma
#define SCHEMA_COLUMN_OLD(name, comma) "CAST(OLD." name " AS TEXT)" comma
#define SCHEMA_COLUMN_NEW(name, comma) "CAST(NEW." name " AS TEXT)" comma

#define SCHEMA_TELL_POSTGRES(trigger, events, table, each, when)                                                       \
	"DROP TRIGGER IF EXISTS " trigger " ON " table ";\n"                                                           \
	"CREATE TRIGGER " trigger " AFTER " events " ON " table "\n"                                                   \
	"  FOR EACH " each " " when "EXECUTE FUNCTION wtel_tell_routing();\n"

#define SCHEMA_TELL_UPDATE_POSTGRES(table, COLUMNS)                                                                    \
	SCHEMA_TELL_POSTGRES(                                                                                          \
		"wtel_tell_update", "UPDATE OF " COLUMNS(SCHEMA_COLUMN), table, "ROW",                                 \
		"WHEN ((" COLUMNS(SCHEMA_COLUMN_OLD) ") IS DISTINCT FROM (" COLUMNS(SCHEMA_COLUMN_NEW) "))\n  ")

#define SCHEMA_TELL_ROWS_POSTGRES(table)                                                                               \
	SCHEMA_TELL_POSTGRES("wtel_tell_rows", "INSERT OR DELETE", table, "ROW", "")                                   \
	SCHEMA_TELL_POSTGRES("wtel_tell_truncate", "TRUNCATE", table, "STATEMENT", "")

/* A transaction tells once, whatever it changes: equal notifications of one are sent once. */
#define SCHEMA_ROUTING_POSTGRES                                                                                        \
	"CREATE TABLE IF NOT EXISTS wtel_campaigns (\n"                                                                \
	"  campaign_id INTEGER PRIMARY KEY,\n"                                                                         \
	"  general BOOLEAN NOT NULL DEFAULT false,\n"                                                                  \
	"  caller_id VARCHAR(50)\n"                                                                                    \
	");\n"                                                                                                         \
	"CREATE OR REPLACE FUNCTION wtel_tell_routing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"                \
	"  PERFORM pg_notify('wtel_trunks', '');\n"                                                                    \
	"  RETURN NULL;\n"                                                                                             \
	"END $$;\n" SCHEMA_TELL_ROWS_POSTGRES("trunks") SCHEMA_TELL_ROWS_POSTGRES("campaign_trunks")                   \
		SCHEMA_TELL_ROWS_POSTGRES("wtel_campaigns") SCHEMA_TELL_UPDATE_POSTGRES("trunks",                      \
											SCHEMA_TRUNK_COLUMNS)          \
			SCHEMA_TELL_UPDATE_POSTGRES("campaign_trunks", SCHEMA_CAMPAIGN_TRUNK_COLUMNS)                  \
				SCHEMA_TELL_UPDATE_POSTGRES("wtel_campaigns", SCHEMA_CAMPAIGN_COLUMNS)                 \
					SCHEMA_TELL_UPDATE_POSTGRES("wtel_trunks", SCHEMA_BREAKER_COLUMNS)             \
						SCHEMA_TELL_POSTGRES("wtel_tell_rows", "INSERT", "wtel_trunks", "ROW", \
								     "WHEN (NEW.state <> 'closed') ")

/* ---- SQLite ----------------------------------------------------------- */

/* A row whose version whoever watches compares: see sqlite_watch.c. */
#define SCHEMA_TELL_SQLITE(table, suffix, event, when)                                                                 \
	"CREATE TRIGGER IF NOT EXISTS wtel_tell_" table "_" suffix " AFTER " event " ON " table when " BEGIN\n"        \
	"  UPDATE wtel_changes SET version = version + 1;\n"                                                           \
	"END;\n"

#define SCHEMA_TELL_UPDATE_SQLITE(table, COLUMNS)                                                                      \
	SCHEMA_TELL_SQLITE(table, "update", "UPDATE OF " COLUMNS(SCHEMA_COLUMN),                                       \
			   " WHEN (" COLUMNS(SCHEMA_COLUMN_OLD) ") IS NOT (" COLUMNS(SCHEMA_COLUMN_NEW) ")")

#define SCHEMA_TELL_ROWS_SQLITE(table)                                                                                 \
	SCHEMA_TELL_SQLITE(table, "insert", "INSERT", "")                                                              \
	SCHEMA_TELL_SQLITE(table, "delete", "DELETE", "")

/* Between the two stands the foreign key of campaign_id. */
#define SCHEMA_CAMPAIGNS_SQLITE                                                                                        \
	"CREATE TABLE IF NOT EXISTS wtel_campaigns (\n"                                                                \
	"  campaign_id INTEGER PRIMARY KEY"
#define SCHEMA_ROUTING_SQLITE                                                                                          \
	",\n"                                                                                                          \
	"  general BOOLEAN NOT NULL DEFAULT 0,\n"                                                                      \
	"  caller_id VARCHAR(50)\n"                                                                                    \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_changes (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);\n" \
	"INSERT OR IGNORE INTO wtel_changes (id, version) VALUES (1, 1);\n" SCHEMA_TELL_ROWS_SQLITE("trunks")          \
		SCHEMA_TELL_ROWS_SQLITE("campaign_trunks") SCHEMA_TELL_ROWS_SQLITE("wtel_campaigns")                   \
			SCHEMA_TELL_UPDATE_SQLITE("trunks", SCHEMA_TRUNK_COLUMNS)                                      \
				SCHEMA_TELL_UPDATE_SQLITE("campaign_trunks", SCHEMA_CAMPAIGN_TRUNK_COLUMNS)            \
					SCHEMA_TELL_UPDATE_SQLITE("wtel_campaigns", SCHEMA_CAMPAIGN_COLUMNS)           \
						SCHEMA_TELL_UPDATE_SQLITE("wtel_trunks", SCHEMA_BREAKER_COLUMNS)       \
							SCHEMA_TELL_SQLITE("wtel_trunks", "insert", "INSERT",          \
									   " WHEN NEW.state <> 'closed'")

#endif
