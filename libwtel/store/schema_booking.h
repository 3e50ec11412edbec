/*
 * What booking adds to the schema, for both databases.
 *
 * wtel_trunks has a row for a trunk whose breaker ever changed: see struct wtel_breaker.
 *
 * wtel_loads and wtel_rates are the booking's own memory of a trunk. wtel_rates has when the last bookings were made on
 * one that has a limit of calls per second, as a ring: `made` counts them, and number n is in slot n modulo its size.
 * So the one that was made N bookings ago says whether another may be made now, whatever N is, and none is looked at
 * twice. What `counted` means is told with wtel_book().
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
	"CREATE TABLE IF NOT EXISTS wtel_loads (\n"                                                                    \
	"  trunk_id INTEGER PRIMARY KEY REFERENCES trunks(id) ON DELETE CASCADE,\n"                                    \
	"  made " number " NOT NULL DEFAULT 0,\n"                                                                      \
	"  counted INTEGER,\n"                                                                                         \
	"  counted_at " time ",\n"                                                                                     \
	"  counted_begun " number "\n"                                                                                 \
	");\n"                                                                                                         \
	"CREATE TABLE IF NOT EXISTS wtel_rates (\n"                                                                    \
	"  trunk_id INTEGER NOT NULL REFERENCES wtel_loads(trunk_id) ON DELETE CASCADE,\n"                             \
	"  slot INTEGER NOT NULL,\n"                                                                                   \
	"  made_at " time " NOT NULL,\n"                                                                               \
	"  PRIMARY KEY (trunk_id, slot)\n"                                                                             \
	");\n"

/* Rows that change often have room for it in their page. */
#define SCHEMA_TRUNK_STATES_POSTGRES                                                                                   \
	SCHEMA_TRUNK_STATES("BIGINT", "TIMESTAMPTZ")                                                                   \
	"ALTER TABLE wtel_trunks SET (fillfactor = 20);\n"                                                             \
	"ALTER TABLE wtel_loads SET (fillfactor = 20);\n"                                                              \
	"ALTER TABLE wtel_rates SET (fillfactor = 50);\n"

#define SCHEMA_TRUNK_STATES_SQLITE SCHEMA_TRUNK_STATES("INTEGER", "TEXT")

/* ---- PostgreSQL: wtel_book() ------------------------------------------ */

/* How many rows of `calls` were ever begun, at least: each takes a number of the sequence of its id. NULL where the
 * table has another sort of id, or sessions take numbers in advance. */
#define SCHEMA_CALLS_BEGUN                                                                                             \
	"DO $$ DECLARE\n"                                                                                              \
	"  numbers text := (SELECT s.seqrelid::regclass FROM pg_sequence s\n"                                          \
	"    WHERE s.seqrelid = pg_get_serial_sequence('calls', 'id')::regclass AND s.seqcache = 1\n"                  \
	"    AND s.seqincrement = 1 AND NOT s.seqcycle);\n"                                                            \
	"BEGIN\n"                                                                                                      \
	"  EXECUTE 'CREATE OR REPLACE FUNCTION wtel_calls_begun() RETURNS bigint LANGUAGE sql AS ' || "                \
	"quote_literal(\n"                                                                                             \
	"    'SELECT ' || coalesce('coalesce(pg_sequence_last_value(' || quote_literal(numbers) || '), 0)',\n"         \
	"    'NULL::bigint'));\n"                                                                                      \
	"  EXECUTE 'CREATE OR REPLACE FUNCTION wtel_calls_begin() RETURNS bigint LANGUAGE sql AS ' || "                \
	"quote_literal(\n"                                                                                             \
	"    'SELECT ' || coalesce('nextval(' || quote_literal(numbers) || ')', 'NULL::bigint'));\n"                   \
	"END $$;\n"

