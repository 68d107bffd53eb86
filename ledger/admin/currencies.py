"""Currencies: added once, never edited, since every amount in the books has been written in their precision."""

from django.contrib import admin
from django.http import HttpRequest

from ledger.admin.books import TypedAdmin
from ledger.models import Currency


@admin.register(Currency)
class CurrencyAdmin(TypedAdmin[Currency]):
    list_display = ["code", "decimals"]
    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Currency | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Currency | None = None) -> bool:
        return False
