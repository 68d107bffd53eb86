"""Takeovers: what is booked of them, told twice, told wrongly."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledger import accounts
from ledger.events.models import Event
from ledger.models import Entry
from ledger.money import plain
from liquidation.models import Takeover
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import balance, balances, moment, refusals_of, refused
from tests.liquidation.venue import fill, open_venue, publish, take_over, takeover_report
from tests.statements import sent

pytestmark = pytest.mark.django_db

ANN, CLEARING, ENGINE, FUND = "trader:ann:USDT", "clearing:X-PERP:USDT", "engine:USDT", "fund:usdt"


def test_the_margin_goes_from_the_trader_to_clearing_and_the_engine_holds_nothing_yet() -> None:
    open_venue()

    take_over(margin="1000")

    assert (balance(ANN), balance(CLEARING), balance(ENGINE)) == ("-1000", "1000", "0")
    entry = Entry.objects.get(reference="takeover:t1")
    assert (entry.kind, entry.source_kind, entry.source_id) == ("takeover", "takeover", "t1")


def test_without_margin_there_is_nothing_to_post() -> None:
    open_venue()

    reported = take_over(margin="0")

    assert reported.takeover.entry_id is None
    assert Entry.objects.filter(source_kind="takeover").count() == 0
    assert reported.takeover.remaining == 10


def test_the_same_takeover_again_is_a_replay_and_moves_nothing() -> None:
    open_venue()
    first = take_over(margin="1000")
    before = balances()

    again = take_over(margin="1000", seconds=60)

    assert (again.replayed, again.takeover.pk) == (True, first.takeover.pk)
    assert balances() == before


def test_a_replay_shows_the_takeover_as_it_stands_now() -> None:
    open_venue()
    take_over(margin="1000")
    fill(price="101")

    assert take_over(margin="1000").takeover.status == Takeover.Status.CLOSED


@pytest.mark.parametrize(
    "told", [{"margin": "999"}, {"trader": "bob"}, {"side": "short"}, {"quantity": "11"}, {"at_price": "99"}]
)
def test_a_reference_cannot_stand_for_another_takeover(told: dict[str, Any]) -> None:
    open_venue()
    take_over(margin="1000")

    with refused("reference_reused"):
        take_over(**{"margin": "1000", **told})


def test_a_time_that_is_told_the_second_time_must_be_the_first_one() -> None:
    open_venue()
    report = takeover_report(when=moment(5))
    report_takeovers([report], recorded_at=moment(6))

    assert report_takeovers([replace(report, taken_over_at=None)], recorded_at=moment(9))[0].replayed
    with refused("reference_reused"):
        report_takeovers([replace(report, taken_over_at=moment(4))], recorded_at=moment(9))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("contract_unknown", {"contract": "NOPE"}),
        ("side_unknown", {"side": "buy"}),
        ("name_malformed", {"trader": "ann:usdt"}),
        ("quantity_not_positive", {"quantity": "0"}),
        ("quantity_not_positive", {"quantity": "-1"}),
        ("price_negative", {"at_price": "-1"}),
        ("margin_negative", {"margin": "-1"}),
        ("amount_precision", {"margin": "0.000000001"}),
        ("number_out_of_range", {"quantity": "NaN"}),
        ("number_out_of_range", {"quantity": "1E+40"}),
        ("number_out_of_range", {"quantity": "0.0000000000000000001"}),
        ("price_not_positive", {"mark": "0"}),
    ],
)
def test_what_cannot_be_a_takeover_is_refused(code: str, told: dict[str, Any]) -> None:
    open_venue()

    with refused(code):
        take_over(**told)

    assert not Takeover.objects.exists()


@pytest.mark.parametrize("reference", ["", " t1", "t\n1", "t" * 161])
def test_a_reference_is_one_printable_line(reference: str) -> None:
    open_venue()

    with refused("reference_malformed"):
        take_over(reference)


def test_an_inverse_contract_has_no_bankruptcy_price_of_zero() -> None:
    open_venue(kind="inverse")

    with refused("price_not_positive"):
        take_over(at_price="0")


def test_a_linear_long_may_be_bankrupt_at_zero() -> None:
    open_venue()
    take_over(at_price="0")

    fill(price="3")

    assert balance(FUND) == "1030"


def test_one_refusal_in_a_batch_takes_nothing_and_names_its_place() -> None:
    open_venue()
    reports = [takeover_report("t1", margin="5"), takeover_report("t2", side="up")]

    with refused("side_unknown") as caught:
        report_takeovers(reports, recorded_at=moment(1))

    assert caught.value.position == 1
    assert not Takeover.objects.exists()


def test_the_same_reference_twice_in_a_batch_is_a_replay_or_a_refusal() -> None:
    open_venue()
    report = takeover_report("t1", margin="5")

    first, second = report_takeovers([report, report], recorded_at=moment(1))

    assert (first.replayed, second.replayed) == (False, True)
    assert first.takeover is second.takeover
    with refused("reference_reused"):
        report_takeovers([takeover_report("t2"), takeover_report("t2", quantity="3")], recorded_at=moment(1))


def test_a_takeover_names_the_rulebook_that_was_in_force_when_it_happened() -> None:
    open_venue()
    publish("full_cover", at=moment(100), fund_per_event_cap="5")

    early = report_takeovers([takeover_report("t1", when=moment(99))], recorded_at=moment(200))[0]
    late = report_takeovers([takeover_report("t2", when=moment(100))], recorded_at=moment(200))[0]

    assert (early.takeover.rulebook.version, late.takeover.rulebook.version) == (1, 2)


def test_the_number_of_queries_does_not_grow_with_the_batch() -> None:
    open_venue("pre_close_compensation", precompensation={"per_takeover_cap": "0.01"})

    def queries(reports: list[TakeoverReport]) -> int:
        with sent() as statements:
            report_takeovers(reports, recorded_at=moment(1))
        return len(statements)

    one = queries([takeover_report("one", margin="3")])
    many = queries([takeover_report(f"m{place}", margin="3", trader=f"trader{place}") for place in range(300)])

    assert many == one
    assert Takeover.objects.count() == 301


def test_a_takeover_of_known_names_is_one_question_and_one_statement() -> None:
    open_venue()
    take_over("t1", margin="3")

    with sent() as statements:
        take_over("t2", margin="3")

    asked = [statement for statement in statements if "SAVEPOINT" not in statement]
    assert len(asked) == 2, asked
    assert asked[1].startswith("WITH door AS")


@pytest.mark.parametrize("known", [True, False], ids=["trader known", "trader new"])
def test_what_the_door_refuses_is_nowhere_and_names_its_report(settings: Any, known: bool) -> None:
    settings.TRADER_FLOOR = True
    open_venue("pre_close_compensation", precompensation={"per_takeover_cap": "1"})
    take_over("t1", margin="0")
    if known:
        accounts.open_missing([ANN], currency="USDT")
    before, events = balances(), Event.objects.count()
    reports = [takeover_report(name, margin="0") for name in ("t1", "t2", "t3")]

    with refused("account_floor") as caught:
        report_takeovers([*reports, takeover_report("t4", margin="3")], recorded_at=moment(1))

    assert caught.value.position == 3
    assert refusals_of(caught.value) == [(3, "account_floor")]
    assert balances() == before
    assert Takeover.objects.count() == 1
    assert not Entry.objects.filter(source_id="t4").exists()
    assert Event.objects.count() == events


# Valued at mark: the leftover margin stays with the engine, and the fund ends where it would at the bankruptcy price.


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("mark", ["95", "100", "104"])
@pytest.mark.parametrize("price", ["96", "103"])
def test_at_mark_the_fund_ends_with_what_it_would_at_the_bankruptcy_price(side: str, mark: str, price: str) -> None:
    open_venue(takeover_valuation="mark")
    take_over(side=side, margin="80", mark=mark)
    fill("f1", price=price, quantity="3", fee="0.5")
    fill("f2", price="101", quantity="7")
    direction = 1 if side == "long" else -1
    result = direction * (3 * (Decimal(price) - 100) + 7) - Decimal("0.5")

    assert balance(FUND) == plain(1000 + result)
    assert (balance(ENGINE), balance(ANN)) == ("0", "-80")
    assert Takeover.objects.get().result == result
    assert Takeover.objects.get().leftover == 0


def test_at_mark_the_trader_loses_at_mark_to_clearing_and_the_leftover_waits_with_the_engine() -> None:
    open_venue(takeover_valuation="mark")

    take_over(margin="80", mark="104")

    assert (balance(ANN), balance(CLEARING), balance(ENGINE)) == ("-80", "40", "40")


def test_leftover_margin_is_shared_by_fills_to_the_last_unit() -> None:
    open_venue(takeover_valuation="mark", decimals=2)
    take_over(quantity="3", at_price="100", mark="100.01", margin="1")

    for number in range(3):
        fill(f"f{number}", price="100", quantity="1")

    takeover = Takeover.objects.get()
    assert [plain(each.leftover) for each in takeover.fills.all()] == ["0.01", "0.01", "0.01"]
    assert (takeover.status, balance(ENGINE), balance(FUND)) == ("closed", "0", "1000")


def test_at_mark_a_mark_price_is_needed() -> None:
    open_venue(takeover_valuation="mark")

    with refused("mark_price_missing"):
        take_over()
