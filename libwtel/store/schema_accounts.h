/*
 * Version 2: accounts, and how Asterisk reads them and the trunks: its PJSIP realtime asks the views below by id, at
 * each REGISTER and each call, so that a row is an endpoint the moment it is there and no more once it is not (see
 * examples/asterisk/extconfig.conf; column names are those of Asterisk's own tables ps_endpoints and so on).
 *
 * wtel_peers has one row for each account whose password was made here. The digests are H(user:realm:password) for the
 * two users that a phone may log in as: the account's user name and its extension. `sealed` is <wtel/peer.h>'s; NULL
 * where there was no key. A row of sip_peers alone has no digest: Asterisk does not see it until its password is
 * renewed.
 */
#ifndef STORE_SCHEMA_ACCOUNTS_H
#define STORE_SCHEMA_ACCOUNTS_H

#define SCHEMA_PEERS(boolean, yes)                                                                                     \
	"CREATE TABLE IF NOT EXISTS wtel_peers (\n"                                                                    \
	"  peer_id INTEGER PRIMARY KEY REFERENCES sip_peers(id) ON DELETE CASCADE,\n"                                  \
	"  display_name VARCHAR(255),\n"                                                                               \
	"  webrtc " boolean " NOT NULL DEFAULT " yes ",\n"                                                             \
	"  realm VARCHAR(80) NOT NULL,\n"                                                                              \
	"  username_md5 VARCHAR(32) NOT NULL,\n"                                                                       \
	"  username_sha256 VARCHAR(64) NOT NULL,\n"                                                                    \
	"  extension_md5 VARCHAR(32) NOT NULL,\n"                                                                      \
	"  extension_sha256 VARCHAR(64) NOT NULL,\n"                                                                   \
	"  sealed TEXT\n"                                                                                              \
	");\n"

#define SCHEMA_ACCOUNTS_SQLITE SCHEMA_PEERS("BOOLEAN", "1")

/*
 * The name of a trunk's endpoint: as wtel_trunk_slug() where none is given. What libwtel would refuse, because it does
 * more in a configuration than name something, gives NULL: such a trunk is not seen.
 */
#define SCHEMA_ENDPOINT_OF                                                                                             \
	"CREATE OR REPLACE FUNCTION wtel_trunk_endpoint(name text, given text) RETURNS text\n"                         \
	"LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$\n"                                                                 \
	"  SELECT substring(coalesce(nullif(given, ''), btrim(regexp_replace(lower(name COLLATE \"C\"), "              \
	"'[^a-z0-9]+', '-', "                                                                                          \
	"'g'), '-')) COLLATE \"C\" FROM '^[A-Za-z0-9_.-]{1,79}$')\n"                                                   \
	"$$;\n"                                                                                                        \
	"CREATE INDEX IF NOT EXISTS wtel_trunks_endpoint ON trunks"                                                    \
	" (wtel_trunk_endpoint(name::text, advanced_settings ->> 'endpoint'));\n"

/* res_config_pgsql.c takes a value apart at ';', strips it, and then decodes ^XX. */
#define SCHEMA_PLAIN(value) "replace(replace(replace(" value ", '^', '^5E'), ';', '^3B'), ' ', '^20')"

/*
 * Trunks that Asterisk may know: all but the inactive ones (with a breaker open, or in maintenance, they take no new
 * call from us, but those that are there go on, and the carrier may call). In `registers` are those that log in at the
 * carrier's. Of an address, a user or a domain that would be more than that in a SIP address, nothing is seen.
 */
#define SCHEMA_LINES                                                                                                   \
	"CREATE OR REPLACE VIEW wtel_ps_trunks AS\n"                                                                   \
	"SELECT e.id, e.host || ':' || e.port AS address, e.host, e.username, e.password, e.from_user, e.from_domain," \
	" e.codecs, e.transport, e.username IS NOT NULL AND e.registration IS DISTINCT FROM 'false' AS registers\n"    \
	"FROM (SELECT wtel_trunk_endpoint(t.name::text, t.advanced_settings ->> 'endpoint') AS id,\n"                  \
	"    CASE WHEN t.host ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$' THEN '[' || t.host || ']' ELSE t.host END AS "       \
	"host,\n"                                                                                                      \
	"    t.port, nullif(t.username, '') AS username, nullif(t.password, '') AS password,\n"                        \
	"    nullif(t.from_user, '') AS from_user, nullif(t.from_domain, '') AS from_domain,\n"                        \
	"    substring(translate(t.advanced_settings ->> 'codecs', '[]\" ', '') FROM '^[a-z0-9,]{1,200}$') AS "        \
	"codecs,\n"                                                                                                    \
	"    substring(t.advanced_settings ->> 'transport' FROM '^[A-Za-z0-9_.-]{1,79}$') AS transport,\n"             \
	"    t.advanced_settings ->> 'registration' AS registration\n"                                                 \
	"  FROM trunks t WHERE t.status::text <> 'inactive' AND t.trunk_type::text <> 'iax2') e\n"                     \
	"WHERE e.id IS NOT NULL AND e.host ~ '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_.-]+)$'\n"                             \
	"  AND coalesce(e.username, 'x') ~ '^[A-Za-z0-9_.!~*''()&=+$,/@-]+$'\n"                                        \
	"  AND coalesce(e.from_user, 'x') ~ '^[A-Za-z0-9_.!~*''()&=+$,/-]+$'\n"                                        \
	"  AND coalesce(e.from_domain, 'x') ~ '^[A-Za-z0-9_.:-]+$';\n"

