"""What is told: every kind where it happens, once, with the figures that are in the books."""

from decimal import Decimal

import pytest

from fund import cycles, deficits, positions, settlement, transfers
from fund.models import Cycle
from fund.positions import PositionProfit
from ledger.events.kinds import known
from ledger.events.models import Event
from ledger.events.recording import record
from liquidation import corrections
from liquidation.closes import close_takeover
from liquidation.inventory import dispose
from liquidation.takeovers import report_takeovers
from tests.builders import moment, refused
from tests.events.story import data_of, moved, names, telling, told
from tests.liquidation.adl import BANKRUPTCY, open_positions
from tests.liquidation.venue import (
    CONTRACT,
    FUND,
    deleverage,
    fill,
    open_cycle,
    open_venue,
    publish,
    take_over,
    takeover_report,
    unfilled,
)
from tests.statements import sent

pytestmark = pytest.mark.django_db


def test_opening_a_fund_tells_of_it_its_rulebook_and_its_money() -> None:
    with telling("fund.opened", "rulebook.published", "fund.contribution"):
        open_venue(contribution="1000")

    assert data_of("fund.contribution") == {
        "reference": "opening",
        "amount": "1000",
        "currency": "USDT",
        "source": "treasury",
        "requested_by": "treasurer",
        "decided_by": "treasurer",
    }
    assert set(Event.objects.values_list("stream", flat=True)) == {FUND}


def test_a_takeover_in_profit_tells_its_way_to_the_fund() -> None:
    open_venue(contribution="0")

    with telling("takeover.reported"):
        take_over()
    with telling("fund.injection", "takeover.closed"):
        fill(price="101")

    assert data_of("takeover.closed")["result"] == "10"
    assert data_of("takeover.closed")["injected"] == "10"
    assert data_of("fund.injection")["source_id"] == "t1"


def test_a_takeover_at_a_loss_tells_what_was_paid_and_what_is_carried() -> None:
    open_venue(contribution="30")
    take_over()

    with telling("fund.payout", "deficit.carried", "takeover.closed"):
        fill(price="95")

    payout = data_of("fund.payout")
    assert (payout["loss"], payout["fund_paid"], payout["carried"]) == ("50", "30", "20")
    assert data_of("deficit.carried")["amount"] == "20"


def test_what_is_told_again_is_told_once() -> None:
    open_venue()
    take_over()
    fill(price="95")

    with telling():
        take_over()
        fill(price="95")
        transfers.contribute(
            reference="opening",
            fund_code=FUND,
            amount=Decimal(1000),
            requested_by="treasurer",
            effective_at=moment(9),
        )


def test_what_is_refused_is_not_told() -> None:
    open_venue()
    take_over()

    with telling(), refused("fill_exceeds_remaining"):
        fill(price="95", quantity="11")


def test_a_batch_is_told_in_one_statement_and_in_its_order() -> None:
    open_venue()
    reports = [takeover_report(f"t{number}") for number in range(300)]

    with sent() as statements:
        report_takeovers(reports, recorded_at=moment(1))

    assert sum("INSERT INTO events_event" in statement for statement in statements) == 1
    reported = Event.objects.filter(kind="takeover.reported").order_by("id")
    assert [event.data["takeover"] for event in reported] == [report.reference for report in reports]


def test_a_withdrawal_is_told_when_it_is_asked_for_and_when_it_is_booked() -> None:
    open_venue()
    asked = {"fund_code": FUND, "amount": Decimal(5), "requested_by": "ann", "requested_at": moment(1)}

    with telling("fund.withdrawal_requested"):
        transfers.request_withdrawal(reference="w1", **asked)  # type: ignore[arg-type]
        transfers.request_withdrawal(reference="w1", **asked)  # type: ignore[arg-type]
    with telling("fund.withdrawal"):
        transfers.approve_withdrawal(reference="w1", approved_by="bob", decided_at=moment(2))
        transfers.approve_withdrawal(reference="w1", approved_by="bob", decided_at=moment(3))
    with telling("fund.withdrawal_requested", "fund.withdrawal_rejected"):
        transfers.request_withdrawal(reference="w2", **asked)  # type: ignore[arg-type]
        transfers.reject_withdrawal(reference="w2", rejected_by="bob", decided_at=moment(2))
    with telling("fund.entry_reversed"):
        for _ in range(2):
            corrections.reverse_reference("w1", reference="r1", effective_at=moment(4))


def test_a_deficit_is_told_as_it_is_repaid_and_absorbed() -> None:
    open_venue(contribution="0", deficit_repayment="0.5")
    take_over()
    fill(price="95")
    take_over("t2")

    with telling("fund.injection", "deficit.repaid", "takeover.closed"):
        fill("f2", takeover="t2", price="102")
    with telling("deficit.absorbed"):
        for _ in range(2):
            deficits.absorb(reference="a1", fund_code=FUND, amount=Decimal(3), effective_at=moment(5))

    assert data_of("deficit.repaid")["amount"] == "10"


def _loss_in_a_cycle() -> Cycle:
    open_venue("shared_loss", contribution="1000")
    cycle = open_cycle()
    take_over()
    fill(price="50")
    rows = [PositionProfit(position=f"p-{name}", trader=name, profit=Decimal(900)) for name in ("bob", "cid")]
    positions.add(cycle_id=cycle.pk, rows=rows)
    return cycle


