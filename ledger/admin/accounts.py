"""Accounts, and the statement of each with its running balances."""

from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from ledger.admin import owners, trial_balance
from ledger.admin.books import BookAdmin
from ledger.admin.columns import grouped, object_url
from ledger.admin.statement import LINES_PER_PAGE, StatementForm, StatementPage, read_page, read_totals
from ledger.chart import KINDS, Side
from ledger.errors import NotFound
from ledger.models import Account


@admin.register(Account)
class AccountAdmin(BookAdmin[Account]):
    list_display = ["code", "kind", "owner", "currency", "balance", "side", "debits", "credits", "statement_link"]
    currency_path = "currency_id"
    fieldsets_in_currency = frozenset({"Figures"})
    list_filter = ["kind", "currency"]
    list_select_related = ["currency"]
    search_fields = ["code__startswith", "owner__istartswith"]
    search_help_text = "Code from its beginning (trader:ann) or the owner's name (ann)."
    fieldsets = [
        (None, {"fields": ["code", "kind", "holds", "owner", "currency"]}),
        ("Figures", {"fields": ["balance", "side", "debits", "credits", "floor", "postings_count"]}),
        ("Book", {"fields": ["statement_link", "lists", "created_at"]}),
    ]

    @admin.display(description="on side", ordering="normal_side")
    def side(self, account: Account) -> str:
        return "Dr" if account.normal_side == Side.DEBIT.value else "Cr"

    @admin.display(description="what it holds")
    def holds(self, account: Account) -> str:
        return KINDS[account.kind].holds

    @admin.display(description="postings")
    def postings_count(self, account: Account) -> str:
        return f"{account.version:,}"

    @admin.display(description="statement")
    def statement_link(self, account: Account) -> str:
        return format_html('<a href="{}">Statement</a>', statement_url(account.code))

    @admin.display(description="lists of its owner")
    def lists(self, account: Account) -> str:
        return owners.links(account.kind, account.owner)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("trial-balance/", view(self.trial_balance_view), name="ledger_trial_balance"),
            path("of/<str:code>/", view(self.by_code_view), name="ledger_account_by_code"),
            path("of/<str:code>/statement/", view(self.statement_view), name="ledger_account_statement"),
            *super().get_urls(),
        ]

    def trial_balance_view(self, request: HttpRequest) -> HttpResponse:
        """What the kinds of account hold, and that the books are closed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return trial_balance.show(request, self.admin_site)

    def by_code_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """The account's page, for links from rows that know only the code."""
        account = self._viewable(request, code)
        return HttpResponseRedirect(object_url(account) or "")

    def statement_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """The account's postings in book order, each with the balance after it."""
        account = self._viewable(request, code)
        form = StatementForm(request.GET)
        page = read_page(account, form.chosen()) if form.is_valid() else StatementPage.empty()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statement of {account.code}",
            "opts": self.opts,
            "account": account,
            "side": self.side(account),
            "balance": grouped(account.balance),
            "form": form,
            "page": page,
            "totals": read_totals(account, form.chosen()) if form.is_valid() else None,
            "lines_per_page": LINES_PER_PAGE,
            "links": {name: f"?{urlencode(query)}" for name, query in form.links(page).items()},
        }
        return TemplateResponse(request, "admin/ledger/account/statement.html", context)

    def _viewable(self, request: HttpRequest, code: str) -> Account:
        account = Account.objects.select_related("currency").filter(code=code).first()
        if account is None:
            raise Http404(NotFound("account_unknown", f"account {code} does not exist").detail)
        if not self.has_view_permission(request, account):
            raise PermissionDenied
        return account


def statement_url(code: str) -> str:
    """The statement of an account."""
    return reverse("admin:ledger_account_statement", args=[code])
