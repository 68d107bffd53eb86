"""Checks of the entries: each is whole, balances in one currency and within its precision; reversals mirror."""

from collections.abc import Iterator
from typing import Any

from ledger.integrity.findings import Finding, Tally, shown, single, stream
from ledger.models import POSTINGS_PER_ENTRY
from ledger.reversals import KIND

_ENTRIES_A_RANGE = 100_000

_SPAN = """
SELECT least((SELECT min(id) FROM ledger_entry), (SELECT min(id) / %(per_entry)s FROM ledger_posting)),
       greatest((SELECT max(id) FROM ledger_entry), (SELECT max(id) / %(per_entry)s FROM ledger_posting))"""

# A posting's id names its entry, so that a range of entries is a range of both primary keys. The first row counts.
_ENTRIES = """
WITH entry AS MATERIALIZED (
    SELECT e.id, e.reference, e.lines, p.*
      FROM (SELECT id, reference, lines FROM ledger_entry WHERE id >= %(first)s AND id < %(end)s) e
      FULL JOIN (SELECT p.entry_id, count(*) AS postings, max(p.id %% %(per_entry)s) AS last_line,
                        sum(p.debit) AS debits, sum(p.credit) AS credits,
                        min(a.currency_id) AS currency, max(a.currency_id) AS other_currency,
                        min(c.decimals) AS decimals,
                        max(CASE WHEN p.debit <> round(p.debit, c.decimals) THEN p.debit
                                 WHEN p.credit <> round(p.credit, c.decimals) THEN p.credit END) AS imprecise,
                        count(*) FILTER (WHERE (p.debit = 0) = (p.credit = 0) OR p.debit < 0 OR p.credit < 0
                                            OR 'NaN' IN (p.debit, p.credit)) AS two_sided
                   FROM ledger_posting p
                   LEFT JOIN ledger_account a ON a.id = p.account_id
                   LEFT JOIN ledger_currency c ON c.code = a.currency_id
                  WHERE p.id >= %(first_posting)s AND p.id < %(end_posting)s
                  GROUP BY p.entry_id) p ON p.entry_id = e.id)
SELECT NULL, NULL, NULL, sum(postings)::bigint, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM entry
UNION ALL
SELECT coalesce(id, entry_id), reference, lines, postings, last_line, debits, credits, currency, other_currency,
       decimals, imprecise, two_sided
  FROM entry
 WHERE id IS NULL OR entry_id IS NULL OR postings <> lines OR last_line <> postings OR debits <> credits
    OR currency <> other_currency OR imprecise IS NOT NULL OR two_sided > 0"""

# Of each reversal that is not its original's mirror image, the first line at which they differ.
_REVERSALS = """
SELECT r.reference, r.kind, r.reverses_id, o.reference, o.reverses_id, d.line,
       x.code, d.original_credit, d.original_debit, y.code, d.debit, d.credit
  FROM ledger_entry r
  LEFT JOIN ledger_entry o ON o.id = r.reverses_id
  LEFT JOIN LATERAL (
        SELECT coalesce(m.line, n.line) AS line, m.account_id AS original_account, m.debit AS original_debit,
               m.credit AS original_credit, n.account_id, n.debit, n.credit
          FROM (SELECT p.id - o.id * %(per_entry)s AS line, p.account_id, p.debit, p.credit FROM ledger_posting p
                 WHERE p.id > o.id * %(per_entry)s AND p.id < (o.id + 1) * %(per_entry)s) m
          FULL JOIN (SELECT p.id - r.id * %(per_entry)s AS line, p.account_id, p.debit, p.credit FROM ledger_posting p
                      WHERE p.id > r.id * %(per_entry)s AND p.id < (r.id + 1) * %(per_entry)s) n ON n.line = m.line
         WHERE (m.account_id, m.debit, m.credit) IS DISTINCT FROM (n.account_id, n.credit, n.debit)
         ORDER BY 1 LIMIT 1) d ON true
  LEFT JOIN ledger_account x ON x.id = d.original_account
  LEFT JOIN ledger_account y ON y.id = d.account_id
 WHERE r.reverses_id IS NOT NULL
   AND (o.id IS NULL OR o.reverses_id IS NOT NULL OR r.kind <> %(kind)s OR d.line IS NOT NULL)
 ORDER BY r.id"""


