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

-- What an account is, is checked when it is opened and never changes. Only a statement that names one of these columns
-- fires the second trigger: the posting door's update of the totals pays nothing for it.
CREATE OR REPLACE FUNCTION ledger_guard_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'account_opening', TABLE = 'ledger_account',
        MESSAGE = format('account %s: opened as %s with side %s, debits %s, credits %s, version %s; an account opens '
                         'empty, with a side', NEW.code, NEW.kind, NEW.normal_side, NEW.debits, NEW.credits, NEW.version);
END
$$;
CREATE TRIGGER account_opening BEFORE INSERT ON ledger_account FOR EACH ROW
    WHEN (NEW.normal_side NOT IN ('debit', 'credit') OR NEW.debits <> 0 OR NEW.credits <> 0 OR NEW.version <> 0)
    EXECUTE FUNCTION ledger_guard_opening();
CREATE OR REPLACE FUNCTION ledger_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'BW002', CONSTRAINT = 'account_identity', TABLE = 'ledger_account',
        MESSAGE = format('account %s: its code, kind, owner, currency, side, floor and lock rank are fixed', OLD.code);
END
$$;
CREATE TRIGGER account_identity
    BEFORE UPDATE OF id, code, kind, owner, currency_id, normal_side, floor, lock_rank, created_at ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_guard_account();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER account_opening;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER account_identity;

-- A hot account is updated with every entry: room on its page keeps the new version beside the old one.
ALTER TABLE ledger_account SET (fillfactor = 50);

-- Each statement's postings: entries whole and balanced, in one currency, within its precision; accounts in step.
-- The plans of these queries are cached with the row counts of the first statement that came by, so they are held to
-- index look-ups: right for one entry, good for thousands, and independent of statistics.
CREATE OR REPLACE FUNCTION ledger_guard_postings() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_account bigint;
    v_several_currencies boolean;
    v_entry bigint;
    v record;
BEGIN
    -- Accounts: each stands where its last posting leaves it, no version is left out, no amount is too fine.
    -- Entries: whole, balanced, numbered from 1.
    SELECT accounts.failing, accounts.several_currencies, entries.failing
      INTO v_account, v_several_currencies, v_entry
      FROM (SELECT min(g.account_id) FILTER (WHERE a.id IS NULL OR a.version <> g.last OR a.balance <> g.balance
                                                OR g.last - g.first + 1 <> g.postings OR g.scale > c.decimals)
                       AS failing,
                   min(a.currency_id) <> max(a.currency_id) AS several_currencies
              FROM (SELECT n.account_id, min(n.version) AS first, max(n.version) AS last, count(*) AS postings,
                           max(min_scale(n.debit + n.credit)) AS scale,
                           (array_agg(n.balance_after ORDER BY n.version DESC))[1] AS balance
                      FROM posted n GROUP BY n.account_id) g
              LEFT JOIN (ledger_account a JOIN ledger_currency c ON c.code = a.currency_id) ON a.id = g.account_id
           ) accounts,
           (SELECT min(g.entry_id) AS failing
              FROM (SELECT n.entry_id, sum(n.debit) AS debits, sum(n.credit) AS credits, count(*) AS postings,
                           min(n.id) = n.entry_id * 10000 + 1 AND max(n.id) = n.entry_id * 10000 + count(*) AS numbered
                      FROM posted n GROUP BY n.entry_id) g
              LEFT JOIN ledger_entry e ON e.id = g.entry_id
             WHERE g.debits <> g.credits OR g.postings IS DISTINCT FROM e.lines OR NOT g.numbered) entries;
    IF v_account IS NOT NULL THEN
        SELECT a.code, a.version, a.balance, c.decimals, e.reference, n.entry_id, n.debit + n.credit AS amount
          INTO v
          FROM posted n
          LEFT JOIN (ledger_account a JOIN ledger_currency c ON c.code = a.currency_id) ON a.id = n.account_id
          LEFT JOIN ledger_entry e ON e.id = n.entry_id
         WHERE n.account_id = v_account
         ORDER BY min_scale(n.debit + n.credit) DESC, n.id
         LIMIT 1;
        RAISE EXCEPTION USING ERRCODE = 'BW003', TABLE = 'ledger_posting', DETAIL = v.entry_id::text,
            CONSTRAINT = CASE WHEN v.code IS NULL THEN 'posting_account_unknown'
                              WHEN min_scale(v.amount) > v.decimals THEN 'amount_precision'
                              ELSE 'posting_out_of_step' END,
            MESSAGE = CASE
                WHEN v.code IS NULL THEN format('posting on account %s, which does not exist', v_account)
                WHEN min_scale(v.amount) > v.decimals THEN format(
                    'entry %s: %s on account %s has more than the %s decimals of its currency', v.reference,
                    trim_scale(v.amount), v.code, v.decimals)
                ELSE format('account %s stands at %s in version %s, the postings of this statement do not lead there',
                            v.code, trim_scale(v.balance), v.version) END;
    END IF;

    IF v_entry IS NOT NULL THEN
        SELECT e.reference, e.lines, sum(n.debit) AS debits, sum(n.credit) AS credits, count(*) AS postings
          INTO v
          FROM posted n
          LEFT JOIN ledger_entry e ON e.id = n.entry_id
         WHERE n.entry_id = v_entry
         GROUP BY e.reference, e.lines;
        RAISE EXCEPTION USING ERRCODE = 'BW003', TABLE = 'ledger_posting', DETAIL = v_entry::text,
            CONSTRAINT = CASE WHEN v.lines IS NULL THEN 'posting_entry_unknown'
                              WHEN v.debits <> v.credits THEN 'entry_unbalanced'
                              WHEN v.lines <> v.postings THEN 'entry_incomplete'
                              ELSE 'posting_id_names_entry' END,
            MESSAGE = CASE
                WHEN v.lines IS NULL THEN format('posting of entry %s, which does not exist', v_entry)
                WHEN v.debits <> v.credits THEN format(
                    'entry %s does not balance: debits %s, credits %s, difference %s', v.reference,
                    trim_scale(v.debits), trim_scale(v.credits), trim_scale(abs(v.debits - v.credits)))
                WHEN v.lines <> v.postings THEN format('entry %s has %s line(s), this statement posts %s', v.reference,
                                                       v.lines, v.postings)
                ELSE format('entry %s: its postings are numbered %s0001 and on', v.reference, v_entry) END;
    END IF;

    -- One currency an entry; there is nothing to look for where the statement has only one.
    IF v_several_currencies THEN
        SELECT e.reference, string_agg(DISTINCT a.currency_id, ', ') AS currencies, n.entry_id
          INTO v
          FROM posted n
          JOIN ledger_account a ON a.id = n.account_id
          JOIN ledger_entry e ON e.id = n.entry_id
         GROUP BY n.entry_id, e.reference
        HAVING min(a.currency_id) <> max(a.currency_id)
         ORDER BY n.entry_id
         LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'BW003', TABLE = 'ledger_posting', DETAIL = v.entry_id::text,
                CONSTRAINT = 'entry_mixes_currencies',
                MESSAGE = format('entry %s mixes currencies: %s', v.reference, v.currencies);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER posting_guard AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard_postings();
ALTER TABLE ledger_posting ENABLE ALWAYS TRIGGER posting_guard;
