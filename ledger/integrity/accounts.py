"""Checks of the accounts: books without a gap, totals that are their postings' sums, the chart, the identity."""

from collections.abc import Iterator
from decimal import Decimal

from ledger import chart
from ledger.balances import identity_sides
from ledger.integrity.findings import Finding, Tally, shown, single, stream
from ledger.money import EXACT

_POSTINGS_A_RANGE = 250_000

# Ranges of account ids with about so many postings each. The cached versions size the ranges, they prove nothing.
_RANGES = """
SELECT min(id), max(id), sum(greatest(version, 0))
  FROM (SELECT id, version, (sum(greatest(version, 0)) OVER (ORDER BY id) - greatest(version, 0)) / %(size)s AS place
          FROM ledger_account) a
 GROUP BY floor(place) ORDER BY 1"""

# Each posting against the one before it in its account's book: by induction the balance is the sum of all of them. A
# floor holds at the end of each entry; inside one, lines on the same account may pass below it.
_RUNNING = """
SELECT l.code, e.reference, l.version, l.version_before, l.balance_after, l.balance_before + l.change, l.floor,
       l.entry_after IS DISTINCT FROM l.entry_id
  FROM (SELECT a.code, a.floor, p.entry_id, p.version, p.balance_after,
               CASE a.normal_side WHEN 'debit' THEN p.debit - p.credit ELSE p.credit - p.debit END AS change,
               lag(p.version, 1, 0::bigint) OVER book AS version_before,
               lag(p.balance_after, 1, 0::numeric) OVER book AS balance_before,
               lead(p.entry_id) OVER book AS entry_after
          FROM ledger_posting p
          JOIN ledger_account a ON a.id = p.account_id
         WHERE p.account_id BETWEEN %(first)s AND %(last)s
        WINDOW book AS (PARTITION BY p.account_id ORDER BY p.version)) l
  LEFT JOIN ledger_entry e ON e.id = l.entry_id
 WHERE l.version <> l.version_before + 1 OR l.balance_after <> l.balance_before + l.change
    OR (l.balance_after < l.floor AND l.entry_after IS DISTINCT FROM l.entry_id)
 ORDER BY l.code, l.version"""

_TOTALS = """
SELECT a.code, p.account_id, p.postings, a.version, p.last, p.debits, a.debits, p.credits, a.credits
  FROM ledger_account a
  FULL JOIN (SELECT account_id, count(*) AS postings, max(version) AS last, sum(debit) AS debits, sum(credit) AS credits
               FROM ledger_posting GROUP BY account_id) p ON p.account_id = a.id
 WHERE a.id IS NULL OR (a.version, a.version, a.debits, a.credits)
       IS DISTINCT FROM (coalesce(p.postings, 0), coalesce(p.last, 0), coalesce(p.debits, 0), coalesce(p.credits, 0))
 ORDER BY a.code"""

_CHART = "SELECT code, kind, currency_id, normal_side, floor FROM ledger_account ORDER BY code"

_IDENTITY = """
SELECT a.currency_id, a.kind, sum(p.debits - p.credits), sum(p.postings)::bigint
  FROM (SELECT account_id, count(*) AS postings, sum(debit) AS debits, sum(credit) AS credits
          FROM ledger_posting GROUP BY account_id) p
  JOIN ledger_account a ON a.id = p.account_id
 GROUP BY a.currency_id, a.kind ORDER BY a.currency_id"""


def balances_run(tally: Tally) -> Iterator[Finding]:
    """Versions run from 1 without gap, each balance is the one before and the amount, no entry ends below a floor."""
    ranges = list(stream(_RANGES, {"size": _POSTINGS_A_RANGE}))
    tally.expect(int(sum(postings for _, _, postings in ranges)))
    for first, last, _ in ranges:
        bounds = {"first": first, "last": last}
        for code, reference, version, before, balance, expected, floor, ends in stream(_RUNNING, bounds):
            subject = f"account {code}, version {version} (entry {reference})"
            if version != before + 1:
                actual = f"version {version}"
                yield Finding(code="version_gap", subject=subject, expected=f"version {before + 1}", actual=actual)
            if balance != expected:
                actual = shown(balance)
                yield Finding(code="balance_after", subject=subject, expected=shown(expected), actual=actual)
            if floor is not None and balance < floor and ends:
                actual = shown(balance)
                yield Finding(code="account_floor", subject=subject, expected=f"≥ {shown(floor)}", actual=actual)
        count = "SELECT count(*) FROM ledger_posting WHERE account_id BETWEEN %(first)s AND %(last)s"
        tally.add(single(count, bounds)[0])


def totals_agree(tally: Tally) -> Iterator[Finding]:
    """An account's cached totals and version are the sums and the number of its postings."""
    tally.add(single("SELECT count(*) FROM ledger_account")[0])
    for code, account_id, postings, version, last, debits, debits_cached, credits, credits_cached in stream(_TOTALS):
        if code is None:
            subject, actual = f"account id {account_id}", f"{postings} posting(s) and no account"
            yield Finding(code="posting_without_account", subject=subject, expected="an account", actual=actual)
            continue
        subject = f"account {code}"
        if not version == (postings or 0) == (last or 0):
            expected = f"{postings or 0} postings, the last with that version"
            actual = f"version {version}, last posting {last or 0}"
            yield Finding(code="account_version", subject=subject, expected=expected, actual=actual)
        for name, truth, cached in (("debits", debits, debits_cached), ("credits", credits, credits_cached)):
            summed = truth or Decimal(0)
            if summed != cached:
                expected, actual = shown(summed), shown(cached)
                yield Finding(code=f"account_{name}", subject=subject, expected=expected, actual=actual)


def chart_holds(tally: Tally) -> Iterator[Finding]:
    """Kind, currency, normal side and floor of each account are what its code says."""
    for code, kind, currency, normal_side, floor in stream(_CHART):
        tally.add(1)
        subject = f"account {code}"
        try:
            spec = chart.parse(code)
        except chart.ChartError as error:
            yield Finding(code="account_code", subject=subject, expected="a code of the chart", actual=str(error))
            continue
        for name, expected, actual in (
            ("kind", spec.kind.name, kind),
            ("currency", spec.currency or currency, currency),
            ("normal_side", spec.kind.normal_side.value, normal_side),
        ):
            if expected != actual:
                yield Finding(code=f"account_{name}", subject=subject, expected=expected, actual=actual)
        if spec.kind.floored and floor != 0:
            yield Finding(code="account_floor_missing", subject=subject, expected="floor 0", actual=shown(floor))


def identity_holds(tally: Tally) -> Iterator[Finding]:
    """In each currency debit accounts and credit accounts hold the same. Source: accounting.md, balance identity."""
    balances: dict[str, list[tuple[str, Decimal]]] = {}
    for currency, kind, debit_balance, postings in stream(_IDENTITY):
        tally.add(postings)
        normal_debit = chart.KINDS[kind].normal_side is chart.Side.DEBIT
        balances.setdefault(currency, []).append((kind, debit_balance if normal_debit else EXACT.minus(debit_balance)))
    for currency, kinds in balances.items():
        debit_side, credit_side = identity_sides(kinds)
        if debit_side != credit_side:
            expected = f"custody + loss_to_allocate + deficit + house_loss = {shown(credit_side)}, all other kinds"
            subject, actual = f"currency {currency}", shown(debit_side)
            yield Finding(code="balance_identity", subject=subject, expected=expected, actual=actual)
