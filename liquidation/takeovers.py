"""Takeovers: positions that the engine takes over, at the bankruptcy price or at mark, as the fund's rulebook says."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from fund.movements import Movements
from fund.planning import Cause
from fund.rulebook import Rulebook, TakeoverValuation
from ledger import accounts, chart
from ledger.bulk import new_row
from ledger.errors import PostingRefused, Refused
from ledger.events.recording import recording
from ledger.money import EXACT, plain
from ledger.posting import Beside, Entry, Line
from ledger.transactions import Outdated, retried_apart, together
from liquidation import errors, events
from liquidation.bankruptcy import work_out_price
from liquidation.contracts import kind_of
from liquidation.engine import SOURCE, ZERO
from liquidation.models import Contract, Takeover
from liquidation.rules import ContractKind, PositionSide, book_for_engine, limit_price, profit_and_loss
from liquidation.terms import Terms, read_terms
from liquidation.values import (
    check_amount,
    check_name,
    check_number,
    check_positive,
    check_reference,
    check_side,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverReport:
    """One takeover as the venue tells it. Prices in quote per unit, `margin` in the margin currency.

    `taken_over_at` None: when it was recorded. `mark_price` is needed where the rulebook values at mark, `entry_price`
    where `bankruptcy_price` is None: it is worked out then. One that is told holds, whatever the others say.
    """

    reference: str
    contract: str
    trader: str
    side: str
    quantity: Decimal
    margin: Decimal
    bankruptcy_price: Decimal | None = None
    taken_over_at: datetime | None = None
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """`replayed`: the takeover was known with the same content; it is as it stands now."""

    takeover: Takeover
    replayed: bool


@retried_apart
def report_takeovers(reports: Sequence[TakeoverReport], *, recorded_at: datetime) -> list[Reported]:
    """Book the takeovers in their order, all or none. One result a report.

    Raises ReferenceReused; Refused `contract_unknown`, `side_unknown`, `name_malformed`, `quantity_not_positive`,
    `price_not_positive`, `price_negative`, `margin_negative`, `amount_precision`, `number_out_of_range`,
    `amount_out_of_range`, `bankruptcy_price_missing`, `margin_never_exhausted`, `mark_price_missing`,
    `reference_malformed`; PostingRefused `account_floor`. `position` names the report.
    """
    terms = read_terms(
        references={report.reference for report in reports},
        traders={report.trader for report in reports},
        contracts={report.contract for report in reports},
    )
    known = dict(terms.takeovers)
    reported: list[Reported] = []
    new: dict[int, Takeover] = {}
    for position, report in enumerate(reports):
        try:
            takeover = known.get(report.reference)
            if takeover is not None:
                _check_same(takeover, report)
                reported.append(Reported(takeover, replayed=True))
                continue
            takeover = _take_over(report, terms, recorded_at)
        except Refused as refused:
            refused.position = position
            raise
        known[report.reference] = takeover
        new[position] = takeover
        reported.append(Reported(takeover, replayed=False))
    if new:
        _book(new, terms)
    return reported


def _take_over(report: TakeoverReport, terms: Terms, recorded_at: datetime) -> Takeover:
    contract, versions = terms.contracts.get(report.contract), terms.versions
    if contract is None:
        raise errors.contract_unknown(report.contract)
    _check(report, contract)
    taken_over_at = report.taken_over_at or recorded_at
    version = versions.in_force(contract.fund_id, taken_over_at)
    takeover = new_row(
        Takeover,
        {
            "reference": report.reference,
            "contract": contract,
            "rulebook": version,
            "trader": report.trader,
            "side": report.side,
            "quantity": report.quantity,
            "bankruptcy_price": _bankruptcy_price(report, contract),
            "margin": report.margin,
            "entry_price": report.entry_price,
            "mark_price": report.mark_price,
            "taken_over_at": taken_over_at,
            "recorded_at": recorded_at,
            "remaining": report.quantity,
        },
    )
    if versions.rulebook(version).takeover_valuation is TakeoverValuation.MARK:
        if report.mark_price is None:
            raise errors.mark_price_missing(f"takeover {report.reference}")
        takeover.leftover = _leftover(takeover, report.mark_price)
    return takeover


def _check(report: TakeoverReport, contract: Contract) -> None:
    check_reference(report.reference)
    check_name("trader", report.trader)
    check_side(report.side)
    check_positive("quantity", report.quantity)
    check_amount("margin", report.margin, contract.margin_currency)
    if report.margin < 0:
        raise errors.negative("margin", report.margin)
    for name, price in (("entry_price", report.entry_price), ("mark_price", report.mark_price)):
        if price is not None:
            check_positive(name, price)


def _bankruptcy_price(report: TakeoverReport, contract: Contract) -> Decimal:
    """The price that is told holds, since venues round in ways of their own; without one it is worked out."""
    price = report.bankruptcy_price
    if price is None:
        return work_out_price(
            contract,
            takeover=report.reference,
            side=PositionSide(report.side),
            quantity=report.quantity,
            entry_price=report.entry_price,
            margin=report.margin,
        )
    check_number("bankruptcy_price", price)
    if price < 0:
        raise errors.negative("bankruptcy_price", price)
    if kind_of(contract) is ContractKind.INVERSE:
        check_positive("bankruptcy_price", price)
    return price


def _leftover(takeover: Takeover, mark_price: Decimal) -> Decimal:
    """Margin that is left once the loss at mark is taken off it, or what is missing: the result from B to mark.

    Taken over at mark, the margin splits into the trader's loss at mark, which goes to clearing, and this, which goes
    to the engine; fills are booked against mark. Engine and fund end with what they would have at the bankruptcy
    price. Source: accounting.md, the double-count trap.
    """
    contract = takeover.contract
    exact = profit_and_loss(
        kind=kind_of(contract),
        side=PositionSide(takeover.side),
        quantity=takeover.quantity,
        multiplier=contract.multiplier,
        entry_price=takeover.bankruptcy_price,
        exit_price=mark_price,
    )
    return book_for_engine(exact, kind=kind_of(contract), decimals=contract.margin_currency.decimals)


def _book(reported: Mapping[int, Takeover], terms: Terms) -> None:
    """Post and insert the takeovers, by the positions of their reports."""
    takeovers, versions = list(reported.values()), terms.versions
    missing: dict[str, set[str]] = {}
    for takeover in takeovers:
        currency = takeover.contract.margin_currency_id
        account = chart.trader(takeover.trader, currency)
        if account not in terms.accounts:
            missing.setdefault(currency, set()).add(account)
    compensated = {
        takeover.contract.fund_id for takeover in takeovers if versions.rulebook(takeover.rulebook).precompensation
    }
    movements = Movements()
    places: list[int | None] = []
    entries: list[int] = []
    with together(bool(missing or compensated)):
        for currency in sorted(missing):
            accounts.open_missing(sorted(missing[currency]), currency=currency)
        movements.lock(compensated)
        for takeover in takeovers:
            lines = _lines(takeover)
            places.append(movements.add(_entry(takeover, lines)).place if lines else None)
            rulebook = versions.rulebook(takeover.rulebook)
            if rulebook.precompensation:
                _compensate(takeover, movements, rulebook)
            entries.append(movements.planned)
        told = [events.of_report(takeover) for takeover in takeovers]
        beside = Beside(takeovers, places=places, told=partial(recording, told))
        try:
            movements.post(beside=beside)
        except PostingRefused as refused:
            if refused.code == "reference_reused":
                # Told twice at once, and the other was faster: the next attempt finds its takeover and compares that.
                raise Outdated(refused) from refused
            raise _of_reports(refused, list(reported), entries) from refused


def _of_reports(refused: PostingRefused, positions: Sequence[int], entries: Sequence[int]) -> PostingRefused:
    """The refusal, its positions those of reports. `entries`: how many there were up to each takeover's last one."""
    refusals = [replace(each, position=positions[bisect_right(entries, each.position)]) for each in refused.refusals]
    of_reports = PostingRefused(refusals)
    of_reports.position = refusals[0].position
    return of_reports


