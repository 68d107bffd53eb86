-- Books what fund_allocate_cycle_v1 has worked out in this transaction: the entries through the posting door, in one
-- call, and a row of fund_allocation for each participant, with its entry.
--
-- Entries are p_reference:1, :2… of at most as many lines as an entry has, one line a participant (trader → loss); the
-- loss takes what it has to take, a minimum levy's surplus goes to the fund. Then p_reference:residue (fund or deficit →
-- loss) and p_reference:repaid (fund → deficit), where there is anything in them. Returns how many entries there are.
CREATE OR REPLACE FUNCTION fund_book_settlement_v1(
    p_cycle bigint, p_run integer, p_reference text, p_source_id text, p_effective_at timestamptz, p_recorded_by text,
    p_loss numeric, p_residue_fund numeric, p_residue_carried numeric, p_repaid numeric,
    p_currency text, p_fund_account text, p_loss_account text, p_deficit_account text
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    -- An entry has at most 9,999 lines; two of them are the loss's and the fund's.
    c_traders CONSTANT integer := 9997;
    v_entries integer;
    v_references text[];
    v_kinds text[];
    v_lines smallint[];
    v_accounts text[];
    v_own integer[];
    v_line_entry integer[];
    v_line_number smallint[];
    v_line_account integer[];
    v_line_debit boolean[];
    v_line_amount numeric[];
    v_ids bigint[];
BEGIN
    -- Charged participants in their order, with the place of their line and of their account. The fund's own accounts
    -- are -1 (loss), -2 (fund) and -3 (deficit) here.
    DROP TABLE IF EXISTS pg_temp.cycle_line;
    CREATE TEMPORARY TABLE cycle_line ON COMMIT DROP AS
    WITH charged AS (
        SELECT s.rank, s.trader, s.amount, ((row_number() OVER w - 1) / c_traders)::integer + 1 AS entry,
               ((row_number() OVER w - 1) % c_traders)::integer + 1 AS number,
               (dense_rank() OVER (ORDER BY s.trader))::integer AS account
          FROM pg_temp.cycle_share s WHERE s.amount > 0
        WINDOW w AS (ORDER BY s.rank)
    ), per_entry AS (
        SELECT c.entry, max(c.number) AS lines, sum(c.amount) AS amount,
               sum(sum(c.amount)) OVER (ORDER BY c.entry) - sum(c.amount) AS before
          FROM charged c GROUP BY c.entry
    ), received AS (
        SELECT e.entry, e.lines, least(e.amount, greatest(p_loss - e.before, 0)) AS loss,
               e.amount - least(e.amount, greatest(p_loss - e.before, 0)) AS fund
          FROM per_entry e
    ), last AS (
        SELECT coalesce(max(e.entry), 0) AS entry FROM per_entry e
    )
    SELECT c.entry, c.number, 'allocation' AS kind, c.account, true AS debit, c.amount, c.rank, c.trader
      FROM charged c
    UNION ALL
    SELECT r.entry, r.lines + 1, 'allocation', -1, false, r.loss, NULL, NULL FROM received r WHERE r.loss > 0
    UNION ALL
    SELECT r.entry, r.lines + CASE WHEN r.loss > 0 THEN 2 ELSE 1 END, 'allocation', -2, false, r.fund, NULL, NULL
      FROM received r WHERE r.fund > 0
    UNION ALL
    SELECT l.entry + 1, (row_number() OVER (ORDER BY x.place))::integer,
           CASE WHEN p_residue_fund > 0 THEN 'fund_payout' ELSE 'deficit_carried' END, x.account, x.debit, x.amount,
           NULL, NULL
      FROM last l
     CROSS JOIN (VALUES (1, -2, true, p_residue_fund), (2, -3, true, p_residue_carried),
                        (3, -1, false, p_residue_fund + p_residue_carried)) AS x (place, account, debit, amount)
     WHERE x.amount > 0
    UNION ALL
    SELECT l.entry + CASE WHEN p_residue_fund + p_residue_carried > 0 THEN 2 ELSE 1 END, x.place, 'deficit_repaid',
           x.account, x.debit, p_repaid, NULL, NULL
      FROM last l CROSS JOIN (VALUES (1, -2, true), (2, -3, false)) AS x (place, account, debit)
     WHERE p_repaid > 0;

    SELECT count(*), array_agg(e.reference ORDER BY e.entry), array_agg(e.kind ORDER BY e.entry),
           array_agg(e.lines ORDER BY e.entry)
      INTO v_entries, v_references, v_kinds, v_lines
      FROM (SELECT l.entry, l.kind, count(*)::smallint AS lines,
                   p_reference || ':' || CASE l.kind WHEN 'allocation' THEN l.entry::text
                                                     WHEN 'deficit_repaid' THEN 'repaid' ELSE 'residue' END AS reference
              FROM pg_temp.cycle_line l GROUP BY l.entry, l.kind) e;
    IF v_entries > 0 THEN
        SELECT coalesce(array_agg('trader:' || a.trader || ':' || p_currency ORDER BY a.account), '{}')
          INTO v_accounts
          FROM (SELECT DISTINCT l.account, l.trader FROM pg_temp.cycle_line l WHERE l.trader IS NOT NULL) a;
        -- The call names the accounts that it touches, and no other.
        SELECT array_agg(DISTINCT l.account) INTO v_own FROM pg_temp.cycle_line l WHERE l.account < 0;
        SELECT array_agg(l.entry), array_agg(l.number::smallint),
               array_agg(CASE WHEN l.account > 0 THEN l.account
                              ELSE cardinality(v_accounts) + array_position(v_own, l.account) END),
               array_agg(l.debit), array_agg(l.amount)
          INTO v_line_entry, v_line_number, v_line_account, v_line_debit, v_line_amount
          FROM (SELECT * FROM pg_temp.cycle_line ORDER BY entry, number) l;
        SELECT v_accounts || array_agg((ARRAY[p_loss_account, p_fund_account, p_deficit_account])[-o.account]
                                       ORDER BY o.place)
          INTO v_accounts
          FROM unnest(v_own) WITH ORDINALITY AS o (account, place);
        SELECT d.entry_ids INTO v_ids
          FROM ledger_post_entries_v1(
                   v_references, v_kinds, array_fill('cycle'::text, ARRAY[v_entries]),
                   array_fill(p_source_id, ARRAY[v_entries]), array_fill(p_effective_at, ARRAY[v_entries]),
                   array_fill(true, ARRAY[v_entries]), array_fill(''::text, ARRAY[v_entries]),
                   array_fill(NULL::bigint, ARRAY[v_entries]), v_lines, p_recorded_by, v_accounts, v_line_entry,
                   v_line_number, v_line_account, v_line_debit, v_line_amount) d;
    END IF;

    INSERT INTO fund_allocation (cycle_id, run, rank, position, trader, profit, amount, entry_id)
    SELECT p_cycle, p_run, s.rank, s.position, s.trader, s.profit, s.amount, v_ids[l.entry]
      FROM pg_temp.cycle_share s LEFT JOIN pg_temp.cycle_line l ON l.rank = s.rank
     ORDER BY s.rank;
    RETURN v_entries;
END
$$;

-- The mirror images of entries, posted in one call: p_reference for the first, reversal.2:p_reference… for the others.
CREATE OR REPLACE FUNCTION fund_reverse_entries_v1(
    p_entry bigint[], p_reference text, p_description text, p_effective_at timestamptz, p_recorded_by text
) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, public
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_entries integer := cardinality(p_entry);
    v_references text[];
    v_source_kinds text[];
    v_source_ids text[];
    v_lines smallint[];
    v_accounts text[];
    v_line_entry integer[];
    v_line_number smallint[];
    v_line_account integer[];
    v_line_debit boolean[];
    v_line_amount numeric[];
    v_ids bigint[];
BEGIN
    SELECT array_agg(CASE n.place WHEN 1 THEN p_reference ELSE 'reversal.' || n.place || ':' || p_reference END
                     ORDER BY n.place),
           array_agg(e.source_kind::text ORDER BY n.place), array_agg(e.source_id::text ORDER BY n.place),
           array_agg(e.lines ORDER BY n.place)
      INTO v_references, v_source_kinds, v_source_ids, v_lines
      FROM unnest(p_entry) WITH ORDINALITY AS n (id, place) JOIN ledger_entry e ON e.id = n.id;
    -- By windows and not by joins: how many lines an entry has is nothing that statistics tell.
    CREATE TEMPORARY TABLE reversed_line ON COMMIT DROP AS
    SELECT n.place::integer AS entry, (p.id % 10000)::smallint AS number, p.account_id, p.credit > 0 AS debit,
           p.debit + p.credit AS amount, (dense_rank() OVER (ORDER BY p.account_id))::integer AS account
      FROM unnest(p_entry) WITH ORDINALITY AS n (id, place) JOIN ledger_posting p ON p.entry_id = n.id;
    SELECT array_agg(a.code::text ORDER BY l.account) INTO v_accounts
      FROM (SELECT DISTINCT r.account, r.account_id FROM pg_temp.reversed_line r) l
      JOIN ledger_account a ON a.id = l.account_id;
    SELECT array_agg(l.entry), array_agg(l.number), array_agg(l.account), array_agg(l.debit), array_agg(l.amount)
      INTO v_line_entry, v_line_number, v_line_account, v_line_debit, v_line_amount
      FROM (SELECT * FROM pg_temp.reversed_line r ORDER BY r.entry, r.number) l;
    DROP TABLE pg_temp.reversed_line;
    SELECT d.entry_ids INTO v_ids
      FROM ledger_post_entries_v1(
               v_references, array_fill('reversal'::text, ARRAY[v_entries]), v_source_kinds, v_source_ids,
               array_fill(p_effective_at, ARRAY[v_entries]), array_fill(true, ARRAY[v_entries]),
               array_fill(p_description, ARRAY[v_entries]), p_entry, v_lines, p_recorded_by, v_accounts, v_line_entry,
               v_line_number, v_line_account, v_line_debit, v_line_amount) d;
    RETURN v_ids;
END
$$;
