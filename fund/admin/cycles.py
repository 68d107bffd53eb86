"""Settlement cycles: what came in so far, what settling would do, settling."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html_join

from fund import cycles
from fund.admin import settling
from fund.models import Allocation, Cycle, CyclePosition, Fund, Shortfall
from fund.settlement.losses import of_cycle
from ledger.admin import sources
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import grouped, list_url, object_url
from ledger.admin.inputs import MomentInput
from ledger.models import Entry

# The parts of a shortfall, and what each is called in a sentence.
PARTS = {
    "fund_paid": "paid by the fund",
    "reserved_used": "by what was reserved",
    "to_allocate": "for profitable traders",
    "treasury_paid": "by the treasury",
    "carried": "carried",
}


class StateFilter(admin.SimpleListFilter):
    """Settled or not: an unsettled cycle is work to do, whichever state it is in."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("unsettled", "not settled"), *Cycle.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None:
                return queryset
            case "unsettled":
                return queryset.exclude(status=Cycle.Status.SETTLED)
            case status:
                return queryset.filter(status=status)


class CycleForm(forms.Form):
    fund = forms.ModelChoiceField(Fund.objects.all(), to_field_name="code", empty_label=None)
    number = forms.IntegerField(required=False, min_value=1, help_text="Empty: the next one.")
    starts_at = MomentInput(help_text="UTC.")
    ends_at = MomentInput(help_text="UTC. What happens then belongs to the next cycle.")


@admin.register(Cycle)
class CycleAdmin(BookAdmin[Cycle]):
    list_display = [
        "name",
        "fund",
        "currency_code",
        "starts_at",
        "ends_at",
        "status",
        "loss",
        "fund_paid",
        "allocated",
        "carried",
        "participants",
        "settled_at",
    ]
    currency_path = "fund.currency_id"
    fieldsets_in_currency = frozenset(
        {"Profits to share over", "The loss and who bears it", "How the traders' part was shared"}
    )
    list_filter = [StateFilter, "fund", "starts_at"]
    list_select_related = ["fund"]
    search_fields = ["number__exact", "fund__code__exact"]
    search_help_text = "The cycle's number or the fund's code."
    fieldsets = [
        (None, {"fields": ["fund", "number", "status", "starts_at", "ends_at", "opened_at", "recorded_by", "lists"]}),
        ("Profits to share over", {"fields": ["positions_count", "positions_profit", "positions_complete_at"]}),
    ]
    unsettled_fieldsets: ClassVar[Any] = [("Losses so far", {"fields": ["losses_so_far"]})]
    settled_fieldsets: ClassVar[Any] = [
        (
            "The loss and who bears it",
            {"fields": ["loss", "fund_paid", "treasury_paid", "allocated", "levy_surplus", "carried"]},
        ),
        (
            "How the traders' part was shared",
            {
                "fields": [
                    "to_allocate",
                    "profit_total",
                    "participants",
                    "participants_total",
                    "base",
                    "cut_profit",
                    "residue",
                ]
            },
        ),
        ("Settlement", {"fields": ["rulebook", "run", "settled_at"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def get_fieldsets(self, request: HttpRequest, obj: Cycle | None = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        if obj is None:
            return sets
        more = self.settled_fieldsets if obj.status == Cycle.Status.SETTLED else self.unsettled_fieldsets
        return [
            *sets,
            *(
                (self.heading(title, obj), {"fields": [self._column(name) for name in each["fields"]]})
                for title, each in more
            ),
        ]

    @admin.display(description="shortfalls")
    def losses_so_far(self, cycle: Cycle) -> str:
        losses = of_cycle(cycle)
        shown = [f"{grouped(losses.loss)} {cycle.fund.currency_id} in all"]
        shown += [f"{text} {grouped(getattr(losses, name))}" for name, text in PARTS.items() if getattr(losses, name)]
        return ", ".join(shown)

    @admin.display(description="cycle", ordering="number")
    def name(self, cycle: Cycle) -> str:
        return str(cycle)

    @admin.display(description="lists")
    def lists(self, cycle: Cycle) -> str:
        links = [
            (list_url(Shortfall, cycle=cycle.pk), "shortfalls"),
            (list_url(CyclePosition, cycle=cycle.pk), "positions"),
            (list_url(Allocation, cycle=cycle.pk), "allocations"),
            (list_url(Entry, q=f"cycle:{cycle.fund.code}:{cycle.number}"), "entries"),
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/preview/", view(self.preview_view), name="fund_cycle_preview"),
            path("<int:pk>/complete/", view(self.complete_view), name="fund_cycle_complete"),
            path("<int:pk>/settle/", view(self.settle_view), name="fund_cycle_settle"),
            path("<int:pk>/reverse/", view(self.reverse_view), name="fund_cycle_reverse"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What settling would do."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return settling.show_preview(request, self.admin_site, find(pk))

    def complete_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Freeze the positions as they came in, after a question."""
        if not self.may(request, "change"):
            raise PermissionDenied
        return settling.ask_to_complete(request, self.admin_site, find(pk))

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Settle, after a question."""
        if not self.may(request, "change"):
            raise PermissionDenied
        return settling.ask_to_settle(request, self.admin_site, find(pk))

    def reverse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a settlement back, after a question."""
        if not request.user.has_perm("ledger.add_entry"):
            raise PermissionDenied
        return settling.ask_to_reverse(request, self.admin_site, find(pk))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rights = {"may_settle": self.may(request, "change"), "may_reverse": request.user.has_perm("ledger.add_entry")}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **rights})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Open a cycle by hand."""
        if not self.has_add_permission(request):
            raise PermissionDenied

        def act(values: Mapping[str, Any]) -> Done:
            cycle = cycles.open_cycle(
                fund_code=values["fund"].code,
                number=values["number"],
                starts_at=values["starts_at"],
                ends_at=values["ends_at"],
                opened_at=timezone.now(),
            )
            return Done(f"Opened {cycle}.", object_url(cycle) or "", about=cycle)

        action = Action(
            title="Open a cycle",
            button="Open",
            act=act,
            back=list_url(Cycle),
            form_class=CycleForm,
            initial={"fund": request.GET.get("fund")},
            model=Cycle,
        )
        return run(request, self.admin_site, action)


def find(pk: int) -> Cycle:
    """The cycle with its fund, or a page that says that there is none."""
    return get_object_or_404(Cycle.objects.select_related("fund__currency"), pk=pk)


def find_by_source(source_id: str) -> Cycle | None:
    """The cycle of an entry's source, `{fund}:{number}`."""
    code, _, number = source_id.rpartition(":")
    if not number.isdecimal():
        return None
    return Cycle.objects.filter(fund__code=code, number=int(number)).first()


sources.register("cycle", find_by_source)
