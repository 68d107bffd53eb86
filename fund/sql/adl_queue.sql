-- ADL queues over the books of adl_scores.sql. What a function returns has lost its column's collation: texts that are
-- compared name it, since ties go by code point.

-- The sample that every queue of a book begins with: it is read in a fraction of the time that the book takes.
CREATE INDEX fund_openposition_sampled ON fund_openposition (fund_id, contract, side) WHERE id % 256 = 0;

-- A row that may be in the head.
CREATE TYPE fund_adl_near_v1 AS (id bigint, quantity_float float8, estimate float8);

-- The head of the ranked queue: as many counterparties as `wanted` needs, and at least the first `least_rows`.
-- `examined`: about how many of the best estimates are looked at, at least; NULL for all. A sample of the book tells
-- where they begin. Where they were too few, `complete` is false, the rows mean nothing, and the caller asks again for
-- more.
-- At least one row comes back, without a rank where the queue is empty. `length` counts the whole queue; `missing` is a
-- position that lacks what its score needs; `closes` is how much of a position the quantity reaches.
CREATE FUNCTION fund_adl_head_v1(
    of_fund bigint, of_contract text, of_side text, inverse boolean, multiplier numeric, queue text, seed text,
    wanted numeric, least_rows bigint, examined bigint
) RETURNS TABLE (
    complete boolean, length bigint, missing varchar, rank bigint, "position" varchar, trader varchar,
    quantity numeric, entry_price numeric, mark_price numeric, margin numeric, wallet numeric, closes numeric
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH sampled AS MATERIALIZED (
        SELECT b.estimate, 256 * b.quantity_float AS quantity
          FROM fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) b
         WHERE examined IS NOT NULL AND b.id % 256 = 0
    ),
    -- Below it stands nothing that is needed, if the sample is right within a factor of two. NULL: it cannot say.
    start AS MATERIALIZED (
        SELECT max(s.estimate) AS estimate
          FROM (SELECT r.estimate, sum(r.quantity) OVER down AS covered, 256 * count(*) OVER down AS place
                  FROM sampled r
                 WHERE r.estimate < 'Infinity'
                WINDOW down AS (ORDER BY r.estimate DESC)) s
         WHERE s.covered >= 2 * wanted::float8 AND s.place >= examined
    ),
    -- All of the book is counted, and what may be in the head is kept, in one reading.
    tally AS MATERIALIZED (
        SELECT count(*) FILTER (WHERE b.estimated) AS positions,
               array_agg((b.id, b.quantity_float, b.estimate)::fund_adl_near_v1)
                   FILTER (WHERE b.estimate >= (SELECT coalesce(s.estimate, '-Infinity') FROM start s)) AS kept
          FROM fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) b
    ),
    near AS MATERIALIZED (
        SELECT k.* FROM tally t CROSS JOIN unnest(t.kept) k
    ),
    walked AS (
        SELECT n.estimate, sum(n.quantity_float) OVER down AS covered, count(*) OVER down AS place
          FROM near n
         WHERE n.estimate < 'Infinity'
        WINDOW down AS (ORDER BY n.estimate DESC)
    ),
    -- Where enough rows stand at or above an estimate, none below it is needed, less its error. A sum of up to 10^9
    -- rounded quantities is off by less than a millionth.
    cut AS MATERIALIZED (
        SELECT max(w.estimate) - 1e-8 * abs(max(w.estimate)) AS estimate
          FROM walked w
         WHERE w.covered >= wanted::float8 * (1 + 1e-6) AND w.place >= least_rows
    ),
    exact AS MATERIALIZED (
        SELECT b.*
          FROM near n
          CROSS JOIN cut c
          JOIN fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) b ON b.id = n.id
         WHERE n.estimate IS NOT NULL
           AND (c.estimate IS NULL OR n.estimate + 1e-8 * abs(n.estimate) >= c.estimate)
    ),
    -- Twice the digits of the largest denominator as an integer, and what makes integers of the numbers as they are.
    precision AS MATERIALIZED (
        SELECT 2 * max(pg_catalog.length(trunc(e.denominator)::text)) + max(scale(e.denominator))
                   + max(scale(e.numerator)) AS decimals
          FROM exact e
         WHERE e.denominator > 0
    ),
    ranked AS (
        SELECT e.*, row_number() OVER in_turn AS rank, sum(e.quantity) OVER in_turn - e.quantity AS before
          FROM exact e
          CROSS JOIN precision p
         WHERE e.denominator > 0
        WINDOW in_turn AS (
            ORDER BY div(e.numerator * ('1e' || p.decimals)::numeric, e.denominator) DESC, e.digest,
                     e.position COLLATE "C"
            ROWS UNBOUNDED PRECEDING
        )
    ),
    summary AS (
        SELECT s.estimate IS NULL
                   OR coalesce(s.estimate + 1e-8 * abs(s.estimate) < (SELECT c.estimate FROM cut c), false) AS complete,
               t.positions
                   + (SELECT count(*) FROM exact x WHERE x.estimate = 'Infinity' AND x.denominator > 0) AS length,
               (SELECT min(x.position COLLATE "C") FROM exact x WHERE x.estimate = 'NaN') AS missing
          FROM tally t
          CROSS JOIN start s
    )
    SELECT s.complete, s.length, s.missing, r.rank, r.position, r.trader, r.quantity, r.entry_price, r.mark_price,
           r.margin, r.wallet, greatest(least(r.quantity, wanted - r.before), 0)
      FROM summary s
      LEFT JOIN ranked r ON r.before < wanted OR r.rank <= least_rows
     ORDER BY r.rank
