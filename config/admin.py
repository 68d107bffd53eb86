"""The admin's site: where bookkeepers and the treasury begin their day."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from fund.models import Cycle, Fund, Transfer

UNSETTLED_SHOWN = 10


class BulwarkSite(AdminSite):
    site_header = "Bulwark"
    site_title = "Bulwark"
    index_title = "Funds and books"
    # There is no site beside the admin; the API describes itself at its own address.
    site_url = None
    empty_value_display = "–"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The funds' figures and what waits for somebody, above the list of everything."""
        context = dict(extra_context or {})
        if request.user.has_perm("fund.view_fund"):
            context |= _overview()
        return super().index(request, context)


def _overview() -> dict[str, Any]:
    """Figures of every fund, withdrawals to be decided on and cycles that are over and not settled."""
    from fund.admin.funds import with_work

    ended = Cycle.objects.filter(status=Cycle.Status.ENDED).select_related("fund").order_by("ends_at")
    pending = Transfer.objects.filter(status=Transfer.Status.PENDING).select_related("fund").order_by("requested_at")
    return {
        "funds": with_work(Fund.objects.order_by("code")),
        "ended_cycles": ended[:UNSETTLED_SHOWN],
        "pending_transfers": pending[:UNSETTLED_SHOWN],
    }
