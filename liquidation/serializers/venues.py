"""Venues' published shapes, as the schema describes them. Sources: docs/api.md, venues' shapes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.rest.fields import CountField, TextField, TimeField
from liquidation.venues import okx


@extend_schema_field({"type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]+)?)?$"})
class NumberTextField(serializers.CharField):
    """A number in a text, "" where it is not known."""


@extend_schema_field({"type": "string", "pattern": r"^[0-9]*$"})
class MillisecondsTextField(serializers.CharField):
    """Milliseconds since 1970 in a text, "" where they are not known."""


@extend_schema_field({"type": "number"})
class NumberField(serializers.Field[Any, Any, Any, Any]):
    """A JSON number with all the digits of the amount."""


class BinanceAssetSerializer(serializers.Serializer[Any]):
    asset = TextField()
    marginBalance = NumberTextField()
    updateTime = CountField(help_text="Milliseconds since 1970.")


class BinanceGroupSerializer(serializers.Serializer[Any]):
    """Binance: a fund, the symbols that share it, and its asset."""

    symbols = serializers.ListField(child=TextField())
    assets = BinanceAssetSerializer(many=True)


class OkxDetailSerializer(serializers.Serializer[Any]):
    balance = NumberTextField()
    amt = NumberTextField(help_text="What moved the balance in the day before `ts`.")
    ccy = TextField()
    type = serializers.ChoiceField(okx.TYPES)
    maxBal = NumberTextField(help_text="Highest balance of the eight hours before an ADL event.")
    maxBalTs = MillisecondsTextField()
    adlType = serializers.CharField()
    ts = MillisecondsTextField()


class OkxFundSerializer(serializers.Serializer[Any]):
    total = NumberTextField(help_text="In dollars.")
    instFamily = TextField()
    instType = serializers.ChoiceField(okx.INSTRUMENT_TYPES)
    details = OkxDetailSerializer(many=True)


class OkxAnswerSerializer(serializers.Serializer[Any]):
    """OKX: funds with what their balance was and why it moved."""

    code = TextField()
    msg = TextField(allow_blank=True)
    data = OkxFundSerializer(many=True)  # type: ignore[assignment]  # a field, not the property


class BybitPoolSerializer(serializers.Serializer[Any]):
    coin = TextField()
    symbols = serializers.CharField(help_text="With commas between them.")
    balance = NumberTextField()
    value = NumberTextField(help_text="In dollars.")


class BybitPoolsSerializer(serializers.Serializer[Any]):
    updatedTime = MillisecondsTextField()
    list = BybitPoolSerializer(many=True)


class BybitAnswerSerializer(serializers.Serializer[Any]):
    """Bybit: funds with the symbols that share each."""

    retCode = serializers.IntegerField()
    retMsg = TextField()
    result = BybitPoolsSerializer()
    retExtInfo = serializers.DictField()
    time = CountField(help_text="Milliseconds since 1970.")


class BitmexInsuranceSerializer(serializers.Serializer[Any]):
    """BitMEX: what a currency's funds held, in whole units of its precision."""

    currency = TextField()
    timestamp = TimeField()
    walletBalance = serializers.SerializerMethodField()

    @extend_schema_field({"type": "integer"})
    def get_walletBalance(self, row: Any) -> Any:  # the venue's name of it
        return row["walletBalance"]


class DeribitSettlementSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["bankruptcy"])
    timestamp = CountField(help_text="Milliseconds since 1970.")
    session_profit_loss = NumberField()
    session_bankruptcy = NumberField()
    funded = NumberField()
    socialized = NumberField()
    session_tax = NumberField()
    session_tax_rate = NumberField()


class DeribitSettlementsSerializer(serializers.Serializer[Any]):
    settlements = DeribitSettlementSerializer(many=True)
    continuation = TextField()


class DeribitAnswerSerializer(serializers.Serializer[Any]):
    """Deribit: settled cycles as settlements of type `bankruptcy`."""

    jsonrpc = TextField()
    result = DeribitSettlementsSerializer()
