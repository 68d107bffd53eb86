"""What every page of the books has in common: it is read, never edited, and stays fast on long tables."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.contenttypes.models import ContentType
from django.db.models import DateTimeField, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from ledger.admin.columns import NONE, column_of, list_url
from ledger.admin.paging import EstimatingPaginator
from ledger.admin.periods import PeriodFilter

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:

    class TypedAdmin(admin.ModelAdmin[M]):
        """Django's own class, generic for the type checker alone."""
else:

    class TypedAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, model: type[Model]) -> type["TypedAdmin"]:
            return cls


class BookAdmin(TypedAdmin[M]):
    """Rows that the domain's functions write and nobody edits.

    Names of amounts and foreign keys in `list_display` and `fieldsets` become readable amounts and links, those of
    times in `list_filter` a choice of periods.
    """

    # The way from a row to the currency of its amounts: the column `currency_code`, and the headings over amounts.
    currency_path = ""
    fieldsets_in_currency: frozenset[str] = frozenset()
    actions: Sequence[Any] | None = None
    empty_value_display = NONE
    list_per_page = 50
    paginator = EstimatingPaginator
    show_full_result_count = False
    # Counting the rows behind every choice of every filter reads the whole table.
    show_facets = ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def may(self, request: HttpRequest, action: str) -> bool:
        """Whether the user's groups grant `add`, `change` or `delete`, which here stand for the domain's actions."""
        opts = self.opts
        return request.user.has_perm(f"{opts.app_label}.{action}_{opts.model_name}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list under its own name: there is nothing to select for a change."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row's page. Its history is offered where somebody has done something with it here."""
        kind = ContentType.objects.get_for_model(self.model)
        told = LogEntry.objects.filter(content_type=kind, object_id=unquote(object_id)).exists()
        return super().change_view(request, object_id, form_url, {"has_history": told, **(extra_context or {})})

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Back to the list. Nothing of the books is deleted: Django's own words would suggest it."""
        text = f"There is no {opts.verbose_name} {unquote(object_id)}."
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(list_url(self.model))

    @admin.display(description="currency")
    def currency_code(self, row: M) -> str:
        return str(attrgetter(self.currency_path)(row))

    def heading(self, title: Any, row: M | None) -> Any:
        """The title of a group of fields, with the currency where the group has amounts."""
        if row is None or title not in self.fieldsets_in_currency:
            return title
        return f"{title}, in {self.currency_code(row)}"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [self._column(name) for name in super().get_list_display(request)]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """The filters; one of a time is by period."""
        times = {field.name for field in self.model._meta.fields if isinstance(field, DateTimeField)}
        filters = super().get_list_filter(request)
        return [(name, PeriodFilter) if name in times else name for name in filters]

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        return [
            (
                self.heading(title, obj),
                {**options, "fields": [self._column(name) for name in flatten_fieldsets([(title, options)])]},
            )
            for title, options in super().get_fieldsets(request, obj)
        ]

    def _column(self, name: Any) -> Any:
        return column_of(self.model, name) if isinstance(name, str) and not hasattr(self, name) else name
