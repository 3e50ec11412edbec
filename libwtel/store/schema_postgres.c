#include "store/schema.h"
#include "store/schema_access.h"
#include "store/schema_accounts.h"
#include "store/schema_booking.h"
#include "store/schema_routing.h"

/*
 * The four tables have names, types, defaults, enums and indexes of the platform that also writes them; where they
 * exist already they are taken as they are. "name UNIQUE" and "UNIQUE INDEX idx_... (name)" are one index here: a
 * constraint under the index's name.
 *
 * The lock keeps processes that start at once apart: "IF NOT EXISTS" alone is a race in PostgreSQL.
 */
#define LOCK "SET LOCAL client_min_messages = warning;\nSELECT pg_advisory_xact_lock(2004116844, 0);\n"

#define ENUM(name, values)                                                                                             \
	"DO $$ BEGIN\n"                                                                                                \
	"  IF to_regtype('" name "') IS NULL THEN CREATE TYPE " name " AS ENUM (" values "); END IF;\n"                \
	"END $$;\n"

#define TIMES                                                                                                          \
	"  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),\n"                                                           \
	"  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()"

#define ENUMS                                                                                                          \
	ENUM("enum_trunks_provider", "'twilio', 'vonage', 'bandwidth', 'custom'")                                      \
	ENUM("enum_trunks_trunk_type", "'sip', 'iax2', 'pjsip'")                                                       \
	ENUM("enum_trunks_status", "'active', 'inactive', 'maintenance', 'error'")                                     \
	ENUM("enum_sip_peers_status", "'active', 'inactive', 'disabled'")                                              \
	ENUM("enum_calls_direction", "'inbound', 'outbound'")                                                          \
	ENUM("enum_calls_disposition", "'ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCELLED'")

#define TRUNKS                                                                                                         \
	"CREATE TABLE IF NOT EXISTS trunks (\n"                                                                        \
	"  id SERIAL PRIMARY KEY,\n"                                                                                   \
	"  name VARCHAR(100) NOT NULL CONSTRAINT idx_trunks_name UNIQUE,\n"                                            \
	"  description TEXT,\n"                                                                                        \
	"  provider enum_trunks_provider NOT NULL,\n"                                                                  \
	"  trunk_type enum_trunks_trunk_type NOT NULL DEFAULT 'pjsip',\n"                                              \
	"  host VARCHAR(255) NOT NULL,\n"                                                                              \
	"  port INTEGER NOT NULL DEFAULT 5060,\n"                                                                      \
	"  username VARCHAR(100),\n"                                                                                   \
	"  password VARCHAR(255),\n"                                                                                   \
	"  from_user VARCHAR(100),\n"                                                                                  \
	"  from_domain VARCHAR(255),\n"                                                                                \
	"  max_channels INTEGER NOT NULL DEFAULT 10,\n"                                                                \
	"  priority INTEGER NOT NULL DEFAULT 10,\n"                                                                    \
	"  status enum_trunks_status NOT NULL DEFAULT 'active',\n"                                                     \
	"  registered BOOLEAN NOT NULL DEFAULT false,\n"                                                               \
	"  last_registered_at TIMESTAMPTZ,\n"                                                                          \
	"  last_error_at TIMESTAMPTZ,\n"                                                                               \
	"  last_error_message TEXT,\n"                                                                                 \
	"  total_calls INTEGER NOT NULL DEFAULT 0,\n"                                                                  \
	"  successful_calls INTEGER NOT NULL DEFAULT 0,\n"                                                             \
	"  failed_calls INTEGER NOT NULL DEFAULT 0,\n"                                                                 \
	"  advanced_settings JSONB DEFAULT '{}',\n" TIMES ");\n"                                                       \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_trunks_name ON trunks(name);\n"                                         \
	"CREATE INDEX IF NOT EXISTS idx_trunks_status_registered ON trunks(status, registered);\n"                     \
	"CREATE INDEX IF NOT EXISTS idx_trunks_priority_status ON trunks(priority, status);\n"                         \
	"CREATE INDEX IF NOT EXISTS idx_trunks_provider ON trunks(provider);\n"

