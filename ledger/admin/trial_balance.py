"""The trial balance of a currency by kind of account, now or at a moment, as a page."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django import forms
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ledger.admin.inputs import MomentInput
from ledger.balances import KindTotal, identity_sides, kind_totals
from ledger.models import Account, Currency
from ledger.money import total


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """What the kinds hold, the columns' totals and the two sides of the balance identity."""

    currency: str
    at: datetime | None
    kinds: tuple[KindTotal, ...]
    debits: Decimal
    credits: Decimal
    debit_balances: Decimal
    credit_balances: Decimal

    @property
    def balanced(self) -> bool:
        return self.debits == self.credits and self.debit_balances == self.credit_balances


class TrialBalanceForm(forms.Form):
    currency = forms.ModelChoiceField(Currency.objects.all(), empty_label=None)
    at = MomentInput(required=False, label="At (UTC)", help_text="Empty: now.")


def show(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Choose a currency and a moment, read what the kinds of account held then."""
    first = Currency.objects.first()
    form = TrialBalanceForm(request.GET if "currency" in request.GET else {"currency": first.pk if first else ""})
    context = {
        **site.each_context(request),
        "title": "Trial balance",
        "opts": Account._meta,
        "form": form,
        "balance": _at(form.cleaned_data["currency"].code, form.cleaned_data["at"]) if form.is_valid() else None,
    }
    return TemplateResponse(request, "admin/ledger/account/trial_balance.html", context)


def _at(currency: str, at: datetime | None) -> ByKind:
    kinds = kind_totals(currency, at=at)
    debit_balances, credit_balances = identity_sides((kind.kind, kind.balance) for kind in kinds)
    return ByKind(
        currency=currency,
        at=at,
        kinds=kinds,
        debits=total(kind.debits for kind in kinds),
        credits=total(kind.credits for kind in kinds),
        debit_balances=debit_balances,
        credit_balances=credit_balances,
    )
