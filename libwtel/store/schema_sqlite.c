#include "store/schema.h"
#include "store/schema_access.h"
#include "store/schema_accounts.h"
#include "store/schema_booking.h"
#include "store/schema_routing.h"

#include <stddef.h>

/*
 * The platform's four tables in SQLite's words: the same names and meaning. Enums are checked texts, booleans 0 and 1,
 * times ISO 8601 in UTC with six decimals (so that they sort as texts), JSON a text. SQLite does not enforce lengths.
 */
#define NOW "(strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))"

#define TIMES                                                                                                          \
	"  created_at TEXT NOT NULL DEFAULT " NOW ",\n"                                                                \
	"  updated_at TEXT NOT NULL DEFAULT " NOW

#define TRUNKS                                                                                                         \
	"CREATE TABLE IF NOT EXISTS trunks (\n"                                                                        \
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"                                                                    \
	"  name VARCHAR(100) NOT NULL,\n"                                                                              \
	"  description TEXT,\n"                                                                                        \
	"  provider TEXT NOT NULL CHECK (provider IN ('twilio', 'vonage', 'bandwidth', 'custom')),\n"                  \
	"  trunk_type TEXT NOT NULL DEFAULT 'pjsip' CHECK (trunk_type IN ('sip', 'iax2', 'pjsip')),\n"                 \
	"  host VARCHAR(255) NOT NULL,\n"                                                                              \
	"  port INTEGER NOT NULL DEFAULT 5060,\n"                                                                      \
	"  username VARCHAR(100),\n"                                                                                   \
	"  password VARCHAR(255),\n"                                                                                   \
	"  from_user VARCHAR(100),\n"                                                                                  \
	"  from_domain VARCHAR(255),\n"                                                                                \
	"  max_channels INTEGER NOT NULL DEFAULT 10,\n"                                                                \
	"  priority INTEGER NOT NULL DEFAULT 10,\n"                                                                    \
	"  status TEXT NOT NULL DEFAULT 'active'\n"                                                                    \
	"    CHECK (status IN ('active', 'inactive', 'maintenance', 'error')),\n"                                      \
	"  registered BOOLEAN NOT NULL DEFAULT 0,\n"                                                                   \
	"  last_registered_at TEXT,\n"                                                                                 \
	"  last_error_at TEXT,\n"                                                                                      \
	"  last_error_message TEXT,\n"                                                                                 \
	"  total_calls INTEGER NOT NULL DEFAULT 0,\n"                                                                  \
	"  successful_calls INTEGER NOT NULL DEFAULT 0,\n"                                                             \
	"  failed_calls INTEGER NOT NULL DEFAULT 0,\n"                                                                 \
	"  advanced_settings TEXT DEFAULT '{}' CHECK (json_valid(advanced_settings)),\n" TIMES "\n);\n"                \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_trunks_name ON trunks(name);\n"                                         \
	"CREATE INDEX IF NOT EXISTS idx_trunks_status_registered ON trunks(status, registered);\n"                     \
	"CREATE INDEX IF NOT EXISTS idx_trunks_priority_status ON trunks(priority, status);\n"                         \
	"CREATE INDEX IF NOT EXISTS idx_trunks_provider ON trunks(provider);\n"

#define SIP_PEERS                                                                                                      \
	"  sip_username VARCHAR(50) NOT NULL,\n"                                                                       \
	"  sip_password VARCHAR(255) NOT NULL,\n"                                                                      \
	"  extension VARCHAR(20) NOT NULL,\n"                                                                          \
	"  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'disabled')),\n"              \
	"  registered BOOLEAN NOT NULL DEFAULT 0,\n"                                                                   \
	"  last_registered_at TEXT,\n"                                                                                 \
	"  user_agent VARCHAR(255),\n"                                                                                 \
	"  ip_address VARCHAR(45),\n" TIMES "\n);\n"                                                                   \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_sip_peers_username ON sip_peers(sip_username);\n"                       \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_sip_peers_extension ON sip_peers(extension);\n"                         \
	"CREATE INDEX IF NOT EXISTS idx_sip_peers_status_registered ON sip_peers(status, registered);\n"

