"""Fills of takeovers, reported by the venue one by one or in bulk, late, twice or at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.errors import Refused
from ledger.money import plain
from ledger.transactions import retried
from liquidation import errors
from liquidation.engine import Engine
from liquidation.models import Fill, Takeover
from liquidation.values import check_amount, check_positive, check_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """One fill as the venue tells it: `price` in quote per unit, or `pnl`, its result against the bankruptcy price.

    `fee`: the engine's trading cost, in the margin currency. `filled_at` None: when it was recorded.
    """

    reference: str
    takeover: str
    quantity: Decimal
    price: Decimal | None = None
    pnl: Decimal | None = None
    fee: Decimal = Decimal(0)
    filled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportedFill:
    """`replayed`: the fill was known with the same content. `fill.takeover` is the takeover as it stands now."""

    fill: Fill
    replayed: bool

    @property
    def takeover(self) -> Takeover:
        return self.fill.takeover


@retried
def report_fills(reports: Sequence[FillReport], *, recorded_at: datetime) -> list[ReportedFill]:
    """Book the fills in their order, all or none; the last quantity of a takeover closes it. One result a report.

    Raises NotFound `takeover_unknown`; ReferenceReused; Refused `takeover_closed`, `takeover_reversed`,
    `fill_price_or_pnl`, `price_not_positive`, `quantity_not_positive`, `fill_exceeds_remaining`, `fee_negative`,
    `amount_precision`, `number_out_of_range`, `reference_malformed`; PostingRefused. `position` names the report.
    """
    engine = Engine({report.takeover for report in reports}, recorded_at=recorded_at)
    # After the lock: who comes second with the same fill waits for it, and then finds the fill.
    found = Fill.objects.select_related("takeover").filter(reference__in={report.reference for report in reports})
    known = {fill.reference: fill for fill in found}
    reported: list[ReportedFill] = []
    for position, report in enumerate(reports):
        try:
            fill = known.get(report.reference)
            if fill is not None:
                _check_same(fill, report)
                fill.takeover = engine.takeover(report.takeover)
                reported.append(ReportedFill(fill, replayed=True))
                continue
            fill = _close(engine, report)
        except Refused as refused:
            refused.position = position
            raise
        known[report.reference] = fill
        reported.append(ReportedFill(fill, replayed=False))
    if not all(each.replayed for each in reported):
        engine.book()
    return reported


def _close(engine: Engine, report: FillReport) -> Fill:
    takeover = engine.takeover(report.takeover)
    _check(report, takeover)
    engine.open_takeover(report.takeover)
    if report.quantity > takeover.remaining:
        raise errors.fill_exceeds_remaining(takeover.reference, quantity=report.quantity, remaining=takeover.remaining)
    return engine.close_part(
        takeover,
        reference=report.reference,
        kind=Fill.Kind.MARKET,
        quantity=report.quantity,
        price=report.price,
        pnl=report.pnl,
        fee=report.fee,
        filled_at=report.filled_at or engine.recorded_at,
        entry_kind="close_fill",
    )


def _check(report: FillReport, takeover: Takeover) -> None:
    currency = takeover.contract.margin_currency
    check_reference(report.reference)
    if (report.price is None) == (report.pnl is None):
        raise errors.fill_price_or_pnl(report.reference)
    if report.price is not None:
        check_positive("price", report.price)
    if report.pnl is not None:
        check_amount("pnl", report.pnl, currency)
    check_positive("quantity", report.quantity)
    check_amount("fee", report.fee, currency)
    if report.fee < 0:
        raise errors.negative("fee", report.fee)


def _check_same(fill: Fill, report: FillReport) -> None:
    told = (report.takeover, Fill.Kind.MARKET, report.price, report.pnl, report.quantity, report.fee)
    kept = (fill.takeover.reference, fill.kind, fill.price, fill.pnl, fill.quantity, fill.fee)
    if told != kept or (report.filled_at is not None and report.filled_at != fill.filled_at):
        known = f"another {fill.kind} fill of {plain(fill.quantity)}, takeover {report.takeover}"
        elsewhere = fill.takeover.reference != report.takeover
        raise errors.reference_reused(report.reference, "a fill of another takeover" if elsewhere else known)
