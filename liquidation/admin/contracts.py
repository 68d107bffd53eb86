"""Contracts: added through a form, never changed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from fund.models import Fund
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import list_link, list_url, object_url
from ledger.admin.inputs import AmountInput
from liquidation import contracts
from liquidation.models import Contract, Takeover


class ContractForm(forms.Form):
    symbol = forms.CharField(max_length=60)
    kind = forms.ChoiceField(choices=Contract.Kind.choices)
    fund = forms.ModelChoiceField(
        Fund.objects.all(), to_field_name="code", empty_label=None, help_text="Its currency is the margin's."
    )
    multiplier = AmountInput(initial="1", help_text="Units of the underlying in one contract; of quote, for inverse.")
    tick = AmountInput(required=False, help_text="Smallest step of the price; empty: any.")
    close_fee_rate = AmountInput(
        required=False, help_text="Fee of a close in a bankruptcy price: 0.0006 is 0.06 % of its notional; empty: 0."
    )


@admin.register(Contract)
class ContractAdmin(BookAdmin[Contract]):
    list_display = [
        "symbol",
        "kind",
        "margin_currency",
        "multiplier",
        "tick",
        "close_fee_rate",
        "fund",
        "takeovers_link",
    ]
    list_filter = ["kind", "fund"]
    list_select_related = ["fund", "margin_currency"]
    search_fields = ["symbol__istartswith"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "symbol",
                    "kind",
                    "margin_currency",
                    "multiplier",
                    "tick",
                    "close_fee_rate",
                    "fund",
                    "created_at",
                    "recorded_by",
                ]
            },
        ),
        ("More of this contract", {"fields": ["takeovers_link"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    @admin.display(description="takeovers")
    def takeovers_link(self, contract: Contract) -> str:
        return list_link(Takeover, "Takeovers", contract=contract.pk)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Add a contract to a fund."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def act(values: Mapping[str, Any]) -> Done:
            fund = values["fund"]
            added = contracts.add_contract(
                symbol=values["symbol"],
                kind=values["kind"],
                margin_currency=fund.currency_id,
                multiplier=values["multiplier"],
                tick=values["tick"],
                close_fee_rate=values["close_fee_rate"] or Decimal(0),
                fund_code=fund.code,
                created_at=timezone.now(),
            )
            message = f"Contract {added.contract} belongs to fund {fund.code}."
            return Done(message, object_url(added.contract) or "", about=added.contract)

        action = Action(
            title="Add a contract",
            button="Add",
            act=act,
            back=list_url(Contract),
            form_class=ContractForm,
            model=Contract,
        )
        return run(request, self.admin_site, action)