#define CALLS                                                                                                          \
	"  trunk_id INTEGER REFERENCES trunks(id) ON DELETE SET NULL,\n"                                               \
	"  direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),\n"                                    \
	"  caller_number VARCHAR(50),\n"                                                                               \
	"  callee_number VARCHAR(50),\n"                                                                               \
	"  start_time TEXT NOT NULL,\n"                                                                                \
	"  answer_time TEXT,\n"                                                                                        \
	"  end_time TEXT,\n"                                                                                           \
	"  duration INTEGER DEFAULT 0,\n"                                                                              \
	"  billsec INTEGER DEFAULT 0,\n"                                                                               \
	"  disposition TEXT CHECK (disposition IN ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCELLED')),\n"        \
	"  recording_url VARCHAR(500),\n" TIMES "\n);\n"                                                               \
	"CREATE UNIQUE INDEX IF NOT EXISTS idx_calls_call_id ON calls(call_id);\n"                                     \
	"CREATE INDEX IF NOT EXISTS idx_calls_agent_starttime ON calls(agent_id, start_time);\n"                       \
	"CREATE INDEX IF NOT EXISTS idx_calls_campaign_disposition ON calls(campaign_id, disposition);\n"              \
	"CREATE INDEX IF NOT EXISTS idx_calls_lead_id ON calls(lead_id);\n"                                            \
	"CREATE INDEX IF NOT EXISTS idx_calls_trunk_id ON calls(trunk_id);\n"                                          \
	"CREATE INDEX IF NOT EXISTS wtel_calls_open ON calls(trunk_id) WHERE end_time IS NULL;\n"                      \
	"CREATE INDEX IF NOT EXISTS wtel_calls_start ON calls(start_time);\n"

/* wtel_calls has one row per row of `calls` (the same id), wtel_legs one per channel; a trigger removes them with it.
 */
#define OURS                                                                                                           \
	"CREATE TABLE IF NOT EXISTS wtel_calls (\n"                                                                    \
	"  id INTEGER PRIMARY KEY,\n"                                                                                  \
	"  owner VARCHAR(32),\n"                                                                                       \
	"  adopted BOOLEAN NOT NULL DEFAULT 0,\n"                                                                      \
	"  state VARCHAR(16) NOT NULL DEFAULT 'queued',\n"                                                             \
	"  channel TEXT,\n"                                                                                            \
	"  estimated BOOLEAN NOT NULL DEFAULT 0,\n"                                                                    \
	"  transferred BOOLEAN NOT NULL DEFAULT 0,\n"                                                                  \
	"  ringing_time TEXT,\n"                                                                                       \
	"  cause INTEGER NOT NULL DEFAULT 0,\n"                                                                        \
	"  sip_code INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  reason TEXT,\n"                                                                                             \
	"  route TEXT\n"                                                                                               \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_legs (\n"                                                                     \
	"  id INTEGER NOT NULL,\n"                                                                                     \
	"  unique_id VARCHAR(255) NOT NULL,\n"                                                                         \
	"  channel TEXT,\n"                                                                                            \
	"  number TEXT,\n"                                                                                             \
	"  role VARCHAR(16) NOT NULL,\n"                                                                               \
	"  state INTEGER NOT NULL DEFAULT 0,\n"                                                                        \
	"  trunk_id INTEGER,\n"                                                                                        \
	"  start_time TEXT,\n"                                                                                         \
	"  ringing_time TEXT,\n"                                                                                       \
	"  answer_time TEXT,\n"                                                                                        \
	"  end_time TEXT,\n"                                                                                           \
	"  cause INTEGER NOT NULL DEFAULT 0,\n"                                                                        \
	"  sip_code INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  PRIMARY KEY (id, unique_id)\n"                                                                              \
	") WITHOUT ROWID;\n"                                                                                           \
	"CREATE TABLE IF NOT EXISTS wtel_instances (\n"                                                                \
	"  id VARCHAR(32) PRIMARY KEY,\n"                                                                              \
	"  host TEXT NOT NULL,\n"                                                                                      \
	"  boot TEXT NOT NULL,\n"                                                                                      \
	"  pid INTEGER NOT NULL,\n"                                                                                    \
	"  pid_start INTEGER NOT NULL,\n"                                                                              \
	"  heartbeat TEXT NOT NULL\n"                                                                                  \
	");\n"                                                                                                         \
	"CREATE TRIGGER IF NOT EXISTS wtel_calls_removed AFTER DELETE ON calls BEGIN\n"                                \
	"  DELETE FROM wtel_calls WHERE id = OLD.id;\n"                                                                \
	"  DELETE FROM wtel_legs WHERE id = OLD.id;\n"                                                                 \
	"END;\n"

