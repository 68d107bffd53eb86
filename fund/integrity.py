"""Checks of the funds: what settlements, allocations, transfers and totals say is what was posted."""

from collections.abc import Iterator
from typing import LiteralString

from fund.models import RulebookVersion
from fund.planning import RESULT_KINDS
from fund.rulebook import RulebookRefused, from_json
from ledger.integrity import Finding, Tally, stream
from ledger.integrity.findings import shown, single

# Entries of settlements that stand: neither reversed nor reversals.
_STANDING = "e.reverses_id IS NULL AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.reverses_id = e.id)"
_RESULTS = "'" + "', '".join(RESULT_KINDS) + "'"

# The figures of each settled cycle beside what its entries moved; of any other cycle nothing stands.
_SETTLEMENTS: LiteralString = """
SELECT 'cycle ' || coalesce(y.name, p.source_id), x.what, coalesce(x.said, 0), coalesce(x.posted, 0)
  FROM (SELECT f.code || ':' || c.number AS name, c.*, s.*
          FROM fund_cycle c
          JOIN fund_fund f ON f.id = c.fund_id
          LEFT JOIN (SELECT s.cycle_id, sum(s.loss) AS lost, sum(s.fund_paid + s.reserved_used) AS paid_before,
                            sum(s.treasury_paid) AS treasury, sum(s.to_allocate) AS waiting,
                            sum(s.carried) AS carried_before
                       FROM fund_shortfall s WHERE s.reversed_by_id IS NULL GROUP BY s.cycle_id) s ON s.cycle_id = c.id
         WHERE c.status = 'settled') y
  FULL JOIN (SELECT e.source_id, sum(p.debit) FILTER (WHERE a.kind = 'trader') AS traders,
                    sum(p.credit) FILTER (WHERE a.kind = 'loss_to_allocate') AS loss,
                    sum(p.credit) FILTER (WHERE a.kind = 'fund') AS levied,
                    sum(p.debit) FILTER (WHERE a.kind = 'fund' AND e.kind = 'fund_payout') AS fund,
                    sum(p.debit) FILTER (WHERE a.kind = 'deficit') AS carried
               FROM ledger_entry e
               JOIN ledger_posting p ON p.entry_id = e.id
               JOIN ledger_account a ON a.id = p.account_id
              WHERE e.source_kind = 'cycle' AND {standing}
              GROUP BY e.source_id) p ON p.source_id = y.name
 CROSS JOIN LATERAL (VALUES
       ('loss', y.loss, y.lost), ('treasury paid', y.treasury_paid, y.treasury),
       ('to allocate', y.to_allocate, y.waiting), ('to allocate, posted', y.to_allocate, p.loss),
       ('allocated', y.allocated, p.traders), ('levy surplus', y.levy_surplus, p.levied),
       ('residue', y.residue, coalesce(p.fund, 0) + coalesce(p.carried, 0)),
       ('fund paid', y.fund_paid, coalesce(y.paid_before, 0) + coalesce(p.fund, 0)),
       ('carried', y.carried, coalesce(y.carried_before, 0) + coalesce(p.carried, 0))) x (what, said, posted)
 WHERE coalesce(x.said, 0) <> coalesce(x.posted, 0)
 ORDER BY 1"""

# The participants of each settlement that stands, added up.
_PARTICIPANTS: LiteralString = """
SELECT 'cycle ' || f.code || ':' || c.number, x.what, coalesce(x.said, 0), coalesce(x.summed, 0)
  FROM fund_cycle c
  JOIN fund_fund f ON f.id = c.fund_id
  JOIN fund_rulebookversion v ON v.id = c.rulebook_id
  LEFT JOIN (SELECT a.cycle_id, a.run, count(*) AS participants, max(a.rank) AS last, sum(a.profit) AS profit,
                    sum(a.amount) AS amount, min(a.profit) AS cut, max(a.amount / nullif(a.profit, 0)) AS haircut
               FROM fund_allocation a GROUP BY a.cycle_id, a.run) a ON a.cycle_id = c.id AND a.run = c.run
 CROSS JOIN LATERAL (VALUES
       ('participants', c.participants, a.participants), ('last rank', c.participants, a.last),
       ('their profit', c.participants_total, a.profit), ('allocated', c.allocated, a.amount),
       ('profit of the last one', c.cut_profit, a.cut),
       ('haircut above the cap', 0, CASE WHEN round(a.haircut, 18) > (v.fields ->> 'allocation_cap')::numeric
                                         THEN a.haircut END)) x (what, said, summed)
 WHERE c.status = 'settled' AND coalesce(x.said, 0) <> coalesce(x.summed, 0)
 ORDER BY 1"""

# Each trader's allocations in an entry are its lines there, in every run.
_ALLOCATIONS: LiteralString = """
SELECT 'entry ' || e.reference || ', trader ' || coalesce(a.trader, p.trader), 'amount',
       coalesce(a.amount, 0), coalesce(p.amount, 0)
  FROM (SELECT a.entry_id, a.trader, sum(a.amount) AS amount FROM fund_allocation a WHERE a.amount > 0
         GROUP BY a.entry_id, a.trader) a
  FULL JOIN (SELECT p.entry_id, k.owner AS trader, sum(p.debit - p.credit) AS amount
               FROM ledger_entry e
               JOIN ledger_posting p ON p.entry_id = e.id
               JOIN ledger_account k ON k.id = p.account_id AND k.kind = 'trader'
              WHERE e.kind = 'allocation' GROUP BY p.entry_id, k.owner) p
         ON p.entry_id = a.entry_id AND p.trader = a.trader
  LEFT JOIN ledger_entry e ON e.id = coalesce(a.entry_id, p.entry_id)
 WHERE coalesce(a.amount, 0) <> coalesce(p.amount, 0)
 ORDER BY 1"""

