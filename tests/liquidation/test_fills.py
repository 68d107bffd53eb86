"""Fills: better and worse than the bankruptcy price, in parts, told twice, told wrongly, without a price."""

from decimal import Decimal
from typing import Any

import pytest

from ledger.models import Entry
from ledger.money import plain
from liquidation import corrections
from liquidation.fills import FillReport, report_fills
from liquidation.models import Fill, Takeover
from liquidation.takeovers import report_takeovers
from tests.builders import balance, balances, moment, refused
from tests.liquidation.venue import figures, fill, fill_report, open_venue, take_over, takeover_report
from tests.statements import sent

pytestmark = pytest.mark.django_db

CLEARING, ENGINE, FUND, FEES = "clearing:X-PERP:USDT", "engine:USDT", "fund:usdt", "fees:USDT"


def test_a_better_fill_of_a_part_waits_with_the_engine_and_the_fund_gets_nothing_yet() -> None:
    open_venue()
    take_over()

    fill(price="103", quantity="4", fee="1")

    assert (balance(CLEARING), balance(ENGINE), balance(FEES), balance(FUND)) == ("-12", "11", "1", "1000")
    assert figures() == {"status": "open", "remaining": "6"}
    assert Takeover.objects.get().running_result == 11


@pytest.mark.parametrize(("side", "price"), [("long", "99"), ("short", "101")])
def test_a_worse_fill_is_the_engines_loss(side: str, price: str) -> None:
    open_venue()
    take_over(side=side)

    fill(price=price, quantity="4")

    assert (balance(CLEARING), balance(ENGINE)) == ("4", "-4")


def test_twelve_fills_some_better_some_worse_inject_once_by_their_net_result() -> None:
    open_venue()
    take_over(quantity="12")

    for number in range(12):
        fill(f"f{number}", price="103" if number % 2 else "98", quantity="1")

    assert figures() == {"status": "closed", "result": "6", "injected": "6"}
    assert balance(FUND) == "1006"
    assert Entry.objects.filter(kind__in=["fund_injection", "fund_payout"]).count() == 1


def test_the_result_is_the_exact_sum_of_fills_that_were_rounded_one_by_one() -> None:
    open_venue(decimals=2)
    take_over(quantity="0.3")

    for number in range(3):
        fill(f"f{number}", price="100.05", quantity="0.1")

    # 0.005 is half-way: each line is rounded to the even 0.00, and nothing is made up for at the end.
    assert figures() == {"status": "closed"}
    assert Fill.objects.exclude(entry=None).count() == 0


def test_a_fill_at_the_bankruptcy_price_without_costs_posts_nothing() -> None:
    open_venue()
    take_over()

    reported = fill(price="100")

    assert reported.fill.entry_id is None
    assert figures() == {"status": "closed"}
    assert not Entry.objects.filter(source_kind="takeover").exists()


def test_costs_that_the_house_bears_do_not_come_off_the_result() -> None:
    open_venue(cost_policy="gross")
    take_over()

    fill(price="101", fee="3")

    assert figures() == {"status": "closed", "result": "10", "injected": "10"}
    assert (balance(FUND), balance(FEES), balance("treasury:USDT"), balance(ENGINE)) == ("1010", "3", "-1003", "0")


def test_a_fill_may_name_its_result_instead_of_a_price() -> None:
    open_venue()
    take_over()

    fill(pnl="-7.5", fee="0.5")

    assert figures() == {"status": "closed", "result": "-8", "paid": "8"}
    assert Takeover.objects.get().notional == 1000


def test_the_same_fill_again_is_a_replay_also_after_the_takeover_is_closed() -> None:
    open_venue()
    take_over()
    first = fill(price="101")
    before = balances()

    again = fill(price="101", seconds=500)

    assert (again.replayed, again.fill.pk) == (True, first.fill.pk)
    assert again.takeover.status == "closed"
    assert balances() == before


@pytest.mark.parametrize(
    "told",
    [{"price": "102"}, {"quantity": "9"}, {"fee": "1"}, {"price": None, "pnl": "10"}, {"takeover": "t2"}],
)
def test_a_reference_cannot_stand_for_another_fill(told: dict[str, Any]) -> None:
    open_venue()
    take_over()
    take_over("t2")
    fill(price="101")

    with refused("reference_reused"):
        fill(**{"price": "101", **told})


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("takeover_unknown", {"takeover": "nope", "price": "1"}),
        ("fill_price_or_pnl", {}),
        ("fill_price_or_pnl", {"price": "100", "pnl": "1"}),
        ("price_not_positive", {"price": "0"}),
        ("price_not_positive", {"price": "-1"}),
        ("quantity_not_positive", {"price": "100", "quantity": "0"}),
        ("fill_exceeds_remaining", {"price": "100", "quantity": "10.000000000000000001"}),
        ("fee_negative", {"price": "100", "fee": "-1"}),
        ("amount_precision", {"price": "100", "fee": "0.000000001"}),
        ("amount_precision", {"pnl": "0.000000001"}),
        ("number_out_of_range", {"price": "Infinity"}),
    ],
)
def test_what_cannot_be_a_fill_is_refused(code: str, told: dict[str, Any]) -> None:
    open_venue()
    take_over()

    with refused(code):
        fill(**told)

    assert not Fill.objects.exists()


