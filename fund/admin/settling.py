"""The actions on a cycle: preview, settle, take the settlement back."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.sites import AdminSite
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from fund import positions, rulebooks, settlement
from fund.models import Cycle, CyclePosition, RulebookVersion
from fund.rulebook import PRESETS
from fund.settlement import Preview
from ledger.admin.acting import Action, Done, run
from ledger.admin.columns import grouped, object_url, percent
from ledger.admin.inputs import AmountInput
from ledger.money import EXACT

PREVIEW_TEMPLATE = "admin/fund/cycle/preview.html"


class CompareForm(forms.Form):
    """Another rulebook to preview by: a version of the fund's, or a preset; none: the one that the cycle has."""

    rulebook = forms.ChoiceField(required=False)

    def __init__(self, data: Any, *, cycle: Cycle) -> None:
        super().__init__(data)
        versions = RulebookVersion.objects.filter(fund=cycle.fund_id).select_related("fund")
        self.fields["rulebook"].choices = [  # type: ignore[attr-defined]
            ("", "its own"),
            ("Versions of the fund's", [(str(version.version), str(version)) for version in versions]),
            # Those that require rates of whoever uses them are nobody's rulebook yet.
            ("Presets", [(name, name) for name, preset in PRESETS.items() if not preset.required]),
        ]


def show_preview(request: HttpRequest, site: AdminSite, cycle: Cycle) -> HttpResponse:
    """What settling would do, by the cycle's rulebook or, beside it, by another one. Nothing is booked."""
    form = CompareForm(request.GET, cycle=cycle)
    name = form.cleaned_data["rulebook"] if form.is_valid() else ""
    if name:
        own, preview = settlement.compare(cycle_id=cycle.pk, others=[rulebooks.named(cycle.fund, name)])
    else:
        own = preview = settlement.preview(cycle_id=cycle.pk)
    own_versions = RulebookVersion.objects.filter(fund=cycle.fund_id).select_related("fund")
    version = own_versions.get(version=int(name)) if name.isdecimal() else None
    context = {
        **site.each_context(request),
        "title": f"Preview of settling {cycle}",
        "opts": Cycle._meta,
        "cycle": cycle,
        "form": form,
        "name": str(version or name),
        "version": version,
        "compared": list(_compared(own, preview)) if name else [],
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


class CompleteForm(forms.Form):
    """What the venue says that it has sent; empty: not compared."""

    count = forms.IntegerField(
        required=False, min_value=0, label="Their number", help_text="Refused where another number came in."
    )
    total = AmountInput(
        required=False, label="Their total profit", help_text="In the fund's currency. Refused where it is another one."
    )


def ask_to_complete(request: HttpRequest, site: AdminSite, cycle: Cycle) -> HttpResponse:
    """Show what came in, then freeze it."""
    page = object_url(cycle) or ""
    held = CyclePosition.objects.filter(cycle=cycle).aggregate(count=Count("pk"), profit=Sum("profit"))

    def act(values: Mapping[str, Any]) -> Done:
        completed = positions.complete(
            cycle_id=cycle.pk, count=values["count"], total=values["total"], completed_at=timezone.now()
        )
        return Done(f"The positions of {cycle} are complete: {completed.positions_count:,}.", page, about=completed)

    action = Action(
        title=f"Complete the positions of {cycle}",
        button="Complete",
        act=act,
        back=page,
        form_class=CompleteForm,
        template="admin/fund/cycle/complete.html",
        context={"cycle": cycle, "held": held},
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


def _compared(own: Preview, other: Preview) -> Iterator[tuple[str, Decimal, Decimal, Decimal]]:
    """Figures under the cycle's own rulebook, under the other one, and by how much the other is more."""
    figures: list[tuple[str, Callable[[Preview], Decimal]]] = [
        ("Balance of the fund afterwards", lambda told: told.fund_after),
        ("Deficit afterwards", lambda told: told.deficit_after),
        ("The fund's own positions, at mark", lambda told: told.retold.inventory if told.retold else Decimal(0)),
        ("Brought to the fund by surpluses", lambda told: told.retold.injected if told.retold else Decimal(0)),
        ("Loss", lambda told: told.loss),
        ("Paid by the fund", lambda told: told.fund_paid),
        ("Paid by the treasury", lambda told: told.treasury_paid),
        ("Taken from profitable traders", lambda told: EXACT.subtract(told.allocated, told.levy_surplus)),
        ("Carried as a deficit", lambda told: told.carried),
        ("Traders charged, in number", lambda told: Decimal(told.traders_charged)),
        ("Notional closed by ADL", lambda told: told.retold.adl_notional if told.retold else Decimal(0)),
    ]
    for text, figure in figures:
        before, after = figure(own), figure(other)
        if before or after:
            yield text, before, after, EXACT.subtract(after, before)


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
