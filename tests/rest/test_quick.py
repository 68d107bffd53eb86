"""What is read and shown quickly is so to the same result as by its serializer, and nothing is read that it refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from ledger.rest.models import Role
from ledger.rest.quick import LEFT, reader_of, writer_of
from ledger.rest.serializers import StrictSerializer
from ledger.serializers import NewEntrySerializer
from liquidation.serializers.fills import NewFillOfAnySerializer
from liquidation.serializers.takeovers import NewFillSerializer, NewTakeoverSerializer
from tests.rest import filters
from tests.rest.api import client
from tests.rest.takeovers import fill, takeover
from tests.rest.test_entries import deposit
from tests.rest.venue import open_venue

SHAPES: list[tuple[type[StrictSerializer], dict[str, Any]]] = [
    (NewTakeoverSerializer, takeover(entry_price="29000", mark_price="28100.5")),
    (NewFillSerializer, fill(pnl="-5", filled_at="2026-01-01T00:00:00+02:00")),
    (NewFillOfAnySerializer, fill(takeover="t1")),
    (NewEntrySerializer, deposit("d1", "10.50", description="a", effective_at="2026-01-01T00:00:00Z")),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", " ", " a", "a b", "a/b", "..", "\0", "\ud800", "\u200b", "x" * 201, "long", "short", "1e5"]),
    st.sampled_from(["0", "-0", "00551", "1.50", "-3", "+1", "1.", "9" * 39, "0." + "1" * 19, "１", "Infinity"]),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "2026-02-30T00:00:00Z", "1969-12-31T00:00:00Z"]),
    st.sampled_from([[], {}, [{}], [{"account": "a", "debit": "1"}], [{"account": "a", "credit": None}], [None]]),
)


def serialized(shape: type[StrictSerializer], item: Any) -> Any:
    try:
        return shape().run_validation(item)
    except ValidationError:
        return LEFT


@pytest.mark.parametrize(("shape", "item"), SHAPES, ids=lambda each: getattr(each, "__name__", ""))
def test_well_formed_events_are_read_quickly(shape: type[StrictSerializer], item: dict[str, Any]) -> None:
    read = reader_of(shape)

    assert read is not None
    assert read(item) == serialized(shape, item) != LEFT


@pytest.mark.parametrize(("shape", "item"), SHAPES, ids=lambda each: getattr(each, "__name__", ""))
@given(data=st.data())
def test_quick_reading_is_that_of_the_serializer(
    shape: type[StrictSerializer], item: dict[str, Any], data: st.DataObject
) -> None:
    changes = data.draw(st.dictionaries(st.sampled_from([*shape().fields, "more"]), VALUES, max_size=3))
    dropped = data.draw(st.sets(st.sampled_from(list(item)), max_size=2))
    changed = {name: value for name, value in {**item, **changes}.items() if name not in dropped}
    read = reader_of(shape)
    assert read is not None

    found = read(changed)

    assert found is LEFT or found == serialized(shape, changed)


@pytest.mark.django_db
def test_every_list_shows_quickly_what_its_serializers_show(monkeypatch: pytest.MonkeyPatch) -> None:
    venue, auditor = open_venue(3), client(Role.AUDITOR)
    addresses = [venue.address(filters.V1 + path) for path in filters.lists()]
    quick = {address: auditor.get(address).json() for address in addresses}
    monkeypatch.setattr("ledger.rest.serializers.writer_of", lambda shape: shape().to_representation)
    assert {address: auditor.get(address).json() for address in addresses} == quick
    assert all(document["results"] for document in quick.values())


class Shown(serializers.Serializer[Any]):
    name = serializers.CharField(source="owner.name", default="nobody")
    called = serializers.CharField(source="call")
    none = serializers.CharField()
    left_out = serializers.CharField(required=False)


class Thing:
    owner = None
    none = None

    def call(self) -> str:
        return "back"


@pytest.mark.parametrize("thing", [Thing(), {"owner": {"name": "ann"}, "call": 5, "none": None}])
def test_what_is_no_plain_attribute_is_shown_by_the_serializer(thing: Any) -> None:
    assert writer_of(Shown)(thing) == Shown().to_representation(thing)