$$;

-- `pro_rata`: all in profit, in the order of their ids, each closed in proportion to its quantity, in whole lots of the
-- finest decimal place that occurs; the lots left over go to the largest remainders. Columns as above; the first
-- `least_rows` and those that are closed come back.
CREATE FUNCTION fund_adl_pro_rata_v1(
    of_fund bigint, of_contract text, of_side text, wanted numeric, least_rows bigint
) RETURNS TABLE (
    complete boolean, length bigint, missing varchar, rank bigint, "position" varchar, trader varchar,
    quantity numeric, entry_price numeric, mark_price numeric, margin numeric, wallet numeric, closes numeric
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH book AS MATERIALIZED (
        SELECT p.id, p.quantity, row_number() OVER (ORDER BY p.position) AS rank
          FROM fund_openposition p
         WHERE p.fund_id = of_fund AND p.contract = of_contract AND p.side = of_side
           AND CASE WHEN of_side = 'long' THEN p.move_float > 0 ELSE p.move_float < 0 END
    ),
    units AS MATERIALIZED (
        SELECT u.length, u.decimals, u.closed * ('1e' || u.decimals)::numeric AS closed,
               u.open * ('1e' || u.decimals)::numeric AS total,
               u.closed * ('1e' || 2 * u.decimals)::numeric AS factor
          FROM (SELECT count(*) AS length, sum(b.quantity) AS open, least(wanted, sum(b.quantity)) AS closed,
                       greatest(min_scale(wanted), max(min_scale(b.quantity))) AS decimals
                  FROM book b) u
    ),
    shared AS MATERIALIZED (
        SELECT b.id, b.rank, b.quantity * u.factor AS weight, div(b.quantity * u.factor, u.total) AS whole
          FROM book b
          CROSS JOIN units u
    ),
    left_over AS MATERIALIZED (
        SELECT u.closed - sum(s.whole) AS lots FROM shared s CROSS JOIN units u GROUP BY u.closed
    ),
    given AS MATERIALIZED (
        SELECT s.id, s.rank,
               s.whole + (row_number() OVER (ORDER BY s.weight - s.whole * u.total DESC, s.rank) <= l.lots)::int AS lots
          FROM shared s
          CROSS JOIN units u
          CROSS JOIN left_over l
    ),
    kept AS (
        SELECT g.rank, p.position, p.trader, p.quantity, p.entry_price, p.mark_price, p.margin, p.wallet, g.lots
          FROM given g
          JOIN fund_openposition p ON p.id = g.id
         WHERE g.lots > 0 OR g.rank <= least_rows
    )
    SELECT true, u.length, NULL::varchar, k.rank, k.position, k.trader, k.quantity, k.entry_price, k.mark_price,
           k.margin, k.wallet, k.lots * ('1e-' || u.decimals)::numeric
      FROM units u
      LEFT JOIN kept k ON true
     ORDER BY k.rank
$$;

-- Where positions of one book stand in its queue: `rank` from 1 of `length`, NULL where the position is not queued or
-- where one in the book lacks what its score needs. By the estimates where they are further apart than their errors,
-- else by the exact scores, multiplied crosswise. However many positions are asked for, the book is read once.
CREATE FUNCTION fund_adl_standing_v1(
    of_fund bigint, of_contract text, of_side text, inverse boolean, multiplier numeric, queue text, seed text,
    of_positions text[]
) RETURNS TABLE ("position" varchar, rank bigint, length bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH asked AS MATERIALIZED (
        SELECT b.*
          FROM fund_openposition p
          JOIN fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) b ON b.id = p.id
         WHERE p.fund_id = of_fund AND p.position = ANY (of_positions)
    ),
    -- What is estimated at `most` or more stands before it, below `least` behind it. No score but 0 is that small.
    bounded AS MATERIALIZED (
        SELECT a.*,
               CASE
                   WHEN a.estimate < 'Infinity' THEN a.estimate - 3e-8 * abs(a.estimate) - 1e-300
                   WHEN a.estimate = 'Infinity' THEN '-Infinity'
                   ELSE 'Infinity'
               END AS least,
               CASE
                   WHEN a.estimate < 'Infinity' THEN a.estimate + 3e-8 * abs(a.estimate) + 1e-300
                   ELSE 'Infinity'
               END AS most
          FROM asked a
    ),
    -- All bounds in order. The last bucket holds what has no estimate, or lacks an input.
    bounds AS MATERIALIZED (
        SELECT array_agg(v.bound ORDER BY v.bound) AS bounds, count(*) AS top
          FROM (SELECT least AS bound FROM bounded UNION ALL SELECT most FROM bounded UNION ALL SELECT 'Infinity') v
    ),
    spans AS MATERIALIZED (
        SELECT a.id, width_bucket(a.least, b.bounds) AS first, width_bucket(a.most, b.bounds) AS beyond
          FROM bounded a
          CROSS JOIN bounds b
    ),
    tally AS MATERIALIZED (
        SELECT width_bucket(n.estimate, (SELECT b.bounds FROM bounds b)) AS bucket, count(*) AS positions
          FROM fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) n
         GROUP BY 1
    ),
    close AS MATERIALIZED (
        SELECT array_agg(t.bucket) AS buckets,
               sum(t.positions) > (SELECT count(*) FROM asked a WHERE a.estimate < 'Infinity') AS shared
          FROM tally t
          CROSS JOIN bounds b
         WHERE t.bucket >= b.top OR EXISTS (SELECT FROM spans s WHERE t.bucket >= s.first AND t.bucket < s.beyond)
    ),
    -- Whose exact scores are needed: as a rule nobody's but their own, and the book is not read again.
    near AS MATERIALIZED (
        SELECT n.*
          FROM fund_adl_book_v1(of_fund, of_contract, of_side, inverse, multiplier, queue, seed) n
         WHERE (SELECT c.shared FROM close c)
           AND width_bucket(n.estimate, (SELECT b.bounds FROM bounds b)) = ANY ((SELECT c.buckets FROM close c)::int[])
         UNION ALL
        SELECT a.* FROM asked a WHERE NOT (SELECT c.shared FROM close c)
    ),
    unclear AS (
        SELECT a.id, count(*) AS positions
          FROM bounded a
          JOIN near n ON n.estimate >= a.least AND n.estimate < a.most OR n.estimate = 'Infinity'
         WHERE n.denominator > 0
           AND CASE sign(n.numerator * a.denominator - a.numerator * n.denominator)
               WHEN 1 THEN true
               WHEN 0 THEN
                   (coalesce(n.digest, ''), n.position COLLATE "C") < (coalesce(a.digest, ''), a.position COLLATE "C")
           END
         GROUP BY a.id
    ),
    summary AS MATERIALIZED (
        SELECT coalesce((SELECT sum(t.positions) FROM tally t CROSS JOIN bounds b WHERE t.bucket < b.top), 0)::bigint
                   + (SELECT count(*) FROM near n WHERE n.estimate = 'Infinity' AND n.denominator > 0) AS length,
               EXISTS (SELECT FROM near n WHERE n.estimate = 'NaN') AS missing
    )
    SELECT a.position,
           CASE
               WHEN a.denominator > 0 AND NOT s.missing THEN
                   1 + coalesce(
                           (SELECT sum(t.positions)
                              FROM tally t
                              CROSS JOIN bounds b
                             WHERE t.bucket >= p.beyond AND t.bucket < b.top),
                           0
                       )::bigint
                     + coalesce((SELECT u.positions FROM unclear u WHERE u.id = a.id), 0)
           END,
           s.length
      FROM bounded a
      JOIN spans p ON p.id = a.id
      CROSS JOIN summary s
     ORDER BY a.position COLLATE "C"
$$;