static const struct store_piece version_1[] = {
	{NULL, "CREATE TABLE IF NOT EXISTS wtel_schema (\n"
	       "  version INTEGER PRIMARY KEY,\n"
	       "  applied_at TEXT NOT NULL DEFAULT " NOW "\n"
	       ");\n"
	       "INSERT INTO wtel_schema (version) VALUES (1);\n" TRUNKS},

	{NULL, "CREATE TABLE IF NOT EXISTS sip_peers (\n"
	       "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	       "  user_id INTEGER NOT NULL UNIQUE"},
	{"usuarios", " REFERENCES usuarios(id) ON DELETE CASCADE"},
	{NULL, ",\n" SIP_PEERS},

	{NULL, "CREATE TABLE IF NOT EXISTS calls (\n"
	       "  id INTEGER PRIMARY KEY,\n"
	       "  call_id VARCHAR(255) NOT NULL,\n"
	       "  agent_id INTEGER"},
	{"usuarios", " REFERENCES usuarios(id) ON DELETE SET NULL"},
	{NULL, ",\n  campaign_id INTEGER"},
	{"campanas", " REFERENCES campanas(id) ON DELETE SET NULL"},
	{NULL, ",\n  lead_id INTEGER"},
	{"base_campanas", " REFERENCES base_campanas(id) ON DELETE SET NULL"},
	{NULL, ",\n" CALLS},

	{NULL, "CREATE TABLE IF NOT EXISTS campaign_trunks (\n"
	       "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	       "  campana_id INTEGER NOT NULL"},
	{"campanas", " REFERENCES campanas(id) ON DELETE CASCADE"},
	{NULL, ",\n"
	       "  trunk_id INTEGER NOT NULL REFERENCES trunks(id) ON DELETE CASCADE,\n"
	       "  priority INTEGER NOT NULL DEFAULT 10,\n" TIMES ",\n"
	       "  UNIQUE (campana_id, trunk_id)\n"
	       ");\n" SCHEMA_TRUNK_STATES_SQLITE OURS},

	{NULL, SCHEMA_CAMPAIGNS_SQLITE},
	{"campanas", " REFERENCES campanas(id) ON DELETE CASCADE"},
	{NULL, SCHEMA_ROUTING_SQLITE},
	{NULL, NULL},
};

static const struct store_piece version_2[] = {
	{NULL, "INSERT INTO wtel_schema (version) VALUES (2);\n" SCHEMA_GRANTS_SQLITE},
	{"usuarios", " REFERENCES usuarios(id) ON DELETE CASCADE"},
	{NULL, SCHEMA_ACCESS_SQLITE SCHEMA_ACCOUNTS_SQLITE},
	{NULL, NULL},
};

const struct store_piece *const store_schema_sqlite[STORE_SCHEMA_VERSION] = {version_1, version_2};
