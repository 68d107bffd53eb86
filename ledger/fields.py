"""Column types: money, as `numeric` without a declared scale, so that nothing is rounded in silence; who recorded it;
where it stands in the journal.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import Func, Value

from ledger.actor import recorder


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


class RecorderField(models.CharField):  # type: ignore[type-arg]
    """Who is at the edge when the row is made: the key, user or task. Empty where nobody was named."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fixed = {"max_length": 150, "blank": True, "default": recorder, "db_default": "", "editable": False}
        super().__init__(*args, **{**kwargs, **fixed})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "blank", "default", "db_default", "editable"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs


class JournalPlaceField(models.BigIntegerField):  # type: ignore[type-arg]
    """Where a row stands among the entries, also one for which nothing is posted: a number of theirs that none has.

    The database gives it, after the entries of the row itself. Null for rows from before it was kept.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        following = Func(Value("ledger_entry_id_seq"), function="nextval")
        fixed = {"null": True, "editable": False, "db_default": following}
        super().__init__(*args, **{**kwargs, **fixed})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("null", "editable", "db_default"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs

    @classmethod
    def added_to(cls, model: str, *, table: str) -> migrations.SeparateDatabaseAndState:
        """What a migration adds it by: in one step with its default, it would number the rows that are there."""
        return migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE {table} ADD COLUMN place bigint;"
                    f" ALTER TABLE {table} ALTER COLUMN place SET DEFAULT nextval('ledger_entry_id_seq')",
                    f"ALTER TABLE {table} DROP COLUMN place",
                )
            ],
            state_operations=[migrations.AddField(model, "place", cls())],
        )
