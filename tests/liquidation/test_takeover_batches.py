"""Takeovers of a batch are booked as they would be one by one: over funds and currencies, known ones among them."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from fund import funds, transfers
from ledger.actor import recorded_by
from ledger.currencies import add_currency
from ledger.events.models import Event
from ledger.models import Account, Entry
from liquidation.contracts import add_contract
from liquidation.models import Takeover
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import START, balances, moment, refused
from tests.liquidation.venue import open_venue, publish, takeover_report

pytestmark = pytest.mark.django_db


def open_fund(code: str, currency: str, preset: str, **fields: object) -> None:
    add_currency(code=currency, decimals=8)
    funds.open_fund(code=code, currency=currency, preset=preset, fields=fields, opened_at=START, opened_by="treasurer")
    transfers.contribute(
        reference=f"into-{code}", fund_code=code, amount=Decimal(1000), requested_by="treasurer", effective_at=START
    )
    add_contract(
        symbol=f"{code.upper()}-PERP",
        kind="linear",
        margin_currency=currency,
        multiplier=Decimal(1),
        fund_code=code,
        created_at=START,
    )


@pytest.fixture
def venues() -> None:
    open_venue()
    publish("full_cover", at=moment(50), fund_per_event_cap="5")
    open_fund("btc", "BTC", "pre_close_compensation", precompensation={"per_takeover_cap": "400", "share_of_fund": "1"})
    open_fund("more", "USDT", "pre_close_compensation", precompensation={"per_takeover_cap": "3", "share_of_fund": "1"})
    open_fund("mark", "USDT", "full_cover", takeover_valuation="mark")
    # Ann has an account in one of her currencies, and one takeover is known.
    report_takeovers([takeover_report("known", margin="1")], recorded_at=moment(1))


def mixed() -> Sequence[TakeoverReport]:
    told: Sequence[tuple[str, dict[str, Any]]] = (
        ("a", {"margin": "7"}),
        ("b", {"margin": "2", "contract": "BTC-PERP"}),
        ("c", {"contract": "MARK-PERP", "margin": "9", "mark": "99.5"}),
        ("known", {"margin": "1"}),
        ("d", {"contract": "BTC-PERP", "trader": "bob", "side": "short"}),
        ("e", {"contract": "MORE-PERP", "trader": "bob", "margin": "4", "when": moment(2)}),
        ("a", {"margin": "7"}),
        ("f", {"contract": "BTC-PERP", "margin": "1", "at_price": "0"}),
        ("g", {"when": moment(60), "trader": "cat", "margin": "0.00000001"}),
        ("h", {"contract": "BTC-PERP", "trader": "cat"}),
        ("i", {"contract": "MARK-PERP", "mark": "101", "side": "short", "trader": "bob"}),
    )
    return [takeover_report(reference, **terms) for reference, terms in told]


def told_by(report: Callable[[], list[bool]]) -> dict[str, Any]:
    """All that the reports leave in the books; none of it stays."""
    with transaction.atomic():
        with recorded_by("engine"):
            replayed = report()
        entries = Entry.objects.values_list(
            "reference", "kind", "effective_at", "source_kind", "source_id", "recorded_by", "lines"
        )
        # The order of a fund's events is part of it.
        events = Event.objects.order_by("stream", "id").values_list("stream", "kind", "data", "occurred_at")
        left: dict[str, Any] = {
            "replayed": replayed,
            "balances": balances(),
            "accounts": sorted(Account.objects.values_list("code", "currency_id", "floor")),
            "takeovers": {each.reference: _row(each) for each in Takeover.objects.select_related("entry")},
            "entries": sorted(entries),
            "events": list(events),
        }
        transaction.set_rollback(True)
    return left


def _row(takeover: Takeover) -> dict[str, Any]:
    kept = {name: value for name, value in vars(takeover).items() if name not in {"_state", "id", "entry_id", "place"}}
    return {**kept, "entry": takeover.entry.reference if takeover.entry else None}


def test_a_batch_books_what_its_items_would_one_by_one(venues: None) -> None:
    def together() -> list[bool]:
        return [each.replayed for each in report_takeovers(mixed(), recorded_at=moment(100))]

    def one_by_one() -> list[bool]:
        return [report_takeovers([each], recorded_at=moment(100))[0].replayed for each in mixed()]

    batch, single = told_by(together), told_by(one_by_one)

    assert batch == single
    assert batch["replayed"] == [False, False, False, True, False, False, True, False, False, False, False]
    by_name = batch["takeovers"]
    # The second of the fund's budgets of 400 is whole, the third what is left, the fourth nothing.
    assert [by_name[name]["compensation"] for name in "bdfh"] == [400, 400, 200, 0]
    assert {each["recorded_by"] for each in by_name.values()} == {"", "engine"}


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ({"contract": "NOPE"}, "contract_unknown"),
        ({"contract": "MARK-PERP"}, "mark_price_missing"),
        ({"margin": "0.000000001"}, "amount_precision"),
    ],
)
def test_one_that_is_refused_leaves_nothing_of_the_others(venues: None, odd: dict[str, Any], code: str) -> None:
    def left() -> Any:
        return balances(), Account.objects.count(), Takeover.objects.count(), Event.objects.count()

    before = left()
    reports = [*mixed(), takeover_report("odd", trader="dan", **odd)]

    with refused(code) as caught:
        report_takeovers(reports, recorded_at=moment(100))

    assert caught.value.position == len(reports) - 1
    assert left() == before


def test_a_known_takeover_told_with_an_unknown_contract_is_another_one(venues: None) -> None:
    with refused("reference_reused"):
        report_takeovers([takeover_report("known", margin="1", contract="NOPE")], recorded_at=moment(100))
