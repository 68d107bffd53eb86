"""The trial balance of a currency by kind of account, now or at a moment, as a page."""

from datetime import datetime

from django import forms
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ledger.admin.inputs import MomentInput
from ledger.balances import TrialBalance, trial_balance
from ledger.models import Account, Currency


class TrialBalanceForm(forms.Form):
    currency = forms.ModelChoiceField(Currency.objects.all(), empty_label=None)
    at = MomentInput(required=False, label="At (UTC)", help_text="Empty: now.")


def show(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Choose a currency and a moment, read what the kinds of account held then."""
    first = Currency.objects.first()
    form = TrialBalanceForm(request.GET if "currency" in request.GET else {"currency": first.pk if first else ""})
    balance = _of(form.cleaned_data["currency"], form.cleaned_data["at"]) if form.is_valid() else None
    context = {
        **site.each_context(request),
        "title": "Trial balance",
        "opts": Account._meta,
        "form": form,
        "balance": balance,
        "kinds": balance.by_kind() if balance else (),
    }
    return TemplateResponse(request, "admin/ledger/account/trial_balance.html", context)


def _of(currency: Currency, at: datetime | None) -> TrialBalance:
    return trial_balance(currency.code, at=at)
