"""Engines that report at the same time, with real commits: nothing is booked twice, no fund falls below its floor."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from threading import Barrier, Thread
from unittest.mock import patch

import pytest
from django.db import connection, connections

from config.scratch import DatabaseUrls
from fund.models import Shortfall
from ledger.errors import Refused
from ledger.events.models import Event
from ledger.events.recording import number
from ledger.integrity import verify
from ledger.models import Account, Entry
from ledger.money import total
from liquidation import deleveraging
from liquidation.deleveraging import Counterparty
from liquidation.fills import report_fills
from liquidation.inventory import dispose
from liquidation.models import Fill, Takeover
from liquidation.takeovers import report_takeovers
from liquidation.unfilled import report_unfilled
from tests.builders import balance, moment
from tests.liquidation.venue import deleverage, figures, fill_report, open_venue, take_over, takeover_report

pytestmark = pytest.mark.usefixtures("committed_db")

FUND, ENGINE, DEFICIT = "fund:usdt", "engine:USDT", "deficit:usdt"


def at_once(*people: Callable[[], object]) -> list[object]:
    """Each on a connection of its own, all at the same moment. What they returned, or the code of their refusal."""
    outcomes: list[object] = [None] * len(people)
    start = Barrier(len(people))

    def act(place: int, person: Callable[[], object]) -> None:
        try:
            start.wait()
            outcomes[place] = person()
        except Refused as refusal:
            outcomes[place] = refusal.code
        finally:
            connections.close_all()

    threads = [Thread(target=act, args=(place, person)) for place, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def transactions_of(act: Callable[[], object]) -> int:
    """How often a transaction of several statements was begun, or ended."""
    with patch.object(connection, "set_autocommit", wraps=connection.set_autocommit) as switched:
        act()
    return switched.call_count


def test_a_takeover_of_known_names_holds_its_locks_for_one_statement() -> None:
    open_venue()
    first = transactions_of(lambda: take_over("t1", margin="3"))

    again = transactions_of(lambda: take_over("t2", margin="3"))

    assert (first, again) == (2, 0), "the first opens its trader's account too"
    assert Takeover.objects.count() == 2


def clean() -> bool:
    return not [str(finding) for finding in verify().findings]


def test_the_same_takeover_eight_times_at_once_is_booked_once() -> None:
    open_venue()
    report = takeover_report(margin="60")

    outcomes = at_once(*[lambda: report_takeovers([report], recorded_at=moment(1))[0]] * 8)

    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 7  # type: ignore[attr-defined]
    assert len({each.takeover.pk for each in outcomes}) == 1  # type: ignore[attr-defined]
    assert (Takeover.objects.count(), balance("trader:ann:USDT")) == (1, "-60")


@pytest.mark.parametrize("aside", [None, {"share_of_fund": "0.01"}], ids=["nothing", "a share"])
def test_the_same_takeover_without_a_time_at_once_is_booked_once(aside: object) -> None:
    """Each call has its own clock, and finds another balance to set a share of aside from."""
    open_venue("pre_close_compensation", precompensation=aside)
    report = replace(takeover_report(margin="60"), taken_over_at=None)

    def told_at(seconds: int) -> Callable[[], bool]:
        return lambda: report_takeovers([report], recorded_at=moment(seconds))[0].replayed

    outcomes = at_once(*map(told_at, range(1, 9)))

    assert Counter(outcomes) == {True: 7, False: 1}
    assert (Takeover.objects.count(), balance("trader:ann:USDT")) == (1, "-60")
    assert clean()


def test_a_disposal_of_all_that_is_held_told_at_once_is_booked_once() -> None:
    open_venue("inventory_takeover")
    take_over(margin="0")
    report_unfilled(reference="t1", reported_at=moment(1), mark_price=None, listed=())

    def told_at(seconds: int) -> Callable[[], bool]:
        return lambda: (
            dispose(
                reference="d1", contract="X-PERP", price=Decimal(99), quantity=Decimal(10), recorded_at=moment(seconds)
            ).replayed
        )

    outcomes = at_once(*map(told_at, range(2, 10)))

    assert Counter(outcomes) == {True: 7, False: 1}
    assert balance(FUND) == "990"
    assert clean()


def test_events_of_takeovers_have_times_in_the_order_of_their_positions() -> None:
    """Also where one has waited for the accounts of another."""
    open_venue()
    take_over("t0", margin="1")

    def report(place: int) -> Callable[[], object]:
        return lambda: report_takeovers([takeover_report(f"t{place}", margin="1")], recorded_at=moment(place))

    at_once(*map(report, range(1, 9)))

    number()
    told = Event.objects.filter(kind="takeover.reported").order_by("position")
    times = list(told.values_list("created_at", flat=True))
    assert len(times) == 9
    assert times == sorted(times)


def test_the_same_fill_eight_times_at_once_is_booked_once_and_all_answer_the_same() -> None:
    open_venue()
    take_over()

    outcomes = at_once(*[lambda: report_fills([fill_report(price="101")], recorded_at=moment(2))[0]] * 8)

    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 7  # type: ignore[attr-defined]
    assert {(each.fill.pk, each.takeover.result) for each in outcomes} == {  # type: ignore[attr-defined]
        (Fill.objects.get().pk, Decimal(10))
    }
    assert balance(FUND) == "1010"
    assert clean()


def test_of_two_last_fills_that_race_one_closes_and_the_other_is_refused() -> None:
    open_venue()
    take_over()

    outcomes = at_once(
        lambda: report_fills([fill_report("f1", price="101")], recorded_at=moment(2)) and "booked",
        lambda: report_fills([fill_report("f2", price="99")], recorded_at=moment(2)) and "booked",
    )

    assert Counter(outcomes) == {"booked": 1, "takeover_closed": 1}
    assert Fill.objects.count() == 1
    assert clean()


def test_the_same_adl_event_eight_times_at_once_is_booked_once() -> None:
    open_venue(adl={"trigger": "unfilled"})
    take_over()

    outcomes = at_once(*[lambda: deleverage("a1", "t1", ("sue", "10", "130"))] * 8)

    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 7  # type: ignore[attr-defined]
    assert balance("trader:sue:USDT") == "300"
    assert clean()


def test_batches_that_name_the_same_takeovers_in_opposite_order_do_not_stand_in_each_others_way() -> None:
    open_venue()
    report_takeovers([takeover_report(f"t{number}") for number in range(40)], recorded_at=moment(1))

    def batch(order: Sequence[int], name: str) -> Callable[[], object]:
        reports = [fill_report(f"{name}{number}", takeover=f"t{number}", price="101", quantity="5") for number in order]
        return lambda: report_fills(reports, recorded_at=moment(2)) and "booked"

    outcomes = at_once(batch(range(40), "up"), batch(range(39, -1, -1), "down"))

    assert outcomes == ["booked", "booked"]
    assert (balance(FUND), balance(ENGINE)) == ("1400", "0")
    assert clean()


def test_overlapping_batches_of_new_takeovers_in_opposite_order_are_each_answered() -> None:
    open_venue()
    reports = [takeover_report(f"t{number}", margin="1", trader=f"trader{number}") for number in range(60)]

    outcomes = at_once(
        lambda: len(report_takeovers(reports, recorded_at=moment(1))),
        lambda: len(report_takeovers(reports[::-1], recorded_at=moment(1))),
    )

    assert outcomes == [60, 60]
    assert (Takeover.objects.count(), balance("clearing:X-PERP:USDT")) == (60, "60")


def test_budgets_set_aside_at_once_never_exceed_the_fund() -> None:
    open_venue(
        "pre_close_compensation", contribution="45", precompensation={"per_takeover_cap": "10", "share_of_fund": "1"}
    )

    def take(number: int) -> Callable[[], object]:
        return lambda: report_takeovers([takeover_report(f"t{number}")], recorded_at=moment(1))[0].takeover.compensation

    outcomes = at_once(*[take(number) for number in range(8)])

    assert Counter(outcomes) == {Decimal(10): 4, Decimal(5): 1, Decimal(0): 3}
    assert (balance(FUND), balance("fund:usdt:reserved")) == ("0", "45")


def test_eight_processes_close_takeovers_of_a_fund_that_runs_dry(committed_db: DatabaseUrls) -> None:
    open_venue(contribution="500", deficit_repayment="0.5")
    engines, each = 8, 12
    report_takeovers(
        [takeover_report(f"t{engine}.{number}") for engine in range(engines) for number in range(each)],
        recorded_at=moment(1),
    )
    prices = ("97", "99", "102", "95")

    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.liquidation.engine_process", f"engine{engine}"),
                *(f"t{engine}.{number}={prices[(engine + number) % 4]}" for number in range(each)),
            ],
            env={**os.environ, **committed_db.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for engine in range(engines)
    ]
    answers = [process.communicate(timeout=120) for process in running]

    assert [(process.returncode, errors) for process, (_, errors) in zip(running, answers, strict=True)] == [
        (0, "")
    ] * engines
    assert sum(len(answer.splitlines()) for answer, _ in answers) == engines * each
    assert Takeover.objects.filter(status="closed").count() == engines * each
    # Every four closes lose 30 + 10 + 50 and gain 20; what the fund lacked stands as a deficit.
    lost, gained = 24 * 90, 24 * 20
    assert total(loss.loss for loss in Shortfall.objects.all()) == lost
    held = Account.objects.get(code=FUND).balance - Account.objects.get(code=DEFICIT).balance
    assert held == 500 - lost + gained
    assert balance(ENGINE) == "0"
    assert clean()


def test_ten_thousand_takeovers_and_their_fills_are_two_calls() -> None:
    open_venue(contribution="1000")
    reports = [takeover_report(f"t{number}", margin="1") for number in range(10_000)]
    fills = [fill_report(f"f{number}", takeover=f"t{number}", price=f"{99 + number % 3}") for number in range(10_000)]

    report_takeovers(reports, recorded_at=moment(1))
    report_fills(fills, recorded_at=moment(2))

    assert Takeover.objects.filter(status="closed").count() == 10_000
    assert Entry.objects.filter(kind="fund_injection").count() == 3333
    assert figures("t2") == {"status": "closed", "result": "10", "injected": "10"}
    assert (balance(ENGINE), balance("clearing:X-PERP:USDT")) == ("0", "10010")
    assert clean()


def test_adl_event_that_overtakes_its_takeover_finds_its_accounts_at_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_venue(adl={"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"})
    look_up = deleveraging._open_accounts

    def reported_right_after(takeover: str, fills: Sequence[Counterparty]) -> bool:
        found = look_up(takeover, fills)
        if not found:
            at_once(take_over)
        return found

    monkeypatch.setattr(deleveraging, "_open_accounts", reported_right_after)
    deleverage("a1", "t1", ("sue", "4", "130"))

    assert (Takeover.objects.get().remaining, balance("trader:sue:USDT")) == (6, "120")