_POSITIONS: LiteralString = """
SELECT 'cycle ' || f.code || ':' || c.number, x.what, x.said, x.held
  FROM fund_cycle c
  JOIN fund_fund f ON f.id = c.fund_id
  LEFT JOIN (SELECT p.cycle_id, count(*) AS positions, sum(p.profit) AS profit, sum(greatest(p.profit, 0)) AS gained
               FROM fund_cycleposition p GROUP BY p.cycle_id) p ON p.cycle_id = c.id
 CROSS JOIN LATERAL (VALUES
       ('positions', c.positions_count, coalesce(p.positions, 0)),
       ('their profit', c.positions_profit, coalesce(p.profit, 0))) x (what, said, held)
 WHERE c.positions_complete_at IS NOT NULL AND x.said <> x.held
 ORDER BY 1"""

# Gross totals: what results brought the fund's account and what losses took from it and from its reserve, reversals
# taken out.
_TOTALS: LiteralString = """
SELECT 'fund ' || f.code, x.what, x.said, coalesce(x.posted, 0)
  FROM fund_fund f
  LEFT JOIN (SELECT a.owner, sum(p.credit) FILTER (WHERE a.kind = 'fund' AND e.kind IN (
                                 {results}, 'allocation')) AS injections
               FROM ledger_account a
               JOIN ledger_posting p ON p.account_id = a.id
               JOIN ledger_entry e ON e.id = p.entry_id
              WHERE a.kind = 'fund' AND {standing}
              GROUP BY a.owner) p ON p.owner = f.code
 CROSS JOIN LATERAL (VALUES
       ('gross injections', f.gross_injections, p.injections),
       ('gross payouts', f.gross_payouts,
        (SELECT coalesce(sum(s.fund_paid + s.reserved_used), 0) FROM fund_shortfall s
          WHERE s.fund_id = f.id AND s.reversed_by_id IS NULL)
        + (SELECT coalesce(sum(q.debit), 0)
             FROM ledger_entry e JOIN ledger_posting q ON q.entry_id = e.id
             JOIN ledger_account k ON k.id = q.account_id AND k.kind = 'fund' AND k.owner = f.code
            WHERE e.source_kind = 'cycle' AND e.kind = 'fund_payout' AND {standing}))) x (what, said, posted)
 WHERE x.said <> coalesce(x.posted, 0)
 ORDER BY 1"""

_TRANSFERS: LiteralString = """
SELECT t.direction || ' ' || t.reference, 'amount', CASE t.status WHEN 'done' THEN t.amount ELSE 0 END,
       coalesce(p.moved, 0)
  FROM fund_transfer t
  LEFT JOIN LATERAL (
        SELECT sum(CASE t.direction WHEN 'withdrawal' THEN p.debit - p.credit ELSE p.credit - p.debit END) AS moved
          FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id AND a.kind = 'fund'
         WHERE p.entry_id = t.entry_id) p ON true
 WHERE CASE t.status WHEN 'done' THEN t.amount ELSE 0 END <> coalesce(p.moved, 0)
 ORDER BY t.id"""

_RULEBOOKS = """
SELECT f.code || ' v' || v.version, f.code || ' v' || v.place
  FROM (SELECT v.*, row_number() OVER (PARTITION BY v.fund_id ORDER BY v.version) AS place
          FROM fund_rulebookversion v) v
  JOIN fund_fund f ON f.id = v.fund_id
 WHERE v.version <> v.place
 ORDER BY 1"""


def settlements_agree(tally: Tally) -> Iterator[Finding]:
    """What each settled cycle says of its loss and of those who bear it was posted, and nothing else stands."""
    tally.expect(_count("SELECT count(*) FROM fund_cycle"))
    yield from _compare("settlement_posted", _SETTLEMENTS.format(standing=_STANDING))
    yield from _compare("settlement_participants", _PARTICIPANTS)
    yield from _compare("positions_complete", _POSITIONS)
    tally.add(_count("SELECT count(*) FROM fund_cycle"))


def allocations_agree(tally: Tally) -> Iterator[Finding]:
    """Each participant's part is a line of its entry."""
    tally.expect(_count("SELECT count(*) FROM fund_allocation"))
    yield from _compare("allocation_posted", _ALLOCATIONS)
    tally.add(_count("SELECT count(*) FROM fund_allocation"))


def funds_agree(tally: Tally) -> Iterator[Finding]:
    """Gross totals and transfers are what was posted; every version of a rulebook can be read."""
    tally.expect(_count("SELECT count(*) FROM fund_fund"))
    yield from _compare("fund_totals", _TOTALS.format(standing=_STANDING, results=_RESULTS))
    yield from _compare("transfer_posted", _TRANSFERS)
    for actual, expected in stream(_RULEBOOKS):
        yield Finding(code="rulebook_versions", subject=f"rulebook {actual}", expected=expected, actual=actual)
    for version in RulebookVersion.objects.select_related("fund").order_by("id").iterator():
        try:
            from_json(version.fields)
        except RulebookRefused as refused:
            yield Finding(
                code="rulebook_readable", subject=f"rulebook {version}", expected="a rulebook", actual=refused.detail
            )
    tally.add(_count("SELECT count(*) FROM fund_fund"))


def _compare(code: str, query: str) -> Iterator[Finding]:
    for subject, what, said, found in stream(query):
        yield Finding(code=code, subject=f"{subject}, {what}", expected=shown(found), actual=shown(said))


def _count(query: str) -> int:
    return int(single(query)[0])
