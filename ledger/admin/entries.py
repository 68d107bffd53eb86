"""Entries with their lines, and the one thing that can be done about an entry: reversing it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from ledger import reversals
from ledger.admin import sources
from ledger.admin.acting import Action, Done, run
from ledger.admin.books import BookAdmin
from ledger.admin.columns import NONE, amount, object_link, object_url
from ledger.admin.filters import ChosenFilter
from ledger.models import Entry, Posting

LINES_PER_PAGE = 500


class EntryChangeList(ChangeList):
    """Adds the amount of each entry on the page, its debits, and their currency, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        # Every entry is in one currency.
        totals = (
            Posting.objects.filter(entry__in=[entry.pk for entry in self.result_list])
            .values_list("entry_id", "account__currency_id")
            .annotate(Sum("debit"))
            .order_by()
        )
        found = {entry_id: (currency, debits) for entry_id, currency, debits in totals}
        for entry in self.result_list:
            entry.currency, entry.total = found[entry.pk]


class ReversalForm(forms.Form):
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="Stands in the reversal's description."
    )
    reference = forms.CharField(max_length=200, help_text="Of the reversal. Sent twice, it is booked once.")


@admin.register(Entry)
class EntryAdmin(BookAdmin[Entry]):
    list_display = [
        "reference",
        "kind",
        "effective_at",
        amount("total", "amount"),
        "currency_code",
        "lines",
        "source",
        "recorded_by",
        "correction",
    ]
    currency_path = "currency"
    list_filter = [
        "effective_at",
        ("kind", ChosenFilter),
        ("source_kind", ChosenFilter),
        ("source_id", ChosenFilter),
        ("recorded_by", ChosenFilter),
    ]
    list_select_related = ["reverses", "reversed_by"]
    # The primary key's order is the book's; sorting ten million entries by anything else takes seconds.
    sortable_by = ["effective_at"]
    search_fields = ["reference__startswith"]
    search_help_text = "Reference from its beginning, the entry's number, or its source as kind:id (takeover:t1)."
    fieldsets = [
        (None, {"fields": ["reference", "kind", "description", "source", "correction"]}),
        ("When and who", {"fields": ["effective_at", "created_at", "recorded_by"]}),
    ]

    @admin.display(description="source")
    def source(self, entry: Entry) -> str:
        return sources.source_link(entry.source_kind, entry.source_id)

    @admin.display(description="correction")
    def correction(self, entry: Entry) -> str:
        if entry.reverses_id is not None:
            return object_link(entry.reverses, f"reverses {entry.reverses}")
        reversal = getattr(entry, "reversed_by", None)
        return object_link(reversal, f"reversed by {reversal}") if reversal else NONE

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EntryChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(reference__startswith=term)
        if term.isdecimal() and len(term) < 19:
            found |= Q(pk=int(term))
        kind, _, identity = term.partition(":")
        if identity:
            found |= Q(source_kind=kind, source_id=identity)
        return queryset.filter(found), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("source/<str:kind>/<path:identity>/", view(self.source_view), name="ledger_source"),
            path("<int:pk>/reverse/", view(self.reverse_view), name="ledger_entry_reverse"),
            *super().get_urls(),
        ]

    def source_view(self, request: HttpRequest, kind: str, identity: str) -> HttpResponse:
        """Follow an entry's source to its page."""
        row = sources.find(kind, identity)
        url = object_url(row) if row else None
        if url is None:
            raise Http404(f"{kind} {identity} does not exist")
        return HttpResponseRedirect(url)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        lines = lines_of(object_id, request.GET.get("lines_page")) if object_id.isdecimal() else {}
        context = {**(extra_context or {}), **lines, "may_reverse": self.may(request, "add")}
        return super().change_view(request, object_id, form_url, context)

    def reverse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the reason, then post the mirrored entry."""
        if not self.may(request, "add"):
            raise PermissionDenied
        entry = get_object_or_404(Entry.objects.select_related("reverses", "reversed_by"), pk=pk)

        def act(values: Mapping[str, Any]) -> Done:
            reversal = self.reverse_entry(
                entry, reference=values["reference"], effective_at=timezone.now(), description=values["reason"]
            )
            return Done(f"Entry {entry.reference} is reversed.", reversal, about=entry)

        action = Action(
            title=f"Reverse {entry.reference}",
            button="Reverse",
            act=act,
            back=object_url(entry) or "",
            form_class=ReversalForm,
            initial={"reference": f"reversal:{entry.reference}"[:200]},
            template="admin/ledger/entry/reverse.html",
            context={"entry": entry, "consequence": self.consequence(entry), **lines_of(str(pk), None)},
            model=Entry,
            dangerous=True,
        )
        return run(request, self.admin_site, action)

    def consequence(self, entry: Entry) -> str:
        """What reversing this entry does, in a sentence; the apps above know more than the ledger."""
        return "The same lines are posted with debit and credit exchanged. Nothing is edited or deleted."

    def reverse_entry(self, entry: Entry, *, reference: str, effective_at: datetime, description: str) -> str:
        """Reverse the entry by the one call that knows how. Returns the page that shows the result."""
        posted = reversals.reverse(
            entry.pk,
            reference=reference,
            effective_at=effective_at,
            effective_stated=False,
            description=description,
        )
        return reverse("admin:ledger_entry_change", args=[posted.entry_id])


def lines_of(pk: str, page: str | None) -> dict[str, Any]:
    """The lines of an entry, a page of them where they are many, and the totals of all."""
    postings = Posting.objects.filter(entry_id=int(pk))
    totals = postings.aggregate(debits=Sum("debit"), credits=Sum("credit"))
    lines = Paginator(postings.select_related("account").order_by("pk"), LINES_PER_PAGE).get_page(page or 1)
    shown: Sequence[Posting] = list(lines.object_list)
    return {
        "lines": shown,
        "lines_page": lines,
        "debits": totals["debits"] or Decimal(0),
        "credits": totals["credits"] or Decimal(0),
        "balanced": totals["debits"] == totals["credits"],
        "currency": shown[0].account.currency_id if shown else "",
    }
