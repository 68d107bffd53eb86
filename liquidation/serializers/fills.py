"""Shapes of fills that name their takeover themselves."""

from ledger.rest.fields import TextField
from liquidation.serializers.takeovers import NewFillSerializer


class NewFillOfAnySerializer(NewFillSerializer):
    """As a fill below its takeover's address, with the takeover's reference beside its own."""

    takeover = TextField(max_length=200)