/* Whether with `more` rows, and all that were begun since the last count, trunk `at` is far below its `channels`. */
#define SCHEMA_FAR(more)                                                                                               \
	"EXISTS (SELECT 1 FROM wtel_loads l WHERE l.trunk_id = at\n"                                                   \
	"        AND l.counted_at BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp()\n"             \
	"        AND l.counted + wtel_calls_begun() + " more                                                           \
	" - l.counted_begun + greatest(crowd, channels / 4)\n"                                                         \
	"          < channels)"

/*
 * What is found at trunk `at`, the route `i`: `verdict`, `channels`, `calls`, `broken`. All unfinished rows of `calls`
 * count, whoever wrote them; not more of them than channels, so that a full trunk costs no more than a free one. They
 * are not counted (`far`) while the last count and all rows begun since, of whatever trunk, are far below the limit.
 * Small statements one after the other, and those that are seldom needed behind an IF: joined they would cost twice as
 * much.
 */
#define SCHEMA_LOOK                                                                                                    \
	"    SELECT t.status, t.max_channels INTO status, channels FROM trunks t WHERE t.id = at;\n"                   \
	"    broken := false;\n"                                                                                       \
	"    IF status = 'error' THEN\n"                                                                               \
	"      SELECT true, b.retry_at <= clock_timestamp() AND coalesce(b.trial_until <= clock_timestamp(), true)\n"  \
	"        INTO broken, ripe FROM wtel_trunks b WHERE b.trunk_id = at AND b.state = 'open';\n"                   \
	"      broken := coalesce(broken, false);\n"                                                                   \
	"    END IF;\n"                                                                                                \
	"    far := channels > crowd AND NOT broken AND p_rates[i] = 0;\n"                                             \
	"    IF far THEN\n"                                                                                            \
	"      far := " SCHEMA_FAR("0") ";\n"                                                                           \
	"    END IF;\n"                                                                                                \
	"    IF broken AND (p_trials[i] = 0 OR NOT ripe) THEN verdict := 'breaker';\n"                                 \
	"    ELSIF status IS DISTINCT FROM 'active' AND NOT broken THEN verdict := 'not active';\n"                    \
	"    ELSIF far THEN verdict := 'taken'; calls := NULL;\n"                                                      \
	"    ELSE\n"                                                                                                   \
	"      calls := (SELECT count(*) FROM (SELECT 1 FROM calls c WHERE c.trunk_id = at AND c.end_time IS NULL\n"   \
	"        LIMIT greatest(channels, 0)) o);\n"                                                                   \
	"      verdict := CASE WHEN calls >= channels THEN 'full' ELSE 'taken' END;\n"                                 \
	"      IF p_rates[i] > 0 AND verdict = 'taken' THEN\n"                                                         \
	"        IF (SELECT k.made_at FROM wtel_rates k WHERE k.trunk_id = at AND k.slot =\n"                          \
	"            (SELECT ((l.made - p_rates[i]) % " SCHEMA_RING ")::integer FROM wtel_loads l\n"                   \
	"              WHERE l.trunk_id = at AND l.made >= p_rates[i]))\n"                                             \
	"            BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp() THEN\n"                     \
	"          verdict := 'rate';\n"                                                                               \
	"        END IF;\n"                                                                                            \
	"      END IF;\n"                                                                                              \
	"    END IF;\n"

/*
 * Each trunk has a lock (an advisory one: nothing is written for it) that is held from the look that decides until the
 * booking is visible to all. A trunk that is full is passed without it. One that turns out to be taken by another
 * under the lock is let go at once, by the end of a subtransaction: who holds the lock of one trunk never waits for
 * another's, so bookings cannot wait for each other in a circle. Every statement sees what was committed before it, as
 * in any transaction of READ COMMITTED: after a wait, what the holder before it left.
 *
 * Far below the limit the lock is shared: bookings do not wait for each other, and do not count. That is safe because
 * no more can be between their look and their row than there are connections (`crowd`), and that many are kept free;
 * and who comes nearer than that takes the lock alone, so after all of them, and counts. What was counted is good for
 * a second, in case rows were changed by hand in a way that takes no number. Rows that others were just inserting when
 * it was counted are why a quarter is kept free at least.
 *
 * Locks are taken in this order, here and by whoever changes a breaker or a status: call, trunk, its wtel_trunks, the
 * advisory one, its wtel_loads.
 *
 * The commit does not wait for the disk: if the row is lost with the power, so is the call, or its next change writes
 * the row again.
 */
