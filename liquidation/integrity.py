"""Checks of the engine: what each takeover and its layers say is what was posted, derived from the postings alone."""

from collections.abc import Iterator
from typing import LiteralString

from ledger.integrity import Finding, Tally, stream
from ledger.integrity.findings import shown, single

# Net costs come off the result: fields of the version that the takeover runs under.
_NET = "(r.fields ->> 'cost_policy' IS DISTINCT FROM 'gross')::integer"

# The engine's share of a takeover: nothing once it is closed, before that its result so far and the margin left over.
_ENGINE = """
SELECT coalesce(t.reference, s.source_id),
       CASE WHEN t.status = 'open' THEN t.running_result + t.leftover ELSE 0 END, coalesce(s.share, 0)
  FROM liquidation_takeover t
  FULL JOIN (SELECT e.source_id, sum(p.credit - p.debit) AS share
               FROM ledger_account a
               JOIN ledger_posting p ON p.account_id = a.id
               JOIN ledger_entry e ON e.id = p.entry_id
              WHERE a.kind = 'engine' AND e.source_kind = 'takeover'
              GROUP BY e.source_id) s ON s.source_id = t.reference
 WHERE t.id IS NULL OR coalesce(s.share, 0) <> CASE WHEN t.status = 'open' THEN t.running_result + t.leftover ELSE 0 END
 ORDER BY 1"""

# What a takeover says of its fills: quantity closed, costs and result, of those that were not reversed.
_FILLS: LiteralString = """
SELECT t.reference, x.what, x.said, x.summed
  FROM liquidation_takeover t
  JOIN fund_rulebookversion r ON r.id = t.rulebook_id
  LEFT JOIN (SELECT f.takeover_id, sum(f.quantity) AS quantity, sum(f.fee) AS fees, sum(f.result) AS results
               FROM liquidation_fill f WHERE f.reversed_at IS NULL GROUP BY f.takeover_id) f ON f.takeover_id = t.id
 CROSS JOIN LATERAL (VALUES
       ('filled quantity', t.quantity - t.remaining, coalesce(f.quantity, 0)),
       ('costs', t.costs, coalesce(f.fees, 0)),
       ('running result', t.running_result, coalesce(f.results, 0) - coalesce(f.fees, 0) * {net}),
       ('result', coalesce(t.result, t.running_result), t.running_result)) x (what, said, summed)
 WHERE x.said <> x.summed
 ORDER BY t.id"""

# What a fill brings the engine is its result, less the margin that was left over for it, less costs that it bears.
_FILL_ENTRIES = """
SELECT f.reference, f.result - f.leftover - f.fee * {net}, coalesce(p.change, 0)
  FROM liquidation_fill f
  JOIN liquidation_takeover t ON t.id = f.takeover_id
  JOIN fund_rulebookversion r ON r.id = t.rulebook_id
  LEFT JOIN (SELECT p.entry_id, sum(p.credit - p.debit) AS change
               FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id
              WHERE a.kind = 'engine' GROUP BY p.entry_id) p ON p.entry_id = f.entry_id
 WHERE f.result - f.leftover - f.fee * {net} <> coalesce(p.change, 0)
 ORDER BY f.id"""

# The layers that a closed takeover names are those of its surplus or its shortfall, and an open one has neither.
_LAYERS = """
SELECT t.reference, x.what, x.said, x.booked
  FROM liquidation_takeover t
  LEFT JOIN fund_surplus u ON u.source_kind = 'takeover' AND u.source_id = t.reference AND u.reversed_by_id IS NULL
  LEFT JOIN fund_shortfall s ON s.source_kind = 'takeover' AND s.source_id = t.reference AND s.reversed_by_id IS NULL
 CROSS JOIN LATERAL (VALUES
       ('surplus', greatest(coalesce(t.result, 0), 0), coalesce(u.result, 0)),
       ('loss', greatest(-coalesce(t.result, 0), 0), coalesce(s.loss, 0)),
       ('penalty', coalesce(t.penalty, 0), coalesce(u.penalty, 0)),
       ('injected', coalesce(t.injected, 0), coalesce(u.injected, 0)),
       ('to vault', coalesce(t.to_vault, 0), coalesce(u.to_vault, 0)),
       ('to trader', coalesce(t.to_trader, 0), coalesce(u.to_trader, 0)),
       ('to fees', coalesce(t.to_fees, 0), coalesce(u.to_fees, 0)),
       ('paid', coalesce(t.paid, 0), coalesce(s.fund_paid + s.reserved_used, 0)),
       ('treasury paid', coalesce(t.treasury_paid, 0), coalesce(s.treasury_paid, 0)),
       ('to allocate', coalesce(t.to_allocate, 0), coalesce(s.to_allocate, 0)),
       ('carried', coalesce(t.carried, 0), coalesce(s.carried, 0))) x (what, said, booked)
 WHERE x.said <> x.booked
 ORDER BY t.id"""

