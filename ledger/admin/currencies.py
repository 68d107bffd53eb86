"""Currencies: added once, never edited, since every amount in the books has been written in their precision."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from ledger import currencies
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import list_url
from ledger.models import Currency


class CurrencyForm(forms.Form):
    code = forms.CharField(max_length=20)
    decimals = forms.IntegerField(help_text="Digits after the point that its amounts may have. It never changes.")


@admin.register(Currency)
class CurrencyAdmin(BookAdmin[Currency]):
    list_display = ["code", "decimals"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Add a currency with its precision."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def act(values: Mapping[str, Any]) -> Done:
            currency, known = currencies.add_currency(code=values["code"], decimals=values["decimals"])
            message = f"Currency {currency} {'was known already' if known else 'is added'}."
            return Done(message, list_url(Currency), about=currency)

        action = Action(
            title="Add a currency",
            button="Add",
            act=act,
            back=list_url(Currency),
            form_class=CurrencyForm,
            model=Currency,
        )
        return run(request, self.admin_site, action)
