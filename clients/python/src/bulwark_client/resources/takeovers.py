"""Contracts, takeovers, fills: what an engine reports."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client.resources.resource import ITEMS_OF_A_BATCH, Resource, new_key, segment
from bulwark_client.shapes.batches import FillOutcome, TakeoverOutcome
from bulwark_client.shapes.reports import Receipt
from bulwark_client.shapes.takeovers import (
    Contract,
    Counterparty,
    Deleveraging,
    Fill,
    NewFill,
    NewTakeover,
    Takeover,
    Unfilled,
)


class Contracts(Resource):
    def list(self, **filters: Any) -> Iterator[Contract]:
        """Filters: symbol, kind, margin_currency, fund."""
        return self._rows("contracts/", Contract, filters)

    def add(
        self,
        *,
        symbol: str,
        kind: str,
        margin_currency: str,
        multiplier: Decimal,
        fund: str,
        tick: Decimal | None = None,
        close_fee_rate: Decimal = Decimal(0),
        key: str | None = None,
    ) -> Contract:
        """`kind`: linear, inverse or quanto; `multiplier`: units of the underlying, or of the quote, in one;
        `close_fee_rate`: of the notional, for the close, in bankruptcy prices that the service works out."""
        body = {
            "symbol": symbol,
            "kind": kind,
            "margin_currency": margin_currency,
            "multiplier": multiplier,
            "fund": fund,
            "tick": tick,
            "close_fee_rate": close_fee_rate,
        }
        return self._record("contracts/", body, Contract, key=key or new_key())


class Takeovers(Resource):
    def list(self, **filters: Any) -> Iterator[Takeover]:
        """The newest first.

        Filters: reference, contract, fund, trader, side, status, taken_over_from, taken_over_to, closed_from,
        closed_to.
        """
        return self._rows("takeovers/", Takeover, filters)

    def get(self, reference: str) -> Takeover:
        return self._one(_takeover(reference), Takeover)

    def report(self, takeover: NewTakeover) -> Takeover:
        return self._record("takeovers/", takeover, Takeover)

    def report_many(
        self, takeovers: Iterable[NewTakeover], *, atomic: bool, size: int = ITEMS_OF_A_BATCH
    ) -> Iterator[TakeoverOutcome]:
        """Each outcome in order. `atomic`: all or none of each call, a refusal raises; else each stands alone."""
        return self._batches("takeovers/", takeovers, TakeoverOutcome, atomic=atomic, size=size)

    def close(self, reference: str) -> Takeover:
        """Settle the result of one that is filled; implied by its last fill."""
        return self._act(f"{_takeover(reference)}close/", Takeover)

    def receipt(self, reference: str) -> Receipt:
        """The loss from the fills to the last layer."""
        return self._one(f"{_takeover(reference)}receipt/", Receipt)

    def unfilled(
        self,
        reference: str,
        *,
        reported_at: datetime | None = None,
        mark_price: Decimal | None = None,
        listed: Sequence[str] = (),
    ) -> Unfilled:
        """The close order was not executed: what the rulebook does next. `listed`: the exchange's own ADL queue."""
        body: dict[str, Any] = {"mark_price": mark_price, "listed": listed}
        if reported_at is not None:
            body["reported_at"] = reported_at
        return self._act(f"{_takeover(reference)}unfilled/", Unfilled, body)

    def deleveragings(self, reference: str, **filters: Any) -> Iterator[Deleveraging]:
        """ADL events of a takeover, the newest first. Filters: reference, trader, occurred_from, occurred_to."""
        return self._rows(f"{_takeover(reference)}adl/", Deleveraging, filters)

    def deleverage(
        self,
        takeover: str,
        *,
        reference: str,
        fills: Sequence[Counterparty],
        occurred_at: datetime | None = None,
        mark_price: Decimal | None = None,
    ) -> Deleveraging:
        """Counterparties that were closed against what remains of a takeover."""
        body: dict[str, Any] = {"reference": reference, "fills": fills, "mark_price": mark_price}
        if occurred_at is not None:
            body["occurred_at"] = occurred_at
        return self._record(f"{_takeover(takeover)}adl/", body, Deleveraging)


class Fills(Resource):
    def list(self, takeover: str, **filters: Any) -> Iterator[Fill]:
        """In their order. Filters: reference, kind, filled_from, filled_to."""
        return self._rows(f"{_takeover(takeover)}fills/", Fill, filters)

    def report(self, fill: NewFill, *, takeover: str | None = None) -> Fill:
        """The takeover is named here, or by the fill itself."""
        return self._record(_fills(takeover), fill, Fill)

    def report_many(
        self, fills: Iterable[NewFill], *, atomic: bool, takeover: str | None = None, size: int = ITEMS_OF_A_BATCH
    ) -> Iterator[FillOutcome]:
        """Fills of one takeover, or of any that each names itself. Outcomes and `atomic` as of takeovers."""
        return self._batches(_fills(takeover), fills, FillOutcome, atomic=atomic, size=size)


def _takeover(reference: str) -> str:
    return f"takeovers/{segment(reference)}/"


def _fills(takeover: str | None) -> str:
    return "fills/" if takeover is None else f"{_takeover(takeover)}fills/"