# Each layer of a loss is the debit of its account in the loss's entry.
_SHORTFALLS = """
SELECT s.source_kind || ' ' || s.source_id, x.what, x.said, coalesce(x.posted, 0)
  FROM fund_shortfall s
  LEFT JOIN LATERAL (
        SELECT sum(p.debit) FILTER (WHERE a.kind = 'fund') AS fund,
               sum(p.debit) FILTER (WHERE a.kind = 'fund_reserved') AS reserved,
               sum(p.debit) FILTER (WHERE a.kind = 'loss_to_allocate') AS to_allocate,
               sum(p.debit) FILTER (WHERE a.kind = 'treasury' AND s.source_kind = 'takeover') AS treasury,
               sum(p.debit) FILTER (WHERE a.kind = 'deficit') AS carried
          FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id
         WHERE p.entry_id = s.entry_id) p ON true
 CROSS JOIN LATERAL (VALUES
       ('fund', s.fund_paid, p.fund), ('reserve', s.reserved_used, p.reserved),
       ('to allocate', s.to_allocate, p.to_allocate), ('carried', s.carried, p.carried),
       -- Where the house bears costs too, a loss of the fund's own positions has two debits of its account.
       ('treasury', CASE s.source_kind WHEN 'takeover' THEN s.treasury_paid ELSE 0 END, p.treasury))
       x (what, said, posted)
 WHERE x.said <> coalesce(x.posted, 0)
 ORDER BY s.id"""

# What the accounts of a fund hold for results that are not at their end yet.
_SUSPENSE = """
SELECT x.account, x.expected, coalesce(a.balance, 0)
  FROM fund_fund f
 CROSS JOIN LATERAL (VALUES
       ('fund:' || f.code || ':reserved',
        (SELECT coalesce(sum(t.compensation), 0)
           FROM liquidation_takeover t JOIN liquidation_contract c ON c.id = t.contract_id
          WHERE c.fund_id = f.id AND t.status = 'open')),
       ('loss:' || f.code,
        (SELECT coalesce(sum(s.to_allocate), 0)
           FROM fund_shortfall s LEFT JOIN fund_cycle y ON y.id = s.cycle_id
          WHERE s.fund_id = f.id AND s.reversed_by_id IS NULL AND y.status IS DISTINCT FROM 'settled')))
       x (account, expected)
  LEFT JOIN ledger_account a ON a.code = x.account COLLATE "C"
 WHERE x.expected <> coalesce(a.balance, 0)
 ORDER BY 1"""

