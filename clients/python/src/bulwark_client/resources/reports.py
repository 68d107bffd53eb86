"""A trader's own, and what everybody may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bulwark_client.resources.resource import Resource, segment
from bulwark_client.shapes.cycles import Explanation
from bulwark_client.shapes.reports import Estimate, PublicFund, Settlement, Snapshot, Standing, TraderLine


class Traders(Resource):
    def statement(
        self,
        trader: str,
        *,
        types: Sequence[str] = (),
        currency: str | None = None,
        effective_from: datetime | None = None,
        effective_to: datetime | None = None,
    ) -> Iterator[TraderLine]:
        """Lines in the order of the book. Types: TAKEOVER, LIQUIDATION_FEE, ALLOCATION, ADL, SETTLEMENT, DEPOSIT, …"""
        times = {"effective_from": effective_from, "effective_to": effective_to}
        query = {"type": ",".join(types) or None, "currency": currency, **times}
        return self._rows(f"traders/{segment(trader)}/statement/", TraderLine, query)

    def standings(self, trader: str, **filters: Any) -> Iterator[Standing]:
        """The trader's open positions, and how near each is to being deleveraged.

        Filters: fund, contract, side, position.
        """
        return self._rows(f"traders/{segment(trader)}/adl/", Standing, filters)

    def explanation(self, trader: str, cycle_id: int) -> Explanation:
        """Why a trader bears what it bears of a settled cycle."""
        return self._one(f"traders/{segment(trader)}/allocations/{cycle_id}/", Explanation)


class Public(Resource):
    """These need no key."""

    def insurance_funds(self, *, fund: str | None = None, currency: str | None = None) -> Iterator[PublicFund]:
        return self._rows("public/insurance-fund/", PublicFund, {"fund": fund, "currency": currency})

    def history(
        self,
        *,
        fund: str | None = None,
        currency: str | None = None,
        interval: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
    ) -> Iterator[Snapshot]:
        """The newest first, `to` exclusive: snapshots, or with `interval` every full `hour` or `day`."""
        query = {"fund": fund, "currency": currency, "interval": interval, "from": from_, "to": to}
        return self._rows("public/insurance-fund/history/", Snapshot, query)

    def settlements(self, **filters: Any) -> Iterator[Settlement]:
        """The newest first. Filters: fund, currency, number, settled_from, settled_to."""
        return self._rows("public/settlements/", Settlement, filters)

    def estimated_allocation(self, **filters: Any) -> Iterator[Estimate]:
        """What the cycles that run would cost profitable positions if no loss came any more.

        Filters: fund, currency, number, status.
        """
        return self._rows("public/estimated-allocation/", Estimate, filters)
