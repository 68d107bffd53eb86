"""What each participant of a settlement bears."""

from django.contrib import admin

from fund.admin.cycle_filter import CycleFilter
from fund.models import Allocation
from ledger import chart
from ledger.admin.books import BookAdmin
from ledger.admin.columns import account_link
from ledger.admin.filters import ChosenFilter


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
