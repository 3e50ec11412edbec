/*
 * What booking adds to the schema, for both databases.
 *
 * wtel_trunks has a row for a trunk whose breaker ever changed: see struct wtel_breaker.
 *
 * wtel_rates and wtel_bookings remember when the last bookings were made on a trunk that has a limit of calls per
 * second, as a ring: `made` counts them, and number n is in slot n modulo their size. So the one that was made N
 * bookings ago says whether another may be made now, whatever N is, and none is looked at twice.
 */
#ifndef STORE_SCHEMA_BOOKING_H
#define STORE_SCHEMA_BOOKING_H

/* STORE_RATE_MAX and STORE_TRIAL_SECONDS of booking.h, as they stand in SQL. */
#define SCHEMA_RING  "1000"
#define SCHEMA_TRIAL "120 seconds"

#define SCHEMA_TRUNK_STATES(number, time)                                                                              \
	"CREATE TABLE IF NOT EXISTS wtel_trunks (\n"                                                                   \
	"  trunk_id INTEGER PRIMARY KEY REFERENCES trunks(id) ON DELETE CASCADE,\n"                                    \
	"  version " number " NOT NULL DEFAULT 0,\n"                                                                   \
	"  state VARCHAR(16) NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open')),\n"                         \
	"  faults INTEGER NOT NULL DEFAULT 0,\n"                                                                       \
	"  openings INTEGER NOT NULL DEFAULT 0,\n"                                                                     \
	"  retry_at " time ",\n"                                                                                       \
	"  trial_until " time "\n"                                                                                     \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_rates (\n"                                                                    \
	"  trunk_id INTEGER PRIMARY KEY REFERENCES trunks(id) ON DELETE CASCADE,\n"                                    \
	"  made " number " NOT NULL DEFAULT 0\n"                                                                       \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_bookings (\n"                                                                 \
	"  trunk_id INTEGER NOT NULL REFERENCES wtel_rates(trunk_id) ON DELETE CASCADE,\n"                             \
	"  slot INTEGER NOT NULL,\n"                                                                                   \
	"  made_at " time " NOT NULL,\n"                                                                               \
	"  PRIMARY KEY (trunk_id, slot)\n"                                                                             \
	");\n"

/* Rows that change with each booking have room for it in their page. */
#define SCHEMA_TRUNK_STATES_POSTGRES                                                                                   \
	SCHEMA_TRUNK_STATES("BIGINT", "TIMESTAMPTZ")                                                                   \
	"ALTER TABLE wtel_trunks SET (fillfactor = 20);\n"                                                             \
	"ALTER TABLE wtel_rates SET (fillfactor = 20);\n"                                                              \
	"ALTER TABLE wtel_bookings SET (fillfactor = 50);\n"

#define SCHEMA_TRUNK_STATES_SQLITE SCHEMA_TRUNK_STATES("INTEGER", "TEXT")

/* ---- PostgreSQL: wtel_book() ------------------------------------------ */

/*
 * What is found at trunk `at`: `verdict`, and `look` with its channels and calls. All unfinished rows count, whoever
 * wrote them; not more of them than channels, so that a full trunk costs no more than a free one.
 */
#define SCHEMA_LOOK                                                                                                    \
	"  SELECT t.status, t.max_channels AS channels, t.status = 'error' AND b.state = 'open' AS broken,\n"          \
	"      b.retry_at <= clock_timestamp() AND coalesce(b.trial_until <= clock_timestamp(), true) AS ripe,\n"      \
	"      (SELECT count(*)::integer FROM (SELECT 1 FROM calls c WHERE c.trunk_id = t.id AND c.end_time IS NULL\n" \
	"        LIMIT greatest(t.max_channels, 0)) o) AS calls\n"                                                     \
	"    INTO look FROM trunks t LEFT JOIN wtel_trunks b ON b.trunk_id = t.id WHERE t.id = at;\n"                  \
	"  IF look.status IS NULL THEN verdict := 'not active';\n"                                                     \
	"  ELSIF look.broken AND (p_trials[i] = 0 OR NOT look.ripe) THEN verdict := 'breaker';\n"                      \
	"  ELSIF look.status <> 'active' AND NOT look.broken THEN verdict := 'not active';\n"                          \
	"  ELSIF look.calls >= look.channels THEN verdict := 'full';\n"                                                \
	"  ELSE verdict := 'taken';\n"                                                                                 \
	"  END IF;\n"                                                                                                  \
	"  IF verdict = 'taken' AND p_rates[i] > 0 AND EXISTS (SELECT 1 FROM wtel_rates r JOIN wtel_bookings k\n"      \
	"      ON k.trunk_id = r.trunk_id AND k.slot = (r.made - p_rates[i]) % " SCHEMA_RING "\n"                      \
	"      WHERE r.trunk_id = at AND r.made >= p_rates[i]\n"                                                       \
	"      AND k.made_at BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp()) THEN\n"            \
	"    verdict := 'rate';\n"                                                                                     \
	"  END IF;\n"

/*
 * Each trunk has a lock (an advisory one: nothing is written for it) that is held from the look that decides until the
 * booking is visible to all. A trunk that is full is passed without it. One that turns out to be taken by another
 * under the lock is let go at once, by the end of a subtransaction: who holds the lock of one trunk never waits for
 * another's, so bookings cannot wait for each other in a circle. Every statement sees what was committed before it, as
 * in any transaction of READ COMMITTED: after a wait, what the holder before it left.
 *
 * Locks are taken in this order, here and by whoever changes a breaker or a status: call, trunk, its wtel_trunks, the
 * advisory one.
 *
 * The commit does not wait for the disk: if the row is lost with the power, so is the call, or its next change writes
 * the row again.
 */
#define SCHEMA_BOOK_LOCK "2004116845"
#define SCHEMA_BOOK                                                                                                    \
	"CREATE OR REPLACE FUNCTION wtel_book(p_trunks integer[], p_rates integer[], p_trials integer[],\n"            \
	"    p_move integer, p_call_id text, p_direction text, p_agent integer, p_campaign integer, p_lead integer,\n" \
	"    p_caller text, p_callee text, p_start timestamptz, p_owner text, p_now timestamptz, p_trace text,\n"      \
	"    OUT row_id integer, OUT taken integer, OUT looked text) LANGUAGE plpgsql AS $$\n"                         \
	"DECLARE\n"                                                                                                    \
	"  look record;\n"                                                                                             \
	"  verdict text;\n"                                                                                            \
	"  at integer;\n"                                                                                              \
	"  before integer;\n"                                                                                          \
	"  steps text := '';\n"                                                                                        \
	"BEGIN\n"                                                                                                      \
	"  PERFORM set_config('synchronous_commit', 'off', true);\n"                                                   \
	"  IF p_move <> 0 THEN\n"                                                                                      \
	"    SELECT c.id, c.trunk_id INTO row_id, before FROM calls c\n"                                               \
	"      WHERE c.call_id = p_call_id AND c.end_time IS NULL FOR NO KEY UPDATE;\n"                                \
	"    IF NOT FOUND THEN RETURN; END IF;\n"                                                                      \
	"    PERFORM 1 FROM trunks t WHERE t.id = before FOR NO KEY UPDATE;\n"                                         \
	"  END IF;\n"                                                                                                  \
	"  FOR i IN 1 .. cardinality(p_trunks) LOOP\n"                                                                 \
	"  at := p_trunks[i];\n" SCHEMA_LOOK "  IF verdict = 'taken' THEN\n"                                           \
	"    PERFORM 1 FROM trunks t WHERE t.id = at FOR KEY SHARE;\n"                                                 \
	"    BEGIN\n"                                                                                                  \
	"      IF look.broken THEN PERFORM 1 FROM wtel_trunks b WHERE b.trunk_id = at FOR NO KEY UPDATE; END IF;\n"    \
	"      PERFORM pg_advisory_xact_lock(" SCHEMA_BOOK_LOCK ", at);\n" SCHEMA_LOOK                                 \
	"      IF verdict <> 'taken' THEN RAISE SQLSTATE 'WT001'; END IF;\n"                                           \
	"    EXCEPTION WHEN SQLSTATE 'WT001' THEN NULL;\n"                                                             \
	"    END;\n"                                                                                                   \
	"  END IF;\n"                                                                                                  \
	"  steps := steps || CASE WHEN i > 1 THEN ',[' ELSE '[' END || at || ',\"' || verdict || '\",'\n"              \
	"    || CASE WHEN verdict IN ('not active', 'breaker') THEN -1\n"                                              \
	"      WHEN verdict = 'taken' THEN look.calls + 1 ELSE look.calls END\n"                                       \
	"    || ',' || coalesce(look.channels, 0) || ']';\n"                                                           \
	"  IF verdict = 'taken' THEN\n"                                                                                \
	"    taken := i - 1;\n"                                                                                        \
	"    EXIT;\n"                                                                                                  \
	"  END IF;\n"                                                                                                  \
	"  END LOOP;\n"                                                                                                \
	"  looked := '[' || steps || ']';\n"                                                                           \
	"  IF taken IS NULL THEN RETURN; END IF;\n"                                                                    \
	"  IF look.broken THEN\n"                                                                                      \
	"    UPDATE wtel_trunks SET version = version + 1,\n"                                                          \
	"      trial_until = clock_timestamp() + interval '" SCHEMA_TRIAL "' WHERE trunk_id = at;\n"                   \
	"  END IF;\n"                                                                                                  \
	"  IF p_rates[taken + 1] > 0 THEN\n"                                                                           \
	"    INSERT INTO wtel_rates AS r (trunk_id, made) VALUES (at, 1)\n"                                            \
	"      ON CONFLICT (trunk_id) DO UPDATE SET made = r.made + 1;\n"                                              \
	"    INSERT INTO wtel_bookings (trunk_id, slot, made_at)\n"                                                    \
	"      SELECT at, (r.made - 1) % " SCHEMA_RING ", clock_timestamp() FROM wtel_rates r WHERE r.trunk_id = at\n" \
	"      ON CONFLICT (trunk_id, slot) DO UPDATE SET made_at = excluded.made_at;\n"                               \
	"  END IF;\n"                                                                                                  \
	"  IF p_move <> 0 THEN\n"                                                                                      \
	"    UPDATE calls SET trunk_id = at, updated_at = p_now WHERE id = row_id;\n"                                  \
	"    UPDATE trunks SET total_calls = total_calls + 1, failed_calls = failed_calls + 1, updated_at = p_now\n"   \
	"      WHERE id = before;\n"                                                                                   \
	"    INSERT INTO wtel_calls AS w (id, owner, route) VALUES (row_id, p_owner, p_trace || looked || '}')\n"      \
	"      ON CONFLICT (id) DO UPDATE SET route = coalesce(w.route || E'\\n' || excluded.route, excluded.route,\n" \
	"        w.route);\n"                                                                                          \
	"  ELSE\n"                                                                                                     \
	"    INSERT INTO calls (call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number,\n"        \
	"        callee_number, start_time, created_at, updated_at)\n"                                                 \
	"      VALUES (p_call_id, p_agent, p_campaign, p_lead, at, p_direction::enum_calls_direction, p_caller,\n"     \
	"        p_callee, p_start, p_now, p_now) RETURNING id INTO row_id;\n"                                         \
	"    INSERT INTO wtel_calls (id, owner, route) VALUES (row_id, p_owner, p_trace || looked || '}');\n"          \
	"  END IF;\n"                                                                                                  \
	"END $$;\n"

/*
 * Whoever takes a trunk out of service or lowers its limit waits for the booking that is under way, and bookings wait
 * for that: after its commit none is made that did not see it.
 */
#define SCHEMA_BOOK_CHANGES                                                                                            \
	"CREATE OR REPLACE FUNCTION wtel_trunk_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"               \
	"  PERFORM pg_advisory_xact_lock(" SCHEMA_BOOK_LOCK ", OLD.id);\n"                                             \
	"  RETURN NEW;\n"                                                                                              \
	"END $$;\n"                                                                                                    \
	"DROP TRIGGER IF EXISTS wtel_trunk_changes ON trunks;\n"                                                       \
	"CREATE TRIGGER wtel_trunk_changes BEFORE UPDATE OF status, max_channels ON trunks FOR EACH ROW\n"             \
	"  WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.max_channels IS DISTINCT FROM NEW.max_channels)\n"      \
	"  EXECUTE FUNCTION wtel_trunk_changes();\n"

#define SCHEMA_BOOK_POSTGRES SCHEMA_BOOK SCHEMA_BOOK_CHANGES

#endif
