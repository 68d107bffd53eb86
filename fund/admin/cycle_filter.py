"""The cycle of a list with many rows a cycle: one at a time, the latest where none is chosen."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from fund.models import Cycle

CYCLES_OFFERED = 20


class CycleFilter(SimpleListFilter):
    """The latest cycles, and whichever one a link has chosen. A search goes through all of them."""

    title = "cycle"
    parameter_name = "cycle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        cycles = list(Cycle.objects.select_related("fund").order_by("-starts_at")[:CYCLES_OFFERED])
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in {cycle.pk for cycle in cycles}:
            cycles += Cycle.objects.filter(pk=int(chosen)).select_related("fund")
        return [(str(cycle.pk), str(cycle)) for cycle in cycles]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Latest"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is not None:
            return queryset.filter(cycle_id=int(chosen)) if chosen.isdecimal() else queryset.none()
        if request.GET.get(SEARCH_VAR) or "trader" in request.GET:
            return queryset
        # Sorting the rows of all cycles for a page of them takes seconds.
        latest = queryset.order_by("-cycle_id").values_list("cycle_id", flat=True).first()
        return queryset.filter(cycle_id=latest)
