-- The traders' part of a cycle's loss, shared among its profitable positions. Source: rulebooks.md, "The allocation of
-- 003, exactly". `allocate` in fund/rules/allocation.py is the readable reference; a test proves the two equal.
--
-- Nothing is booked: the participants stand in the temporary table cycle_share (rank, position, trader, profit, amount)
-- until the transaction ends; the figures are returned. p_units is 10^decimals, p_unit its inverse: amounts are worked
-- out in whole units, quotients with div(), so that nothing is rounded where the rule does not say so.
CREATE OR REPLACE FUNCTION fund_allocate_cycle_v1(
    p_cycle bigint, p_loss numeric, p_units numeric, p_unit numeric,
    p_coverage numeric, p_crossing text, p_ties text, p_base text, p_extend boolean, p_allocation_unit text,
    p_cap numeric, p_min_levy numeric,
    OUT participants bigint, OUT allocated numeric, OUT levy_surplus numeric, OUT residue numeric,
    OUT cut_profit numeric, OUT base numeric, OUT participants_total numeric, OUT profit_total numeric
)
LANGUAGE plpgsql SET search_path = pg_catalog, public
-- A cycle's rows lie together, and statistics do not know a cycle that has just come in. With the parameters' values in
-- the plan the branches of other rulebooks fall away.
SET plan_cache_mode = force_custom_plan SET enable_indexscan = off SET jit = off
AS $$
BEGIN
    IF p_allocation_unit = 'trader' THEN
        SELECT coalesce(sum(t.profit), 0) INTO profit_total
          FROM (SELECT sum(c.profit) AS profit FROM fund_cycleposition c WHERE c.cycle_id = p_cycle
                 GROUP BY c.trader) t
         WHERE t.profit > 0;
    ELSE
        SELECT coalesce(sum(c.profit), 0) INTO profit_total
          FROM fund_cycleposition c WHERE c.cycle_id = p_cycle AND c.profit > 0;
    END IF;

    DROP TABLE IF EXISTS pg_temp.cycle_share;
    CREATE TEMPORARY TABLE cycle_share ON COMMIT DROP AS
    WITH candidate AS (
        SELECT c.position, c.trader, c.profit, c.opened_at
          FROM fund_cycleposition c
         WHERE c.cycle_id = p_cycle AND c.profit > 0 AND p_allocation_unit = 'position' AND p_loss > 0
        UNION ALL
        -- Netted: one row a trader, as old as the oldest of the positions.
        SELECT c.trader, c.trader, sum(c.profit), min(c.opened_at)
          FROM fund_cycleposition c
         WHERE c.cycle_id = p_cycle AND p_allocation_unit = 'trader' AND p_loss > 0
         GROUP BY c.trader
        HAVING sum(c.profit) > 0
    ), ranked AS MATERIALIZED (
        SELECT row_number() OVER w AS rank, c.position, c.trader, c.profit, sum(c.profit) OVER w AS until
          FROM candidate c
        WINDOW w AS (ORDER BY c.profit DESC, CASE WHEN p_ties = 'by_age' THEN c.opened_at END ASC NULLS LAST,
                              c.position COLLATE "C" ROWS UNBOUNDED PRECEDING)
    ), covered AS (
        SELECT count(*) AS rank
          FROM ranked r
         WHERE CASE p_crossing WHEN 'include' THEN r.until - r.profit < p_coverage * profit_total
                               ELSE r.until < p_coverage * profit_total END
    ), tied AS (
        SELECT CASE WHEN p_ties = 'include_all' AND c.rank > 0
                    THEN (SELECT max(r.rank) FROM ranked r
                           WHERE r.profit = (SELECT l.profit FROM ranked l WHERE l.rank = c.rank))
                    ELSE c.rank END AS rank
          FROM covered c
    ), extension AS (
        SELECT w.*, coalesce(p_min_levy * w.base > p_loss, false) AS levied
          FROM (SELECT r.rank, r.until, CASE p_base WHEN 'participating' THEN r.until ELSE profit_total END AS base,
                       sum(trunc(p_cap * r.profit * p_units)) OVER w AS most,
                       p_ties = 'include_all' AND lead(r.profit) OVER w IS NOT DISTINCT FROM r.profit AS tied_on
                  FROM ranked r WINDOW w AS (ORDER BY r.rank)) w
    ), selection AS (
        -- The amount shared never falls as the selection grows: the first one that bears all of the loss is the smallest.
        -- A quotient rounds half-even to the loss or more where it is at least half a unit below it, a half itself only
        -- where the loss is even.
        SELECT CASE WHEN p_extend
                    THEN coalesce((SELECT min(g.rank)
                                     FROM (SELECT r.rank, r.most, r.tied_on, r.until * r.numerator * 2 AS shared,
                                                  (2 * p_loss * p_units - 1) * r.denominator AS enough
                                             FROM (SELECT e.*, CASE WHEN e.levied THEN p_min_levy ELSE p_loss END
                                                               * p_units AS numerator,
                                                          CASE WHEN e.levied THEN 1 ELSE e.base END AS denominator
                                                     FROM extension e) r) g
                                    WHERE g.rank >= t.rank AND NOT g.tied_on AND g.most >= p_loss * p_units
                                      AND (g.shared > g.enough
                                           OR (g.shared = g.enough AND mod(p_loss * p_units, 2) = 0))),
                                  (SELECT count(*) FROM ranked))
                    ELSE t.rank END AS rank
          FROM tied t
    ), taken AS MATERIALIZED (
        SELECT r.rank, r.position, r.trader, r.profit, trunc(p_cap * r.profit * p_units) AS most
          FROM ranked r WHERE r.rank <= (SELECT s.rank FROM selection s)
    ), totals AS (
        SELECT s.total, s.most,
               CASE p_base WHEN 'participating' THEN s.total ELSE profit_total END AS base
          FROM (SELECT sum(t.profit) AS total, sum(t.most) AS most FROM taken t) s
    ), formula AS (
        -- Units of loss that a profit bears: profit · numerator / denominator, L / base or the minimum levy.
        SELECT f.total, f.most, CASE WHEN f.levied THEN p_min_levy ELSE p_loss END * p_units AS numerator,
               CASE WHEN f.levied THEN 1 ELSE f.base END AS denominator
          FROM (SELECT t.*, coalesce(p_min_levy * t.base > p_loss, false) AS levied FROM totals t) f
    ), in_all AS (
        SELECT least(q.whole + CASE WHEN 2 * q.rest > q.denominator
                                         OR (2 * q.rest = q.denominator AND mod(q.whole, 2) = 1) THEN 1 ELSE 0 END,
                     q.most) AS shared
          FROM (SELECT f.most, f.denominator, div(f.total * f.numerator, f.denominator) AS whole,
                       f.total * f.numerator - div(f.total * f.numerator, f.denominator) * f.denominator AS rest
                  FROM formula f) q
    ), floored AS MATERIALIZED (
        SELECT t.rank, t.position, t.trader, t.profit, least(t.whole, t.most) AS part,
               t.most - least(t.whole, t.most) AS room, t.exact - t.whole * t.denominator AS remainder
          FROM (SELECT t.*, f.denominator, t.profit * f.numerator AS exact,
                       div(t.profit * f.numerator, f.denominator) AS whole
                  FROM taken t CROSS JOIN formula f) t
    ), left_over AS (
        SELECT (SELECT i.shared FROM in_all i) - sum(f.part) AS units, count(*) FILTER (WHERE f.room > 0) AS takers
          FROM floored f
    ), rounds AS (
        -- Units go out one by one, round after round. So many rounds are whole, whoever is full standing aside: at
        -- least those until the j-th smallest room is full, and the rest of the units among those that are not.
        SELECT CASE WHEN l.units <= l.takers THEN 0
                    ELSE coalesce((SELECT r.room + CASE WHEN l.takers > r.place
                                                        THEN div(l.units - r.given, l.takers - r.place) ELSE 0 END
                                     FROM (SELECT f.room, row_number() OVER w AS place,
                                                  sum(f.room) OVER w + f.room * (l.takers - row_number() OVER w) AS given
                                             FROM floored f WHERE f.room > 0
                                           WINDOW w AS (ORDER BY f.room ROWS UNBOUNDED PRECEDING)) r
                                    WHERE r.given <= l.units ORDER BY r.place DESC LIMIT 1),
                                  div(l.units, l.takers)) END AS whole
          FROM left_over l
    ), last_round AS (
        SELECT r.whole, (SELECT l.units FROM left_over l) - sum(least(f.room, r.whole)) AS units
          FROM rounds r CROSS JOIN floored f GROUP BY r.whole
    )
    SELECT f.rank, f.position, f.trader, f.profit,
           (f.part + least(f.room, l.whole)
            + CASE WHEN f.room > l.whole AND row_number() OVER w <= l.units THEN 1 ELSE 0 END) * p_unit AS amount
      FROM floored f CROSS JOIN last_round l
    WINDOW w AS (ORDER BY f.room > l.whole DESC, f.remainder DESC, f.rank);

    SELECT count(*), coalesce(sum(s.amount), 0), coalesce(sum(s.profit), 0), min(s.profit)
      INTO participants, allocated, participants_total, cut_profit
      FROM pg_temp.cycle_share s;
    base := CASE WHEN participants = 0 THEN 0 WHEN p_base = 'participating' THEN participants_total
                 ELSE profit_total END;
    levy_surplus := greatest(allocated - p_loss, 0);
    residue := greatest(p_loss - allocated, 0);
END
$$;
