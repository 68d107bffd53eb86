"""When something happened, as a filter of a list: the spans that books are closed by, and any two days."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib.admin import DateFieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone


def midnight(day: Any, *, days: int = 0) -> datetime:
    """The beginning of a day of UTC, or of one some days later."""
    return datetime.combine(day + timedelta(days=days), time.min, UTC)


class PeriodFilter(DateFieldListFilter):
    """Django's choices with the day, month and year before; a form takes a first and a last day, both included."""

    template = "admin/ledger/period_filter.html"

    def __init__(
        self,
        field: "DateTimeField[Any, Any]",
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.parameters = {name: f"{field_path}__{name}" for name in ("from_day", "to_day")}
        self.days = {name: (params.pop(each, None) or [""])[-1] for name, each in self.parameters.items()}
        self.kept: dict[str, str] = {}
        super().__init__(field, request, params, model, model_admin, field_path)
        # No choice is the selected one where two days are.
        self.date_params |= {name: day for name, day in self.days.items() if day}
        links: tuple[Any, ...] = self.links
        any_date, today, week, month, year = links[:5]
        now = midnight(timezone.now().date())
        first_of_month = now.replace(day=1)
        spans = {
            "Yesterday": (now - timedelta(days=1), now),
            "Last month": ((first_of_month - timedelta(days=1)).replace(day=1), first_of_month),
            "Last year": (now.replace(year=now.year - 1, month=1, day=1), now.replace(month=1, day=1)),
        }
        before: list[Any] = [
            (title, {self.lookup_kwarg_since: since, self.lookup_kwarg_until: until})
            for title, (since, until) in spans.items()
        ]
        yesterday, last_month, last_year = before
        self.links = (any_date, today, yesterday, week, month, last_month, year, last_year, *links[5:])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: Any = super().queryset(request, queryset)
        try:
            from_, to = (datetime.fromisoformat(day).date() if day else None for day in self.days.values())
            if from_:
                found = found.filter(**{f"{self.field_path}__gte": midnight(from_)})
            if to:
                found = found.filter(**{f"{self.field_path}__lt": midnight(to, days=1)})
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        narrowed: QuerySet[Any] = found
        return narrowed

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.kept = {
            name: value for name, value in changelist.params.items() if not name.startswith(self.field_generic)
        }
        yield from super().choices(changelist)