# Carried by losses and settlements, repaid out of surpluses; what else repaid or absorbed it has entries of its own.
_DEFICIT = """
SELECT x.account, x.expected, coalesce(a.balance, 0)
  FROM fund_fund f
 CROSS JOIN LATERAL (SELECT 'deficit:' || f.code AS account,
       (SELECT coalesce(sum(s.carried), 0) FROM fund_shortfall s LEFT JOIN fund_cycle y ON y.id = s.cycle_id
         WHERE s.fund_id = f.id AND s.reversed_by_id IS NULL AND y.status IS DISTINCT FROM 'settled')
       + (SELECT coalesce(sum(y.carried), 0) FROM fund_cycle y WHERE y.fund_id = f.id AND y.status = 'settled')
       - (SELECT coalesce(sum(u.repaid), 0) FROM fund_surplus u WHERE u.fund_id = f.id AND u.reversed_by_id IS NULL)
       - (SELECT coalesce(sum(p.credit - p.debit), 0)
            FROM ledger_account k
            JOIN ledger_posting p ON p.account_id = k.id
            JOIN ledger_entry e ON e.id = p.entry_id
            LEFT JOIN ledger_entry o ON o.id = e.reverses_id
           WHERE k.code = ('deficit:' || f.code) COLLATE "C"
             AND coalesce(o.source_kind, e.source_kind) NOT IN ('takeover', 'inventory')
             AND coalesce(o.kind, e.kind) IN ('deficit_repaid', 'house_absorbed')) AS expected) x
  LEFT JOIN ledger_account a ON a.code = x.account COLLATE "C"
 WHERE x.expected <> coalesce(a.balance, 0)
 ORDER BY 1"""

# The fund's own positions are what came in less what went out.
_INVENTORY = """
SELECT f.code || ' ' || coalesce(i.contract, m.contract),
       coalesce(m.held, 0), coalesce(CASE i.side WHEN 'short' THEN -i.quantity ELSE i.quantity END, 0)
  FROM fund_inventoryposition i
  FULL JOIN (SELECT m.fund_id, m.contract,
                    sum(m.quantity * CASE m.side WHEN 'short' THEN -1 ELSE 1 END
                        * CASE m.kind WHEN 'disposed' THEN -1 ELSE 1 END) AS held
               FROM fund_inventorymovement m WHERE m.reversed_at IS NULL
              GROUP BY m.fund_id, m.contract) m ON m.fund_id = i.fund_id AND m.contract = i.contract
  JOIN fund_fund f ON f.id = coalesce(i.fund_id, m.fund_id)
 WHERE coalesce(m.held, 0) <> coalesce(CASE i.side WHEN 'short' THEN -i.quantity ELSE i.quantity END, 0)
 ORDER BY 1"""


def takeovers_agree(tally: Tally) -> Iterator[Finding]:
    """The engine keeps nothing of a closed takeover; its figures are the sums of its fills and of its layers."""
    tally.expect(_count("SELECT count(*) FROM liquidation_takeover"))
    yield from _compare("engine_share", "takeover", _ENGINE)
    yield from _compare_named("takeover_fills", "takeover", _FILLS.format(net=_NET))
    yield from _compare_named("takeover_layers", "takeover", _LAYERS)
    tally.add(_count("SELECT count(*) FROM liquidation_takeover"))


def fills_agree(tally: Tally) -> Iterator[Finding]:
    """Each fill is booked with its result and its costs."""
    tally.expect(_count("SELECT count(*) FROM liquidation_fill"))
    yield from _compare("fill_entry", "fill", _FILL_ENTRIES.format(net=_NET))
    tally.add(_count("SELECT count(*) FROM liquidation_fill"))


def losses_agree(tally: Tally) -> Iterator[Finding]:
    """The parts of each loss are booked, and what waits for somebody to bear it stands in the funds' accounts."""
    tally.expect(_count("SELECT count(*) FROM fund_shortfall"))
    yield from _compare_named("shortfall_entry", "loss of", _SHORTFALLS)
    yield from _compare("fund_suspense", "account", _SUSPENSE)
    yield from _compare("fund_deficit", "account", _DEFICIT)
    yield from _compare("inventory_position", "inventory", _INVENTORY)
    tally.add(_count("SELECT count(*) FROM fund_shortfall"))


def _compare(code: str, what: str, query: str) -> Iterator[Finding]:
    for name, expected, actual in stream(query):
        yield Finding(code=code, subject=f"{what} {name}", expected=shown(expected), actual=shown(actual))


def _compare_named(code: str, what: str, query: str) -> Iterator[Finding]:
    for name, figure, said, actual in stream(query):
        yield Finding(code=code, subject=f"{what} {name}, {figure}", expected=shown(actual), actual=shown(said))


def _count(query: str) -> int:
    return int(single(query)[0])
