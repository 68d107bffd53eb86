"""Contributions and withdrawals: requested by one person, a withdrawal decided on by another."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from fund import transfers
from fund.models import Fund, Transfer
from ledger import chart
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import NONE, grouped, list_url, object_url
from ledger.admin.inputs import AmountInput, ReferenceInput, new_reference
from ledger.balances import balance_at
from ledger.money import EXACT

CONTRIBUTION, WITHDRAWAL = Transfer.Direction.CONTRIBUTION.value, Transfer.Direction.WITHDRAWAL.value


class TransferForm(forms.Form):
    direction = forms.ChoiceField(
        choices=[
            (CONTRIBUTION, "contribution: into the fund, at once"),
            (WITHDRAWAL, "withdrawal: out of the fund, once a second person has approved it"),
        ]
    )
    fund = forms.ModelChoiceField(Fund.objects.all(), to_field_name="code", empty_label=None)
    amount = AmountInput(help_text="In the fund's currency.")
    source = forms.ChoiceField(
        choices=[
            ("treasury", "the house's own capital (treasury)"),
            ("custody", "fresh money, or money that leaves the house (custody)"),
        ],
        label="From or to",
        initial="treasury",
    )
    reference = ReferenceInput()


@admin.register(Transfer)
class TransferAdmin(BookAdmin[Transfer]):
    list_display = [
        "reference",
        "fund",
        "direction",
        "amount",
        "currency",
        "status",
        "decision",
        "requested_by",
        "requested_at",
        "decided_by",
        "entry",
    ]
    list_filter = ["status", "direction", "fund", "requested_at"]
    list_select_related = ["fund__currency", "entry"]
    search_fields = ["reference__startswith", "requested_by__exact"]
    search_help_text = "Reference from its beginning, or the whole name of who requested it."
    fieldsets = [
        (None, {"fields": ["reference", "direction", "fund", "amount", "currency", "from_or_to", "status"]}),
        ("Who and when", {"fields": ["requested_by", "requested_at", "decided_by", "decided_at"]}),
        ("Booked", {"fields": ["entry"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    @admin.display(description="currency")
    def currency(self, transfer: Transfer) -> str:
        return transfer.fund.currency_id

    @admin.display(description="from or to")
    def from_or_to(self, transfer: Transfer) -> str:
        way = "from" if transfer.direction == CONTRIBUTION else "to"
        return f"{way} {transfer.source}"

    @admin.display(description="to do")
    def decision(self, transfer: Transfer) -> str:
        if transfer.status != Transfer.Status.PENDING:
            return NONE
        return format_html('<a href="{}">Decide</a>', object_url(transfer))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/approve/", view(self.approve_view), name="fund_transfer_approve"),
            path("<int:pk>/reject/", view(self.reject_view), name="fund_transfer_reject"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask what to move, then contribute at once or request the withdrawal."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        now, user = timezone.now(), request.user.get_username()
        direction = request.GET.get("direction", CONTRIBUTION)

        def act(values: Mapping[str, Any]) -> Done:
            return ask(values, by=user, at=now)

        action = Action(
            title="Contribute to a fund, or request a withdrawal",
            button="Send",
            act=act,
            back=list_url(Transfer),
            form_class=TransferForm,
            initial={
                "direction": direction,
                "fund": request.GET.get("fund"),
                "reference": new_reference("transfer", now),
            },
            model=Transfer,
        )
        return run(request, self.admin_site, action)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "may_decide": self.may(request, "change")}
        return super().change_view(request, object_id, form_url, context)

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pay a withdrawal that somebody else requested."""

        def approve(transfer: Transfer, by: str, at: datetime) -> str:
            transfers.approve_withdrawal(reference=transfer.reference, approved_by=by, decided_at=at)
            return f"Withdrawal {transfer.reference} is approved and paid."

        return self._decide(request, pk, button="Approve and pay", verb="Approve", decide=approve)

    def reject_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Turn a withdrawal down."""

        def reject(transfer: Transfer, by: str, at: datetime) -> str:
            transfers.reject_withdrawal(reference=transfer.reference, rejected_by=by, decided_at=at)
            return f"Withdrawal {transfer.reference} is rejected. No money has moved."

        return self._decide(request, pk, button="Reject", verb="Reject", decide=reject)

    def _decide(
        self,
        request: HttpRequest,
        pk: int,
        *,
        button: str,
        verb: str,
        decide: Callable[[Transfer, str, datetime], str],
    ) -> HttpResponse:
        if not self.may(request, "change"):
            raise PermissionDenied
        transfer = get_object_or_404(Transfer.objects.select_related("fund__currency"), pk=pk)
        balance = balance_at(chart.fund(transfer.fund.code)).balance
        page = object_url(transfer) or ""

        def act(values: Mapping[str, Any]) -> Done:
            return Done(decide(transfer, request.user.get_username(), timezone.now()), page, about=transfer)

        action = Action(
            title=f"{verb} withdrawal {transfer.reference}",
            button=button,
            act=act,
            back=page,
            template="admin/fund/transfer/decide.html",
            context={"transfer": transfer, "balance": balance, "after": EXACT.subtract(balance, transfer.amount)},
            model=Transfer,
            dangerous=verb == "Approve",
        )
        return run(request, self.admin_site, action)


def ask(values: Mapping[str, Any], *, by: str, at: datetime) -> Done:
    """Contribute, or request a withdrawal, as the form says."""
    fund, amount = values["fund"], values["amount"]
    sum_of_money = f"{grouped(amount)} {fund.currency_id}"
    if values["direction"] == CONTRIBUTION:
        recorded = transfers.contribute(
            reference=values["reference"],
            fund_code=fund.code,
            amount=amount,
            source=values["source"],
            requested_by=by,
            effective_at=at,
        )
        message = f"Contributed {sum_of_money} to fund {fund.code}."
    else:
        recorded = transfers.request_withdrawal(
            reference=values["reference"],
            fund_code=fund.code,
            amount=amount,
            source=values["source"],
            requested_by=by,
            requested_at=at,
        )
        message = f"Requested a withdrawal of {sum_of_money} from fund {fund.code}. Somebody else must approve it."
    return Done(message, object_url(recorded.transfer) or "", about=recorded.transfer)


def transfer_url(direction: str, fund: Fund) -> str:
    """The form for a transfer of this fund."""
    return reverse("admin:fund_transfer_add", query={"direction": direction, "fund": fund.code})
