"""The actions on a cycle: preview, settle, take the settlement back."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from fund import rulebooks, settlement
from fund.models import Cycle, RulebookVersion
from fund.settlement import Preview
from ledger.admin.acting import Action, Done, run
from ledger.admin.columns import grouped, object_url, percent
from ledger.money import EXACT

PREVIEW_TEMPLATE = "admin/fund/cycle/preview.html"


class CompareForm(forms.Form):
    """Another version of the fund's rulebook to preview by; none: the one that the cycle is settled by."""

    version = forms.ModelChoiceField(RulebookVersion.objects.none(), required=False, empty_label="its own")

    def __init__(self, data: Any, *, cycle: Cycle) -> None:
        super().__init__(data)
        versions = RulebookVersion.objects.filter(fund=cycle.fund_id).select_related("fund")
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]


def show_preview(request: HttpRequest, site: AdminSite, cycle: Cycle) -> HttpResponse:
    """What settling would do, by the cycle's rulebook or by another version. Nothing is booked."""
    form = CompareForm(request.GET, cycle=cycle)
    version = form.cleaned_data["version"] if form.is_valid() else None
    preview = settlement.preview(cycle_id=cycle.pk, rulebook=rulebooks.load(version) if version else None)
    context = {
        **site.each_context(request),
        "title": f"Preview of settling {cycle}",
        "opts": Cycle._meta,
        "cycle": cycle,
        "form": form,
        "version": version,
        **shown(preview),
    }
    return TemplateResponse(request, PREVIEW_TEMPLATE, context)


def ask_to_settle(request: HttpRequest, site: AdminSite, cycle: Cycle) -> HttpResponse:
    """Show the preview once more, then settle."""
    page = object_url(cycle) or ""

    def act(values: Mapping[str, Any]) -> Done:
        settled = settlement.settle_cycle(cycle_id=cycle.pk, settled_at=timezone.now())
        return Done(_sentence(settled), page, about=settled)

    action = Action(
        title=f"Settle {cycle}",
        button="Settle and book",
        act=act,
        back=page,
        template="admin/fund/cycle/settle.html",
        context={"cycle": cycle, **shown(settlement.preview(cycle_id=cycle.pk))},
        model=Cycle,
        dangerous=True,
    )
    return run(request, site, action)


class ReverseForm(forms.Form):
    reference = forms.CharField(max_length=200, help_text="Of the reversal. Sent twice, it is booked once.")


def ask_to_reverse(request: HttpRequest, site: AdminSite, cycle: Cycle) -> HttpResponse:
    """Ask, then take a settlement back as a whole."""
    page = object_url(cycle) or ""

    def act(values: Mapping[str, Any]) -> Done:
        settlement.reverse_cycle(cycle_id=cycle.pk, reference=values["reference"], effective_at=timezone.now())
        return Done(f"The settlement of {cycle} is reversed. It can be settled again.", page, about=cycle)

    action = Action(
        title=f"Reverse the settlement of {cycle}",
        button="Reverse the settlement",
        act=act,
        back=page,
        form_class=ReverseForm,
        initial={"reference": f"reversal:cycle:{cycle.fund.code}:{cycle.number}:{cycle.run}"},
        template="admin/fund/cycle/reverse.html",
        context={"cycle": cycle},
        model=Cycle,
        dangerous=True,
    )
    return run(request, site, action)


def shown(preview: Preview) -> dict[str, Any]:
    """The preview, and the parts of its loss with the names that the page gives them."""
    from_traders = EXACT.subtract(preview.allocated, preview.levy_surplus)
    parts = [
        ("Paid by the fund", preview.fund_paid),
        ("Paid by the treasury", preview.treasury_paid),
        ("Taken from profitable traders", from_traders),
        ("Carried as a deficit", preview.carried),
    ]
    haircut = preview.largest_haircut
    return {
        "preview": preview,
        "currency": preview.cycle.fund.currency_id,
        "parts": [(name, amount) for name, amount in parts if amount],
        "haircut": None if haircut is None else percent(haircut),
    }


def _sentence(cycle: Cycle) -> str:
    figures = {
        "paid by the fund": cycle.fund_paid,
        "paid by the treasury": cycle.treasury_paid,
        "taken from traders": cycle.allocated,
        "carried": cycle.carried,
    }
    parts = [f"{text} {grouped(amount)}" for text, amount in figures.items() if amount]
    loss = f"a loss of {grouped(cycle.loss)} {cycle.fund.currency_id}" if cycle.loss else "no loss"
    return f"Settled {cycle}: " + ", ".join([loss, *parts]) + "."