#define SCHEMA_BOOK_LOCK "2004116845"
#define SCHEMA_BOOK_CHOOSE                                                                                             \
	"  FOR i IN 1 .. cardinality(p_trunks) LOOP\n"                                                                 \
	"    at := p_trunks[i];\n" SCHEMA_LOOK "    shared := far;\n"                                                  \
	"    WHILE verdict = 'taken' LOOP\n"                                                                           \
	"      BEGIN\n"                                                                                                \
	"        IF broken THEN\n"                                                                                     \
	"          PERFORM 1 FROM trunks t WHERE t.id = at FOR KEY SHARE;\n"                                           \
	"          PERFORM 1 FROM wtel_trunks b WHERE b.trunk_id = at FOR NO KEY UPDATE;\n"                            \
	"        END IF;\n"                                                                                            \
	"        IF shared THEN PERFORM pg_advisory_xact_lock_shared(" SCHEMA_BOOK_LOCK ", at);\n"                     \
	"        ELSE PERFORM pg_advisory_xact_lock(" SCHEMA_BOOK_LOCK ", at);\n"                                      \
	"        END IF;\n"                                                                                            \
	"        begun := wtel_calls_begun();\n" SCHEMA_LOOK                                                           \
	"        EXIT WHEN verdict = 'taken' AND (far OR NOT shared);\n"                                               \
	"        RAISE SQLSTATE 'WT001';\n"                                                                            \
	"      EXCEPTION WHEN SQLSTATE 'WT001' THEN shared := false;\n"                                                \
	"      END;\n"                                                                                                 \
	"    END LOOP;\n"                                                                                              \
	"    steps := steps || CASE WHEN i > 1 THEN ',[' ELSE '[' END || at || ',\"' || verdict || '\",'\n"            \
	"      || CASE WHEN verdict IN ('not active', 'breaker') THEN -1\n"                                            \
	"        WHEN verdict = 'taken' THEN coalesce(calls + 1, -1) ELSE calls END\n"                                 \
	"      || ',' || coalesce(channels, 0) || ']';\n"                                                              \
	"    IF verdict = 'taken' THEN\n"                                                                              \
	"      taken := i - 1;\n"                                                                                      \
	"      EXIT;\n"                                                                                                \
	"    END IF;\n"                                                                                                \
	"  END LOOP;\n"                                                                                                \
	"  looked := '[' || steps || ']';\n"                                                                           \
	"  IF taken IS NULL THEN RETURN; END IF;\n"

#define SCHEMA_BOOK_WRITE                                                                                              \
	"  IF p_move <> 0 THEN\n"                                                                                      \
	"    PERFORM wtel_calls_begin();\n"                                                                            \
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
	"  IF broken THEN\n"                                                                                           \
	"    UPDATE wtel_trunks SET version = version + 1,\n"                                                          \
	"      trial_until = clock_timestamp() + interval '" SCHEMA_TRIAL "' WHERE trunk_id = at;\n"                   \
	"  END IF;\n"                                                                                                  \
	"  IF p_rates[taken + 1] > 0 THEN\n"                                                                           \
	"    INSERT INTO wtel_loads AS l (trunk_id, made) VALUES (at, 1)\n"                                            \
	"      ON CONFLICT (trunk_id) DO UPDATE SET made = l.made + 1;\n"                                              \
	"    INSERT INTO wtel_rates (trunk_id, slot, made_at)\n"                                                       \
	"      SELECT at, (l.made - 1) % " SCHEMA_RING ", clock_timestamp() FROM wtel_loads l WHERE l.trunk_id = at\n" \
	"      ON CONFLICT (trunk_id, slot) DO UPDATE SET made_at = excluded.made_at;\n"                               \
	"  END IF;\n"                                                                                                  \
	"  IF channels > crowd AND calls + greatest(crowd, channels / 4) < channels AND begun IS NOT NULL THEN\n"      \
	"    INSERT INTO wtel_loads (trunk_id, counted, counted_at, counted_begun)\n"                                  \
	"      VALUES (at, calls, clock_timestamp(), begun) ON CONFLICT (trunk_id) DO UPDATE SET\n"                    \
	"        counted = excluded.counted, counted_at = excluded.counted_at, counted_begun = "                       \
	"excluded.counted_begun;\n"                                                                                    \
	"  END IF;\n"

