"""Funds, their rulebooks, contributions, withdrawals, positions and inventory."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client import wire
from bulwark_client.resources.resource import Resource, new_key, segment
from bulwark_client.shapes.funds import Absorption, Count, Fund, Holding, Movement, OpenPosition, Rulebook, Transfer
from bulwark_client.transport import NDJSON


class Funds(Resource):
    def list(self, **filters: Any) -> Iterator[Fund]:
        """Filters: code, currency."""
        return self._rows("funds/", Fund, filters)

    def get(self, code: str) -> Fund:
        return self._one(_fund(code), Fund)

    def open(
        self,
        *,
        code: str,
        currency: str,
        rulebook: Mapping[str, Any],
        cycle_seconds: int | None = None,
        key: str | None = None,
    ) -> Fund:
        """`rulebook`: a preset and the fields that differ. With `cycle_seconds` cycles follow one another."""
        body = {"code": code, "currency": currency, "rulebook": rulebook, "cycle_seconds": cycle_seconds}
        return self._record("funds/", body, Fund, key=key or new_key())

    def rulebooks(self, code: str, **filters: Any) -> Iterator[Rulebook]:
        """Versions, the newest first. Filters: in_force_at, version, preset, reference, published_by, published_…"""
        return self._rows(f"{_fund(code)}rulebooks/", Rulebook, filters)

    def publish(
        self,
        code: str,
        *,
        preset: str,
        fields: Mapping[str, Any] | None = None,
        effective_from: datetime | None = None,
        reference: str | None = None,
    ) -> Rulebook:
        """The next version of the rulebook: a preset, the fields that differ, and when it begins."""
        body = {**(fields or {}), "preset": preset, "reference": reference or new_key()}
        if effective_from is not None:
            body["effective_from"] = effective_from
        return self._record(f"{_fund(code)}rulebooks/", body, Rulebook)

    def contributions(self, code: str, **filters: Any) -> Iterator[Transfer]:
        """The newest first; withdrawals have the same filters.

        Filters: reference, status, source, requested_by, requested_from, requested_to, decided_by, decided_from, …
        """
        return self._rows(f"{_fund(code)}contributions/", Transfer, filters)

    def contribute(
        self,
        code: str,
        *,
        reference: str,
        amount: Decimal,
        source: str = "treasury",
        effective_at: datetime | None = None,
    ) -> Transfer:
        body = {"reference": reference, "amount": amount, "source": source}
        stated = {} if effective_at is None else {"effective_at": effective_at}
        return self._record(f"{_fund(code)}contributions/", {**body, **stated}, Transfer)

    def withdrawals(self, code: str, **filters: Any) -> Iterator[Transfer]:
        return self._rows(f"{_fund(code)}withdrawals/", Transfer, filters)

    def withdrawal(self, code: str, reference: str) -> Transfer:
        return self._one(_withdrawal(code, reference), Transfer)

    def request_withdrawal(self, code: str, *, reference: str, amount: Decimal, source: str = "treasury") -> Transfer:
        """Asked for by one person; paid when another one approves."""
        body = {"reference": reference, "amount": amount, "source": source}
        return self._record(f"{_fund(code)}withdrawals/", body, Transfer)

    def approve(self, code: str, reference: str) -> Transfer:
        """The second person's yes: the withdrawal is paid."""
        return self._act(f"{_withdrawal(code, reference)}approve/", Transfer)

    def reject(self, code: str, reference: str) -> Transfer:
        return self._act(f"{_withdrawal(code, reference)}reject/", Transfer)

    def absorb(self, code: str, *, reference: str, amount: Decimal) -> Absorption:
        """The house takes a part of the fund's carried deficit as its own loss."""
        return self._record(f"{_fund(code)}absorptions/", {"reference": reference, "amount": amount}, Absorption)

    def open_positions(self, code: str, **filters: Any) -> Iterator[OpenPosition]:
        """Filters: position, trader, contract, side."""
        return self._rows(f"{_fund(code)}positions/", OpenPosition, filters)

    def replace_open_positions(self, code: str, positions: Iterable[OpenPosition]) -> int:
        """The venue's open positions, all of them, for the ADL queue. Returns how many stand now.

        One request, so that what stands is always one whole state of the venue; it is held in memory for a repeat.
        """
        body = b"".join(wire.encode(each) + b"\n" for each in positions)
        answer = self._send("PUT", f"{_fund(code)}positions/", body, NDJSON)
        return wire.read(Count, answer.document).count


class Inventory(Resource):
    def list(self, fund: str, **filters: Any) -> Iterator[Holding]:
        """What the fund holds. Filters: contract, side."""
        return self._rows(f"{_fund(fund)}inventory/", Holding, filters)

    def disposals(self, fund: str, **filters: Any) -> Iterator[Movement]:
        """The newest first. Filters: reference, contract, side, effective_from, effective_to."""
        return self._rows(f"{_fund(fund)}inventory/disposals/", Movement, filters)

    def dispose(
        self,
        fund: str,
        *,
        reference: str,
        contract: str,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal = Decimal(0),
        disposed_at: datetime | None = None,
    ) -> Movement:
        """What the fund gave out of its inventory."""
        body = {"reference": reference, "contract": contract, "price": price, "quantity": quantity, "fee": fee}
        stated = {} if disposed_at is None else {"disposed_at": disposed_at}
        return self._record(f"{_fund(fund)}inventory/disposals/", {**body, **stated}, Movement)

    def mark(self, fund: str, *, contract: str, price: Decimal, marked_at: datetime | None = None) -> Holding:
        """Note a contract's mark price."""
        stated = {} if marked_at is None else {"marked_at": marked_at}
        return self._act(f"{_fund(fund)}inventory/marks/", Holding, {"contract": contract, "price": price, **stated})


def _fund(code: str) -> str:
    return f"funds/{segment(code)}/"


def _withdrawal(code: str, reference: str) -> str:
    return f"{_fund(code)}withdrawals/{segment(reference)}/"
