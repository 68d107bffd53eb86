"""A trader's own, and what everybody may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bulwark_client.resources.resource import Resource, segment
from bulwark_client.shapes.cycles import Explanation
from bulwark_client.shapes.reports import Estimate, PublicFund, Settlement, Snapshot, TraderLine


class Traders(Resource):
    def statement(self, trader: str, *, types: Sequence[str] = ()) -> Iterator[TraderLine]:
        """Lines in the order of the book. Types: TAKEOVER, LIQUIDATION_FEE, ALLOCATION, ADL, SETTLEMENT, DEPOSIT, …"""
        return self._rows(f"traders/{segment(trader)}/statement/", TraderLine, {"type": ",".join(types) or None})

    def explanation(self, trader: str, cycle_id: int) -> Explanation:
        """Why a trader bears what it bears of a settled cycle."""
        return self._one(f"traders/{segment(trader)}/allocations/{cycle_id}/", Explanation)


class Public(Resource):
    """These need no key."""

    def insurance_funds(self, *, fund: str | None = None, currency: str | None = None) -> Iterator[PublicFund]:
        return self._rows("public/insurance-fund/", PublicFund, {"fund": fund, "currency": currency})

    def history(
        self, *, fund: str | None = None, taken_from: datetime | None = None, taken_to: datetime | None = None
    ) -> Iterator[Snapshot]:
        """The newest first; `taken_to` is exclusive."""
        query = {"fund": fund, "taken_from": taken_from, "taken_to": taken_to}
        return self._rows("public/insurance-fund/history/", Snapshot, query)

    def settlements(self, *, fund: str | None = None, number: int | None = None) -> Iterator[Settlement]:
        return self._rows("public/settlements/", Settlement, {"fund": fund, "number": number})

    def estimated_allocation(self, *, fund: str | None = None, number: int | None = None) -> Iterator[Estimate]:
        """What the cycles that run would cost profitable positions if no loss came any more."""
        return self._rows("public/estimated-allocation/", Estimate, {"fund": fund, "number": number})
