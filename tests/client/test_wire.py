"""What the client writes and reads: exact amounts, times with their offset, nothing that the service would refuse."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from bulwark_client import AnswerMalformed, Line, NewEntry
from bulwark_client.shapes.ledger import Currency
from bulwark_client.shapes.takeovers import Waterfall
from bulwark_client.wire import encode, read
from hypothesis import given
from hypothesis import strategies as st

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))


@dataclass(frozen=True)
class Holder:
    amount: Decimal
    at: datetime | None = None


@given(AMOUNTS, st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])))
def test_amounts_and_times_come_back_as_they_were(amount: Decimal, at: datetime) -> None:
    written = json.loads(encode(Holder(amount, at)))

    assert "e" not in written["amount"].lower()
    assert read(Holder, written) == Holder(amount, at)


def test_fields_that_are_not_given_are_not_sent_and_names_that_are_given_as_null_are() -> None:
    entry = NewEntry(reference="d1", kind="deposit", lines=[Line(account="treasury:USDT", debit=Decimal("1E+2"))])

    assert json.loads(encode(entry)) == {
        "reference": "d1",
        "kind": "deposit",
        "lines": [{"account": "treasury:USDT", "debit": "100"}],
    }
    assert json.loads(encode({"preset": "full_cover", "adl": None})) == {"preset": "full_cover", "adl": None}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0.1, TypeError),
        (Decimal("NaN"), ValueError),
        (Decimal("-Infinity"), ValueError),
        (datetime(2026, 1, 1), ValueError),  # noqa: DTZ001  # a time without offset is what is refused
        (object(), TypeError),
    ],
)
def test_what_the_service_would_refuse_is_not_sent(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode({"amount": value})


def test_members_that_the_client_does_not_know_are_left_out() -> None:
    assert read(Currency, {"code": "USDT", "decimals": 6, "colour": "green"}) == Currency(code="USDT", decimals=6)


@pytest.mark.parametrize("document", [None, [], "hello", {"code": "USDT"}])
def test_an_answer_of_another_service_is_malformed(document: Any) -> None:
    with pytest.raises(AnswerMalformed, match="no Currency"):
        read(Currency, document)


def test_an_amount_that_is_a_number_is_malformed() -> None:
    parts = dict.fromkeys(Waterfall.__dataclass_fields__, "0")

    with pytest.raises(AnswerMalformed, match="no decimal string"):
        read(Waterfall, {**parts, "paid": 1.5})
