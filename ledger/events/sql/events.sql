-- Positions of events, and what holds for every writer of them.

-- Events are numbered by their readers, under the lock of the counter: only what is committed is seen here, so nothing
-- comes to stand before a position that somebody has read already. Ids order those that are seen together: whoever
-- waited for another's lock drew a later id. Each statement here sees what was committed before it began.
CREATE OR REPLACE FUNCTION events_number_v1(p_most integer) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    v_last bigint;
    v_given bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM events_event e WHERE e.position IS NULL) THEN
        SELECT c.last INTO STRICT v_last FROM events_counter c;
        RETURN v_last;
    END IF;
    SELECT c.last INTO STRICT v_last FROM events_counter c FOR NO KEY UPDATE;
    WITH waiting AS (
        SELECT e.id, row_number() OVER (ORDER BY e.id) AS place
          FROM events_event e
         WHERE e.position IS NULL
         ORDER BY e.id
         LIMIT p_most
    ), given AS (
        UPDATE events_event e SET position = v_last + w.place FROM waiting w WHERE e.id = w.id RETURNING 1
    )
    SELECT count(*) INTO v_given FROM given;
    UPDATE events_counter SET last = v_last + v_given WHERE v_given > 0;
    RETURN v_last + v_given;
END
$$;

-- Append-only, apart from the position, which is given once. ALWAYS: also under session_replication_role = replica.
CREATE OR REPLACE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'event_append_only', TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s is append-only: %s is refused', TG_TABLE_NAME, TG_OP);
END
$$;
CREATE TRIGGER event_kept BEFORE DELETE OR TRUNCATE ON events_event
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_unchanged BEFORE UPDATE ON events_event FOR EACH ROW
    WHEN (OLD.position IS NOT NULL OR (OLD.id, OLD.kind, OLD.stream, OLD.data, OLD.occurred_at, OLD.created_at, OLD.once)
          IS DISTINCT FROM (NEW.id, NEW.kind, NEW.stream, NEW.data, NEW.occurred_at, NEW.created_at, NEW.once))
    EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_begins_unnumbered BEFORE INSERT ON events_event FOR EACH ROW
    WHEN (NEW.position IS NOT NULL)
    EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER counter_kept BEFORE DELETE OR TRUNCATE ON events_counter
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER counter_rises BEFORE UPDATE ON events_counter FOR EACH ROW
    WHEN (NEW.last < OLD.last)
    EXECUTE FUNCTION events_refuse_change();
ALTER TABLE events_event ENABLE ALWAYS TRIGGER event_kept;
ALTER TABLE events_event ENABLE ALWAYS TRIGGER event_unchanged;
ALTER TABLE events_event ENABLE ALWAYS TRIGGER event_begins_unnumbered;
ALTER TABLE events_counter ENABLE ALWAYS TRIGGER counter_kept;
ALTER TABLE events_counter ENABLE ALWAYS TRIGGER counter_rises;

INSERT INTO events_counter (id, last) VALUES (1, 0);
