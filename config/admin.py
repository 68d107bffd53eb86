"""The admin's site: where bookkeepers and the treasury begin their day."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django_celery_results.models import TaskResult

from fund.models import Cycle, Fund, Transfer
from ledger.events.models import DeadLetter

WAITING_SHOWN = 10
MAIN_LISTS = {
    "Funds": "fund_fund",
    "Transfers": "fund_transfer",
    "Cycles": "fund_cycle",
    "Allocations": "fund_allocation",
    "Shortfalls": "fund_shortfall",
    "Takeovers": "liquidation_takeover",
    "Accounts": "ledger_account",
    "Entries": "ledger_entry",
}


class BulwarkSite(AdminSite):
    site_header = "Bulwark"
    site_title = "Bulwark"
    index_title = "Funds and books"
    # There is no site beside the admin; the API describes itself at its own address.
    site_url = None
    # The lists need the width; the main ones are linked at the top of every page.
    enable_nav_sidebar = False
    empty_value_display = "–"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Adds the links to the main lists, those that this person may read."""
        context = super().each_context(request)
        if context["has_permission"]:
            context["main_lists"] = [
                (name, reverse(f"admin:{model}_changelist"))
                for name, model in MAIN_LISTS.items()
                if request.user.has_perm("{}.view_{}".format(*model.split("_")))
            ]
            if request.user.has_perm("ledger.view_account"):
                context["main_lists"].append(("Trial balance", reverse("admin:ledger_trial_balance")))
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The funds' figures and what waits for somebody, above the list of everything."""
        context = dict(extra_context or {})
        if request.user.has_perm("fund.view_fund"):
            context |= _overview()
        if request.user.has_perm("events.view_deadletter"):
            context["dead_letters"] = DeadLetter.objects.filter(status=DeadLetter.Status.DEAD).count()
        if request.user.has_perm("django_celery_results.view_taskresult"):
            context |= {"shows_verification": True, "verification": _last_verification()}
        return super().index(request, context)


def _last_verification() -> TaskResult | None:
    """The result of the nightly task that came last; its status is SUCCESS where the books are clean."""
    ended = TaskResult.objects.filter(task_name="ledger.verify_books", status__in=["SUCCESS", "FAILURE"])
    last: TaskResult | None = ended.order_by("-date_done").first()
    return last


def _overview() -> dict[str, Any]:
    """Figures of every fund, withdrawals to be decided on and cycles that are over and not settled."""
    from fund.admin.funds import with_work

    ended = Cycle.objects.filter(status=Cycle.Status.ENDED).select_related("fund").order_by("ends_at")
    pending = Transfer.objects.filter(status=Transfer.Status.PENDING).select_related("fund").order_by("requested_at")
    return {
        "funds": with_work(Fund.objects.order_by("code")),
        "ended_cycles": ended[:WAITING_SHOWN],
        "pending_transfers": pending[:WAITING_SHOWN],
    }
