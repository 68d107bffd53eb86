-- The posting door: one call, whatever the number of entries; all of them or none.
--
-- Rules about one entry or one account (balanced, one currency, precision, number of lines) are not repeated here: the
-- guards in guards.sql hold them for every writer. This function orders the effects and refuses what only it can name:
-- unknown accounts, floors, and a reference that stands for something else.
--
-- p_account holds the distinct account codes of the call; p_line_account points into it, p_line_entry into the entries
-- (both from 1), p_line_number is the line's place in its entry. Lines come in the order of their entries.
CREATE OR REPLACE FUNCTION ledger_post_entries_v1(
    p_reference text[], p_kind text[], p_source_kind text[], p_source_id text[],
    p_effective_at timestamptz[], p_effective_stated boolean[], p_description text[], p_reverses bigint[],
    p_lines smallint[], p_recorded_by text,
    p_account text[],
    p_line_entry integer[], p_line_number smallint[], p_line_account integer[], p_line_debit boolean[], p_line_amount numeric[],
    OUT entry_ids bigint[], OUT replayed integer[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
-- Accounts and entries are looked up by index, whatever the statistics said when a plan was made and cached.
SET enable_seqscan = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_count integer := cardinality(p_reference);
    v_inserted integer;
    v_ids bigint[];
    v_balance numeric[];
    v_version bigint[];
    v_normal_debit boolean[];
    v_moved integer;
    v_floors_hold boolean := false;
    v_refusals jsonb;
    v_live_entry integer[] := p_line_entry;
    v_live_number smallint[] := p_line_number;
    v_live_account integer[] := p_line_account;
    v_live_debit boolean[] := p_line_debit;
    v_live_amount numeric[] := p_line_amount;
BEGIN
    -- Above some 100 lines a plan made for these very arrays pays for its planning. Undone when the function ends.
    IF cardinality(p_line_entry) > 100 THEN
        SET LOCAL plan_cache_mode = force_custom_plan;
    END IF;

    IF v_count = 1 THEN
        entry_ids := ARRAY[nextval('ledger_entry_id_seq')];
    ELSE
        SELECT array_agg(nextval('ledger_entry_id_seq')) INTO entry_ids FROM generate_series(1, v_count);
    END IF;
    replayed := '{}';

    -- Sorted, so that two calls with the same references wait for each other instead of deadlocking. Of duplicates
    -- inside the call the first counts.
    INSERT INTO ledger_entry (id, reference, kind, source_kind, source_id, lines, effective_at, created_at, description,
                              recorded_by, reverses_id)
    SELECT e.id, e.reference, e.kind, e.source_kind, e.source_id, e.lines, e.effective_at, clock_timestamp(),
           e.description, p_recorded_by, e.reverses
      FROM unnest(entry_ids, p_reference, p_kind, p_source_kind, p_source_id, p_lines, p_effective_at, p_description,
                  p_reverses)
           AS e (id, reference, kind, source_kind, source_id, lines, effective_at, description, reverses)
     ORDER BY e.reference COLLATE "C", e.id
    ON CONFLICT (reference) DO NOTHING;
    GET DIAGNOSTICS v_inserted = ROW_COUNT;

    IF v_inserted < v_count THEN
        -- Some references are taken. Their entries count as they stand, their lines fall out of this call.
        SELECT array_agg(n.position ORDER BY n.position) INTO replayed
          FROM unnest(entry_ids, p_reference) WITH ORDINALITY AS n (id, reference, position)
         WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.id = n.id);
        SELECT array_agg(l.entry ORDER BY l.place), array_agg(l.number ORDER BY l.place),
               array_agg(l.account ORDER BY l.place), array_agg(l.debit ORDER BY l.place),
               array_agg(l.amount ORDER BY l.place)
          INTO v_live_entry, v_live_number, v_live_account, v_live_debit, v_live_amount
          FROM unnest(p_line_entry, p_line_number, p_line_account, p_line_debit, p_line_amount) WITH ORDINALITY
               AS l (entry, number, account, debit, amount, place)
         WHERE l.entry <> ALL (replayed);
    END IF;

    IF v_inserted > 0 THEN
        -- Lock the touched accounts in their one order, and read them as they are once they are ours.
        SELECT array_agg(a.id ORDER BY a.place), array_agg(a.balance ORDER BY a.place),
               array_agg(a.version ORDER BY a.place), array_agg(a.normal_side = 'debit' ORDER BY a.place)
          INTO v_ids, v_balance, v_version, v_normal_debit
          FROM (SELECT k.id, k.balance, k.version, k.normal_side, c.place
                  FROM unnest(p_account) WITH ORDINALITY AS c (code, place)
                  JOIN ledger_account k ON k.code = c.code COLLATE "C"
                 ORDER BY k.lock_rank, k.id
                   FOR NO KEY UPDATE OF k) a;

        IF coalesce(cardinality(v_ids), 0) < cardinality(p_account) THEN
            SELECT jsonb_agg(jsonb_build_object(
                       'position', l.entry - 1, 'code', 'account_unknown', 'account', c.code,
                       'detail', format('entry %s: account %s does not exist', p_reference[l.entry], c.code))
                       ORDER BY l.entry)
              INTO v_refusals
              FROM unnest(p_account) WITH ORDINALITY AS c (code, place)
              JOIN LATERAL (SELECT min(x.entry) AS entry
                              FROM unnest(p_line_entry, p_line_account) AS x (entry, account)
                             WHERE x.account = c.place) l ON true
             WHERE NOT EXISTS (SELECT FROM ledger_account k WHERE k.code = c.code COLLATE "C");
            RAISE EXCEPTION USING ERRCODE = 'BW001', MESSAGE = 'posting refused', DETAIL = v_refusals::text;
        END IF;

        -- Every touched account once, before the postings: the guard on the postings compares the two. At first those
        -- that stay above their floor in whatever order the lines come. Where one might not, the exact answer is worked
        -- out, and what it allows is moved in a second pass.
        LOOP
            UPDATE ledger_account a
               SET debits = a.debits + t.debits, credits = a.credits + t.credits, version = a.version + t.postings
              FROM (SELECT l.account, count(*) AS postings,
                           coalesce(sum(l.amount) FILTER (WHERE l.debit), 0) AS debits,
                           coalesce(sum(l.amount) FILTER (WHERE NOT l.debit), 0) AS credits
                      FROM unnest(v_live_account, v_live_debit, v_live_amount) AS l (account, debit, amount)
                     GROUP BY l.account) t
             WHERE a.id = v_ids[t.account]
               AND a.version = v_version[t.account]
               AND (v_floors_hold OR a.floor IS NULL
                    OR a.balance - CASE a.normal_side WHEN 'debit' THEN t.credits ELSE t.debits END >= a.floor);
            GET DIAGNOSTICS v_moved = ROW_COUNT;
            EXIT WHEN v_floors_hold OR v_moved = cardinality(p_account)
                OR v_moved = (SELECT count(DISTINCT l.account) FROM unnest(v_live_account) AS l (account));

            -- The exact answer, entry by entry: the balance of each floored account after each entry.
            SELECT jsonb_agg(jsonb_build_object(
                       'position', f.entry - 1, 'code', 'account_floor', 'account', k.code,
                       'detail', format('entry %s: account %s would stand at %s, below its floor %s by %s',
                                        p_reference[f.entry], k.code, trim_scale(f.balance), trim_scale(k.floor),
                                        trim_scale(k.floor - f.balance)))
                       ORDER BY f.entry)
              INTO v_refusals
              FROM (SELECT r.entry, r.account, r.balance, r.change,
                           row_number() OVER (PARTITION BY r.account ORDER BY r.entry) AS nth
                      FROM (SELECT s.entry, s.account, s.change,
                                   v.balance + sum(s.change) OVER (PARTITION BY s.account ORDER BY s.entry) AS balance
                              FROM (SELECT l.entry, l.account,
                                           sum(CASE WHEN l.debit = v_normal_debit[l.account] THEN l.amount
                                                    ELSE -l.amount END) AS change
                                      FROM unnest(v_live_entry, v_live_account, v_live_debit, v_live_amount)
                                           AS l (entry, account, debit, amount)
                                     GROUP BY l.entry, l.account) s
                              JOIN unnest(v_balance) WITH ORDINALITY AS v (balance, place) ON v.place = s.account) r
                      JOIN ledger_account q ON q.id = v_ids[r.account]
                     WHERE r.change < 0 AND r.balance < q.floor) f
              JOIN ledger_account k ON k.id = v_ids[f.account]
             WHERE f.nth = 1;
            IF v_refusals IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'BW001', MESSAGE = 'posting refused', DETAIL = v_refusals::text;
            END IF;
            v_floors_hold := true;
        END LOOP;

        INSERT INTO ledger_posting (id, entry_id, account_id, debit, credit, balance_after, version)
        SELECT entry_ids[l.entry] * 10000 + l.number, entry_ids[l.entry], a.id,
               CASE WHEN l.debit THEN l.amount ELSE 0 END, CASE WHEN l.debit THEN 0 ELSE l.amount END,
               a.balance + sum(CASE WHEN l.debit = a.normal_debit THEN l.amount ELSE -l.amount END) OVER w,
               a.version + row_number() OVER w
          FROM unnest(v_live_entry, v_live_number, v_live_account, v_live_debit, v_live_amount) WITH ORDINALITY
               AS l (entry, number, account, debit, amount, place)
          JOIN unnest(v_ids, v_balance, v_version, v_normal_debit) WITH ORDINALITY
               AS a (id, balance, version, normal_debit, place) ON a.place = l.account
        WINDOW w AS (PARTITION BY l.account ORDER BY l.place ROWS UNBOUNDED PRECEDING);
    END IF;

    IF v_inserted < v_count THEN
        -- A replay has the content of the first time, to the last line; anything else is another event's reference.
        SELECT jsonb_agg(jsonb_build_object(
                   'position', n.position - 1, 'code', 'reference_reused',
                   'detail', format('reference %s stands for another %s of %s since %s', n.reference, e.kind,
                                    to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                                    to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
                   ORDER BY n.position)
          INTO v_refusals
          FROM unnest(replayed) AS r (position)
          JOIN LATERAL (SELECT r.position, p_reference[r.position] AS reference) n ON true
          JOIN ledger_entry e ON e.reference = n.reference COLLATE "C"
         WHERE (e.kind, e.source_kind, e.source_id, e.description, e.lines)
               IS DISTINCT FROM (p_kind[n.position], p_source_kind[n.position], p_source_id[n.position],
                                 p_description[n.position], p_lines[n.position])
            OR e.reverses_id IS DISTINCT FROM p_reverses[n.position]
            OR (p_effective_stated[n.position] AND e.effective_at <> p_effective_at[n.position])
            OR EXISTS (SELECT FROM (SELECT l.number AS line, p_account[l.account] AS code, l.debit, l.amount
                                      FROM unnest(p_line_entry, p_line_number, p_line_account, p_line_debit,
                                                  p_line_amount) AS l (entry, number, account, debit, amount)
                                     WHERE l.entry = n.position) given
                         LEFT JOIN (ledger_posting p JOIN ledger_account k ON k.id = p.account_id)
                           ON p.id = e.id * 10000 + given.line
                          AND k.code = given.code COLLATE "C"
                          AND p.debit = CASE WHEN given.debit THEN given.amount ELSE 0 END
                          AND p.credit = CASE WHEN given.debit THEN 0 ELSE given.amount END
                        WHERE p.id IS NULL);
        IF v_refusals IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'BW001', MESSAGE = 'posting refused', DETAIL = v_refusals::text;
        END IF;

        SELECT array_agg(e.id ORDER BY n.position) INTO entry_ids
          FROM unnest(p_reference) WITH ORDINALITY AS n (reference, position)
          JOIN ledger_entry e ON e.reference = n.reference COLLATE "C";
    END IF;
END
$$;
