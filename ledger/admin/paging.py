"""Pages over tables of any size: rows are counted up to a limit, above it PostgreSQL's own estimate serves."""

import json
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

# Counting so many rows costs milliseconds; counting ten million, seconds on every page.
COUNTED_UP_TO = 10_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Counts exactly what can be counted at once; `is_estimate` says when the number is the planner's.

    Pages end where exact counting does: the database finds a later one by reading everything before it. Whoever looks
    for an older row searches, filters, or sorts the other way.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: COUNTED_UP_TO + 1].count()
        if counted <= COUNTED_UP_TO:
            return counted
        plan = json.loads(rows.order_by().explain(format="json"))
        return max(counted, int(plan[0]["Plan"]["Plan Rows"]))

    @cached_property
    def num_pages(self) -> int:
        return -(-min(self.count, COUNTED_UP_TO) // self.per_page) or 1

    @property
    def is_estimate(self) -> bool:
        return self.count > COUNTED_UP_TO

    @property
    def is_at_least(self) -> bool:
        """Whether the estimate is below what was counted: the table has grown since its statistics were taken."""
        return self.count == COUNTED_UP_TO + 1

    @property
    def rows_paged(self) -> int:
        """How many rows the pages hold, where they do not hold all."""
        return COUNTED_UP_TO
