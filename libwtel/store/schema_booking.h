/*
 * What booking adds to the schema, for both databases.
 *
 * wtel_trunks has one row for a trunk (none: all defaults): its breaker, see struct wtel_breaker.
 */
#ifndef STORE_SCHEMA_BOOKING_H
#define STORE_SCHEMA_BOOKING_H

#define SCHEMA_TRUNK_STATES_POSTGRES                                                                                   \
	"CREATE TABLE IF NOT EXISTS wtel_trunks (\n"                                                                   \
	"  trunk_id INTEGER PRIMARY KEY REFERENCES trunks(id) ON DELETE CASCADE,\n"                                    \
	"  version BIGINT NOT NULL DEFAULT 0,\n"                                                                       \
	"  state VARCHAR(16) NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open')),\n"                         \
	"  faults INTEGER NOT NULL DEFAULT 0,\n"                                                                       \
	"  openings INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  retry_at TIMESTAMPTZ,\n"                                                                                    \
	"  trial_until TIMESTAMPTZ\n"                                                                                  \
	") WITH (fillfactor = 20);\n"

#define SCHEMA_TRUNK_STATES_SQLITE                                                                                     \
	"CREATE TABLE IF NOT EXISTS wtel_trunks (\n"                                                                   \
	"  trunk_id INTEGER PRIMARY KEY REFERENCES trunks(id) ON DELETE CASCADE,\n"                                    \
	"  version INTEGER NOT NULL DEFAULT 0,\n"                                                                      \
	"  state VARCHAR(16) NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open')),\n"                         \
	"  faults INTEGER NOT NULL DEFAULT 0,\n"                                                                       \
	"  openings INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  retry_at TEXT,\n"                                                                                           \
	"  trial_until TEXT\n"                                                                                         \
	");\n"

#endif