#define SCHEMA_BOOK                                                                                                    \
	"CREATE OR REPLACE FUNCTION wtel_book(p_trunks integer[], p_rates integer[], p_trials integer[],\n"            \
	"    p_move integer, p_call_id text, p_direction text, p_agent integer, p_campaign integer, p_lead integer,\n" \
	"    p_caller text, p_callee text, p_start timestamptz, p_owner text, p_now timestamptz, p_trace text,\n"      \
	"    OUT row_id integer, OUT taken integer, OUT looked text) LANGUAGE plpgsql AS $$\n"                         \
	"DECLARE\n"                                                                                                    \
	"  crowd CONSTANT integer := current_setting('max_connections');\n"                                            \
	"  status trunks.status%TYPE;\n"                                                                               \
	"  channels integer;\n"                                                                                        \
	"  calls integer;\n"                                                                                           \
	"  broken boolean;\n"                                                                                          \
	"  ripe boolean;\n"                                                                                            \
	"  far boolean;\n"                                                                                             \
	"  verdict text;\n"                                                                                            \
	"  shared boolean;\n"                                                                                          \
	"  begun bigint;\n"                                                                                            \
	"  at integer;\n"                                                                                              \
	"  before integer;\n"                                                                                          \
	"  steps text := '';\n"                                                                                        \
	"BEGIN\n"                                                                                                      \
	"  PERFORM set_config('synchronous_commit', 'off', true), set_config('plan_cache_mode',\n"                     \
	"    'force_generic_plan', true), set_config('enable_seqscan', 'off', true);\n"                                \
	"  IF p_move <> 0 THEN\n"                                                                                      \
	"    SELECT c.id, c.trunk_id INTO row_id, before FROM calls c\n"                                               \
	"      WHERE c.call_id = p_call_id AND c.end_time IS NULL FOR NO KEY UPDATE;\n"                                \
	"    IF NOT FOUND THEN RETURN; END IF;\n"                                                                      \
	"    PERFORM 1 FROM trunks t WHERE t.id = before FOR NO KEY UPDATE;\n"                                         \
	"  END IF;\n" SCHEMA_BOOK_CHOOSE SCHEMA_BOOK_WRITE "END $$;\n"

/*
 * Bookings of new calls that came together, in one transaction, at a third of the cost: each on the first of its
 * routes, if that trunk is far below its limit. Whoever has no row in the answer (NULL) is to be booked alone.
 *
 * Several locks are held here, so none may be waited for. The numbers are taken before the look that decides: rows of
 * this transaction are among those that were begun, and `crowd` is as many as bookings alone can be under way.
 */
#define SCHEMA_LOOK_TOGETHER(more)                                                                                     \
	"    SELECT t.status = 'active' AND t.max_channels > crowd, t.max_channels INTO far, channels\n"               \
	"      FROM trunks t WHERE t.id = at;\n"                                                                       \
	"    IF far THEN far := " SCHEMA_FAR(more) "; END IF;\n"

