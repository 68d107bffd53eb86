"""Parameters of venues' shapes, under the venues' names. `fund` and `format` stand beside them, as ours."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from ledger.rest.fields import CountField, TextField, TimeField
from ledger.rest.problems import QueryRefused
from ledger.rest.serializers import QuerySerializer
from liquidation.venues import okx

# Of milliseconds since 1970: until the year 3000.
_LAST_MILLISECOND = 32_503_680_000_000


class VenueQuery(QuerySerializer):
    """What is read of a query: the venue's parameters, and `filters` for the funds that are asked for."""

    # A parameter's name, and the fund's column that it filters by.
    filtered_by = {"fund": "code"}

    fund = TextField(required=False, default=None, help_text="Code of one fund. Ours, not the venue's.")

    def to_internal_value(self, data: Any) -> Any:
        # Chosen by the view already.
        read = super().to_internal_value({name: value for name, value in data.items() if name != "format"})
        chosen = {column: read[name] for name, column in self.filtered_by.items() if read[name] is not None}
        return {**read, "filters": chosen}


class MillisecondsField(CountField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, default=None, max_value=_LAST_MILLISECOND, **kwargs)


class WordField(serializers.BooleanField):
    """`true` or `false` as a query has them."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            self.fail("invalid", input=data)
        return bool(data == "true")


class BinanceQuery(VenueQuery):
    symbol = TextField(required=False, default=None, help_text="The group that this contract belongs to.")


class OkxQuery(VenueQuery):
    filtered_by = {"fund": "code", "ccy": "currency_id"}

    instType = serializers.ChoiceField(okx.INSTRUMENT_TYPES, required=False, default="SWAP", help_text="Told back.")
    type = serializers.ChoiceField(okx.TYPES, required=False, default=None)
    instFamily = TextField(required=False, default=None, help_text="A contract of the fund, or the fund's code.")
    ccy = TextField(required=False, default=None)
    before = MillisecondsField(help_text="Details newer than this.")
    after = MillisecondsField(help_text="Details older than this.")
    limit = CountField(required=False, default=100, min_value=1, max_value=100)


class BybitQuery(VenueQuery):
    filtered_by = {"fund": "code", "coin": "currency_id"}

    coin = TextField(required=False, default=None)


class BitmexQuery(VenueQuery):
    filtered_by = {"fund": "code", "currency": "currency_id"}

    currency = TextField(required=False, default=None, help_text="Ours: the venue filters by `filter`.")


class BitmexHistoryQuery(BitmexQuery):
    count = CountField(required=False, default=100, min_value=1, max_value=500)
    start = CountField(required=False, default=0, max_value=1_000_000)
    reverse = WordField(required=False, default=False, help_text="The newest first.")
    startTime = TimeField(required=False, default=None)
    endTime = TimeField(required=False, default=None, help_text="Exclusive.")


class DeribitPagedQuery(VenueQuery):
    type = serializers.ChoiceField(["settlement", "delivery", "bankruptcy"], required=False, default=None)
    count = CountField(required=False, default=20, min_value=1, max_value=1000)
    continuation = CountField(required=False, default=None, help_text="As another answer has it.")
    search_start_timestamp = MillisecondsField(help_text="The latest time to answer from.")


class DeribitQuery(DeribitPagedQuery):
    filtered_by = {"fund": "fund__code", "currency": "fund__currency_id"}

    currency = TextField(required=False, default=None)


class DeribitInstrumentQuery(DeribitPagedQuery):
    filtered_by = {"fund": "fund__code", "instrument_name": "fund__contracts__symbol"}

    instrument_name = TextField(help_text="A contract: settlements of the fund that it belongs to.")


def format_unknown(given: str, known: list[str]) -> QueryRefused:
    detail = f"{given[:40]!r} is no shape of this resource: it is published as {', '.join(known)}"
    return QueryRefused({"format": [ErrorDetail(detail, code="format_unknown")]})
