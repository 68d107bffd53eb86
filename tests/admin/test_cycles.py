"""A settlement cycle as a bookkeeper previews, settles and takes it back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from fund import cycles, positions
from fund.models import Allocation, Cycle
from ledger.models import Entry
from tests.admin.people import read, send, send_and_be_refused
from tests.admin.stories import fill, loss_shared_by_traders, open_fund, take_over, trade_contract
from tests.builders import START, balance, balances, moment

CYCLES = "/admin/fund/cycle/"
ALLOCATIONS = "/admin/fund/allocation/"


def of(cycle: Cycle, action: str) -> str:
    return f"{CYCLES}{cycle.pk}/{action}/"


def test_a_preview_shows_what_settling_would_do_and_books_nothing(auditor: Client) -> None:
    cycle = loss_shared_by_traders()
    before = balances()

    page = read(auditor, of(cycle, "preview"))

    assert "Paid by the fund 240 Taken from profitable traders 760 Loss 1,000" in page
    assert "Balance of the fund 760" in page
    assert "Left by the formula 40" in page
    assert "3 participants, 3 traders charged, at most 80 % of a profit." in page
    assert "1 pos1 p1 500 400 2 pos2 p2 300 240 3 pos3 p3 150 120" in page
    assert balances() == before
    assert not Allocation.objects.exists()


def test_a_preview_by_another_version_of_the_rulebook(treasurer: Client) -> None:
    cycle = loss_shared_by_traders()
    url = "/admin/fund/rulebookversion/add/?fund=usdt"
    form = treasurer.get(url).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    send(treasurer, url, **{**values, "allocation_base": "participating", "effective_from": "2027-01-01T00:00:00"})

    page = read(treasurer, of(cycle, "preview"), rulebook="2")

    assert "under usdt v2 (shared_loss) , from its first takeover on" in page
    assert "1 pos1 p1 500 421.05263158" in page


def test_a_preview_by_a_preset_stands_beside_the_cycles_own_rulebook(treasurer: Client) -> None:
    cycle = loss_shared_by_traders()
    before = balances()

    page = read(treasurer, of(cycle, "preview"), rulebook="full_cover")

    assert "what settling it now would do under the preset full_cover, from its first takeover on." in page
    assert "By its own By full_cover Difference Balance of the fund afterwards 760 0 -760" in page
    assert (
        "Paid by the fund 240 1,000 760 Taken from profitable traders 760 0 -760 Traders charged, in number 3 0 -3"
        in page
    )
    assert "Select a valid choice" in read(treasurer, of(cycle, "preview"), rulebook="penalty_and_vault")
    assert balances() == before


def test_a_bookkeeper_settles_a_cycle_after_a_question(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()

    asked = read(bookkeeper, of(cycle, "settle"))
    assert "Taken from profitable traders 760 Loss 1,000" in asked
    answer = send(bookkeeper, of(cycle, "settle"))

    assert "a loss of 1,000 USDT, paid by the fund 240, taken from traders 760." in answer
    assert (balance("fund:usdt"), balance("loss:usdt"), balance("trader:p1:USDT")) == ("760", "0", "-400")
    assert Entry.objects.filter(kind="allocation").values_list("recorded_by", flat=True).distinct().get() == "ben"
    page = read(bookkeeper, of(cycle, "change"))
    assert "Allocated: 760" in page
    anew = read(bookkeeper, of(cycle, "preview"))
    assert (
        "is settled; shown is what settling it did, worked out anew by its own rulebook from what the fund had then."
        in anew
    )
    assert "Settle…" not in page


def test_settling_twice_settles_once(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))
    before = balances()
    send(bookkeeper, of(cycle, "settle"))
    assert balances() == before
    assert Allocation.objects.count() == 3


def test_allocations_show_the_latest_cycle_and_lead_to_trader_and_entry(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))

    page = read(bookkeeper, ALLOCATIONS)
    assert "1 usdt cycle 1 1 pos1 p1 500 400 USDT cycle:usdt:1:1" in page
    one = read(bookkeeper, ALLOCATIONS, q="p2")
    assert "pos2 p2 300 240" in one
    assert "pos1" not in one
    assert "3 allocations" in read(bookkeeper, ALLOCATIONS, cycle=str(cycle.pk))
    account = reverse("admin:ledger_account_by_code", args=["trader:p1:USDT"])
    assert account in bookkeeper.get(ALLOCATIONS).content.decode()


def test_an_allocation_says_why_the_trader_bears_it(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))
    page = f"{ALLOCATIONS}{Allocation.objects.get(rank=3).pk}/change/"

    told = read(bookkeeper, page)
    assert "usdt cycle 1 had a loss of 1,000 USDT ; 800 of it is the part of profitable traders" in told.replace(
        ";", " ;"
    )
    assert "until their profit reaches 90 % of all profit, which is 1,000 USDT: 3 of them" in told
    assert (
        "The traders' part of the loss 800 Denominator 1,000 Its profit 150 Its part, by the formula 120 Bears 120"
        in told
    )
    assert "800 · 150 / 1000 = 120, cut off to 8 decimals" in told
    assert "pos3 3 yes 150 120 Bears in all 120" in told

    send(bookkeeper, of(cycle, "reverse"), reference="reversal:1")
    assert "run 1 of usdt cycle 1 , whose settlement was reversed: nothing of it stands." in read(bookkeeper, page)


def test_a_traders_account_leads_to_its_allocations_and_takeovers(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))
    account = reverse("admin:ledger_account_by_code", args=["trader:p1:USDT"])

    page = bookkeeper.get(account, follow=True).content.decode()
    assert f'<a href="{ALLOCATIONS}?trader=p1">allocations</a>' in page
    assert '<a href="/admin/liquidation/takeover/?trader=p1">takeovers</a>' in page
    assert "pos1 p1 500 400" in read(bookkeeper, ALLOCATIONS, trader="p1")
    assert "1 allocation" in read(bookkeeper, ALLOCATIONS, trader="p1")


def test_a_cycle_that_has_not_ended_is_not_settled(bookkeeper: Client) -> None:
    open_fund(preset="shared_loss")
    trade_contract()
    cycle = cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=moment(10**9), opened_at=START)
    send_and_be_refused(bookkeeper, of(cycle, "settle"), code="cycle_not_ended")


def test_a_cycle_without_its_positions_is_not_settled(bookkeeper: Client) -> None:
    open_fund(preset="shared_loss")
    trade_contract()
    cycle = cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=moment(3600), opened_at=START)
    take_over("t1")
    fill("f1", "t1", "27000")

    assert "positions of this cycle are not complete" in read(bookkeeper, of(cycle, "preview"))
    send_and_be_refused(bookkeeper, of(cycle, "settle"), code="positions_incomplete")


def test_a_bookkeeper_completes_the_positions_where_the_feed_did_not(bookkeeper: Client, treasurer: Client) -> None:
    open_fund(preset="shared_loss")
    cycle = cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=moment(3600), opened_at=START)
    row = positions.PositionProfit(position="pos1", trader="p1", contract="BTC-PERP", profit=Decimal("12.5"))
    positions.add(cycle_id=cycle.pk, rows=[row])

    assert treasurer.post(of(cycle, "complete")).status_code == 403
    asked = read(bookkeeper, of(cycle, "complete"))
    assert "So far 1 position came in, with a profit of 12.5 USDT in all." in asked
    send_and_be_refused(bookkeeper, of(cycle, "complete"), code="positions_count_mismatch", count="2")
    send_and_be_refused(bookkeeper, of(cycle, "complete"), code="positions_total_mismatch", total="12")
    cycle.refresh_from_db()
    assert cycle.positions_complete_at is None

    answer = send(bookkeeper, of(cycle, "complete"), count="1", total="12.5")
    assert "The positions of usdt cycle 1 are complete: 1." in answer
    assert "Complete the positions…" not in answer
    cycle.refresh_from_db()
    assert cycle.positions_complete_at is not None


def test_a_settlement_is_taken_back_as_a_whole_and_made_again(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))

    assert "It shared a loss of 1,000 USDT and took 760 from 3 participants" in read(bookkeeper, of(cycle, "reverse"))
    answer = send(bookkeeper, of(cycle, "reverse"), reference="reversal:1")
    assert "The settlement of usdt cycle 1 is reversed" in answer
    assert (balance("fund:usdt"), balance("loss:usdt"), balance("trader:p1:USDT")) == ("800", "800", "0")

    send(bookkeeper, of(cycle, "settle"))
    assert (balance("fund:usdt"), balance("loss:usdt"), balance("trader:p1:USDT")) == ("760", "0", "-400")
    assert set(Allocation.objects.values_list("run", flat=True)) == {1, 2}


def test_reversing_an_entry_of_a_settlement_says_that_it_reverses_the_whole(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    send(bookkeeper, of(cycle, "settle"))
    entry = Entry.objects.filter(kind="allocation").earliest("id")
    url = reverse("admin:ledger_entry_reverse", args=[entry.pk])

    assert "belongs to the settlement of cycle usdt:1. The settlement is reversed as a whole" in read(bookkeeper, url)
    send(bookkeeper, url, reason="wrong positions", reference="reversal:1")

    cycle.refresh_from_db()
    assert cycle.status == Cycle.Status.ENDED
    assert balance("loss:usdt") == "800"


def test_reversing_a_fill_opens_its_takeover_again(bookkeeper: Client) -> None:
    open_fund()
    trade_contract()
    take_over("t1")
    fill("f1", "t1", "28200")
    url = reverse("admin:ledger_entry_reverse", args=[Entry.objects.get(reference="fill:f1").pk])

    assert "This entry belongs to takeover t1." in read(bookkeeper, url)
    send(bookkeeper, url, reason="another price", reference="reversal:f1")

    assert balance("fund:usdt") == "1000"
    assert "t1 BTC-PERP ann Long 1 28,000 1,000 Open 1 " in read(bookkeeper, "/admin/liquidation/takeover/")


@pytest.mark.parametrize("action", ["settle", "reverse"])
def test_only_bookkeepers_settle_and_take_back(treasurer: Client, auditor: Client, action: str) -> None:
    cycle = loss_shared_by_traders()
    before = balances()
    for person in (treasurer, auditor):
        assert person.post(of(cycle, action), {"reference": "r"}).status_code == 403
        assert "Settle…" not in read(person, of(cycle, "change"))
    assert balances() == before


def test_a_preview_of_no_cycle_is_not_found(auditor: Client) -> None:
    assert auditor.get(f"{CYCLES}999/preview/").status_code == 404


def test_a_bookkeeper_opens_a_cycle(bookkeeper: Client) -> None:
    open_fund(preset="shared_loss")
    values = {"fund": "usdt", "starts_at": "2026-01-01T00:00:00", "ends_at": "2026-01-01T08:00:00"}

    assert "Opened usdt cycle 1." in send(bookkeeper, f"{CYCLES}add/", **values)
    cycle = Cycle.objects.get()
    assert (cycle.starts_at, cycle.ends_at) == (START, datetime(2026, 1, 1, 8, tzinfo=UTC))

    overlapping = {**values, "starts_at": "2026-01-01T04:00:00", "ends_at": "2026-01-01T12:00:00"}
    send_and_be_refused(bookkeeper, f"{CYCLES}add/", code="cycle_overlaps", **overlapping)


def test_unsettled_cycles_are_one_click_away(auditor: Client) -> None:
    open_fund(preset="shared_loss")
    cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=START + timedelta(hours=8), opened_at=START)
    assert "usdt cycle 1" in read(auditor, CYCLES, state="unsettled")
    assert "usdt cycle 1" not in read(auditor, CYCLES, state="settled")


def test_an_unsettled_cycle_shows_its_losses_so_far(auditor: Client) -> None:
    open_fund(preset="shared_loss", contribution="100000")
    trade_contract()
    cycle = cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=moment(3600), opened_at=START)
    for number in (1, 2):
        take_over(f"t{number}")
        fill(f"f{number}", f"t{number}", "27000")

    expected = "Shortfalls: 2,000 USDT in all, paid by the fund 400, for profitable traders 1,600"
    assert expected in read(auditor, of(cycle, "change"))