#define SCHEMA_BOOK_TOGETHER                                                                                           \
	"CREATE OR REPLACE FUNCTION wtel_book_together(p_trunks integer[], p_call_ids text[], p_directions text[],\n"  \
	"    p_agents integer[], p_campaigns integer[], p_leads integer[], p_callers text[], p_callees text[],\n"      \
	"    p_starts timestamptz[], p_owners text[], p_nows timestamptz[], p_traces text[])\n"                        \
	"    RETURNS TABLE (row_id integer, taken integer, looked text) LANGUAGE plpgsql AS $$\n"                      \
	"DECLARE\n"                                                                                                    \
	"  crowd CONSTANT integer := current_setting('max_connections');\n"                                            \
	"  ids integer[] := array_fill(NULL::integer, ARRAY[cardinality(p_trunks)]);\n"                                \
	"  looks text[] := array_fill(NULL::text, ARRAY[cardinality(p_trunks)]);\n"                                    \
	"  at integer;\n"                                                                                              \
	"  places integer[];\n"                                                                                        \
	"  numbers integer[];\n"                                                                                       \
	"  far boolean;\n"                                                                                             \
	"  channels integer;\n"                                                                                        \
	"BEGIN\n"                                                                                                      \
	"  PERFORM set_config('synchronous_commit', 'off', true), set_config('plan_cache_mode',\n"                     \
	"    'force_generic_plan', true), set_config('enable_seqscan', 'off', true);\n"                                \
	"  FOREACH at IN ARRAY ARRAY(SELECT DISTINCT unnest(p_trunks)) LOOP\n"                                         \
	"    places := array_positions(p_trunks, at);\n" SCHEMA_LOOK_TOGETHER("cardinality(places)")                   \
	"    CONTINUE WHEN far IS NOT TRUE OR NOT pg_try_advisory_xact_lock_shared(" SCHEMA_BOOK_LOCK ", at);\n"       \
	"    numbers := ARRAY(SELECT wtel_calls_begin() FROM generate_series(1, cardinality(places)));\n"              \
	SCHEMA_LOOK_TOGETHER("0")                                                                                      \
	"    CONTINUE WHEN far IS NOT TRUE;\n"                                                                         \
	"    FOR i IN 1 .. cardinality(places) LOOP\n"                                                                 \
	"      ids[places[i]] := numbers[i];\n"                                                                        \
	"      looks[places[i]] := '[[' || at || ',\"taken\",-1,' || channels || ']]';\n"                              \
	"    END LOOP;\n"                                                                                              \
	"  END LOOP;\n"                                                                                                \
	"  INSERT INTO calls (id, call_id, agent_id, campaign_id, lead_id, trunk_id, direction, caller_number,\n"      \
	"      callee_number, start_time, created_at, updated_at) OVERRIDING SYSTEM VALUE\n"                           \
	"    SELECT b.* FROM (SELECT unnest(ids) AS id, unnest(p_call_ids), unnest(p_agents), unnest(p_campaigns),\n"  \
	"      unnest(p_leads), unnest(p_trunks), unnest(p_directions)::enum_calls_direction, unnest(p_callers),\n"    \
	"      unnest(p_callees), unnest(p_starts), unnest(p_nows), unnest(p_nows)) b WHERE b.id IS NOT NULL;\n"       \
	"  INSERT INTO wtel_calls (id, owner, route) SELECT b.id, b.owner, b.trace || b.look || '}'\n"                 \
	"    FROM (SELECT unnest(ids) AS id, unnest(p_owners) AS owner, unnest(p_traces) AS trace,\n"                  \
	"      unnest(looks) AS look) b WHERE b.id IS NOT NULL;\n"                                                     \
	"  RETURN QUERY SELECT unnest(ids), 0, unnest(looks);\n"                                                       \
	"END $$;\n"

/*
 * Whoever takes a trunk out of service or changes its limit waits for the bookings that are under way, and bookings
 * wait for that: after its commit none is made that did not see it.
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

#define SCHEMA_BOOK_POSTGRES SCHEMA_CALLS_BEGUN SCHEMA_BOOK SCHEMA_BOOK_CHANGES

#endif
