-- The Merkle tree over the allocations of a run, in rank order: RFC 9162, section 2.1. `fund/rules/merkle.py` is the
-- readable reference; tests prove the two equal.
--
-- A level of the tree is one bytea, 32 bytes a node. The next one pairs the nodes and takes an odd last one up as it is,
-- which makes the tree that the RFC defines by its splits. Kept are the levels from the 8th up, one after the other: a
-- proof hashes the 256 allocations around its own and reads the rest.

-- The text that a leaf is the hash of: RFC 8785, so names in order, no space, and numbers as the API writes them.
CREATE OR REPLACE FUNCTION fund_allocation_leaf_v1(
    p_amount numeric, p_cycle integer, p_fund text, p_nonce bytea, p_position text, p_profit numeric, p_rank bigint,
    p_run integer, p_trader text
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '{"amount":"' || trim_scale(p_amount)::text || '","cycle":' || p_cycle::text || ',"fund":'
           || to_json(p_fund)::text || ',"nonce":"' || encode(p_nonce, 'hex') || '","position":'
           || to_json(p_position)::text || ',"profit":"' || trim_scale(p_profit)::text || '","rank":' || p_rank::text
           || ',"run":' || p_run::text || ',"trader":' || to_json(p_trader)::text || '}'
$$;

-- What no one can guess of a leaf. Without it whoever has the hash of a neighbour could try out whose it is.
CREATE OR REPLACE FUNCTION fund_allocation_nonce_v1(p_salt bytea, p_rank bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(p_salt || int8send(p_rank)) $$;

CREATE OR REPLACE FUNCTION fund_merkle_level_v1(p_nodes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
    SELECT string_agg(CASE WHEN length(n.pair) = 64 THEN sha256('\x01'::bytea || n.pair) ELSE n.pair END, ''::bytea
                      ORDER BY n.place)
      FROM (SELECT g.place, substr(p_nodes, g.place * 64 + 1, 64) AS pair
              FROM generate_series(0, (length(p_nodes) - 1) / 64) AS g (place)) n
$$;

-- The leaves of a run's allocations of these ranks.
CREATE OR REPLACE FUNCTION fund_allocation_leaves_v1(
    p_cycle bigint, p_run integer, p_salt bytea, p_from bigint, p_to bigint
) RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT string_agg(l.hash, ''::bytea ORDER BY l.rank)
      FROM (SELECT a.rank,
                   sha256('\x00'::bytea || convert_to(fund_allocation_leaf_v1(
                       a.amount, c.number, f.code, fund_allocation_nonce_v1(p_salt, a.rank), a.position, a.profit,
                       a.rank, a.run, a.trader), 'UTF8')) AS hash
              FROM fund_allocation a
              JOIN fund_cycle c ON c.id = a.cycle_id
              JOIN fund_fund f ON f.id = c.fund_id
             WHERE a.cycle_id = p_cycle AND a.run = p_run AND a.rank BETWEEN p_from AND p_to) l
$$;

-- Where in the kept nodes a level begins, in nodes; the levels below 8 are not kept.
CREATE OR REPLACE FUNCTION fund_merkle_offset_v1(p_size bigint, p_level integer) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
    SELECT coalesce(sum((p_size - 1) / (1::bigint << k.level) + 1), 0)::bigint
      FROM generate_series(8, p_level - 1) AS k (level)
$$;

-- Hashes the allocations of this run and keeps their tree. Returns the root, of two that grow one at the same time to
-- both the first one's; NULL where nobody takes part.
CREATE OR REPLACE FUNCTION fund_grow_allocation_tree_v1(p_cycle bigint, p_run integer, p_salt bytea) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, public
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_nodes bytea := fund_allocation_leaves_v1(p_cycle, p_run, p_salt, 1, 9223372036854775807);
    v_size bigint := length(v_nodes) / 32;
    v_level integer := 0;
    v_kept bytea := '';
    v_root text;
BEGIN
    IF v_nodes IS NULL THEN
        RETURN NULL;
    END IF;
    LOOP
        IF v_level >= 8 THEN
            v_kept := v_kept || v_nodes;
            EXIT WHEN length(v_nodes) = 32;
        END IF;
        v_nodes := fund_merkle_level_v1(v_nodes);
        v_level := v_level + 1;
    END LOOP;
    INSERT INTO fund_allocationtree (cycle_id, run, size, root, salt, nodes)
    VALUES (p_cycle, p_run, v_size, encode(v_nodes, 'hex'), p_salt, v_kept)
        ON CONFLICT ON CONSTRAINT allocation_tree_once DO NOTHING;
    SELECT t.root INTO v_root FROM fund_allocationtree t WHERE t.cycle_id = p_cycle AND t.run = p_run;
    RETURN v_root;
END
$$;

-- For each of these ranks of a run its nonce and the hashes that lead from its leaf to the root, bottom up.
CREATE OR REPLACE FUNCTION fund_allocation_paths_v1(p_cycle bigint, p_run integer, p_ranks bigint[])
RETURNS TABLE (rank bigint, nonce bytea, hashes bytea[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_size bigint;
    v_salt bytea;
    v_kept bytea;
    v_block bigint := -1;
    v_levels bytea[];
    v_index bigint;
    v_sibling bytea;
BEGIN
    SELECT t.size, t.salt, t.nodes INTO v_size, v_salt, v_kept
      FROM fund_allocationtree t WHERE t.cycle_id = p_cycle AND t.run = p_run;
    FOR rank IN SELECT r.rank FROM unnest(p_ranks) AS r (rank) WHERE r.rank BETWEEN 1 AND v_size ORDER BY 1 LOOP
        IF (rank - 1) / 256 <> v_block THEN
            v_block := (rank - 1) / 256;
            v_levels := ARRAY[fund_allocation_leaves_v1(p_cycle, p_run, v_salt, v_block * 256 + 1, v_block * 256 + 256)];
            FOR k IN 1..7 LOOP
                v_levels := v_levels || fund_merkle_level_v1(v_levels[k]);
            END LOOP;
        END IF;
        nonce := fund_allocation_nonce_v1(v_salt, rank);
        hashes := '{}';
        v_index := rank - 1;
        FOR k IN 0..63 LOOP
            EXIT WHEN v_size <= 1::bigint << k;
            -- Of the block's own levels, then of the kept ones. An odd last node has no sibling and goes up as it is.
            IF k < 8 THEN
                v_sibling := substr(v_levels[k + 1], (((v_index # 1) & ((256 >> k) - 1)) * 32 + 1)::integer, 32);
            ELSIF v_index # 1 <= (v_size - 1) >> k THEN
                v_sibling := substr(v_kept, ((fund_merkle_offset_v1(v_size, k) + (v_index # 1)) * 32 + 1)::integer, 32);
            ELSE
                v_sibling := '';
            END IF;
            IF length(v_sibling) = 32 THEN
                hashes := hashes || v_sibling;
            END IF;
            v_index := v_index >> 1;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END
$$;

CREATE OR REPLACE TRIGGER allocation_tree_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_allocationtree
    FOR EACH STATEMENT EXECUTE FUNCTION fund_refuse_change('allocation_tree_append_only');
ALTER TABLE fund_allocationtree ENABLE ALWAYS TRIGGER allocation_tree_append_only;
