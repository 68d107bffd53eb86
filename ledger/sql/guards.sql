-- What holds for every writer of the journal, also one that passes the posting door by.

-- Append-only. ALWAYS: also under session_replication_role = replica.
CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'journal_append_only', TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s is append-only: %s is refused; a correction is a reversal', TG_TABLE_NAME, TG_OP);
END
$$;

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER account_kept BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER entry_append_only;
ALTER TABLE ledger_posting ENABLE ALWAYS TRIGGER posting_append_only;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER account_kept;

-- What an account is never changes; its totals only grow.
CREATE OR REPLACE FUNCTION ledger_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'account_identity', TABLE = 'ledger_account',
        MESSAGE = format('account %s: its code, kind, currency, side and floor are fixed and its totals only grow',
                         OLD.code);
END
$$;
CREATE TRIGGER account_identity BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.code <> OLD.code OR NEW.kind <> OLD.kind OR NEW.currency_id <> OLD.currency_id
          OR NEW.normal_side <> OLD.normal_side OR NEW.lock_rank <> OLD.lock_rank
          OR NEW.floor IS DISTINCT FROM OLD.floor
          OR NEW.debits < OLD.debits OR NEW.credits < OLD.credits OR NEW.version < OLD.version)
    EXECUTE FUNCTION ledger_guard_account();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER account_identity;

-- Each statement's postings: entries whole and balanced, in one currency, within its precision; accounts in step.
CREATE OR REPLACE FUNCTION ledger_guard_postings() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    v_entry record;
    v_account record;
BEGIN
    SELECT g.entry_id, g.debits, g.credits, g.postings, g.currencies, g.precise, g.decimals, e.reference, e.lines
      INTO v_entry
      FROM (SELECT n.entry_id, sum(n.debit) AS debits, sum(n.credit) AS credits, count(*) AS postings,
                   CASE WHEN min(a.currency_id) = max(a.currency_id) THEN 1 ELSE 2 END AS currencies,
                   bool_and(n.debit = round(n.debit, c.decimals) AND n.credit = round(n.credit, c.decimals)) AS precise,
                   min(c.decimals) AS decimals
              FROM posted n
              JOIN ledger_account a ON a.id = n.account_id
              JOIN ledger_currency c ON c.code = a.currency_id
             GROUP BY n.entry_id) g
      LEFT JOIN ledger_entry e ON e.id = g.entry_id
     WHERE g.debits <> g.credits OR g.currencies <> 1 OR NOT g.precise OR g.postings IS DISTINCT FROM e.lines
     ORDER BY g.entry_id
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'BW003', TABLE = 'ledger_posting',
            DETAIL = v_entry.entry_id::text,
            CONSTRAINT = CASE
                WHEN v_entry.lines IS NULL THEN 'posting_entry_unknown'
                WHEN v_entry.currencies <> 1 THEN 'entry_mixes_currencies'
                WHEN NOT v_entry.precise THEN 'amount_precision'
                WHEN v_entry.debits <> v_entry.credits THEN 'entry_unbalanced'
                ELSE 'entry_incomplete' END,
            MESSAGE = CASE
                WHEN v_entry.lines IS NULL THEN format('posting of entry %s, which does not exist', v_entry.entry_id)
                WHEN v_entry.currencies <> 1 THEN format('entry %s mixes currencies', v_entry.reference)
                WHEN NOT v_entry.precise THEN format('entry %s: an amount has more than the %s decimals of its currency',
                                                     v_entry.reference, v_entry.decimals)
                WHEN v_entry.debits <> v_entry.credits THEN format(
                    'entry %s does not balance: debits %s, credits %s, difference %s', v_entry.reference,
                    trim_scale(v_entry.debits), trim_scale(v_entry.credits),
                    trim_scale(abs(v_entry.debits - v_entry.credits)))
                ELSE format('entry %s has %s line(s), this statement posts %s', v_entry.reference, v_entry.lines,
                            v_entry.postings) END;
    END IF;

    SELECT g.account_id, g.first, g.last, g.postings, a.code, a.version
      INTO v_account
      FROM (SELECT n.account_id, min(n.version) AS first, max(n.version) AS last, count(*) AS postings,
                   sum(n.debit) AS debits, sum(n.credit) AS credits,
                   (array_agg(n.balance_after ORDER BY n.version DESC))[1] AS balance
              FROM posted n GROUP BY n.account_id) g
      LEFT JOIN ledger_account a ON a.id = g.account_id
     WHERE a.id IS NULL OR a.version <> g.last OR g.last - g.first + 1 <> g.postings OR a.balance <> g.balance
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'BW003', TABLE = 'ledger_posting', CONSTRAINT = 'posting_out_of_step',
            MESSAGE = CASE WHEN v_account.code IS NULL
                THEN format('posting on account %s, which does not exist', v_account.account_id)
                ELSE format('account %s stands at version %s, the postings run from %s to %s (%s of them) or end at '
                            'another balance', v_account.code, v_account.version, v_account.first, v_account.last,
                            v_account.postings) END;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER posting_guard AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard_postings();
ALTER TABLE ledger_posting ENABLE ALWAYS TRIGGER posting_guard;
