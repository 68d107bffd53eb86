-- What holds for every writer of the fund's tables. ALWAYS: also under session_replication_role = replica.

-- Append-only tables; the argument names the rule.
CREATE OR REPLACE FUNCTION fund_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s: %s is refused', TG_TABLE_NAME, TG_OP);
END
$$;

CREATE TRIGGER rulebook_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_rulebookversion
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('rulebook_append_only');
CREATE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('allocation_append_only');
CREATE TRIGGER snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_fundsnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('snapshot_append_only');
CREATE TRIGGER position_fixed BEFORE UPDATE OR TRUNCATE ON fund_cycleposition
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('position_fixed');
CREATE TRIGGER cycle_kept BEFORE DELETE OR TRUNCATE ON fund_cycle
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('cycle_kept');
CREATE TRIGGER transfer_kept BEFORE DELETE OR TRUNCATE ON fund_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('transfer_kept');

-- A cycle: its span is fixed, its states are those of CYCLE_TRANSITIONS in fund/rules/cycles.py, and what settling found
-- stands as long as it is settled.
CREATE OR REPLACE FUNCTION fund_guard_cycle() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
    v_name text := format('cycle %s of fund %s', NEW.number, NEW.fund_id);
    v_entry text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' OR NEW.run <> 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_transition', TABLE = 'fund_cycle',
                MESSAGE = format('%s: a cycle begins open, not %s', v_name, NEW.status);
        END IF;
        RETURN NEW;
    END IF;

    IF (NEW.id, NEW.fund_id, NEW.number, NEW.starts_at, NEW.ends_at, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.fund_id, OLD.number, OLD.starts_at, OLD.ends_at, OLD.opened_at) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_identity', TABLE = 'fund_cycle',
            MESSAGE = format('%s: its fund, number and span are fixed', v_name);
    END IF;

    IF NEW.status = OLD.status THEN
        IF OLD.status = 'settled' AND NEW IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_settled_figures', TABLE = 'fund_cycle',
                MESSAGE = format('%s is settled: its figures stand', v_name);
        END IF;
        IF NEW.run <> OLD.run THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_run', TABLE = 'fund_cycle',
                MESSAGE = format('%s: only a settlement makes another run', v_name);
        END IF;
        RETURN NEW;
    END IF;

    IF NOT EXISTS (SELECT FROM (VALUES ('open', 'ended'), ('ended', 'settled'), ('settled', 'ended'))
                           AS allowed (from_status, to_status)
                    WHERE allowed.from_status = OLD.status AND allowed.to_status = NEW.status) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_transition', TABLE = 'fund_cycle',
            MESSAGE = format('%s goes from %s to %s: no such way', v_name, OLD.status, NEW.status);
    END IF;

    IF NEW.run <> OLD.run + (NEW.status = 'settled')::integer THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_run', TABLE = 'fund_cycle',
            MESSAGE = format('%s: run %s follows run %s', v_name, NEW.run, OLD.run);
    END IF;
    IF NEW.status = 'settled' AND num_nulls(NEW.rulebook_id, NEW.loss, NEW.fund_paid, NEW.treasury_paid,
                                            NEW.to_allocate, NEW.allocated, NEW.levy_surplus, NEW.residue, NEW.carried,
                                            NEW.participants, NEW.settled_at) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_figures_missing', TABLE = 'fund_cycle',
            MESSAGE = format('%s: settled without figures', v_name);
    END IF;
    IF OLD.status = 'settled' THEN
        -- Back from settled leads only a reversal, and a whole one.
        SELECT min(e.reference) INTO v_entry
          FROM ledger_entry e
          JOIN fund_fund f ON f.id = OLD.fund_id
         WHERE e.source_kind = 'cycle' AND e.source_id = f.code || ':' || OLD.number AND e.reverses_id IS NULL
           AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.reverses_id = e.id);
        IF v_entry IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'cycle_reversal_incomplete', TABLE = 'fund_cycle',
                MESSAGE = format('%s stays settled: its entry %s is not reversed', v_name, v_entry);
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER cycle_guard BEFORE INSERT OR UPDATE ON fund_cycle
    FOR EACH ROW EXECUTE FUNCTION fund_guard_cycle();