def test_a_cycle_is_told_from_its_opening_to_a_second_settlement() -> None:
    cycle = _loss_in_a_cycle()

    with telling("cycle.positions_complete"):
        for _ in range(2):
            positions.complete(cycle_id=cycle.pk, count=2, total=Decimal(1800), completed_at=moment(3))
    with telling("cycle.ended", "cycle.settled"):
        for _ in range(2):
            settlement.settle_cycle(cycle_id=cycle.pk, settled_at=cycle.ends_at)
    with telling("cycle.reversed"):
        for _ in range(2):
            settlement.reverse_cycle(cycle_id=cycle.pk, reference="r1", effective_at=cycle.ends_at)
    with telling("cycle.settled"):
        settlement.settle_cycle(cycle_id=cycle.pk, settled_at=cycle.ends_at)

    runs = Event.objects.filter(kind="cycle.settled").order_by("id")
    assert [event.data["run"] for event in runs] == [1, 2]
    cycle.refresh_from_db()
    assert cycle.loss
    assert Decimal(runs[1].data["loss"]) == cycle.loss
    assert Decimal(runs[1].data["allocated"]) == cycle.allocated


def test_what_a_settlement_itself_takes_from_the_fund_is_told_before_it() -> None:
    open_venue("shared_loss", contribution="1000", allocation_residue="fund_then_carry")
    cycle = open_cycle()
    take_over()
    fill(price="50")
    positions.add(cycle_id=cycle.pk, rows=[PositionProfit(position="p", trader="bob", profit=Decimal(10))])
    positions.complete(cycle_id=cycle.pk, count=1, total=Decimal(10), completed_at=moment(3))

    settled = settlement.settle_cycle(cycle_id=cycle.pk, settled_at=cycle.ends_at)

    payout = Event.objects.filter(kind="fund.payout").order_by("-id")[0]
    assert payout.data["source_kind"] == "cycle"
    assert settled.residue
    assert Decimal(payout.data["fund_paid"]) + Decimal(payout.data["carried"]) == settled.residue


def test_ending_a_cycle_tells_of_it_once() -> None:
    open_venue()
    cycle = open_cycle()

    with telling("cycle.ended"):
        cycles.end(cycle_id=cycle.pk)
        cycles.end(cycle_id=cycle.pk)


def test_deleveraging_is_told_when_it_is_required_and_when_it_is_booked() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")

    with telling("adl.required"):
        unfilled()
        unfilled(seconds=4)
    with telling("adl.booked", "adl.required"):
        deleverage("a1", "t1", ("sue", "4", "130"))
        unfilled(seconds=6)
    with telling("takeover.closed", "adl.booked"):
        deleverage("a2", "t1", ("tom", "2", "110"))
        deleverage("a2", "t1", ("tom", "2", "110"))

    required = Event.objects.filter(kind="adl.required").order_by("id")
    assert [(event.data["quantity"], event.data["trigger"]) for event in required] == [
        ("6", "unfilled"),
        ("2", "unfilled"),
    ]


def test_the_inventory_tells_what_comes_in_goes_out_and_is_taken_back() -> None:
    open_venue(contribution="10000", inventory={"max_notional_share": "1"})
    take_over()

    with telling("inventory.acquired", "takeover.closed"):
        unfilled()
    with telling("inventory.disposed", "fund.payout"):
        for _ in range(2):
            dispose(
                reference="d1",
                contract=CONTRACT,
                price=Decimal(99),
                quantity=Decimal(10),
                disposed_at=moment(5),
                recorded_at=moment(5),
            )
    with telling("inventory.reversed", "fund.loss_reversed"):
        corrections.reverse_disposal("d1", reference="r1", effective_at=moment(6))


def test_corrections_tell_what_they_take_back() -> None:
    open_venue()
    take_over()
    fill(price="99")

    with telling("fund.loss_reversed", "takeover.reopened"):
        corrections.reverse_close("t1", reference="r1", effective_at=moment(5))
    with telling("fund.payout", "takeover.closed"):
        close_takeover(reference="t1", closed_at=moment(6))
    with telling("fund.loss_reversed", "fill.reversed"):
        for _ in range(2):
            corrections.reverse_fill("f1", reference="r2", effective_at=moment(7))
    with telling("fund.injection", "takeover.closed"):
        fill("f2", price="101")
    with telling("fund.surplus_reversed", "takeover.reversed"):
        corrections.reverse_takeover("t1", reference="r3", effective_at=moment(8), description="never was")

    assert data_of("takeover.reversed")["description"] == "never was"


def test_publishing_a_rulebook_is_told() -> None:
    open_venue()

    with telling("rulebook.published"):
        publish("shared_loss", at=moment(5))

    assert Event.objects.filter(kind="rulebook.published").latest("id").data["version"] == 2


def test_what_has_a_name_of_its_own_is_told_once() -> None:
    record([moved("a", once="x"), moved("b", once="x"), moved("c"), moved("d")])
    record([moved("e", once="x")])

    assert names() == ["a", "c", "d"]


def test_every_kind_has_a_name_and_fields_that_fit() -> None:
    for name, kind in known().items():
        assert name == kind.name
        assert len(name) <= 40
        assert kind.fields
        assert len(set(kind.fields)) == len(kind.fields)


def test_nothing_is_told_of_nothing() -> None:
    with sent() as statements:
        record([])

    assert not statements
    assert told() == []
