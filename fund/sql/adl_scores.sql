-- The ranked ADL queue of one book (a fund's open positions of one contract and side) without reading it out of the
-- database. fund.rules.adl_queue says what the order is; this is the same order, exactly, for a million positions.
--
-- A score is a quotient of numbers of any size, and a million exact quotients cost more than sorting them. So every
-- position is estimated first, in floating point, from the columns *_float, which hold each exact input rounded once.
-- Only the rows that may be in the head by their estimates are then ranked by their exact quotients.
--
-- Error of an estimate. An input is off by at most 2^-53 of itself (mark less entry is subtracted before it is
-- rounded), and each of at most 16 operations adds as much. Only a sum of unlike signs can lose digits: where less than
-- a millionth of its parts remains, no estimate is made and the row is ranked exactly ('Infinity'). Else the error is
-- below 10^6 * 32 * 2^-53 < 10^-8 of the estimate, which is the margin used. Inputs are below 10^38 and multiples of
-- 10^-18, so that nothing over- or underflows.
--
-- Exact order. As integers, a/b and c/d differ by at least 1/(b*d) where they differ at all. With b and d below
-- 10^n, cutting the quotients off after 2n decimals leaves different ones different and equal ones equal.

-- This file and adl_queue.sql replace what is installed of them.
DROP FUNCTION IF EXISTS
    fund_adl_head_v1, fund_adl_pro_rata_v1, fund_adl_standing_v1, fund_adl_book_v1, fund_adl_denominator_v1,
    fund_adl_numerator_v1, fund_adl_estimated_v1, fund_adl_estimate_v1, fund_adl_draw_v1;
DROP TYPE IF EXISTS fund_adl_near_v1;
DROP INDEX IF EXISTS fund_openposition_sampled;

-- A digest's first 32 bits as a number, the smallest the largest. From PostgreSQL 18 on a cast reads them; before, they
-- go by their text, which takes a third longer than the digest itself.
DO $do$
BEGIN
    EXECUTE 'CREATE FUNCTION fund_adl_draw_v1(digest bytea) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS '
        || quote_literal(
               CASE
                   WHEN current_setting('server_version_num')::integer >= 180000 THEN
                       'SELECT -(substr(digest, 1, 4)::bigint::float8)'
                   ELSE
                       'SELECT -((''x'' || encode(substr(digest, 1, 4), ''hex''))::bit(32)::bigint::float8)'
               END
           );
END
$do$;

-- A position's score within one hundred-millionth. NULL: not queued; 'Infinity': only the exact score can tell;
-- 'NaN': an input of the score is missing. `gain` is the price's move in the position's favour. What most positions are
-- is asked first.
CREATE FUNCTION fund_adl_estimate_v1(
    queue text, inverse boolean, long boolean, size float8, gain float8, entry float8, mark float8, margin float8,
    wallet float8, profit float8
) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN queue = 'profit_amount' THEN CASE WHEN gain > 0 THEN profit END
        WHEN queue = 'pnl_rate_x_leverage' THEN
            CASE
                WHEN margin + profit > 1e-6 * (abs(margin) + abs(profit)) THEN
                    CASE
                        WHEN gain > 0 THEN
                            gain / CASE WHEN inverse THEN mark ELSE entry END
                            * (CASE WHEN inverse THEN size / mark ELSE size * mark END / (margin + profit))
                        ELSE
                            gain / CASE WHEN inverse THEN mark ELSE entry END
                            * ((margin + profit) / CASE WHEN inverse THEN size / mark ELSE size * mark END)
                    END
                WHEN margin IS NULL THEN 'NaN'
                WHEN margin + profit >= -1e-6 * (abs(margin) + abs(profit)) THEN 'Infinity'
            END
        WHEN queue = 'profit_x_margin_ratio' THEN
            CASE
                WHEN gain > 0 AND wallet + profit > 1e-6 * (abs(wallet) + profit) AND margin IS NOT NULL THEN
                    profit / greatest(wallet, 1) * (margin / (wallet + profit))
                WHEN margin IS NULL OR wallet IS NULL THEN 'NaN'
                WHEN gain > 0 AND wallet + profit >= -1e-6 * (abs(wallet) + profit) THEN 'Infinity'
                ELSE 0
            END
        WHEN queue = 'mark_entry_x_leverage' THEN
            CASE
                WHEN gain > 0 AND wallet + profit > 1e-6 * (abs(wallet) + profit) THEN
                    CASE WHEN long THEN mark / entry ELSE entry / mark END
                    * (CASE WHEN inverse THEN size / mark ELSE size * mark END / (wallet + profit))
                WHEN wallet IS NULL THEN 'NaN'
                WHEN gain > 0 AND wallet + profit >= -1e-6 * (abs(wallet) + profit) THEN 'Infinity'
            END
    END
$$;

-- Whether a position is queued with a finite estimate: the same conditions, without the quotient.
CREATE FUNCTION fund_adl_estimated_v1(
    queue text, gain float8, margin float8, wallet float8, profit float8
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN queue = 'profit_amount' THEN gain > 0
        WHEN queue = 'pnl_rate_x_leverage' THEN margin + profit > 1e-6 * (abs(margin) + abs(profit))
        WHEN queue = 'profit_x_margin_ratio' THEN
            margin IS NOT NULL AND wallet IS NOT NULL
            AND (gain <= 0 OR abs(wallet + profit) > 1e-6 * (abs(wallet) + profit))
        WHEN queue = 'mark_entry_x_leverage' THEN gain > 0 AND wallet + profit > 1e-6 * (abs(wallet) + profit)
        ELSE true
    END
$$;

-- The exact score is numerator / denominator; the denominator is above 0, or NULL where the position is not queued.
-- `scaled` is the profit times `scale`, which is 1, of an inverse contract entry * mark.
CREATE FUNCTION fund_adl_numerator_v1(
    queue text, inverse boolean, long boolean, size numeric, gain numeric, entry numeric, mark numeric,
    margin numeric, wallet numeric, scale numeric, scaled numeric
) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN queue = 'profit_amount' THEN scaled
        WHEN queue = 'pnl_rate_x_leverage' THEN
            CASE
                WHEN gain > 0 THEN scaled * CASE WHEN inverse THEN entry ELSE mark END
                ELSE gain * (margin * scale + scaled)
            END
        WHEN queue = 'profit_x_margin_ratio' THEN
            CASE WHEN gain > 0 AND wallet * scale + scaled > 0 THEN scaled * margin ELSE 0 END
        WHEN queue = 'mark_entry_x_leverage' THEN
            size * CASE
                WHEN inverse THEN CASE WHEN long THEN mark ELSE entry * entry END
                ELSE CASE WHEN long THEN mark * mark ELSE entry END
            END
        ELSE 0
    END
$$;

CREATE FUNCTION fund_adl_denominator_v1(
    queue text, inverse boolean, long boolean, size numeric, gain numeric, entry numeric, mark numeric,
    margin numeric, wallet numeric, scale numeric, scaled numeric
) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN queue = 'profit_amount' THEN CASE WHEN gain > 0 THEN scale END
        WHEN queue = 'pnl_rate_x_leverage' THEN
            CASE
                WHEN margin * scale + scaled > 0 THEN
                    CASE
                        WHEN gain > 0 THEN CASE WHEN inverse THEN mark ELSE entry END * (margin * scale + scaled)
                        ELSE entry * mark * size
                    END
            END
        WHEN queue = 'profit_x_margin_ratio' THEN
            CASE
                WHEN margin IS NULL OR wallet IS NULL THEN NULL
                WHEN gain > 0 AND wallet * scale + scaled > 0 THEN greatest(wallet, 1) * (wallet * scale + scaled)
                ELSE 1
            END
        WHEN queue = 'mark_entry_x_leverage' THEN
            CASE
                WHEN gain > 0 AND wallet * scale + scaled > 0 THEN
                    CASE
                        WHEN inverse THEN CASE WHEN long THEN 1 ELSE mark END
                        ELSE CASE WHEN long THEN entry ELSE 1 END
                    END * (wallet * scale + scaled)
            END
        ELSE 1
    END
$$;

-- A book with the estimate and the exact score of each position. It is merged into the query that uses it, which
-- evaluates no column that it does not name. Of `seeded_random` the score is 0, and the smallest `digest` stands first;
-- its first 32 bits, as a number, tell it from nearly all others.
CREATE FUNCTION fund_adl_book_v1(
    of_fund bigint, of_contract text, of_side text, inverse boolean, multiplier numeric, queue text, seed text
) RETURNS TABLE (
    id bigint, "position" varchar, trader varchar, quantity numeric, entry_price numeric, mark_price numeric,
    margin numeric, wallet numeric, quantity_float float8, estimated boolean, estimate float8, numerator numeric,
    denominator numeric, digest bytea
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT p.id, p.position, p.trader, p.quantity, p.entry_price, p.mark_price, p.margin, p.wallet, p.quantity_float,
           fund_adl_estimated_v1(
               queue, f.gain, p.margin_float, p.wallet_float,
               CASE WHEN inverse THEN f.size * f.gain / (p.entry_float * p.mark_float) ELSE f.size * f.gain END
           ),
           CASE
               WHEN queue = 'seeded_random' THEN
                   fund_adl_draw_v1(sha256(convert_to(seed || ':' || p.position, 'UTF8')))
               ELSE
                   fund_adl_estimate_v1(
                       queue, inverse, of_side = 'long', f.size, f.gain, p.entry_float, p.mark_float, p.margin_float,
                       p.wallet_float,
                       CASE WHEN inverse THEN f.size * f.gain / (p.entry_float * p.mark_float) ELSE f.size * f.gain END
                   )
           END,
           fund_adl_numerator_v1(
               queue, inverse, of_side = 'long', e.size, e.gain, p.entry_price, p.mark_price, p.margin, p.wallet,
               e.scale, e.size * e.gain
           ),
           fund_adl_denominator_v1(
               queue, inverse, of_side = 'long', e.size, e.gain, p.entry_price, p.mark_price, p.margin, p.wallet,
               e.scale, e.size * e.gain
           ),
           CASE WHEN queue = 'seeded_random' THEN sha256(convert_to(seed || ':' || p.position, 'UTF8')) END
      FROM fund_openposition p
      CROSS JOIN LATERAL (
          SELECT multiplier::float8 * p.quantity_float AS size,
                 CASE WHEN of_side = 'long' THEN p.move_float ELSE -p.move_float END AS gain
      ) f
      CROSS JOIN LATERAL (
          SELECT multiplier * p.quantity AS size,
                 CASE WHEN of_side = 'long' THEN p.mark_price - p.entry_price ELSE p.entry_price - p.mark_price END
                     AS gain,
                 CASE WHEN inverse THEN p.entry_price * p.mark_price ELSE 1 END AS scale
      ) e
     WHERE p.fund_id = of_fund AND p.contract = of_contract AND p.side = of_side
$$;
