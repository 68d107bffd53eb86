"""Rows read and written in one statement are the rows that Django reads and writes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.forms.models import model_to_dict

from ledger.actor import recorded_by
from ledger.bulk import among, inserted, inserting, new_row, read_joined, read_rows, run, update_rows
from ledger.models import Account, Currency
from tests.builders import open_accounts

pytestmark = pytest.mark.django_db

NAMES = ['q"uoted', "back\\slash", "comma,", "{brace}", "null", " space ", "é"]


def currency(code: str, decimals: int = 2) -> dict[str, Any]:
    return {"code": code, "decimals": decimals}


def account(code: str, **values: Any) -> dict[str, Any]:
    usual = {"kind": "trader", "owner": code, "currency": Currency.objects.get(code="USDT"), "normal_side": "credit"}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return {"code": code, "lock_rank": 1, "created_at": moment, **usual, **values}


def insert(rows: Sequence[Account], *, currencies: Sequence[int]) -> None:
    """Rows of the currencies at these places of `c.codes`."""
    source = "(SELECT ARRAY['USDT', 'AAA'] AS codes) c"
    made = inserting(rows, source, picked={"currency_id": ("c.codes", currencies)})
    inserted(rows, [key for (key,) in run(made.query, made.arguments)])


@pytest.mark.parametrize("names", [[], NAMES[:1], NAMES], ids=["none", "one", "many"])
def test_condition_finds_rows_of_these_names_alone(names: list[str]) -> None:
    open_accounts("custody:USDT")
    insert([new_row(Account, account(name)) for name in [*NAMES, "another"]], currencies=[1] * 8)
    condition, asked = among("r.owner", names)
    assert {row.owner for row in read_rows(Account, condition, [asked])} == set(names)


def test_new_row_is_what_the_model_makes() -> None:
    open_accounts("custody:USDT")
    values = account("trader:ann:USDT", floor=Decimal(-5))
    made, usual = new_row(Account, values), Account(**values)
    assert model_to_dict(made) == model_to_dict(usual)
    assert made.currency is values["currency"]
    assert vars(made).keys() == vars(usual).keys()
    assert made._state.adding


def test_new_row_says_who_records_it_at_that_moment() -> None:
    with recorded_by("engine"):
        first = new_row(Currency, currency("AAA"))
    with recorded_by("ann"):
        second = new_row(Currency, currency("BBB"))
    assert (first.recorded_by, second.recorded_by) == ("engine", "ann")


def test_new_row_takes_no_name_that_the_model_lacks() -> None:
    with pytest.raises(AssertionError, match="Account has no colour"):
        new_row(Account, {"code": "trader:ann:USDT", "colour": "red"})


@pytest.mark.parametrize("currencies", [[2], [1, 1, 1], [2, 1, 2]], ids=["one", "all alike", "several"])
def test_rows_are_inserted_in_their_order_with_their_ids(currencies: list[int]) -> None:
    open_accounts("custody:USDT")
    Currency.objects.create(**currency("AAA"))
    rows = [new_row(Account, account(f"trader:t{place}:USDT")) for place in reversed(range(len(currencies)))]
    insert(rows, currencies=currencies)
    stored = list(Account.objects.filter(kind="trader").order_by("id"))
    assert [(row.pk, row.code, row.floor) for row in stored] == [(row.pk, row.code, row.floor) for row in rows]
    assert [row.currency_id for row in stored] == [["USDT", "AAA"][place - 1] for place in currencies]
    assert not any(row._state.adding for row in rows)


def test_outer_join_without_a_row_is_none() -> None:
    open_accounts("custody:USDT")
    Currency.objects.create(code="AAA", decimals=3)
    source = "ledger_currency c LEFT JOIN ledger_account a ON a.currency_id = c.code ORDER BY c.code"
    found = list(read_joined({"c": Currency, "a": Account, "c.decimals + 1": None}, source, []))
    assert [(row.code, account and account.code, number) for row, account, number in found] == [
        ("AAA", None, 4),
        ("USDT", "custody:USDT", found[1][0].decimals + 1),
    ]


def test_named_fields_alone_are_written() -> None:
    first, second = (Currency.objects.create(**currency(code)) for code in ("AAA", "BBB"))
    first.decimals, second.decimals, second.recorded_by = 3, 4, "carl"
    update_rows([first, second], ["decimals"])
    assert list(Currency.objects.order_by("code").values_list("decimals", "recorded_by")) == [(3, ""), (4, "")]
