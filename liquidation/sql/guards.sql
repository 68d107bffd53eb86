-- What holds for every writer of the engine's tables. ALWAYS: also under session_replication_role = replica.

-- Append-only tables, and rows that are kept; the argument names the rule.
CREATE OR REPLACE FUNCTION liquidation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s: %s is refused', TG_TABLE_NAME, TG_OP);
END
$$;

CREATE OR REPLACE TRIGGER contract_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON liquidation_contract
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('contract_fixed');
CREATE OR REPLACE TRIGGER takeover_kept BEFORE DELETE OR TRUNCATE ON liquidation_takeover
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('takeover_kept');
CREATE OR REPLACE TRIGGER fill_append_only BEFORE DELETE OR TRUNCATE ON liquidation_fill
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('fill_append_only');
CREATE OR REPLACE TRIGGER deleveraging_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON liquidation_deleveraging
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('deleveraging_append_only');
CREATE OR REPLACE TRIGGER counterparty_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON liquidation_counterpartyfill
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('counterparty_append_only');
CREATE OR REPLACE TRIGGER correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON liquidation_correction
    FOR EACH STATEMENT EXECUTE FUNCTION liquidation_refuse_change('correction_append_only');

-- A takeover: what was told of it is fixed, its states are those of TAKEOVER_TRANSITIONS in liquidation/rules.py, and
-- the figures of one that is not open stand: a correction opens it first.
CREATE OR REPLACE FUNCTION liquidation_guard_takeover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.reference, NEW.contract_id, NEW.rulebook_id, NEW.trader, NEW.side, NEW.quantity,
        NEW.bankruptcy_price, NEW.margin, NEW.entry_price, NEW.mark_price, NEW.taken_over_at, NEW.recorded_at,
        NEW.recorded_by, NEW.entry_id, NEW.place, NEW.compensation, NEW.limit_price)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.contract_id, OLD.rulebook_id, OLD.trader, OLD.side, OLD.quantity,
        OLD.bankruptcy_price, OLD.margin, OLD.entry_price, OLD.mark_price, OLD.taken_over_at, OLD.recorded_at,
        OLD.recorded_by, OLD.entry_id, OLD.place, OLD.compensation, OLD.limit_price) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'takeover_identity', TABLE = 'liquidation_takeover',
            MESSAGE = format('takeover %s: what was told of it is fixed', OLD.reference);
    END IF;
    IF NEW.status = OLD.status THEN
        IF OLD.status <> 'open' AND NEW IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'takeover_figures', TABLE = 'liquidation_takeover',
                MESSAGE = format('takeover %s is %s: its figures stand', OLD.reference, OLD.status);
        END IF;
    ELSIF NOT EXISTS (SELECT FROM (VALUES ('open', 'closed'), ('open', 'reversed'), ('closed', 'open'),
                                          ('closed', 'reversed'))
                               AS allowed (from_status, to_status)
                       WHERE allowed.from_status = OLD.status AND allowed.to_status = NEW.status) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'takeover_transition', TABLE = 'liquidation_takeover',
            MESSAGE = format('takeover %s goes from %s to %s: no such way', OLD.reference, OLD.status, NEW.status);
    END IF;
    IF NEW.closes <> OLD.closes + (NEW.status = 'closed' AND OLD.status <> 'closed')::integer THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'takeover_closes', TABLE = 'liquidation_takeover',
            MESSAGE = format('takeover %s: close %s follows close %s', OLD.reference, NEW.closes, OLD.closes);
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER takeover_guard BEFORE UPDATE ON liquidation_takeover
    FOR EACH ROW EXECUTE FUNCTION liquidation_guard_takeover();

CREATE OR REPLACE FUNCTION liquidation_guard_beginning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'takeover_beginning', TABLE = 'liquidation_takeover',
        MESSAGE = format('takeover %s: it begins open, with nothing closed of it', NEW.reference);
END
$$;
CREATE OR REPLACE TRIGGER takeover_beginning BEFORE INSERT ON liquidation_takeover FOR EACH ROW
    WHEN (NEW.status <> 'open' OR NEW.remaining <> NEW.quantity OR NEW.closes <> 0 OR NEW.running_result <> 0)
    EXECUTE FUNCTION liquidation_guard_beginning();

-- A fill: it may be reversed, once. Its price, quantity and result never change.
CREATE OR REPLACE FUNCTION liquidation_guard_fill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_unreversed liquidation_fill := NEW;
BEGIN
    v_unreversed.reversed_at := OLD.reversed_at;
    v_unreversed.reversed_by_id := OLD.reversed_by_id;
    IF v_unreversed IS DISTINCT FROM OLD OR OLD.reversed_at IS NOT NULL OR NEW.reversed_at IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'fill_append_only', TABLE = 'liquidation_fill',
            MESSAGE = format('fill %s stands as it was reported; a correction reverses it, once', OLD.reference);
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER fill_guard BEFORE UPDATE ON liquidation_fill
    FOR EACH ROW EXECUTE FUNCTION liquidation_guard_fill();

ALTER TABLE liquidation_contract ENABLE ALWAYS TRIGGER contract_fixed;
ALTER TABLE liquidation_takeover ENABLE ALWAYS TRIGGER takeover_kept;
ALTER TABLE liquidation_takeover ENABLE ALWAYS TRIGGER takeover_guard;
ALTER TABLE liquidation_takeover ENABLE ALWAYS TRIGGER takeover_beginning;
ALTER TABLE liquidation_fill ENABLE ALWAYS TRIGGER fill_append_only;
ALTER TABLE liquidation_fill ENABLE ALWAYS TRIGGER fill_guard;
ALTER TABLE liquidation_deleveraging ENABLE ALWAYS TRIGGER deleveraging_append_only;
ALTER TABLE liquidation_counterpartyfill ENABLE ALWAYS TRIGGER counterparty_append_only;
ALTER TABLE liquidation_correction ENABLE ALWAYS TRIGGER correction_append_only;