#define SIP_PEERS                                                                                                      \
	"CREATE TABLE IF NOT EXISTS sip_peers (\n"                                                                     \
	"  id SERIAL PRIMARY KEY,\n"                                                                                   \
	"  user_id INTEGER NOT NULL UNIQUE,\n"                                                                         \
	"  sip_username VARCHAR(50) NOT NULL CONSTRAINT idx_sip_peers_username UNIQUE,\n"                              \
	"  sip_password VARCHAR(255) NOT NULL,\n"                                                                      \
	"  extension VARCHAR(20) NOT NULL CONSTRAINT idx_sip_peers_extension UNIQUE,\n"                                \
	"  status enum_sip_peers_status NOT NULL DEFAULT 'active',\n"                                                  \
	"  registered BOOLEAN NOT NULL DEFAULT false,\n"                                                               \
	"  last_registered_at TIMESTAMPTZ,\n"                                                                          \
	"  user_agent VARCHAR(255),\n"                                                                                 \
	"  ip_address VARCHAR(45),\n" TIMES ");\n"                                                                     \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_sip_peers_username ON sip_peers(sip_username);\n"                       \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_sip_peers_extension ON sip_peers(extension);\n"                         \
	"CREATE INDEX IF NOT EXISTS idx_sip_peers_status_registered ON sip_peers(status, registered);\n"

/*
 * trunk_id came to `calls` by a second migration of the platform. The partial index answers "how many calls are on that
 * trunk now"; the one by start_time is for history and statistics of all agents. Room is left in the pages because a
 * call is written about three times: noting the answer then touches no index.
 */
#define CALLS                                                                                                          \
	"CREATE TABLE IF NOT EXISTS calls (\n"                                                                         \
	"  id SERIAL PRIMARY KEY,\n"                                                                                   \
	"  call_id VARCHAR(255) NOT NULL CONSTRAINT idx_calls_call_id UNIQUE,\n"                                       \
	"  agent_id INTEGER,\n"                                                                                        \
	"  campaign_id INTEGER,\n"                                                                                     \
	"  lead_id INTEGER,\n"                                                                                         \
	"  trunk_id INTEGER REFERENCES trunks(id) ON DELETE SET NULL,\n"                                               \
	"  direction enum_calls_direction NOT NULL,\n"                                                                 \
	"  caller_number VARCHAR(50),\n"                                                                               \
	"  callee_number VARCHAR(50),\n"                                                                               \
	"  start_time TIMESTAMPTZ NOT NULL,\n"                                                                         \
	"  answer_time TIMESTAMPTZ,\n"                                                                                 \
	"  end_time TIMESTAMPTZ,\n"                                                                                    \
	"  duration INTEGER DEFAULT 0,\n"                                                                              \
	"  billsec INTEGER DEFAULT 0,\n"                                                                               \
	"  disposition enum_calls_disposition,\n"                                                                      \
	"  recording_url VARCHAR(500),\n" TIMES ") WITH (fillfactor = 50);\n"                                          \
	"ALTER TABLE calls ADD COLUMN IF NOT EXISTS trunk_id INTEGER REFERENCES trunks(id) ON DELETE SET NULL;\n"      \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_calls_call_id ON calls(call_id);\n"                                     \
	"CREATE INDEX IF NOT EXISTS idx_calls_agent_starttime ON calls(agent_id, start_time);\n"                       \
	"CREATE INDEX IF NOT EXISTS idx_calls_campaign_disposition ON calls(campaign_id, disposition);\n"              \
	"CREATE INDEX IF NOT EXISTS idx_calls_lead_id ON calls(lead_id);\n"                                            \
	"CREATE INDEX IF NOT EXISTS idx_calls_trunk_id ON calls(trunk_id);\n"                                          \
	"CREATE INDEX IF NOT EXISTS wtel_calls_open ON calls(trunk_id) WHERE end_time IS NULL;\n"                      \
	"CREATE INDEX IF NOT EXISTS wtel_calls_start ON calls(start_time);\n"

#define CAMPAIGN_TRUNKS                                                                                                \
	"CREATE TABLE IF NOT EXISTS campaign_trunks (\n"                                                               \
	"  id SERIAL PRIMARY KEY,\n"                                                                                   \
	"  campana_id INTEGER NOT NULL,\n"                                                                             \
	"  trunk_id INTEGER NOT NULL REFERENCES trunks(id) ON DELETE CASCADE,\n"                                       \
	"  priority INTEGER NOT NULL DEFAULT 10,\n" TIMES ",\n"                                                        \
	"  UNIQUE (campana_id, trunk_id)\n"                                                                            \
	");\n"

/*
 * Ours, beside the four. wtel_calls has one row per row of `calls` (the same id), without a foreign key, which would
 * double the cost of writing a call: a trigger removes it with its call. Its page has room for the two longer versions
 * that follow, so that none of them touches the index.
 */