def entries_balance(tally: Tally) -> Iterator[Finding]:
    """Each entry has its lines, numbered from 1, one currency, its precision, and debits equal to credits."""
    per_entry = {"per_entry": POSTINGS_PER_ENTRY}
    first, last = single(_SPAN, per_entry)
    if first is None:
        return
    # The versions of the accounts count the postings without reading them.
    tally.expect(int(single("SELECT coalesce(sum(version), 0) FROM ledger_account")[0]))
    for start in range(first, last + 1, _ENTRIES_A_RANGE):
        end = min(start + _ENTRIES_A_RANGE, last + 1)
        bounds = {
            "first": start,
            "end": end,
            "first_posting": start * POSTINGS_PER_ENTRY,
            "end_posting": end * POSTINGS_PER_ENTRY,
        }
        for entry_id, *row in stream(_ENTRIES, bounds | per_entry):
            if entry_id is None:
                tally.add(row[2] or 0)
            else:
                yield from _entry_findings(entry_id, *row)


def _entry_findings(
    entry_id: int,
    reference: str | None,
    lines: int | None,
    postings: int | None,
    last_line: int | None,
    debits: Any,
    credits: Any,
    currency: str | None,
    other_currency: str | None,
    decimals: int | None,
    imprecise: Any,
    two_sided: int | None,
) -> Iterator[Finding]:
    subject = f"entry {reference}"
    if reference is None:
        found = f"{postings} posting(s) and no entry"
        yield Finding(code="posting_without_entry", subject=f"entry id {entry_id}", expected="an entry", actual=found)
        return
    if postings is None:
        yield Finding(code="entry_without_postings", subject=subject, expected=f"{lines} postings", actual="none")
        return
    if postings != lines:
        yield Finding(code="entry_lines", subject=subject, expected=f"{lines} postings", actual=str(postings))
    if last_line != postings:
        expected = f"lines 1 to {postings}"
        yield Finding(code="entry_line_numbers", subject=subject, expected=expected, actual=f"a line {last_line}")
    if debits != credits:
        expected = f"debits equal to credits {shown(credits)}"
        yield Finding(code="entry_unbalanced", subject=subject, expected=expected, actual=f"debits {shown(debits)}")
    if currency != other_currency:
        actual = f"{currency} and {other_currency}"
        yield Finding(code="entry_mixes_currencies", subject=subject, expected="one currency", actual=actual)
    if imprecise is not None:
        expected = f"at most {decimals} decimals"
        yield Finding(code="amount_precision", subject=subject, expected=expected, actual=shown(imprecise))
    if two_sided:
        actual = f"{two_sided} line(s) without"
        expected = "one positive side a line"
        yield Finding(code="posting_one_sided", subject=subject, expected=expected, actual=actual)


def reversals_mirror(tally: Tally) -> Iterator[Finding]:
    """Each reversal has its original's lines with debit and credit exchanged, and reverses no reversal."""
    tally.add(single("SELECT count(*) FROM ledger_entry WHERE reverses_id IS NOT NULL")[0])
    for row in stream(_REVERSALS, {"per_entry": POSTINGS_PER_ENTRY, "kind": KIND}):
        reference, kind, original_id, original, reverses, line, *mirror = row
        subject = f"entry {reference}"
        if original is None:
            expected = f"the entry with id {original_id}, which it reverses"
            yield Finding(code="reversal_without_original", subject=subject, expected=expected, actual="none")
            continue
        if reverses is not None:
            actual = f"a reversal of the reversal {original}"
            yield Finding(code="reversal_of_reversal", subject=subject, expected="an original", actual=actual)
        if kind != KIND:
            yield Finding(code="reversal_kind", subject=subject, expected=f"kind {KIND}", actual=f"kind {kind}")
        if line is not None:
            yield Finding(
                code="reversal_not_mirrored",
                subject=f"{subject}, line {line}",
                expected=f"{_line(*mirror[:3])}, the mirror of {original}",
                actual=_line(*mirror[3:]),
            )


def _line(account: str | None, debit: Any, credit: Any) -> str:
    return "no line" if debit is None else f"{account} debit {shown(debit)} credit {shown(credit)}"
