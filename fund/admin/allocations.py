"""What each participant of a settlement bears."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from fund.models import Allocation, Cycle
from ledger import chart
from ledger.admin.books import BookAdmin
from ledger.admin.columns import account_link, list_link
from ledger.admin.filters import ChosenFilter

CYCLES_OFFERED = 20


class CycleFilter(admin.SimpleListFilter):
    """The latest settled cycles, and whichever one a link has chosen."""

    title = "cycle"
    parameter_name = "cycle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        settled = Cycle.objects.filter(run__gt=0).select_related("fund").order_by("-starts_at")
        cycles = list(settled[:CYCLES_OFFERED])
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in {cycle.pk for cycle in cycles}:
            cycles += Cycle.objects.filter(pk=int(chosen)).select_related("fund")
        return [(str(cycle.pk), str(cycle)) for cycle in cycles]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(cycle_id=int(chosen)) if chosen.isdecimal() else queryset.none()


@admin.register(Allocation)
class AllocationAdmin(BookAdmin[Allocation]):
    list_display = ["rank", "cycle", "run", "position", "trader_link", "profit", "amount", "entry"]
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

    @admin.display(description="trader")
    def trader_link(self, allocation: Allocation) -> str:
        return account_link(chart.trader(allocation.trader, allocation.cycle.fund.currency_id), allocation.trader)


def allocations_link(cycle: Cycle, text: str) -> str:
    """The allocations of one cycle."""
    return list_link(Allocation, text, cycle=cycle.pk)