#define OURS                                                                                                           \
	"CREATE TABLE IF NOT EXISTS wtel_calls (\n"                                                                    \
	"  id INTEGER PRIMARY KEY,\n"                                                                                  \
	"  owner VARCHAR(32),\n"                                                                                       \
	"  adopted BOOLEAN NOT NULL DEFAULT false,\n"                                                                  \
	"  state VARCHAR(16) NOT NULL DEFAULT 'queued',\n"                                                             \
	"  channel TEXT,\n"                                                                                            \
	"  estimated BOOLEAN NOT NULL DEFAULT false,\n"                                                                \
	"  transferred BOOLEAN NOT NULL DEFAULT false,\n"                                                              \
	"  ringing_time TIMESTAMPTZ,\n"                                                                                \
	"  cause INTEGER NOT NULL DEFAULT 0,\n"                                                                        \
	"  sip_code INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  reason TEXT,\n"                                                                                             \
	"  route TEXT,\n"                                                                                              \
	"  legs TEXT,\n"                                                                                               \
	"  legs_by VARCHAR(32)\n"                                                                                      \
	") WITH (fillfactor = 28);\n"                                                                                  \
	"CREATE TABLE IF NOT EXISTS wtel_instances (\n"                                                                \
	"  id VARCHAR(32) PRIMARY KEY,\n"                                                                              \
	"  host TEXT NOT NULL,\n"                                                                                      \
	"  boot TEXT NOT NULL,\n"                                                                                      \
	"  pid INTEGER NOT NULL,\n"                                                                                    \
	"  pid_start BIGINT NOT NULL,\n"                                                                               \
	"  heartbeat TIMESTAMPTZ NOT NULL\n"                                                                           \
	");\n"                                                                                                         \
	"CREATE OR REPLACE FUNCTION wtel_calls_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"               \
	"  DELETE FROM wtel_calls w USING removed r WHERE w.id = r.id;\n"                                              \
	"  RETURN NULL;\n"                                                                                             \
	"END $$;\n"                                                                                                    \
	"DROP TRIGGER IF EXISTS wtel_calls_removed ON calls;\n"                                                        \
	"CREATE TRIGGER wtel_calls_removed AFTER DELETE ON calls REFERENCING OLD TABLE AS removed\n"                   \
	"  FOR EACH STATEMENT EXECUTE FUNCTION wtel_calls_removed();\n"

/*
 * A call's legs stand in its row of wtel_calls, as arrays in the order of the columns below: two rows of a table with
 * an index cost half as much again as all the rest of writing a call. They are JSON in a column of text, because a
 * column of JSON would check what the library wrote itself, at each of three writes (5 % of a call's cost). wtel_legs
 * shows them as rows. Of several processes that write one call each may know legs and times that the others do not:
 * they are merged.
 */
#define LEG_TIME(position)	  "timestamptz 'epoch' + (l.leg->>" position ")::bigint * interval '1 microsecond'"
#define MERGE_NEW(position, type) "coalesce((n.leg->>" position ")::" type ", (o.leg->>" position ")::" type "), "
#define MERGE_OLD(position)	  "coalesce((o.leg->>" position ")::bigint, (n.leg->>" position ")::bigint), "
/* Whoever came in the middle of a call knows a time as late as that, or later than it was: the earliest is true. */
#define MERGE_FIRST(position) "least((o.leg->>" position ")::bigint, (n.leg->>" position ")::bigint), "
#define MERGE_CODE(position)  "coalesce(nullif((n.leg->>" position ")::integer, 0), (o.leg->>" position ")::integer, 0)"

/* clang-format off */
#define LEGS \
	"CREATE OR REPLACE VIEW wtel_legs AS SELECT w.id, l.leg->>0 AS unique_id, l.leg->>1 AS channel,\n" \
	"  l.leg->>2 AS number, l.leg->>3 AS role, (l.leg->>4)::integer AS state, (l.leg->>5)::integer AS trunk_id,\n" \
	"  " LEG_TIME("6") " AS start_time, " LEG_TIME("7") " AS ringing_time,\n" \
	"  " LEG_TIME("8") " AS answer_time, " LEG_TIME("9") " AS end_time,\n" \
	"  (l.leg->>10)::integer AS cause, (l.leg->>11)::integer AS sip_code\n" \
	"  FROM wtel_calls w CROSS JOIN LATERAL json_array_elements(w.legs::json) AS l(leg);\n" \
	"CREATE OR REPLACE FUNCTION wtel_merge_legs(old_legs text, new_legs text) RETURNS text LANGUAGE sql\n" \
	"  IMMUTABLE AS $$ SELECT json_agg(json_build_array(" \
	MERGE_NEW("0", "text") MERGE_NEW("1", "text") MERGE_NEW("2", "text") MERGE_NEW("3", "text") \
	MERGE_NEW("4", "integer") MERGE_NEW("5", "integer") \
	MERGE_FIRST("6") MERGE_FIRST("7") MERGE_FIRST("8") MERGE_OLD("9") \
	MERGE_CODE("10") ", " MERGE_CODE("11") ") ORDER BY o.at, n.at)::text\n" \
	"  FROM json_array_elements(old_legs::json) WITH ORDINALITY AS o(leg, at)\n" \
	"  FULL JOIN json_array_elements(new_legs::json) WITH ORDINALITY AS n(leg, at) ON o.leg->>0 = n.leg->>0 $$;\n"