/* Accounts that Asterisk may know; a name that is a trunk's endpoint, or another's extension, is none. */
#define SCHEMA_NO_TRUNK(name)                                                                                          \
	" AND NOT EXISTS (SELECT 1 FROM trunks t"                                                                      \
	" WHERE wtel_trunk_endpoint(t.name::text, t.advanced_settings ->> 'endpoint') = " name "::text)"
#define SCHEMA_USERS                                                                                                   \
	"CREATE OR REPLACE VIEW wtel_ps_users AS\n"                                                                    \
	"SELECT p.extension::text AS id, p.extension::text AS extension, p.sip_username::text AS username,"            \
	" w.display_name, w.webrtc, w.realm, w.extension_md5 AS md5, w.extension_sha256 AS sha256\n"                   \
	"FROM sip_peers p JOIN wtel_peers w ON w.peer_id = p.id WHERE p.status::text = 'active'\n"                     \
	"  AND p.extension ~ '^[A-Za-z0-9*#_.-]+$' AND p.sip_username ~ '^[A-Za-z0-9_.-]+$'" SCHEMA_NO_TRUNK(          \
		"p.extension") "\n"                                                                                    \
			       "UNION ALL\n"                                                                           \
			       "SELECT p.sip_username::text, p.extension::text, p.sip_username::text, "                \
			       "w.display_name, w.webrtc, w.realm,"                                                    \
			       " w.username_md5, w.username_sha256\n"                                                  \
			       "FROM sip_peers p JOIN wtel_peers w ON w.peer_id = p.id WHERE p.status::text = "        \
			       "'active'\n"                                                                            \
			       "  AND p.extension ~ '^[A-Za-z0-9*#_.-]+$' AND p.sip_username ~ '^[A-Za-z0-9_.-]+$'\n"  \
			       "  AND NOT EXISTS (SELECT 1 FROM sip_peers q WHERE q.extension = "                      \
			       "p.sip_username)" SCHEMA_NO_TRUNK("p.sip_username") ";\n"

/*
 * The values are those of the templates in examples/asterisk/pjsip.conf, which says why; `disallow` stands before
 * `allow`, as the columns are applied in their order. A trunk is never known by the user that a caller names.
 *
 * An account is two endpoints, because a phone is known by the user in its From: the user name that `sip/credentials`
 * gives out, or the extension, which is what is dialled. Each has an address of record, as a REGISTER names one too
 * (find_registrar_aor() of res_pjsip_registrar.c); dialling the extension finds the phone under either.
 */
#define SCHEMA_ENDPOINTS                                                                                               \
	"CREATE OR REPLACE VIEW wtel_ps_endpoints AS\n"                                                                \
	"SELECT u.id, u.extension || ',' || u.username AS aors, u.username || ',' || u.extension AS auth,"             \
	" NULL::text AS outbound_auth, NULL::text AS transport, 'welcomedly-agents' AS context, 'all' AS disallow,"    \
	" CASE WHEN u.webrtc THEN 'opus,ulaw,alaw' ELSE 'ulaw,alaw' END AS allow, NULL::text AS from_user,"            \
	" NULL::text AS from_domain, 'username,auth_username' AS identify_by, 'no' AS direct_media,"                   \
	" 'yes' AS rtp_symmetric, 'yes' AS force_rport, 'yes' AS rewrite_contact, '1' AS device_state_busy_at,"        \
	" 'no' AS trust_id_inbound, NULL::text AS trust_connected_line, NULL::text AS allow_transfer,"                 \
	" 'uri_pjsip' AS redirect_method, '60' AS rtp_timeout, '600' AS rtp_timeout_hold,"                             \
	" CASE WHEN u.webrtc THEN 'yes' END AS webrtc, CASE WHEN u.webrtc THEN 'yes' END AS dtls_auto_generate_cert\n" \
	"FROM wtel_ps_users u\n"                                                                                       \
	"UNION ALL\n"                                                                                                  \
	"SELECT l.id, l.id, NULL, CASE WHEN l.username IS NOT NULL AND l.password IS NOT NULL THEN l.id END,"          \
	" l.transport, 'welcomedly-inbound', 'all', coalesce(l.codecs, 'ulaw,alaw'), l.from_user, l.from_domain,"      \
	" 'ip', 'no', NULL, NULL, NULL, NULL, 'no', 'no', 'no', 'uri_core', '60', NULL, NULL, NULL\n"                  \
	"FROM wtel_ps_trunks l;\n"

