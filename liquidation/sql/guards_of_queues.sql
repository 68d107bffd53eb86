-- A queue that was answered stands as it was, and an event goes by one of its own takeover.
CREATE TRIGGER answered_queue_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON liquidation_answeredqueue
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('answered_queue_append_only');
ALTER TABLE liquidation_answeredqueue ENABLE ALWAYS TRIGGER answered_queue_append_only;

CREATE FUNCTION liquidation_guard_deleveraging() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM liquidation_answeredqueue q
                    WHERE q.id = NEW.answered_id AND q.takeover_id = NEW.takeover_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'deleveraging_answered',
            TABLE = 'liquidation_deleveraging',
            MESSAGE = format('ADL %s: queue %s is none of its takeover', NEW.reference, NEW.answered_id);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER deleveraging_answered BEFORE INSERT ON liquidation_deleveraging FOR EACH ROW
    WHEN (NEW.answered_id IS NOT NULL) EXECUTE FUNCTION liquidation_guard_deleveraging();
ALTER TABLE liquidation_deleveraging ENABLE ALWAYS TRIGGER deleveraging_answered;