/* clang-format on */

/* The statistics of a batch of calls: of each trunk as many that ended, and that were answered. Trunks by id. */
#define COUNT                                                                                                          \
	"CREATE OR REPLACE FUNCTION wtel_count(p_trunks integer[], p_ended integer[], p_answered integer[])\n"         \
	"    RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n"                                                              \
	"  FOR i IN 1 .. cardinality(p_trunks) LOOP\n"                                                                 \
	"    UPDATE trunks t SET total_calls = t.total_calls + p_ended[i],\n"                                          \
	"      successful_calls = t.successful_calls + p_answered[i],\n"                                               \
	"      failed_calls = t.failed_calls + p_ended[i] - p_answered[i], updated_at = now() WHERE t.id = "           \
	"p_trunks[i];\n"                                                                                               \
	"  END LOOP;\n"                                                                                                \
	"END $$;\n"

const char *const store_schema_postgres[STORE_SCHEMA_VERSION] = {
	LOCK "CREATE TABLE IF NOT EXISTS wtel_schema (\n"
	     "  version INTEGER PRIMARY KEY,\n"
	     "  applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()\n"
	     ");\n"
	     "INSERT INTO wtel_schema (version) VALUES (1);\n" ENUMS TRUNKS SCHEMA_TRUNK_STATES_POSTGRES SIP_PEERS CALLS
		     CAMPAIGN_TRUNKS OURS LEGS COUNT SCHEMA_BOOK_POSTGRES SCHEMA_ROUTING_POSTGRES,

	LOCK "INSERT INTO wtel_schema (version) VALUES (2);\n" SCHEMA_ACCESS_POSTGRES SCHEMA_ACCOUNTS_POSTGRES
		SCHEMA_BOOK_TOGETHER,
};

/*
 * One foreign key, if its table is there and none of that column exists. NOT VALID first: rows written before may refer
 * to what was removed long ago, and a record is not altered for that; they are validated only if all of them fit.
 */
#define ASSOCIATION(table, column, parent, removal)                                                                    \
	"DO $$ BEGIN\n"                                                                                                \
	"  IF to_regclass('" parent "') IS NULL OR EXISTS (SELECT 1 FROM pg_constraint c\n"                            \
	"      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)\n"                         \
	"      WHERE c.contype = 'f' AND c.conrelid = '" table "'::regclass AND a.attname = '" column "') THEN\n"      \
	"    RETURN;\n"                                                                                                \
	"  END IF;\n"                                                                                                  \
	"  ALTER TABLE " table " ADD CONSTRAINT " table "_" column "_fkey FOREIGN KEY (" column ") REFERENCES\n"       \
	"    " parent " (id) ON DELETE " removal " NOT VALID;\n"                                                       \
	"  IF EXISTS (SELECT 1 FROM " table " x WHERE x." column " IS NOT NULL AND NOT EXISTS\n"                       \
	"      (SELECT 1 FROM " parent " p WHERE p.id = x." column ")) THEN\n"                                         \
	"    RAISE WARNING '" table "." column ": rows refer to " parent                                               \
	" that do not exist; they stay, new ones are checked';\n"                                                      \
	"  ELSE\n"                                                                                                     \
	"    ALTER TABLE " table " VALIDATE CONSTRAINT " table "_" column "_fkey;\n"                                   \
	"  END IF;\n"                                                                                                  \
	"EXCEPTION WHEN undefined_column OR invalid_foreign_key OR datatype_mismatch OR insufficient_privilege THEN\n" \
	"  RAISE WARNING '" table "." column ": no foreign key to " parent ": %', SQLERRM;\n"                          \
	"END $$;\n"

const char store_associations_postgres[] = LOCK ASSOCIATION("sip_peers", "user_id", "usuarios", "CASCADE")
	ASSOCIATION("calls", "agent_id", "usuarios", "SET NULL")
		ASSOCIATION("calls", "campaign_id", "campanas", "SET NULL")
			ASSOCIATION("calls", "lead_id", "base_campanas", "SET NULL")
				ASSOCIATION("campaign_trunks", "campana_id", "campanas", "CASCADE")
					ASSOCIATION("wtel_campaigns", "campaign_id", "campanas", "CASCADE")
						ASSOCIATION("wtel_grants", "user_id", "usuarios", "CASCADE");