/*
 * Three, of which one is used: digests as Asterisk takes them from 22.2 on, the same with SHA-256 for phones that know
 * it (RFC 8760; pjproject from 2.15 on), and as it took them before. A trunk's password is what the carrier asks for.
 */
#define SCHEMA_AUTHS(name, type, column, value, algorithms)                                                            \
	"CREATE OR REPLACE VIEW " name " AS\n"                                                                         \
	"SELECT u.id, '" type "' AS auth_type, u.id AS username, u.realm::text AS realm, " value " AS " column ","     \
	" NULL::text AS password" algorithms "\n"                                                                      \
	"FROM wtel_ps_users u\n"                                                                                       \
	"UNION ALL\n"                                                                                                  \
	"SELECT l.id, 'userpass', " SCHEMA_PLAIN("l.username") ", NULL, NULL, " SCHEMA_PLAIN("l.password")
#define SCHEMA_AUTHS_END "\nFROM wtel_ps_trunks l WHERE l.username IS NOT NULL AND l.password IS NOT NULL;\n"
#define SCHEMA_ALL_AUTHS                                                                                               \
	SCHEMA_AUTHS("wtel_ps_auths", "digest", "password_digest", "'MD5:' || u.md5", "")                              \
	SCHEMA_AUTHS_END                                                                                               \
	SCHEMA_AUTHS("wtel_ps_auths_sha256", "digest", "password_digest",                                              \
		     "'MD5:' || u.md5 || ',SHA-256:' || u.sha256", ", 'SHA-256,MD5' AS supported_algorithms_uas")      \
	", NULL" SCHEMA_AUTHS_END SCHEMA_AUTHS("wtel_ps_auths_md5", "md5", "md5_cred", "u.md5", "") SCHEMA_AUTHS_END

/* One phone for each account; the newest takes the place of the one before. */
#define SCHEMA_AORS                                                                                                    \
	"CREATE OR REPLACE VIEW wtel_ps_aors AS\n"                                                                     \
	"SELECT u.id, NULL::text AS contact, '1' AS max_contacts, 'yes' AS remove_existing, '60' AS "                  \
	"qualify_frequency\n"                                                                                          \
	"FROM wtel_ps_users u\n"                                                                                       \
	"UNION ALL\n"                                                                                                  \
	"SELECT l.id, 'sip:' || l.address, NULL, NULL, '60' FROM wtel_ps_trunks l;\n"

/* A carrier that we register with is known by its line parameter; one that we do not, by its address. */
#define SCHEMA_OUTSIDE                                                                                                 \
	"CREATE OR REPLACE VIEW wtel_ps_registrations AS\n"                                                            \
	"SELECT l.id, 'sip:' || l.address AS server_uri,"                                                              \
	" 'sip:' || CASE WHEN strpos(l.username, '@') > 0 THEN l.username ELSE l.username || '@' || l.address END"     \
	" AS client_uri, CASE WHEN l.password IS NOT NULL THEN l.id END AS outbound_auth,"                             \
	" split_part(l.username, '@', 1) AS contact_user, l.id AS endpoint, 'yes' AS line, l.transport,"               \
	" '300' AS expiration, '20' AS retry_interval, '300' AS forbidden_retry_interval,"                             \
	" '300' AS fatal_retry_interval, '1000000' AS max_retries, '0' AS max_random_initial_delay\n"                  \
	"FROM wtel_ps_trunks l WHERE l.registers;\n"                                                                   \
	"CREATE OR REPLACE VIEW wtel_ps_identifies AS\n"                                                               \
	"SELECT l.id, l.id AS endpoint, btrim(l.host, '[]') AS match FROM wtel_ps_trunks l WHERE NOT l.registers;\n"

#define SCHEMA_ACCOUNTS_POSTGRES                                                                                       \
	SCHEMA_PEERS("BOOLEAN", "true")                                                                                \
	SCHEMA_ENDPOINT_OF SCHEMA_LINES SCHEMA_USERS SCHEMA_ENDPOINTS SCHEMA_ALL_AUTHS SCHEMA_AORS SCHEMA_OUTSIDE

#endif
