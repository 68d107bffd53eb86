"""A takeover without a bankruptcy price: it is worked out from entry, margin and the fee of the close, rounded once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from ledger.money import plain
from liquidation.contracts import add_contract
from liquidation.models import Contract, Takeover
from liquidation.takeovers import Reported, report_takeovers
from tests.builders import START, balance, balances, moment, refused
from tests.liquidation.venue import FUND, fill, open_venue, take_over, takeover_report
from tests.statements import sent
from tests.test_published_rules import Row, margin_of, of_table

pytestmark = pytest.mark.django_db


def taken_over(**told: Any) -> Reported:
    """Without a price."""
    return take_over(**{"at_price": None, "entry": "100", **told})


def price_of(reported: Reported) -> str:
    return plain(reported.takeover.bankruptcy_price)


# Accounting.md's formulas by hand, with a fee of 0.1 %.
LINEAR: dict[str, Any] = {"quantity": "10", "entry": "100", "margin": "80"}
INVERSE: dict[str, Any] = {"quantity": "100000", "entry": "10000", "margin": "1"}
QUANTO: dict[str, Any] = {"quantity": "1000", "entry": "500", "margin": "0.05"}


@pytest.mark.parametrize(
    ("kind", "side", "told", "fee_rate", "price", "at_tick"),
    [
        # (1000 ∓ 80) / (10 · (1 ∓ 0.001)) = 920 / 9.99 and 1080 / 10.01.
        ("linear", "long", LINEAR, "0.001", "92.092092092092092093", "92.5"),
        ("linear", "short", LINEAR, "0.001", "107.892107892107892107", "107.5"),
        ("linear", "long", LINEAR, "0", "92", "92"),
        ("linear", "short", LINEAR, "0", "108", "108"),
        # (1 ± 0.001) · 100,000 / (10 ± 1) = 100,100 / 11 and 99,900 / 9; without a fee 100,000 / 11 and / 9.
        ("inverse", "long", INVERSE, "0.001", "9100", "9100"),
        ("inverse", "short", INVERSE, "0.001", "11100", "11100"),
        ("inverse", "long", INVERSE, "0", "9090.909090909090909091", "9091"),
        ("inverse", "short", INVERSE, "0", "11111.111111111111111111", "11111"),
        # 500 ∓ 0.05 / (0.000001 · 1000); with the fee 0.45 / 0.000999 and 0.55 / 0.001001.
        ("quanto", "long", QUANTO, "0", "450", "450"),
        ("quanto", "short", QUANTO, "0", "550", "550"),
        ("quanto", "long", QUANTO, "0.001", "450.450450450450450451", "450.5"),
        ("quanto", "short", QUANTO, "0.001", "549.450549450549450549", "549"),
    ],
)
@pytest.mark.parametrize("tick", [None, "0.5"])
def test_price_of_each_kind_and_side_is_rounded_once_towards_the_entry(
    kind: str, side: str, told: dict[str, str], fee_rate: str, price: str, at_tick: str, tick: str | None
) -> None:
    multiplier = "0.000001" if kind == "quanto" else "1"
    open_venue(kind=kind, multiplier=multiplier, tick=tick, close_fee_rate=fee_rate)

    reported = taken_over(side=side, **told)

    assert price_of(reported) == (at_tick if tick else price)
    assert Takeover.objects.get().bankruptcy_price == reported.takeover.bankruptcy_price


@of_table("bankruptcy_price", that_have="tick")
def test_price_at_a_tick_is_the_published_one(row: Row) -> None:
    open_venue(kind=row["kind"], multiplier=row["multiplier"], tick=row["tick"], decimals=18)

    told = {name: row[name] for name in ("side", "quantity")}
    reported = taken_over(entry=row["entry_price"], margin=plain(margin_of(row)), **told)

    assert price_of(reported) == row["published_at_tick"]


def test_price_is_booked_against_as_a_told_one_is() -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")
    taken_over(**LINEAR)

    fill(price="93")

    # 10 · (93 − 92.5).
    assert (balance("fund:usdt"), balance("trader:ann:USDT")) == ("1005", "-80")


def test_long_whose_margin_is_all_of_its_value_is_bankrupt_at_zero() -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")

    assert price_of(taken_over(margin="1000")) == "0"

    fill(price="3")
    assert balance("fund:usdt") == "1030"


def test_told_price_holds_beside_entry_and_margin() -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")

    assert price_of(take_over(at_price="92.1", **LINEAR)) == "92.1"


def test_limit_price_follows_from_the_price() -> None:
    open_venue("pre_close_compensation", precompensation={"per_takeover_cap": "10"})

    assert taken_over(**LINEAR).takeover.limit_price == 91


def test_at_mark_the_leftover_follows_from_the_price() -> None:
    open_venue(takeover_valuation="mark")

    taken_over(mark="95", **LINEAR)

    # 10 · (95 − 92) of the 80.
    assert balance("engine:USDT") == "30"


@pytest.mark.parametrize(
    ("code", "kind", "told", "words"),
    [
        ("bankruptcy_price_missing", "linear", {"entry": None}, ("bankruptcy_price", "entry_price")),
        ("margin_never_exhausted", "inverse", {**INVERSE, "side": "short", "margin": "10"}, ("10", "100000", "10000")),
        ("margin_never_exhausted", "inverse", {**INVERSE, "side": "short", "margin": "11"}, ("11", "100000", "10000")),
        # A short's price below the first tick of 0.5.
        ("price_not_positive", "linear", {"side": "short", "entry": "0.3"}, ("bankruptcy_price 0",)),
        ("price_not_positive", "linear", {"entry": "0"}, ("entry_price 0",)),
        ("amount_out_of_range", "linear", {"side": "short", "entry": "9" * 38, "margin": "9" * 38}, ("38",)),
        ("margin_negative", "linear", {"margin": "-1"}, ("-1",)),
    ],
)
def test_what_has_no_price_is_refused_with_the_values(
    code: str, kind: str, told: dict[str, Any], words: tuple[str, ...]
) -> None:
    open_venue(kind=kind, tick="0.5")

    with refused(code) as caught:
        taken_over(**{"margin": "0", "quantity": "0.1", **told})

    assert all(word in caught.value.detail for word in words), caught.value.detail
    assert not Takeover.objects.exists()


@pytest.mark.parametrize("price", [None, "92.5"])
@pytest.mark.parametrize("first", [None, "92.5"])
def test_told_again_without_a_price_or_with_that_price_it_is_a_replay(first: str | None, price: str | None) -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")
    take_over(at_price=first, **LINEAR)
    before = balances()

    assert take_over(at_price=price, seconds=9, **LINEAR).replayed
    assert balances() == before


@pytest.mark.parametrize(
    "told",
    [
        {"at_price": "92"},
        {"entry": "101"},
        {"entry": None},
        {"margin": "81"},
        {"margin": "1000"},
        {"side": "short"},
        {"quantity": "0"},
        {"side": "up"},
    ],
)
def test_told_again_with_other_content_it_is_refused(told: dict[str, Any]) -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")
    taken_over(**LINEAR)

    with refused("reference_reused"):
        taken_over(**{**LINEAR, **told})


def test_price_that_was_told_where_none_follows_is_not_told_by_leaving_it_out() -> None:
    open_venue(kind="inverse")
    never = {**INVERSE, "side": "short", "margin": "10"}
    take_over(at_price="90000", **never)

    with refused("reference_reused"):
        taken_over(**never)
    with refused("reference_reused"):
        report_takeovers([replace(takeover_report(at_price=None, **never), entry_price=None)], recorded_at=moment(9))


def test_without_a_price_it_is_one_question_and_one_statement_too() -> None:
    open_venue(tick="0.5", close_fee_rate="0.001")
    taken_over(reference="t1", **LINEAR)

    with sent() as statements:
        taken_over(reference="t2", **LINEAR)

    assert len([statement for statement in statements if "SAVEPOINT" not in statement]) == 2


# The contract's rate.


def contract_with(rate: str) -> bool:
    return add_contract(
        symbol="Y-PERP",
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        close_fee_rate=Decimal(rate),
        fund_code=FUND,
        created_at=START,
    ).replayed


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        ("-0.0001", "rate_out_of_range"),
        ("1", "rate_out_of_range"),
        ("NaN", "number_out_of_range"),
        ("0.0000000000000000001", "number_out_of_range"),
    ],
)
def test_fee_of_a_close_is_from_nothing_to_less_than_all(rate: str, code: str) -> None:
    open_venue()

    with refused(code):
        contract_with(rate)

    assert Contract.objects.count() == 1


def test_database_keeps_the_fee_of_a_close_in_its_range() -> None:
    open_venue()
    (known,) = Contract.objects.all()
    for rate in ("-0.0001", "1"):
        known.pk, known.symbol, known.close_fee_rate = None, f"at {rate}", Decimal(rate)
        with pytest.raises(IntegrityError, match="contract_close_fee_rate"), transaction.atomic():
            known.save(force_insert=True)


def test_contract_of_another_fee_is_another_contract() -> None:
    open_venue()

    assert (contract_with("0.0006"), contract_with("0.00060")) == (False, True)
    with refused("contract_exists"):
        contract_with("0")