def _lines(takeover: Takeover) -> list[Line]:
    """Trader → clearing by the margin; at mark, clearing's part of it is what the leftover leaves."""
    currency = takeover.contract.margin_currency_id
    to_clearing = EXACT.subtract(takeover.margin, takeover.leftover)
    changes = (
        (chart.trader(takeover.trader, currency), EXACT.minus(takeover.margin)),
        (chart.clearing(takeover.contract.symbol, currency), to_clearing),
        (chart.engine(currency), takeover.leftover),
    )
    return [
        Line(account, credit=change) if change > 0 else Line(account, debit=EXACT.minus(change))
        for account, change in changes
        if change
    ]


def _entry(takeover: Takeover, lines: Sequence[Line]) -> Entry:
    return Entry(
        reference=f"takeover:{takeover.reference}",
        kind="takeover",
        lines=lines,
        effective_at=takeover.taken_over_at,
        source_kind=SOURCE,
        source_id=takeover.reference,
    )


def _compensate(takeover: Takeover, movements: Movements, rulebook: Rulebook) -> None:
    """Set the budget aside; the close order's limit price follows from it. Source: accounting.md, compensation."""
    cause = Cause(kind=SOURCE, id=takeover.reference, noun="reserve", run=1, effective_at=takeover.taken_over_at)
    contract = takeover.contract
    takeover.compensation = movements.reserve(fund_id=contract.fund_id, rulebook=rulebook, cause=cause)
    if takeover.bankruptcy_price > ZERO:
        takeover.limit_price = limit_price(
            kind=kind_of(contract),
            side=PositionSide(takeover.side),
            bankruptcy_price=takeover.bankruptcy_price,
            quantity=takeover.quantity,
            multiplier=contract.multiplier,
            budget=takeover.compensation,
            tick=contract.tick,
        )


def _check_same(takeover: Takeover, report: TakeoverReport) -> None:
    names = ("trader", "side", "quantity", "margin", "entry_price", "mark_price")
    same = all(getattr(takeover, name) == getattr(report, name) for name in names)
    if (
        not same
        or takeover.contract.symbol != report.contract
        or (report.taken_over_at is not None and report.taken_over_at != takeover.taken_over_at)
        or not _is_priced_so(takeover, report)
    ):
        known = f"another takeover of {plain(takeover.quantity)} {report.contract} from {takeover.trader}"
        # Whoever may report on one contract need not be one who may see another.
        elsewhere = takeover.contract.symbol != report.contract
        raise errors.reference_reused(report.reference, "a takeover of another contract" if elsewhere else known)


def _is_priced_so(takeover: Takeover, report: TakeoverReport) -> bool:
    """Whether the price that is told, or follows from what is told, is that of the takeover, the same otherwise."""
    try:
        price = _bankruptcy_price(report, takeover.contract)
    except Refused:
        # No price follows: the first time one was told.
        return False
    return bool(price == takeover.bankruptcy_price)
