-- What became of losses, of surpluses and of the fund's own positions: it stands, and may be reversed once.
CREATE OR REPLACE FUNCTION fund_guard_result() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- The columns that a correction sets, and for a loss the cycle that it finds later.
    v_free text[] := CASE TG_TABLE_NAME WHEN 'fund_shortfall' THEN '{reversed_by_id,cycle_id}'
                                        WHEN 'fund_surplus' THEN '{reversed_by_id}'
                                        ELSE '{reversed_at}' END;
    v_old jsonb := to_jsonb(OLD);
    v_new jsonb := to_jsonb(NEW);
BEGIN
    IF v_new - v_free IS DISTINCT FROM v_old - v_free
       OR (v_old ->> v_free[1] IS NOT NULL AND v_new -> v_free[1] IS DISTINCT FROM v_old -> v_free[1])
       OR (v_old ->> 'cycle_id' IS NOT NULL AND v_new -> 'cycle_id' IS DISTINCT FROM v_old -> 'cycle_id') THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s %s stands as it was booked; a correction reverses it, once', TG_TABLE_NAME, OLD.id);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER shortfall_fixed BEFORE UPDATE ON fund_shortfall
    FOR EACH ROW EXECUTE FUNCTION fund_guard_result('shortfall_fixed');
CREATE TRIGGER surplus_fixed BEFORE UPDATE ON fund_surplus
    FOR EACH ROW EXECUTE FUNCTION fund_guard_result('surplus_fixed');
CREATE TRIGGER inventory_movement_fixed BEFORE UPDATE ON fund_inventorymovement
    FOR EACH ROW EXECUTE FUNCTION fund_guard_result('inventory_movement_fixed');

CREATE TRIGGER shortfall_kept BEFORE DELETE OR TRUNCATE ON fund_shortfall
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('shortfall_fixed');
CREATE TRIGGER surplus_kept BEFORE DELETE OR TRUNCATE ON fund_surplus
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('surplus_fixed');
CREATE TRIGGER inventory_movement_kept BEFORE DELETE OR TRUNCATE ON fund_inventorymovement
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('inventory_movement_fixed');

ALTER TABLE fund_shortfall ENABLE ALWAYS TRIGGER shortfall_fixed;
ALTER TABLE fund_shortfall ENABLE ALWAYS TRIGGER shortfall_kept;
ALTER TABLE fund_surplus ENABLE ALWAYS TRIGGER surplus_fixed;
ALTER TABLE fund_surplus ENABLE ALWAYS TRIGGER surplus_kept;
ALTER TABLE fund_inventorymovement ENABLE ALWAYS TRIGGER inventory_movement_fixed;
ALTER TABLE fund_inventorymovement ENABLE ALWAYS TRIGGER inventory_movement_kept;
