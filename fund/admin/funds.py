"""Funds with their figures, and the way to everything of a fund."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, Subquery
from django.db.models.expressions import OuterRef, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from fund import figures, funds, rulebooks
from fund.admin.rulebook_form import OpenFundForm, initial_of_preset, place_refusal
from fund.admin.rulebooks import publish_url
from fund.admin.transfers import CONTRIBUTION, WITHDRAWAL, transfer_url
from fund.models import Cycle, Fund, FundSnapshot, InventoryPosition, RulebookVersion, Shortfall, Surplus, Transfer
from fund.rulebook import PRESETS
from ledger import chart
from ledger.admin import sources
from ledger.admin.accounts import statement_url
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import amount, list_url, object_link, object_url


def with_work(funds_: QuerySet[Fund]) -> QuerySet[Fund]:
    """Adds each fund's figures, its unsettled cycles and pending withdrawals, all in the one query."""
    unsettled = Cycle.objects.filter(fund=OuterRef("pk")).exclude(status=Cycle.Status.SETTLED)
    pending = Transfer.objects.filter(fund=OuterRef("pk"), status=Transfer.Status.PENDING)
    return figures.with_figures(funds_, at=timezone.now()).annotate(
        unsettled=_count(unsettled), pending=_count(pending)
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("fund").annotate(rows=Count("pk")).values("rows")
    return Coalesce(Subquery(counted), Value(0))


@admin.register(Fund)
class FundAdmin(BookAdmin[Fund]):
    list_display = [
        "code",
        "currency",
        amount("balance"),
        amount("reserved"),
        amount("deficit"),
        amount("to_allocate", "loss to allocate"),
        "gross_injections",
        "gross_payouts",
        "unsettled_cycles",
        "pending_withdrawals",
    ]
    currency_path = "currency_id"
    fieldsets_in_currency = frozenset({"Figures"})
    list_filter = ["currency"]
    list_select_related = ["currency"]
    search_fields = ["code__icontains"]
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["code", "currency", "rulebook_now", "cycle_seconds", "created_at", "recorded_by"]}),
        (
            "Figures",
            {
                "fields": [
                    amount("balance"),
                    amount("reserved"),
                    amount("deficit"),
                    amount("to_allocate", "loss to allocate"),
                    amount("inventory", "inventory at mark"),
                    amount("inventory_unrealised", "unrealised result of the inventory"),
                    "gross_injections",
                    "gross_payouts",
                ]
            },
        ),
        ("More of this fund", {"fields": ["statements", "lists"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fund]:
        return with_work(super().get_queryset(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Fund | None:
        fund = super().get_object(request, object_id, from_field)
        if fund is not None:
            figures.add_inventory([fund])
        return fund

    @admin.display(description="unsettled cycles")
    def unsettled_cycles(self, fund: Any) -> str:
        url = list_url(Cycle, fund__id__exact=fund.pk, state="unsettled")
        return format_html('<a href="{}">{}</a>', url, fund.unsettled)

    @admin.display(description="pending withdrawals")
    def pending_withdrawals(self, fund: Any) -> str:
        url = list_url(Transfer, fund__id__exact=fund.pk, status__exact="pending")
        return format_html('<a href="{}">{}</a>', url, fund.pending)

    @admin.display(description="rulebook in force")
    def rulebook_now(self, fund: Fund) -> str:
        return object_link(rulebooks.in_force(fund, timezone.now()))

    @admin.display(description="statements")
    def statements(self, fund: Fund) -> str:
        codes = {
            "fund": chart.fund(fund.code),
            "reserved": chart.fund_reserved(fund.code),
            "deficit": chart.deficit(fund.code),
            "loss to allocate": chart.loss_to_allocate(fund.code),
        }
        links = ((statement_url(code), name) for name, code in codes.items())
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.display(description="lists")
    def lists(self, fund: Fund) -> str:
        models = {
            "rulebook versions": RulebookVersion,
            "cycles": Cycle,
            "transfers": Transfer,
            "shortfalls": Shortfall,
            "surpluses": Surplus,
            "snapshots": FundSnapshot,
            "inventory": InventoryPosition,
        }
        links = ((list_url(model, fund__id__exact=fund.pk), name) for name, model in models.items())
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        fund = Fund.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        tools = self._tools(request, fund) if fund else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "tools": tools})

    def _tools(self, request: HttpRequest, fund: Fund) -> list[tuple[str, str]]:
        """What this person may do with the fund, as links."""
        tools = []
        if request.user.has_perm("fund.add_transfer"):
            tools.append(("Contribute…", transfer_url(CONTRIBUTION, fund)))
            tools.append(("Request a withdrawal…", transfer_url(WITHDRAWAL, fund)))
        if request.user.has_perm("fund.add_rulebookversion"):
            tools.append(("Publish a rulebook…", publish_url(fund)))
        return tools

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the fund's terms, then open it with its accounts and its first rulebook."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        preset = request.POST.get("preset") or request.GET.get("preset") or "full_cover"

        def act(values: Mapping[str, Any]) -> Done:
            fund = funds.open_fund(
                code=values["code"],
                currency=values["currency"].code,
                preset=values["preset"],
                fields=values["fields"],
                cycle_seconds=values["cycle_seconds"],
                opened_at=timezone.now(),
                opened_by=request.user.get_username(),
            )
            return Done(f"Fund {fund.code} is open.", object_url(fund) or "", about=fund)

        action = Action(
            title="Open a fund",
            button="Open the fund",
            act=act,
            back=list_url(Fund),
            form_class=OpenFundForm,
            initial=initial_of_preset(preset),
            template="admin/fund/rulebookversion/publish.html",
            context={"presets": PRESETS, "preset": preset, "start_from": {}},
            model=Fund,
            place=place_refusal,
        )
        return run(request, self.admin_site, action)


sources.register("fund", lambda code: Fund.objects.filter(code=code).first())
sources.register("transfer", lambda reference: Transfer.objects.filter(reference=reference).first())