def test_more_than_remains_is_refused_with_the_numbers() -> None:
    open_venue()
    take_over()
    fill(price="100", quantity="4")

    with refused("fill_exceeds_remaining") as caught:
        fill("f2", price="100", quantity="7")

    assert "fill of 7 exceeds the remaining 6 by 1" in caught.value.detail


def test_a_closed_takeover_takes_no_fill() -> None:
    open_venue()
    take_over()
    fill(price="100")

    with refused("takeover_closed"):
        fill("f2", price="100", quantity="1")


def test_fills_of_a_batch_are_booked_in_their_order_and_the_last_one_closes() -> None:
    open_venue()
    take_over()

    reported = report_fills(
        [fill_report("f1", price="101", quantity="4"), fill_report("f2", price="99", quantity="6")],
        recorded_at=moment(5),
    )

    assert [each.replayed for each in reported] == [False, False]
    assert figures() == {"status": "closed", "result": "-2", "paid": "2"}


def test_a_batch_that_overfills_takes_nothing_and_names_the_place() -> None:
    open_venue()
    take_over()

    with refused("fill_exceeds_remaining") as caught:
        report_fills(
            [fill_report("f1", price="101", quantity="4"), fill_report("f2", price="99", quantity="7")],
            recorded_at=moment(5),
        )

    assert caught.value.position == 1
    assert figures() == {"status": "open", "remaining": "10"}


def test_later_closes_of_a_batch_find_what_the_earlier_ones_left_of_the_fund() -> None:
    open_venue(contribution="100")
    report_takeovers([takeover_report(f"t{number}") for number in range(4)], recorded_at=moment(1))

    prices = ["92", "95", "105", "96"]
    report_fills(
        [fill_report(f"f{number}", takeover=f"t{number}", price=price) for number, price in enumerate(prices)],
        recorded_at=moment(5),
    )

    assert figures("t0") == {"status": "closed", "result": "-80", "paid": "80"}
    assert figures("t1") == {"status": "closed", "result": "-50", "paid": "20", "carried": "30"}
    assert figures("t2") == {"status": "closed", "result": "50", "injected": "50"}
    assert figures("t3") == {"status": "closed", "result": "-40", "paid": "20", "carried": "20"}
    assert (balance(FUND), balance("deficit:usdt"), balance(ENGINE)) == ("0", "20", "0")


def test_the_number_of_queries_does_not_grow_with_the_batch() -> None:
    open_venue("penalty_and_vault", penalty_rate="0.01", surplus_split={"fund": "0.5", "vault": "0.5"})
    report_takeovers([takeover_report(f"t{number}", margin="1") for number in range(302)], recorded_at=moment(1))

    def queries(reports: list[FillReport]) -> int:
        with sent() as captured:
            report_fills(reports, recorded_at=moment(5))
        return len(captured)

    few = queries([fill_report(f"f{number}", takeover=f"t{number}", price=f"{99 + 2 * number}") for number in range(2)])
    many = queries(
        [fill_report(f"f{number}", takeover=f"t{number}", price=f"{98 + number % 5}") for number in range(2, 302)]
    )

    assert many == few
    assert Takeover.objects.filter(status="closed").count() == 302
    assert balance(ENGINE) == "0"


def test_amounts_of_thirty_digits_are_exact() -> None:
    open_venue(contribution="0")
    take_over(quantity="1" + "0" * 15, at_price="1" + "0" * 15)

    fill(price="2" + "0" * 15, quantity="1" + "0" * 15)

    assert balance(FUND) == plain(Decimal(10) ** 30)


def at(reference: str, takeover: str, quantity: str, second: int) -> FillReport:
    return fill_report(reference, takeover=takeover, price="99", quantity=quantity, when=moment(second))


def test_a_takeover_is_closed_at_the_time_of_its_latest_fill_in_whatever_order_they_are_told() -> None:
    open_venue()
    for reference in ("in order", "in disorder", "in one call"):
        take_over(reference)

    report_fills([at("f1", "in order", "4", 5)], recorded_at=moment(9))
    report_fills([at("f2", "in order", "6", 8)], recorded_at=moment(9))
    report_fills([at("f3", "in disorder", "6", 8)], recorded_at=moment(9))
    report_fills([at("f4", "in disorder", "4", 5)], recorded_at=moment(9))
    report_fills([at("f5", "in one call", "6", 8), at("f6", "in one call", "4", 5)], recorded_at=moment(9))

    assert [takeover.closed_at for takeover in Takeover.objects.all()] == [moment(8)] * 3
    closes = Entry.objects.filter(source_kind="takeover", kind="fund_payout")
    assert [entry.effective_at for entry in closes] == [moment(8)] * 3


def test_a_fill_that_was_reversed_does_not_say_when_its_takeover_was_closed() -> None:
    open_venue()
    take_over()
    report_fills([at("f1", "t1", "4", 50)], recorded_at=moment(60))
    corrections.reverse_fill("f1", reference="r1", effective_at=moment(51))

    report_fills([at("f2", "t1", "6", 8)], recorded_at=moment(60))
    report_fills([at("f3", "t1", "4", 7)], recorded_at=moment(60))

    assert Takeover.objects.get().closed_at == moment(8)
