"""Filters that links set: nothing to choose from, only what has been chosen and the way back to everything."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import FieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.http import HttpRequest


class ChosenFilter(FieldListFilter):
    """Shown while a link has narrowed the list to one value of the field, with a choice to widen it again."""

    def __init__(
        self,
        field: "Field[Any, Any]",
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.parameter = field_path
        super().__init__(field, request, params, model, model_admin, field_path)
        self.field = field
        values: Any = self.used_parameters.get(self.parameter)
        self.value: str | None = str(values[-1]) if values else None

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter]

    def has_output(self) -> bool:
        return self.value is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value is None:
            return queryset
        if isinstance(self.field, ForeignKey) and not self.value.isdecimal():
            return queryset.none()
        return queryset.filter(**{self.parameter: self.value})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "selected": False,
            "query_string": changelist.get_query_string(remove=[self.parameter]),
            "display": "All",
        }
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": self._shown()}

    def _shown(self) -> str:
        if not isinstance(self.field, ForeignKey) or not (self.value or "").isdecimal():
            return str(self.value)
        row = self.field.related_model._default_manager.filter(pk=self.value).first()
        return str(row) if row else f"{self.value} does not exist"
