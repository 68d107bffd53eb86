"""Takeovers with their fills and what became of the result; ADL events with their queues."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join

from fund.models import Shortfall, Surplus
from ledger import chart
from ledger.admin import owners, sources
from ledger.admin.books import BookAdmin
from ledger.admin.columns import account_link, list_url
from ledger.admin.filters import ChosenFilter
from ledger.models import Entry
from ledger.money import total
from liquidation.models import Correction, Deleveraging, Fill, Takeover

# What became of a result, in the layers' order, and what each part is called on the page.
GAINED = {
    "penalty": "liquidation penalty",
    "injected": "to the fund",
    "to_vault": "to the vault",
    "to_trader": "to the trader",
    "to_fees": "to the house's fees",
}
LOST = {
    "paid": "paid by the fund",
    "treasury_paid": "paid by the treasury",
    "to_allocate": "for profitable traders, at settlement",
    "carried": "carried as a deficit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The parts of a closed takeover's result, those that are not 0, and whether they sum to it."""

    result: Decimal
    parts: tuple[tuple[str, Decimal], ...]

    @property
    def whole(self) -> Decimal:
        """What the parts are parts of: the result, or the loss as a positive amount."""
        return self.result.copy_abs()

    @property
    def complete(self) -> bool:
        return total(amount for _, amount in self.parts) == self.whole


def waterfall_of(takeover: Takeover) -> Waterfall | None:
    """What became of the result; None while the takeover is not closed."""
    if takeover.result is None:
        return None
    names = GAINED if takeover.result >= 0 else LOST
    parts = ((text, getattr(takeover, name) or Decimal(0)) for name, text in names.items())
    return Waterfall(result=takeover.result, parts=tuple((text, amount) for text, amount in parts if amount))


@admin.register(Takeover)
class TakeoverAdmin(BookAdmin[Takeover]):
    list_display = [
        "reference",
        "contract",
        "trader_link",
        "side",
        "quantity",
        "bankruptcy_price",
        "margin",
        "status",
        "remaining",
        "result",
        "currency_code",
        "taken_over_at",
    ]
    currency_path = "contract.margin_currency_id"
    list_filter = ["status", "taken_over_at", ("contract", ChosenFilter), ("trader", ChosenFilter)]
    list_select_related = ["contract"]
    search_fields = ["reference__startswith", "trader__exact"]
    search_help_text = "Reference from its beginning, or the trader's whole name."
    sortable_by = ["reference"]
    fieldsets = [
        (
            None,
            {"fields": ["reference", "contract", "trader_link", "side", "quantity", "status", "remaining", "lists"]},
        ),
        (
            "Takeover",
            {
                "fields": [
                    "bankruptcy_price",
                    "entry_price",
                    "mark_price",
                    "margin",
                    "currency_code",
                    "taken_over_at",
                    "recorded_by",
                    "rulebook",
                    "entry",
                ]
            },
        ),
        (
            "Closing",
            {
                "fields": [
                    "running_result",
                    "notional",
                    "costs",
                    "compensation",
                    "limit_price",
                    "unfilled_at",
                    "adl_averted",
                    "closed_at",
                ]
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Takeover]:
        return super().get_queryset(request).select_related("contract")

    @admin.display(description="trader")
    def trader_link(self, takeover: Takeover) -> str:
        code = chart.trader(takeover.trader, takeover.contract.margin_currency_id)
        return account_link(code, takeover.trader)

    @admin.display(description="lists")
    def lists(self, takeover: Takeover) -> str:
        links = [
            (list_url(Entry, q=f"takeover:{takeover.reference}"), "entries"),
            (list_url(Shortfall, source_id=takeover.reference), "shortfalls"),
            (list_url(Surplus, source_id=takeover.reference), "surpluses"),
            (list_url(Deleveraging, takeover=takeover.pk), "ADL events"),
            (list_url(Correction, takeover=takeover.pk), "corrections"),
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        takeover = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if takeover:
            context |= {
                "fills": takeover.fills.select_related("entry", "reversed_by"),
                "waterfall": waterfall_of(takeover),
                "currency": takeover.contract.margin_currency_id,
            }
        return super().change_view(request, object_id, form_url, context)


@admin.register(Fill)
class FillAdmin(BookAdmin[Fill]):
    list_display = [
        "reference",
        "takeover",
        "kind",
        "price",
        "pnl",
        "quantity",
        "fee",
        "result",
        "currency_code",
        "filled_at",
        "entry",
    ]
    currency_path = "takeover.contract.margin_currency_id"
    list_filter = ["kind", "filled_at", ("takeover", ChosenFilter)]
    list_select_related = ["takeover__contract", "entry"]
    search_fields = ["reference__startswith"]
    search_help_text = "Reference from its beginning."
    sortable_by = ["reference"]
    ordering = ["-id"]


@admin.register(Correction)
class CorrectionAdmin(BookAdmin[Correction]):
    list_display = ["reference", "kind", "takeover", "fill", "entry", "effective_at", "description"]
    list_filter = ["kind", ("takeover", ChosenFilter)]
    list_select_related = ["takeover", "fill", "entry"]
    search_fields = ["reference__startswith", "takeover__reference__startswith"]


@admin.register(Deleveraging)
class DeleveragingAdmin(BookAdmin[Deleveraging]):
    list_display = ["reference", "takeover", "price", "quantity", "occurred_at"]
    list_filter = ["occurred_at", ("takeover", ChosenFilter)]
    list_select_related = ["takeover"]
    search_fields = ["reference__startswith", "takeover__reference__startswith"]
    fieldsets = [
        (None, {"fields": ["reference", "takeover", "price", "quantity", "occurred_at", "recorded_at", "recorded_by"]})
    ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if event:
            context |= {"counterparties": event.fills.select_related("entry")}
        return super().change_view(request, object_id, form_url, context)


sources.register("takeover", lambda reference: Takeover.objects.filter(reference=reference).first())
owners.register("trader", "takeovers", lambda trader: list_url(Takeover, trader=trader))
