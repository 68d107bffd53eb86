-- Totals of accounts at a moment: of entries that happened up to p_at and were in the books by p_known_at (NULL: no
-- limit). p_account names one account, NULL takes every account of p_currency.
--
-- Long books are asked about recent moments. The accounts' own totals minus the later entries is then far less work
-- than the sum of all earlier ones; whichever touches fewer rows is done. STABLE: both sides are read in one snapshot.
CREATE OR REPLACE FUNCTION ledger_balances_at_v1(
    p_currency text, p_account text, p_at timestamptz, p_known_at timestamptz
)
RETURNS TABLE (account_id bigint, debits numeric, credits numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_postings bigint;
    v_most bigint;
    v_later bigint := 0;
BEGIN
    SELECT coalesce(sum(a.version), 0) INTO v_postings
      FROM ledger_account a
     WHERE a.currency_id = p_currency AND (p_account IS NULL OR a.code = p_account COLLATE "C");
    -- An entry has two postings or more: with more later entries than this, the earlier ones have fewer postings.
    v_most := v_postings / 4;

    IF p_at IS NOT NULL THEN
        SELECT count(*) INTO v_later
          FROM (SELECT FROM ledger_entry e WHERE e.effective_at > p_at LIMIT v_most + 1) l;
    END IF;
    IF p_known_at IS NOT NULL AND v_later <= v_most THEN
        SELECT v_later + count(*) INTO v_later
          FROM (SELECT FROM ledger_entry e WHERE e.created_at > p_known_at LIMIT v_most + 1) l;
    END IF;

    IF v_later <= v_most THEN
        RETURN QUERY
        SELECT a.id, a.debits - coalesce(t.debits, 0), a.credits - coalesce(t.credits, 0)
          FROM ledger_account a
          LEFT JOIN (SELECT p.account_id AS id, sum(p.debit) AS debits, sum(p.credit) AS credits
                       FROM (SELECT e.id FROM ledger_entry e WHERE e.effective_at > p_at
                              UNION
                             SELECT e.id FROM ledger_entry e WHERE e.created_at > p_known_at) l
                       JOIN ledger_posting p ON p.entry_id = l.id
                      GROUP BY p.account_id) t ON t.id = a.id
         WHERE a.currency_id = p_currency AND (p_account IS NULL OR a.code = p_account COLLATE "C");
    ELSE
        RETURN QUERY
        SELECT a.id, coalesce(t.debits, 0), coalesce(t.credits, 0)
          FROM ledger_account a
          LEFT JOIN (SELECT p.account_id AS id, sum(p.debit) AS debits, sum(p.credit) AS credits
                       FROM ledger_posting p
                       JOIN ledger_entry e ON e.id = p.entry_id
                      WHERE (p_at IS NULL OR e.effective_at <= p_at)
                        AND (p_known_at IS NULL OR e.created_at <= p_known_at)
                        AND (p_account IS NULL OR p.account_id = (SELECT k.id FROM ledger_account k
                                                                   WHERE k.code = p_account COLLATE "C"))
                      GROUP BY p.account_id) t ON t.id = a.id
         WHERE a.currency_id = p_currency AND (p_account IS NULL OR a.code = p_account COLLATE "C");
    END IF;
END
$$;
