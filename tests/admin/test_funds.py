"""Funds, rulebooks, transfers and cycles as the treasury and bookkeepers work with them."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from fund import cycles
from fund.admin.rulebook_form import TERMS
from fund.models import Fund, RulebookVersion, Transfer
from fund.rulebook import DEFAULTS, PRESETS, publish_fields, to_json
from fund.rulebook.reading import FIELDS
from fund.rulebooks import load
from ledger.models import Entry
from liquidation.inventory import mark
from liquidation.unfilled import report_unfilled
from tests.admin.people import read, send, send_and_be_refused
from tests.admin.stories import open_fund, take_over, trade_contract
from tests.builders import START, balance, moment, move, open_currency, post

FUNDS = "/admin/fund/fund/"
RULEBOOKS = "/admin/fund/rulebookversion/"
TRANSFERS = "/admin/fund/transfer/"
CYCLES = "/admin/fund/cycle/"
INVENTORY = "/admin/fund/inventoryposition/"


def page_of(row: Any) -> str:
    return reverse(f"admin:fund_{row._meta.model_name}_change", args=[row.pk])


def form_values(client: Client, url: str) -> dict[str, str]:
    """The values of a form as it is shown, ready to be sent."""
    form = client.get(url).context["form"]
    return {name: str(form[name].value()) if form[name].value() is not None else "" for name in form.fields}


def request_withdrawal(client: Client, amount: str) -> Transfer:
    send(
        client,
        f"{TRANSFERS}add/",
        direction="withdrawal",
        fund="usdt",
        amount=amount,
        source="treasury",
        reference="w1",
    )
    return Transfer.objects.get(reference="w1")


def test_a_fund_shows_its_figures_and_the_way_to_everything(auditor: Client) -> None:
    fund = open_fund(contribution="1234567.5")
    post(move("loss", "10", debited="deficit:usdt", credited="engine:USDT", kind="deficit_carried"))

    assert "usdt USDT 1,234,567.5 0 10 0 0 0 0 0" in read(auditor, FUNDS)
    page = read(auditor, page_of(fund))
    assert "Rulebook in force: usdt v1 (full_cover)" in page
    assert "Balance: 1,234,567.5" in page
    assert "rulebook versions · cycles · transfers · shortfalls" in page


def test_a_fund_shows_what_it_holds_at_mark_and_what_that_is_under_water(auditor: Client) -> None:
    fund = open_fund(preset="inventory_takeover", contribution="100000")
    trade_contract()
    take_over("t1")
    report_unfilled(reference="t1", reported_at=moment(1))
    assert "BTC-PERP usdt long 1 28,000 – – 28,000 – USDT" in read(auditor, INVENTORY)
    mark(contract="BTC-PERP", price=Decimal(27700), marked_at=moment(2))

    assert "BTC-PERP usdt long 1 28,000 27,700 2026-01-01 00:00:02 27,700 -300 USDT" in read(auditor, INVENTORY)
    page = read(auditor, page_of(fund))
    assert "Inventory at mark: 27,700 Unrealised result of the inventory: -300" in page


def test_the_treasury_opens_a_fund(treasurer: Client) -> None:
    open_currency()
    url = f"{FUNDS}add/?preset=shared_loss"
    values = form_values(treasurer, url)

    answer = send(treasurer, url, **{**values, "code": "usdt", "currency": "USDT", "cycle_seconds": "28800"})

    assert "Fund usdt is open" in answer
    version = RulebookVersion.objects.get(fund__code="usdt")
    assert (version.preset, version.published_by) == ("shared_loss", "tess")
    assert load(version).traders_share == Decimal("0.8")


def test_a_fund_is_not_opened_under_a_name_that_is_none(treasurer: Client) -> None:
    open_currency()
    values = form_values(treasurer, f"{FUNDS}add/")
    answer = send(treasurer, f"{FUNDS}add/", **{**values, "code": "us dt", "currency": "USDT"})
    assert "name_malformed" in answer
    assert not Fund.objects.exists()


def test_every_field_of_a_rulebook_is_in_the_form() -> None:
    assert {term.path.partition(".")[0] for term in TERMS} == set(FIELDS) == set(DEFAULTS)


@pytest.mark.parametrize("preset", sorted(name for name, preset in PRESETS.items() if not preset.required))
def test_a_preset_published_as_it_is_shown_is_the_preset(treasurer: Client, preset: str) -> None:
    open_fund(preset="shared_loss")
    url = f"{RULEBOOKS}add/?fund=usdt&preset={preset}"

    send(treasurer, url, **form_values(treasurer, url))

    version = RulebookVersion.objects.get(version=2)
    assert version.fields == to_json(publish_fields(preset, {}, decimals=8))
    assert version.published_by == "tess"


def test_the_next_version_starts_from_the_one_in_force_and_shows_what_differs(treasurer: Client) -> None:
    open_fund(preset="shared_loss", fund_floor="100")
    url = f"{RULEBOOKS}add/?fund=usdt"
    values = form_values(treasurer, url)
    assert values["fund_floor"] == "100"

    send(
        treasurer,
        url,
        **{**values, "fund_floor": "250", "adl.trigger": "unfilled", "adl.queue": "profit_amount", "adl.price": "mark"},
    )

    version = RulebookVersion.objects.get(version=2)
    assert (load(version).fund_floor, load(version).preset) == (Decimal("250"), "shared_loss")
    page = read(treasurer, page_of(version))
    assert "fund floor 250 100" in page
    assert "adl: price mark –" in page
    assert "traders share 0.8 the same" in page


def test_refusals_of_a_rulebook_stand_beside_their_fields(treasurer: Client) -> None:
    open_fund()
    url = f"{RULEBOOKS}add/?fund=usdt"
    values = form_values(treasurer, url)
    wrong = {"fund_share": "0.5", "traders_share": "0.8", "adl.threshold": "0.3", "surplus_split.fund": "0.9"}

    response = treasurer.post(url, {**values, **wrong})
    errors = response.context["form"].errors
    assert "the shares sum to 0.9, not 1 (value_out_of_range)" in errors["surplus_split.fund"][0]

    response = treasurer.post(url, {**values, **wrong, "surplus_split.fund": "1"})
    errors = response.context["form"].errors
    assert "sum to 1.3, above 1 (contradiction)" in errors["traders_share"][0]
    assert "has none (contradiction)" in errors["adl.threshold"][0]
    assert RulebookVersion.objects.count() == 1


def test_a_preset_without_defaults_asks_for_what_it_requires(treasurer: Client) -> None:
    open_fund()
    url = f"{RULEBOOKS}add/?fund=usdt&preset=penalty_and_vault"
    response = treasurer.post(url, form_values(treasurer, url))
    assert "This field is required." in response.context["form"].errors["penalty_rate"]
    assert RulebookVersion.objects.count() == 1


def test_only_the_treasury_publishes(bookkeeper: Client, auditor: Client) -> None:
    open_fund()
    for reader in (bookkeeper, auditor):
        assert reader.get(f"{RULEBOOKS}add/?fund=usdt").status_code == 403
        assert reader.get(f"{TRANSFERS}add/").status_code == 403
        assert reader.get(f"{FUNDS}add/").status_code == 403


def test_a_contribution_is_booked_in_the_name_of_who_made_it(treasurer: Client) -> None:
    open_fund(contribution="0")
    url = f"{TRANSFERS}add/?direction=contribution&fund=usdt"
    values = {**form_values(treasurer, url), "amount": "2500.25"}

    answer = send(treasurer, url, **values)
    again = send(treasurer, url, **values)

    assert "Contributed 2,500.25 USDT to fund usdt" in answer
    assert "Contributed" in again
    assert balance("fund:usdt") == "2500.25"
    entry = Entry.objects.get(kind="fund_contribution")
    assert entry.recorded_by == "tess"
    assert entry.source_id == values["reference"]


@pytest.mark.parametrize("amount", ["1,000", "1e3", "-", "１０"])
def test_an_amount_that_can_be_read_in_two_ways_is_refused(treasurer: Client, amount: str) -> None:
    open_fund()
    values = form_values(treasurer, f"{TRANSFERS}add/?direction=contribution&fund=usdt")
    send_and_be_refused(treasurer, f"{TRANSFERS}add/", code="is not a plain decimal", **{**values, "amount": amount})


def test_an_amount_finer_than_the_currency_is_refused(treasurer: Client) -> None:
    open_fund()
    values = form_values(treasurer, f"{TRANSFERS}add/?direction=contribution&fund=usdt")
    amount = "1.123456789"
    send_and_be_refused(treasurer, f"{TRANSFERS}add/", code="amount_precision", **{**values, "amount": amount})


def test_a_withdrawal_is_paid_once_a_second_person_approves(treasurer: Client, second_treasurer: Client) -> None:
    open_fund()
    withdrawal = request_withdrawal(treasurer, "400")
    assert balance("fund:usdt") == "1000"

    asked = read(second_treasurer, f"{TRANSFERS}{withdrawal.pk}/approve/")
    assert "Balance of the fund now 1,000 USDT" in asked
    assert "Balance if it is paid 600 USDT" in asked
    answer = send(second_treasurer, f"{TRANSFERS}{withdrawal.pk}/approve/")

    assert "Withdrawal w1 is approved and paid" in answer
    assert balance("fund:usdt") == "600"
    withdrawal.refresh_from_db()
    assert (withdrawal.requested_by, withdrawal.decided_by) == ("tess", "theo")
    assert Entry.objects.get(kind="fund_withdrawal").recorded_by == "theo"


def test_nobody_approves_the_own_withdrawal(treasurer: Client) -> None:
    open_fund()
    withdrawal = request_withdrawal(treasurer, "400")
    send_and_be_refused(treasurer, f"{TRANSFERS}{withdrawal.pk}/approve/", code="withdrawal_same_person")


def test_a_rejected_withdrawal_moves_nothing_and_is_not_approved_afterwards(
    treasurer: Client, second_treasurer: Client
) -> None:
    open_fund()
    withdrawal = request_withdrawal(treasurer, "400")
    assert "is rejected. No money has moved." in send(second_treasurer, f"{TRANSFERS}{withdrawal.pk}/reject/")
    send_and_be_refused(second_treasurer, f"{TRANSFERS}{withdrawal.pk}/approve/", code="withdrawal_not_pending")
    assert balance("fund:usdt") == "1000"


def test_a_withdrawal_beyond_the_spendable_is_refused_with_the_values(treasurer: Client) -> None:
    open_fund(fund_floor="300")
    values = {"direction": "withdrawal", "fund": "usdt", "amount": "800", "source": "treasury", "reference": "w1"}
    answer = send_and_be_refused(treasurer, f"{TRANSFERS}add/", code="fund_balance_insufficient", **values)
    assert "exceeds the spendable 700 by 100" in answer


def test_a_bookkeeper_cannot_decide_on_a_withdrawal(treasurer: Client, bookkeeper: Client) -> None:
    open_fund()
    withdrawal = request_withdrawal(treasurer, "400")
    assert "Approve…" not in read(bookkeeper, page_of(withdrawal))
    assert bookkeeper.post(f"{TRANSFERS}{withdrawal.pk}/approve/").status_code == 403
    assert balance("fund:usdt") == "1000"


def test_a_pending_withdrawal_leads_to_its_decision(treasurer: Client, second_treasurer: Client) -> None:
    open_fund()
    request_withdrawal(treasurer, "400")
    assert "w1 usdt Withdrawal 400 USDT Pending Decide tess" in read(
        second_treasurer, TRANSFERS, status__exact="pending"
    )
    assert re.search(r"usdt USDT 1,000 0 0 0 0 0 0 1 ", read(second_treasurer, FUNDS))


def test_lists_of_funds_cost_the_same_number_of_queries_however_many_rows(auditor: Client) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(auditor, url)
        return len(captured)

    def fund_with_cycle(code: str) -> None:
        open_fund(code, preset="shared_loss")
        cycles.open_cycle(fund_code=code, starts_at=START, ends_at=moment(3600), opened_at=START)

    places = [FUNDS, RULEBOOKS, TRANSFERS, CYCLES]
    fund_with_cycle("f1")
    for place in places:
        read(auditor, place)
    few = [queries(place) for place in places]
    for number in range(2, 12):
        fund_with_cycle(f"f{number}")
    assert [queries(place) for place in places] == few
    assert max(few) <= 12


def test_an_entry_leads_to_its_transfer(auditor: Client) -> None:
    open_fund()
    entry = Entry.objects.get(kind="fund_contribution")
    response = auditor.get(reverse("admin:ledger_source", args=[entry.source_kind, entry.source_id]))
    assert response["Location"] == page_of(Transfer.objects.get())
    assert auditor.get(reverse("admin:ledger_source", args=["transfer", "nothing"])).status_code == 404
