"""Contributions to a fund, and withdrawals from it: requested by one person, approved by another."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from fund import errors, events, funds, rulebooks
from fund.models import Fund, Transfer
from fund.rules import spendable
from ledger import accounts, chart
from ledger.balances import balance_at
from ledger.events.recording import record
from ledger.money import plain
from ledger.posting import Entry, Line, post

CONTRIBUTION = "fund_contribution"
WITHDRAWAL = "fund_withdrawal"


@dataclass(frozen=True, slots=True)
class Recorded:
    """`replayed`: the reference was known with the same content, and nothing was done again."""

    transfer: Transfer
    replayed: bool


def contribute(
    *,
    reference: str,
    fund_code: str,
    amount: Decimal,
    source: str = Transfer.Source.TREASURY,
    requested_by: str,
    effective_at: datetime,
) -> Recorded:
    """Move `amount` into the fund from the treasury, or from outside (`custody`). It repays no deficit.

    Raises NotFound `fund_unknown`; Refused `amount_not_positive`, `amount_precision`, `source_unknown`,
    `person_missing`; ReferenceReused.
    """
    asked = _Asked(reference, Transfer.Direction.CONTRIBUTION, fund_code, amount, source)
    known = asked.replay()
    if known:
        return known
    fund = asked.checked(requested_by)
    giver = _other_side(source, fund.currency_id)
    accounts.open_missing([giver], currency=fund.currency_id)

    try:
        with transaction.atomic():
            # The row first: whoever comes second with the reference waits here, and then finds it.
            transfer = Transfer.objects.create(
                reference=reference,
                fund=fund,
                direction=asked.direction,
                source=source,
                amount=amount,
                status=Transfer.Status.DONE,
                requested_by=requested_by,
                requested_at=effective_at,
                decided_by=requested_by,
                decided_at=effective_at,
            )
            lines = [Line(giver, debit=amount), Line(chart.fund(fund.code), credit=amount)]
            _book(transfer, CONTRIBUTION, f"contribution:{reference}", lines, effective_at)
            record([events.of_transfer(events.CONTRIBUTION, transfer, fund, at=effective_at)])
    except IntegrityError:
        return _known_by_now(asked)
    return Recorded(transfer, replayed=False)


def request_withdrawal(
    *,
    reference: str,
    fund_code: str,
    amount: Decimal,
    source: str = Transfer.Source.TREASURY,
    requested_by: str,
    requested_at: datetime,
) -> Recorded:
    """Ask for `amount` to go to the treasury, or out of custody. Nothing moves until a second person approves.

    Raises as `contribute`, and Refused `fund_balance_insufficient` where the fund could not pay it today.
    """
    asked = _Asked(reference, Transfer.Direction.WITHDRAWAL, fund_code, amount, source)
    known = asked.replay()
    if known:
        return known
    fund = asked.checked(requested_by)
    _check_spendable(fund, amount, requested_at)

    try:
        with transaction.atomic():
            transfer = Transfer.objects.create(
                reference=reference,
                fund=fund,
                direction=asked.direction,
                source=source,
                amount=amount,
                status=Transfer.Status.PENDING,
                requested_by=requested_by,
                requested_at=requested_at,
            )
            record([events.of_transfer(events.WITHDRAWAL_REQUESTED, transfer, fund, at=requested_at)])
    except IntegrityError:
        return _known_by_now(asked)
    return Recorded(transfer, replayed=False)


def approve_withdrawal(*, reference: str, approved_by: str, decided_at: datetime) -> Recorded:
    """Pay a requested withdrawal. The fund stays at its floor or above.

    Raises NotFound `withdrawal_unknown`; Refused `person_missing`, `withdrawal_same_person`,
    `withdrawal_not_pending`, `fund_balance_insufficient`.
    """
    with transaction.atomic():
        transfer, fund = _pending(reference, decided_by=approved_by, becomes=Transfer.Status.DONE)
        if transfer.status != Transfer.Status.PENDING:
            return Recorded(transfer, replayed=True)
        _check_spendable(fund, transfer.amount, decided_at)

        _decide(transfer, Transfer.Status.DONE, approved_by, decided_at)
        taker = _other_side(transfer.source, fund.currency_id)
        lines = [Line(chart.fund(fund.code), debit=transfer.amount), Line(taker, credit=transfer.amount)]
        _book(transfer, WITHDRAWAL, f"withdrawal:{reference}", lines, decided_at)
        record([events.of_transfer(events.WITHDRAWAL, transfer, fund, at=decided_at)])
    return Recorded(transfer, replayed=False)


def reject_withdrawal(*, reference: str, rejected_by: str, decided_at: datetime) -> Recorded:
    """Turn a requested withdrawal down. Who asked for it may take it back.

    Raises NotFound `withdrawal_unknown`; Refused `person_missing`, `withdrawal_not_pending`.
    """
    with transaction.atomic():
        transfer, fund = _pending(reference, decided_by=rejected_by, becomes=Transfer.Status.REJECTED)
        if transfer.status != Transfer.Status.PENDING:
            return Recorded(transfer, replayed=True)

        _decide(transfer, Transfer.Status.REJECTED, rejected_by, decided_at)
        record([events.of_transfer(events.WITHDRAWAL_REJECTED, transfer, fund, at=decided_at)])
    return Recorded(transfer, replayed=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a caller asks for under a reference."""

    reference: str
    direction: Transfer.Direction
    fund_code: str
    amount: Decimal
    source: str

    def replay(self) -> Recorded | None:
        """The transfer that has the reference. Raises ReferenceReused where it is another one."""
        known = Transfer.objects.filter(reference=self.reference).select_related("fund").first()
        if known is None:
            return None
        same = (known.direction, known.fund.code, known.amount, known.source)
        if same != (self.direction, self.fund_code, self.amount, self.source):
            what = f"a {known.direction} of {plain(known.amount)}, fund {self.fund_code}, {known.source}"
            elsewhere = known.fund.code != self.fund_code
            raise errors.reference_reused(self.reference, "a transfer of another fund" if elsewhere else what)
        return Recorded(known, replayed=True)

    def checked(self, person: str) -> Fund:
        """The fund, all that needs no look at its balance being right."""
        fund = funds.find(self.fund_code)
        if not person:
            raise errors.person_missing()
        if self.source not in Transfer.Source.values:
            raise errors.source_unknown(self.source)
        if not (self.amount.is_finite() and self.amount > 0):
            raise errors.amount_not_positive(self.amount)
        decimals = fund.currency.decimals
        if len(plain(self.amount).partition(".")[2]) > decimals:
            raise errors.amount_precision(self.amount, currency=fund.currency_id, decimals=decimals)
        return fund


