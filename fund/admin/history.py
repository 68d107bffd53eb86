"""What has been recorded of a fund and is only read: snapshots, inventory, positions."""

from django.contrib import admin

from fund import figures
from fund.admin.cycle_filter import CycleFilter
from fund.models import CyclePosition, FundSnapshot, InventoryPosition, OpenPosition
from ledger.admin.books import BookAdmin
from ledger.admin.columns import amount_html
from ledger.admin.filters import ChosenFilter


@admin.register(FundSnapshot)
class SnapshotAdmin(BookAdmin[FundSnapshot]):
    list_display = [
        "taken_at",
        "fund",
        "currency_code",
        "balance",
        "reserved",
        "inventory",
        "deficit",
        "gross_injections",
        "gross_payouts",
    ]
    currency_path = "fund.currency_id"
    list_filter = ["fund", "taken_at"]
    list_select_related = ["fund"]


@admin.register(InventoryPosition)
class InventoryPositionAdmin(BookAdmin[InventoryPosition]):
    list_display = [
        "contract",
        "fund",
        "side",
        "quantity",
        "carrying_price",
        "mark_price",
        "marked_at",
        "exposure_amount",
        "unrealised_amount",
        "currency_code",
    ]
    currency_path = "fund.currency_id"
    list_filter = ["fund"]
    list_select_related = ["fund__currency"]
    search_fields = ["contract__startswith"]

    @admin.display(description="exposure at mark")
    def exposure_amount(self, position: InventoryPosition) -> str:
        return amount_html(figures.exposure(position))

    @admin.display(description="unrealised result")
    def unrealised_amount(self, position: InventoryPosition) -> str:
        return amount_html(figures.unrealised(position))


@admin.register(OpenPosition)
class OpenPositionAdmin(BookAdmin[OpenPosition]):
    """The venue's open positions as it last uploaded them, for the ADL queues."""

    list_display = ["position", "fund", "trader", "contract", "side", "quantity", "entry_price", "mark_price", "margin"]
    list_filter = ["fund", "side"]
    list_select_related = ["fund"]
    search_fields = ["position__startswith", "trader__exact"]
    search_help_text = "Position from its beginning, or the trader's whole name."
    # In the order of an index: the table may have millions of rows.
    ordering = ["fund_id", "position"]
    sortable_by = []


@admin.register(CyclePosition)
class CyclePositionAdmin(BookAdmin[CyclePosition]):
    list_display = ["position", "cycle", "trader", "contract", "profit", "currency_code", "opened_at"]
    currency_path = "cycle.fund.currency_id"
    list_filter = [CycleFilter, ("trader", ChosenFilter)]
    list_select_related = ["cycle__fund"]
    search_fields = ["position__startswith"]
    search_help_text = "Position from its beginning."
    ordering = ["-cycle_id", "position"]
    sortable_by = []
