-- A currency that has accounts stays as it is: its decimals are what all amounts in it were checked by. In place of a
-- foreign key, which looks a currency up for each account: settling a cycle may open a hundred thousand at once.
CREATE OR REPLACE FUNCTION ledger_guard_account_currency() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
    v record;
BEGIN
    -- Locked as a foreign key would: nobody deletes it before this is committed.
    PERFORM c.code
       FROM ledger_currency c
      WHERE c.code IN (SELECT DISTINCT o.currency_id FROM opened o)
      ORDER BY c.code
        FOR KEY SHARE;
    SELECT o.code, o.currency_id INTO v
      FROM opened o
     WHERE o.currency_id NOT IN (SELECT c.code FROM ledger_currency c)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'BW003', CONSTRAINT = 'account_currency', TABLE = 'ledger_account',
            MESSAGE = format('account %s: currency %s does not exist', v.code, v.currency_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER account_currency AFTER INSERT ON ledger_account REFERENCING NEW TABLE AS opened
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard_account_currency();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER account_currency;

CREATE OR REPLACE FUNCTION ledger_guard_currency() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_account a WHERE a.currency_id = OLD.code) THEN
        RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'currency_kept', TABLE = 'ledger_currency',
            MESSAGE = format('currency %s has accounts: it keeps its code and its %s decimals', OLD.code, OLD.decimals);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER currency_kept BEFORE UPDATE OR DELETE ON ledger_currency
    FOR EACH ROW EXECUTE FUNCTION ledger_guard_currency();
ALTER TABLE ledger_currency ENABLE ALWAYS TRIGGER currency_kept;