def _known_by_now(asked: _Asked) -> Recorded:
    """Somebody else was faster with the same reference."""
    known = asked.replay()
    assert known, f"transfer {asked.reference} is refused by the database, and not because it exists"
    return known


def _pending(reference: str, *, decided_by: str, becomes: Transfer.Status) -> tuple[Transfer, Fund]:
    """The withdrawal and its fund, both locked; decided already the same way by the same person, or still pending."""
    transfers = Transfer.objects.filter(reference=reference, direction=Transfer.Direction.WITHDRAWAL)
    transfer = transfers.select_for_update(no_key=True).first()
    if transfer is None:
        raise errors.withdrawal_unknown(reference)
    if not decided_by:
        raise errors.person_missing()
    fund = Fund.objects.select_for_update(no_key=True).get(pk=transfer.fund_id)
    transfer.fund = fund
    if transfer.status != Transfer.Status.PENDING and (transfer.status, transfer.decided_by) != (becomes, decided_by):
        raise errors.withdrawal_not_pending(reference, status=transfer.status, decided_by=transfer.decided_by)
    if becomes is Transfer.Status.DONE and transfer.requested_by == decided_by:
        raise errors.withdrawal_same_person(reference, decided_by)
    return transfer, fund


def _check_spendable(fund: Fund, amount: Decimal, at: datetime) -> None:
    rulebook = rulebooks.load(rulebooks.in_force(fund, at))
    free = spendable(fund_balance=balance_at(chart.fund(fund.code)).balance, rulebook=rulebook)
    if amount > free:
        raise errors.fund_balance_insufficient(fund.code, amount=amount, spendable=free)


def _decide(transfer: Transfer, status: Transfer.Status, person: str, at: datetime) -> None:
    transfer.status = status
    transfer.decided_by = person
    transfer.decided_at = at
    transfer.save(update_fields=["status", "decided_by", "decided_at"])


def _book(transfer: Transfer, kind: str, reference: str, lines: list[Line], at: datetime) -> None:
    posted = post(
        [
            Entry(
                reference=reference,
                kind=kind,
                lines=lines,
                effective_at=at,
                source_kind="transfer",
                source_id=transfer.reference,
            )
        ]
    )[0]
    transfer.entry_id = posted.entry_id
    transfer.save(update_fields=["entry"])


def _other_side(source: str, currency: str) -> str:
    return chart.treasury(currency) if source == Transfer.Source.TREASURY else chart.custody(currency)
