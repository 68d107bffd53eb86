"""Losses that came to a fund and who bears them; positive results and who got them."""

from django.contrib import admin

from fund.models import Shortfall, Surplus
from ledger.admin import sources
from ledger.admin.books import BookAdmin
from ledger.admin.columns import object_link
from ledger.admin.filters import ChosenFilter


@admin.register(Shortfall)
class ShortfallAdmin(BookAdmin[Shortfall]):
    list_display = [
        "id",
        "source",
        "fund",
        "currency_code",
        "effective_at",
        "loss",
        "fund_paid",
        "reserved_used",
        "to_allocate",
        "treasury_paid",
        "carried",
        "cycle",
        "booked",
    ]
    currency_path = "fund.currency_id"
    fieldsets_in_currency = frozenset({"The loss and who bears it"})
    list_filter = ["fund", "effective_at", ("cycle", ChosenFilter), ("source_id", ChosenFilter)]
    list_select_related = ["fund", "cycle__fund", "entry", "reversed_by"]
    search_fields = ["source_id__startswith"]
    search_help_text = "Source from its beginning: a takeover's reference."
    fieldsets = [
        (None, {"fields": ["source", "fund", "rulebook", "cycle", "effective_at"]}),
        (
            "The loss and who bears it",
            {
                "fields": [
                    "loss",
                    "fund_balance",
                    "fund_paid",
                    "reserved_used",
                    "to_allocate",
                    "treasury_paid",
                    "carried",
                ]
            },
        ),
        ("Booked", {"fields": ["entry", "reversed_by"]}),
    ]

    @admin.display(description="source", ordering="source_id")
    def source(self, shortfall: Shortfall) -> str:
        return sources.source_link(shortfall.source_kind, shortfall.source_id)

    @admin.display(description="entry")
    def booked(self, shortfall: Shortfall) -> str:
        return object_link(shortfall.entry, "reversed" if shortfall.reversed_by_id else shortfall.entry.reference)


@admin.register(Surplus)
class SurplusAdmin(BookAdmin[Surplus]):
    list_display = [
        "id",
        "source",
        "fund",
        "currency_code",
        "effective_at",
        "result",
        "penalty",
        "injected",
        "to_vault",
        "to_trader",
        "to_fees",
        "repaid",
        "booked",
    ]
    currency_path = "fund.currency_id"
    fieldsets_in_currency = frozenset({"The result and who got it"})
    list_filter = ["fund", "effective_at", ("source_id", ChosenFilter)]
    list_select_related = ["fund", "entry", "reversed_by"]
    search_fields = ["source_id__startswith"]
    search_help_text = "Source from its beginning: a takeover's reference."
    fieldsets = [
        (None, {"fields": ["source", "fund", "rulebook", "effective_at"]}),
        (
            "The result and who got it",
            {"fields": ["result", "penalty", "injected", "to_vault", "to_trader", "to_fees", "repaid"]},
        ),
        ("Booked", {"fields": ["entry", "reversed_by"]}),
    ]

    @admin.display(description="source", ordering="source_id")
    def source(self, surplus: Surplus) -> str:
        return sources.source_link(surplus.source_kind, surplus.source_id)

    @admin.display(description="entry")
    def booked(self, surplus: Surplus) -> str:
        return object_link(surplus.entry, "reversed" if surplus.reversed_by_id else None)
