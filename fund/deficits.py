"""A carried deficit that the house chooses to bear: house_loss → deficit. Source: accounting.md, entries."""

from datetime import datetime
from decimal import Decimal

from fund import errors, events
from fund.models import Fund
from ledger import chart
from ledger.balances import balance_at
from ledger.errors import Refused
from ledger.events.recording import record
from ledger.models import Entry as BookedEntry
from ledger.money import EXACT, plain
from ledger.posting import Entry, Line, Posted, post
from ledger.transactions import retried

KIND = "house_absorbed"


@retried
def absorb(*, reference: str, fund_code: str, amount: Decimal, effective_at: datetime) -> Posted:
    """Take `amount` of the fund's deficit on the house's own loss. The same `reference` again is a replay.

    Raises NotFound `fund_unknown`; Refused `amount_not_positive`, `deficit_insufficient`; PostingRefused
    `amount_precision`, `reference_reused`.
    """
    fund = Fund.objects.select_for_update(no_key=True).filter(code=fund_code).first()
    if fund is None:
        raise errors.fund_unknown(fund_code)
    if not (amount.is_finite() and amount > 0):
        raise errors.amount_not_positive(amount)
    own = f"{KIND}:{reference}"
    deficit = balance_at(chart.deficit(fund_code)).balance
    if amount > deficit and not BookedEntry.objects.filter(reference=own).exists():
        over = EXACT.subtract(amount, deficit)
        detail = f"fund {fund_code}: {plain(amount)} exceeds the deficit {plain(deficit)} by {plain(over)}"
        raise Refused("deficit_insufficient", detail, field="amount")
    lines = [
        Line(chart.house_loss(fund.currency_id), debit=amount),
        Line(chart.deficit(fund_code), credit=amount),
    ]
    entry = Entry(
        reference=own,
        kind=KIND,
        lines=lines,
        effective_at=effective_at,
        effective_stated=False,
        source_kind="fund",
        source_id=fund_code,
    )
    posted = post([entry])[0]
    if not posted.replayed:
        record([events.of_absorbed(fund_code=fund_code, reference=reference, amount=amount, at=effective_at)])
    return posted