-- Positions of a cycle: none is added or taken away once they are complete. The share lock makes whoever completes them
-- wait for those who are adding, and the other way round. It takes the place of a foreign key, which costs a look-up a
-- row.
CREATE OR REPLACE FUNCTION fund_guard_positions() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
    v_cycle bigint;
    v_complete_at timestamptz;
BEGIN
    FOR v_cycle IN SELECT DISTINCT c.cycle_id FROM changed c ORDER BY 1 LOOP
        SELECT c.positions_complete_at INTO v_complete_at FROM fund_cycle c WHERE c.id = v_cycle FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'position_cycle_unknown',
                TABLE = 'fund_cycleposition', MESSAGE = format('cycle %s does not exist', v_cycle);
        END IF;
        IF v_complete_at IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'positions_frozen', TABLE = 'fund_cycleposition',
                MESSAGE = format('cycle %s: its positions are complete since %s', v_cycle, v_complete_at);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER positions_frozen_added AFTER INSERT ON fund_cycleposition REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fund_guard_positions();
CREATE TRIGGER positions_frozen_deleted AFTER DELETE ON fund_cycleposition REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fund_guard_positions();

-- Allocations come with the settlement that they belong to: of an ended cycle, for its next run.
CREATE OR REPLACE FUNCTION fund_guard_allocations() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
    v_cycle bigint;
BEGIN
    SELECT a.cycle_id INTO v_cycle
      FROM (SELECT DISTINCT n.cycle_id, n.run FROM added n) a
      LEFT JOIN fund_cycle c ON c.id = a.cycle_id AND c.status = 'ended' AND c.run + 1 = a.run
     WHERE c.id IS NULL
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'allocation_in_settlement', TABLE = 'fund_allocation',
            MESSAGE = format('cycle %s is not being settled for that run', v_cycle);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER allocation_in_settlement AFTER INSERT ON fund_allocation REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund_guard_allocations();

-- A transfer: what was asked for stands, it is decided on once, and booked once.
CREATE OR REPLACE FUNCTION fund_guard_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.reference, NEW.fund_id, NEW.direction, NEW.source, NEW.amount, NEW.requested_by, NEW.requested_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.fund_id, OLD.direction, OLD.source, OLD.amount, OLD.requested_by,
                         OLD.requested_at)
       OR (OLD.status <> 'pending' AND (NEW.status, NEW.decided_by, NEW.decided_at)
                                       IS DISTINCT FROM (OLD.status, OLD.decided_by, OLD.decided_at))
       OR (OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'transfer_fixed', TABLE = 'fund_transfer',
            MESSAGE = format('%s %s is %s: it stands as it is', OLD.direction, OLD.reference, OLD.status);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER transfer_fixed BEFORE UPDATE ON fund_transfer
    FOR EACH ROW EXECUTE FUNCTION fund_guard_transfer();

ALTER TABLE fund_rulebookversion ENABLE ALWAYS TRIGGER rulebook_append_only;
ALTER TABLE fund_allocation ENABLE ALWAYS TRIGGER allocation_append_only;
ALTER TABLE fund_allocation ENABLE ALWAYS TRIGGER allocation_in_settlement;
ALTER TABLE fund_fundsnapshot ENABLE ALWAYS TRIGGER snapshot_append_only;
ALTER TABLE fund_cycleposition ENABLE ALWAYS TRIGGER position_fixed;
ALTER TABLE fund_cycleposition ENABLE ALWAYS TRIGGER positions_frozen_added;
ALTER TABLE fund_cycleposition ENABLE ALWAYS TRIGGER positions_frozen_deleted;
ALTER TABLE fund_cycle ENABLE ALWAYS TRIGGER cycle_kept;
ALTER TABLE fund_cycle ENABLE ALWAYS TRIGGER cycle_guard;
ALTER TABLE fund_transfer ENABLE ALWAYS TRIGGER transfer_kept;
ALTER TABLE fund_transfer ENABLE ALWAYS TRIGGER transfer_fixed;
