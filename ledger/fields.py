"""The column type of money: PostgreSQL's `numeric` without a declared scale, so that nothing is rounded in silence."""

from typing import Any

from django.db import models


class AmountField(models.DecimalField):  # type: ignore[type-arg]
    """Exact decimal of any size that the books need (10^30 and 18 decimals); checks constrain scale and NaN."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = 60
        kwargs["decimal_places"] = 18
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"]
        del kwargs["decimal_places"]
        return name, path, args, kwargs

    def db_type(self, connection: Any) -> str:
        return "numeric"

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return self.get_db_prep_value(value, connection, prepared=False)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        # No quantising on the way in: the value is stored as it is or refused by a constraint.
        return value if hasattr(value, "resolve_expression") else super().to_python(value)
