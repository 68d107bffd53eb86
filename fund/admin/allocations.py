"""What each participant of a settlement bears, and why."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from fund.admin.cycle_filter import CycleFilter
from fund.explanations import Borne, Explanation, Part, explain
from fund.models import Allocation, Cycle
from fund.rulebook import AllocationUnit
from ledger import chart
from ledger.admin import owners
from ledger.admin.books import BookAdmin
from ledger.admin.columns import account_link, list_url, percent
from ledger.admin.filters import ChosenFilter

# Of a trader's positions in the cycle, those that take part first.
POSITIONS_SHOWN = 100
WORDS = {
    Part.PARTICIPANT: "yes",
    Part.NETTED: "netted into the trader's profit",
    Part.BELOW_CUT: "no: below the last one taken",
    Part.NO_PROFIT: "no: it has no profit",
    Part.NOTHING_SHARED: "no: nothing was shared",
}


@admin.register(Allocation)
class AllocationAdmin(BookAdmin[Allocation]):
    list_display = ["rank", "cycle", "run", "position", "trader_link", "profit", "amount", "currency_code", "entry"]
    currency_path = "cycle.fund.currency_id"
    fieldsets_in_currency = frozenset({"Figures"})
    list_filter = [CycleFilter, ("trader", ChosenFilter), ("run", ChosenFilter)]
    list_select_related = ["cycle__fund", "entry"]
    search_fields = ["trader__exact", "position__exact"]
    search_help_text = "The trader's or the position's whole name."
    # The order of the index, newest cycle first; the table may have millions of rows.
    ordering = ["-cycle_id", "run", "rank"]
    sortable_by = []
    fieldsets = [
        (None, {"fields": ["cycle", "run", "rank", "position", "trader_link"]}),
        ("Figures", {"fields": ["profit", "amount", "entry"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allocation]:
        return super().get_queryset(request).select_related("cycle__fund__currency", "cycle__rulebook")

    @admin.display(description="trader")
    def trader_link(self, allocation: Allocation) -> str:
        return account_link(chart.trader(allocation.trader, allocation.cycle.fund.currency_id), allocation.trader)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        allocation = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(_why(allocation) if allocation else {})}
        return super().change_view(request, object_id, form_url, context)


def _why(allocation: Allocation) -> dict[str, Any]:
    """The formula with its numbers, as the API explains it; `why` is None where the settlement was taken back."""
    cycle = allocation.cycle
    if cycle.status != Cycle.Status.SETTLED or cycle.run != allocation.run:
        return {"why": None}
    why = explain(cycle_id=cycle.pk, trader=allocation.trader)
    share = next(each for each in why.positions if each.rank == allocation.rank)
    return {
        "why": why,
        "currency": cycle.fund.currency_id,
        "by_trader": why.rulebook.allocation_unit is AllocationUnit.TRADER,
        "coverage": percent(why.rulebook.selection_coverage),
        "share": share,
        "steps": _steps(why, share),
        "shown": [
            {
                "position": each.position,
                "rank": each.rank,
                "words": WORDS[each.part],
                "profit": each.profit,
                "amount": each.amount,
            }
            for each in why.positions[:POSITIONS_SHOWN]
        ],
    }


def _steps(why: Explanation, share: Borne) -> list[tuple[str, Decimal | None]]:
    """What the amount follows from, from the traders' part of the loss to the last unit."""
    steps = [
        ("The traders' part of the loss", why.cycle.to_allocate),
        ("Denominator", why.cycle.base),
        ("Its profit", share.profit),
        ("Its part, by the formula", share.floored),
    ]
    if share.floored == share.most:
        steps.insert(3, ("Most that may be taken of it", share.most))
    return [*steps, ("Left-over units, to the largest remainders", share.rounding)] if share.rounding else steps


owners.register("trader", "allocations", lambda trader: list_url(Allocation, trader=trader))
