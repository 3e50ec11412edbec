/*
 * Version 2: who may ask, and what they changed. A grant is a token or a session: of its secret only the SHA-256 is
 * kept, as hex. Grants of a user of the platform go with that user; what the audit log says of it stays.
 *
 * Ids are never given again: the audit log names grants by them. `mark` names a row of wtel_audit before it is written,
 * so that it is there once, however often its writing is tried.
 */
#ifndef STORE_SCHEMA_ACCESS_H
#define STORE_SCHEMA_ACCESS_H

/* In PostgreSQL and SQLite the same: an index for each way in which they are asked. */
#define SCHEMA_ACCESS_INDEXES                                                                                          \
	"CREATE INDEX IF NOT EXISTS wtel_grants_user ON wtel_grants(user_id);\n"                                       \
	"CREATE INDEX IF NOT EXISTS wtel_grants_sessions ON wtel_grants(expires_at) WHERE kind = 'session';\n"         \
	"CREATE INDEX IF NOT EXISTS wtel_audit_user ON wtel_audit(user_id, id);\n"                                     \
	"CREATE INDEX IF NOT EXISTS wtel_audit_at ON wtel_audit(at);\n"

#define SCHEMA_ACCESS_KINDS "CHECK (kind IN ('token', 'session'))"
#define SCHEMA_ACCESS_ROLES "CHECK (role IN ('agent', 'supervisor', 'admin'))"

#define SCHEMA_ACCESS_POSTGRES                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_grants (\n"                                                                   \
	"  id SERIAL PRIMARY KEY,\n"                                                                                   \
	"  kind VARCHAR(16) NOT NULL " SCHEMA_ACCESS_KINDS ",\n"                                                       \
	"  hash VARCHAR(64) NOT NULL UNIQUE,\n"                                                                        \
	"  user_id INTEGER,\n"                                                                                         \
	"  role VARCHAR(16) NOT NULL " SCHEMA_ACCESS_ROLES ",\n"                                                       \
	"  name VARCHAR(100),\n"                                                                                       \
	"  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),\n"                                                           \
	"  expires_at TIMESTAMPTZ,\n"                                                                                  \
	"  last_used_at TIMESTAMPTZ,\n"                                                                                \
	"  revoked_at TIMESTAMPTZ\n"                                                                                   \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_audit (\n"                                                                    \
	"  id BIGSERIAL PRIMARY KEY,\n"                                                                                \
	"  at TIMESTAMPTZ NOT NULL DEFAULT NOW(),\n"                                                                   \
	"  user_id INTEGER,\n"                                                                                         \
	"  actor TEXT,\n"                                                                                              \
	"  address TEXT,\n"                                                                                            \
	"  method VARCHAR(16) NOT NULL,\n"                                                                             \
	"  path TEXT NOT NULL,\n"                                                                                      \
	"  status INTEGER NOT NULL,\n"                                                                                 \
	"  detail TEXT,\n"                                                                                             \
	"  mark VARCHAR(64) UNIQUE\n"                                                                                  \
	");\n" SCHEMA_ACCESS_INDEXES

/* Between the two stands the foreign key of user_id. */
#define SCHEMA_GRANTS_SQLITE                                                                                           \
	"CREATE TABLE IF NOT EXISTS wtel_grants (\n"                                                                   \
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                                                                    \
	"  kind VARCHAR(16) NOT NULL " SCHEMA_ACCESS_KINDS ",\n"                                                       \
	"  hash VARCHAR(64) NOT NULL UNIQUE,\n"                                                                        \
	"  user_id INTEGER"
#define SCHEMA_ACCESS_SQLITE                                                                                           \
	",\n"                                                                                                          \
	"  role VARCHAR(16) NOT NULL " SCHEMA_ACCESS_ROLES ",\n"                                                       \
	"  name VARCHAR(100),\n"                                                                                       \
	"  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),\n"                             \
	"  expires_at TEXT,\n"                                                                                         \
	"  last_used_at TEXT,\n"                                                                                       \
	"  revoked_at TEXT\n"                                                                                          \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_audit (\n"                                                                    \
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                                                                    \
	"  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),\n"                                     \
	"  user_id INTEGER,\n"                                                                                         \
	"  actor TEXT,\n"                                                                                              \
	"  address TEXT,\n"                                                                                            \
	"  method VARCHAR(16) NOT NULL,\n"                                                                             \
	"  path TEXT NOT NULL,\n"                                                                                      \
	"  status INTEGER NOT NULL,\n"                                                                                 \
	"  detail TEXT,\n"                                                                                             \
	"  mark VARCHAR(64) UNIQUE\n"                                                                                  \
	");\n" SCHEMA_ACCESS_INDEXES

#endif
