"""Contracts and takeovers as people read them."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.models import Entry
from liquidation.models import Contract, Takeover
from tests.admin.people import read, send, send_and_be_refused
from tests.admin.stories import fill, open_fund, take_over, trade_contract

TAKEOVERS = "/admin/liquidation/takeover/"
CONTRACTS = "/admin/liquidation/contract/"


def page_of(row: Any) -> str:
    return reverse(f"admin:liquidation_{row._meta.model_name}_change", args=[row.pk])


def test_a_takeover_shows_its_fills_and_who_bears_the_loss(auditor: Client) -> None:
    open_fund(preset="shared_loss")
    trade_contract()
    take_over("t1")
    fill("f1", "t1", "27990", quantity="0.5")
    fill("f2", "t1", "27010", quantity="0.5", fee="1.25")

    page = read(auditor, page_of(Takeover.objects.get()))

    assert "f1 Market 2026-01-01 00:00:00 0.5 27,990 -5 0 fill:f1" in page
    assert "f2 Market 2026-01-01 00:00:00 0.5 27,010 -495 1.25 fill:f2" in page
    assert "Paid by the fund 100.25 For profitable traders, at settlement 401 Loss 501.25" in page


def test_a_takeover_shows_who_got_the_result(auditor: Client) -> None:
    open_fund()
    trade_contract()
    take_over("t1")
    fill("f1", "t1", "28200")
    assert "To the fund 200 Result 200" in read(auditor, page_of(Takeover.objects.get()))


def test_an_open_takeover_has_no_waterfall(auditor: Client) -> None:
    open_fund()
    trade_contract()
    take_over("t1")
    page = read(auditor, page_of(Takeover.objects.get()))
    assert "None yet." in page
    assert "who bears it" not in page


def test_takeovers_are_found_by_reference_and_trader_and_filtered(auditor: Client) -> None:
    open_fund()
    trade_contract()
    take_over("t1", trader="ann")
    take_over("t2", trader="bob")
    fill("f1", "t1", "28200")

    assert "t1 BTC-PERP ann Long 1 28,000 1,000 Closed 0 200 USDT 2026-01-01 00:00:00" in read(
        auditor, TAKEOVERS, q="ann"
    )
    still_open = read(auditor, TAKEOVERS, status__exact="open")
    assert "t2 BTC-PERP bob Long 1 28,000 1,000 Open 1 – " in still_open
    assert "t1 BTC-PERP" not in still_open
    of_contract = read(auditor, TAKEOVERS, contract=str(Contract.objects.get().pk))
    assert "By contract All BTC-PERP" in of_contract


def test_entries_lead_to_their_takeover(auditor: Client) -> None:
    open_fund()
    trade_contract()
    take_over("t1")
    fill("f1", "t1", "28200")

    for entry in Entry.objects.filter(source_kind="takeover"):
        url = reverse("admin:ledger_source", args=[entry.source_kind, entry.source_id])
        assert auditor.get(url)["Location"] == page_of(Takeover.objects.get())
    assert Entry.objects.filter(source_kind="takeover").count() == 3


def test_the_treasury_adds_a_contract(treasurer: Client, bookkeeper: Client) -> None:
    open_fund()
    values = {"symbol": "ETH-PERP", "kind": "linear", "fund": "usdt", "multiplier": "0.01", "tick": ""}

    assert "Contract ETH-PERP belongs to fund usdt" in send(treasurer, f"{CONTRACTS}add/", **values)
    send_and_be_refused(
        treasurer, f"{CONTRACTS}add/", code="multiplier_not_positive", **{**values, "symbol": "X", "multiplier": "0"}
    )
    assert bookkeeper.get(f"{CONTRACTS}add/").status_code == 403


def test_a_contract_shows_the_fee_of_a_close(treasurer: Client) -> None:
    open_fund()
    values = {"symbol": "ETH-PERP", "kind": "linear", "fund": "usdt", "multiplier": "1", "close_fee_rate": "0.0006"}
    send(treasurer, f"{CONTRACTS}add/", **values)

    assert "ETH-PERP Linear USDT 1 – 0.0006 usdt" in read(treasurer, CONTRACTS)
    send_and_be_refused(
        treasurer, f"{CONTRACTS}add/", code="rate_out_of_range", **{**values, "symbol": "X", "close_fee_rate": "1"}
    )


def test_lists_of_takeovers_cost_the_same_number_of_queries_however_many_rows(auditor: Client) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(auditor, url)
        return len(captured)

    open_fund(preset="shared_loss", contribution="100000")
    trade_contract()
    places = [TAKEOVERS, "/admin/liquidation/fill/", "/admin/fund/shortfall/", "/admin/fund/surplus/"]
    for number in (1, 2):
        take_over(f"t{number}", trader=f"trader{number}")
        fill(f"f{number}", f"t{number}", "27000" if number % 2 else "29000")
    places.append(page_of(Takeover.objects.get(reference="t1")))
    for place in places:
        read(auditor, place)
    few = [queries(place) for place in places]
    for number in range(3, 25):
        take_over(f"t{number}", trader=f"trader{number}")
        fill(f"f{number}", f"t{number}", "27000" if number % 2 else "29000")

    assert [queries(place) for place in places] == few
    assert max(few) <= 12
