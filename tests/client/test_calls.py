"""Every call of the client against a live server, and what it finds there."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from bulwark_client import (
    CallRefused,
    Conflict,
    Counterparty,
    Line,
    NewEntry,
    NotAllowed,
    OpenPosition,
    Position,
)

from ledger.rest.models import Role
from tests.builders import balance, balances
from tests.client.conftest import Service
from tests.client.venue import START, Venue, fill, moment, takeover
from tests.rest import contract

# What has no method of the client: pages, probes, and public figures in the shapes of venues.
NO_CALLS = re.compile(r"/api/v1/(schema|docs|healthz|readyz|metrics|public/(?!insurance-fund|settlements|est))")


@pytest.fixture
def venue(service: Service) -> Venue:
    return Venue(service)


def entry(reference: str, amount: str = "10") -> NewEntry:
    lines = [
        Line(account="custody:USDT", debit=Decimal(amount)),
        Line(account="trader:bob:USDT", credit=Decimal(amount)),
    ]
    return NewEntry(reference=reference, kind="deposit", effective_at=START, lines=lines)


def keep_books(venue: Venue) -> None:
    books = venue.bookkeeper
    assert books.currencies.add(code="USDT", decimals=8).decimals == 8
    assert [each.code for each in venue.auditor.currencies.list()] == ["USDT"]
    posted = books.entries.post(entry("d1", "1234567890123456789.12345678"))
    assert posted.lines[0].debit == Decimal("1234567890123456789.12345678")
    assert posted.effective_at == START
    assert books.entries.post(entry("d1", "1234567890123456789.12345678")) == posted
    reverse = books.entries.reverse(posted.id, reference="undo-d1", effective_at=moment(5), description="a typo")
    assert (reverse.reverses, books.entries.get(posted.id).reversed_by) == (posted.id, reverse.id)
    outcomes = list(books.entries.post_many([entry("d1"), entry("d2"), entry("d2")], atomic=False, size=2))
    assert [(each.status, each.code, each.replayed) for each in outcomes] == [
        (409, "reference_reused", False),
        (201, "", False),
        (200, "", True),
    ]
    assert outcomes[1].id == outcomes[2].id
    assert [each.reference for each in venue.auditor.entries.list(account="trader:bob:USDT", kind="deposit")] == [
        "d2",
        "d1",
    ]
    account = venue.auditor.accounts.get("trader:bob:USDT")
    assert account in list(venue.auditor.accounts.list(kind="trader"))
    assert account.balance == Decimal(10)
    assert venue.auditor.accounts.balance("trader:bob:USDT", at=moment(1)).balance > 10**18
    assert [line.balance_after for line in venue.auditor.accounts.statement("trader:bob:USDT")][1:] == [0, 10]
    assert venue.auditor.entries.trial_balance("USDT").balanced


def run_funds(venue: Venue) -> None:
    venue.open_fund("usdt", "shared_loss")
    treasurer, auditor = venue.treasurer, venue.auditor
    assert auditor.funds.get("usdt").balance == Decimal(1000)
    assert [each.code for each in auditor.funds.list(currency="USDT")] == ["usdt"]
    published = treasurer.funds.publish(
        "usdt", preset="shared_loss", fields={"adl": None}, effective_from=moment(10**6), reference="v2"
    )
    assert published.fields["fund_share"] == "0.2"
    assert [each.version for each in auditor.funds.rulebooks("usdt")] == [2, 1]
    assert [each.amount for each in auditor.funds.contributions("usdt")] == [Decimal(1000)]
    for reference in ("w1", "w2"):
        asked = treasurer.funds.request_withdrawal("usdt", reference=reference, amount=Decimal(5))
        assert asked.status == "pending"
    with pytest.raises(CallRefused) as caught:
        treasurer.funds.approve("usdt", "w1")
    assert caught.value.code == "withdrawal_same_person"
    assert venue.second_treasurer.funds.approve("usdt", "w1").status == "done"
    assert venue.second_treasurer.funds.approve("usdt", "w1").status == "done"
    assert treasurer.funds.reject("usdt", "w2").status == "rejected"
    assert auditor.funds.withdrawal("usdt", "w1").decided_by == "theo"
    assert [each.reference for each in auditor.funds.withdrawals("usdt", status="done")] == ["w1"]
    treasurer.funds.contribute("usdt", reference="back", amount=Decimal(5))


def liquidate(venue: Venue) -> None:
    engine = venue.engine
    assert "USDT-PERP" in [each.symbol for each in engine.contracts.list(fund="usdt")]
    assert engine.takeovers.report(takeover("t1")).remaining == Decimal(1)
    assert engine.fills.report(fill("f1", "90"), takeover="t1").status == "closed"
    assert engine.takeovers.close("t1").result == Decimal(-10)
    outcomes = list(engine.takeovers.report_many((takeover(f"t{number}") for number in (2, 3, 4)), atomic=True, size=2))
    assert [each.status for each in outcomes] == [201, 201, 201]
    assert engine.fills.report(fill("f2", "100", of="t2")).takeover == "t2"
    filled = engine.fills.report_many([fill("f3", "104", of="t3"), fill("f3", "104", of="t3")], atomic=False)
    assert [(each.status, each.takeover_status) for each in filled] == [(201, "closed"), (200, "closed")]
    assert [
        each.code for each in engine.fills.report_many([fill("f4", "1", quantity="2")], atomic=False, takeover="t4")
    ] == ["fill_exceeds_remaining"]
    assert [each.reference for each in venue.auditor.fills.list("t3")] == ["f3"]
    assert {each.reference for each in venue.auditor.takeovers.list(status="closed")} == {"t1", "t2", "t3"}
    assert venue.auditor.takeovers.get("t3").waterfall == next(venue.auditor.fills.list("t3")).waterfall
    engine.contracts.add(
        symbol="FEE-PERP",
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        close_fee_rate=Decimal("0.0006"),
        fund="usdt",
    )
    unpriced = replace(
        takeover("t5"), contract="FEE-PERP", bankruptcy_price=None, entry_price=Decimal(100), margin=Decimal("0.06")
    )
    assert engine.takeovers.report(unpriced).bankruptcy_price == Decimal(100)
    (outcome,) = engine.takeovers.report_many([unpriced], atomic=True)
    assert (outcome.replayed, outcome.bankruptcy_price) == (True, Decimal(100))
    receipt = venue.auditor.takeovers.receipt("t1")
    assert [receipt.loss, receipt.parts.fund, receipt.parts.traders] == [10, 2, 8]


def settle(venue: Venue) -> None:
    cycle = venue.bookkeeper.cycles.open("usdt", number=1, starts_at=START, ends_at=moment(3600))
    assert venue.auditor.cycles.get(cycle.id) == cycle
    venue.engine.takeovers.report(takeover("t9", second=5))
    venue.engine.fills.report(fill("f9", "1", second=6), takeover="t9")
    wrong = [Position(position="p0", trader="bob", profit=Decimal(1), contract="USDT-PERP")]
    assert venue.engine.cycles.upload(cycle.id, wrong).added == 1
    assert venue.engine.cycles.discard(cycle.id) == 1
    profits = (
        Position(position=f"p{number}", trader=trader, profit=Decimal(profit))
        for number, (trader, profit) in enumerate([("bob", "500"), ("sue", "300"), ("tom", "150"), ("liv", "50")])
    )
    uploaded = venue.engine.cycles.upload(cycle.id, profits, rows_of_a_request=3)
    assert [uploaded.count, uploaded.total, uploaded.added, uploaded.replayed] == [4, 1000, 4, 0]
    assert [each.trader for each in venue.auditor.cycles.positions(cycle.id, position="p1")] == ["sue"]
    assert next(venue.stranger.public.estimated_allocation(fund="usdt")).number == 1
    with pytest.raises(Conflict) as caught:
        venue.engine.cycles.complete(cycle.id, count=5, total=uploaded.total)
    assert caught.value.code == "positions_count_mismatch"
    assert venue.engine.cycles.complete(cycle.id, count=4, total=uploaded.total).positions_count == 4
    preview = venue.auditor.cycles.preview(cycle.id)
    settled = venue.bookkeeper.cycles.settle(cycle.id)
    assert (settled.status, settled.allocated, settled.loss) == ("settled", preview.allocated, preview.loss)
    assert venue.bookkeeper.cycles.settle(cycle.id) == settled
    assert [each.status for each in venue.auditor.cycles.list("usdt")] == ["settled"]
    allocations = list(venue.auditor.cycles.allocations(cycle.id))
    assert sum(each.amount for each in allocations) == settled.allocated
    assert venue.auditor.traders.explanation("bob", cycle.id).amount == allocations[0].amount
    assert {line.type for line in venue.auditor.traders.statement("bob", types=["ALLOCATION", "DEPOSIT"])} == {
        "ALLOCATION",
        "DEPOSIT",
    }
    assert next(venue.stranger.public.settlements(fund="usdt")).loss == settled.loss
    assert {each.fund for each in venue.stranger.public.insurance_funds()} >= {"usdt"}
    assert list(venue.stranger.public.history(fund="usdt", to=START)) == []
    assert list(venue.stranger.public.history(interval="day", currency="USDT", to=START)) == []
    assert list(venue.auditor.traders.statement("bob", effective_to=START)) == []


def carry(venue: Venue) -> None:
    venue.open_fund("empty", "full_cover", contribution="1", adl=None)
    venue.engine.takeovers.report(takeover("e1", fund="empty"))
    venue.engine.fills.report(fill("fe1", "90"), takeover="e1")
    assert venue.auditor.funds.get("empty").deficit == Decimal(9)
    assert venue.treasurer.funds.absorb("empty", reference="ours", amount=Decimal(4)).fund == "empty"
    assert venue.auditor.funds.get("empty").deficit == Decimal(5)


def keep_up(venue: Venue) -> None:
    first = venue.auditor.events.after(0, limit=2)
    assert [event.position for event in first.results] == [1, 2]
    assert next(venue.auditor.events.list(after=first.next_after)).position == 3
    assert [event.kind for event in venue.auditor.events.list(kind="cycle.settled")] == ["cycle.settled"]
    assert list(venue.auditor.events.list(recorded_to=START)) == []
    of_the_house = [each for each in venue.auditor.accounts.list() if not each.owner]
    assert len(of_the_house) > 1
    assert list(venue.auditor.accounts.list(owner="", limit=1)) == of_the_house
    made = venue.treasurer.webhooks.register(name="desk", url="https://93.184.216.34/", kinds=["fund.payout"])
    assert (made.secret or "").startswith("whsec_")
    assert venue.treasurer.webhooks.change(made.id, enabled=False).enabled is False
    assert venue.treasurer.webhooks.rotate(made.id).secret != made.secret
    assert venue.treasurer.webhooks.replay(made.id) == 0
    assert [each.id for each in venue.auditor.webhooks.list(enabled=False)] == [made.id]
    assert list(venue.auditor.webhooks.list(enabled=True)) == []
    assert len(venue.auditor.webhooks.get(made.id).secrets) == 2
    venue.treasurer.webhooks.remove(made.id)
    assert list(venue.auditor.webhooks.list()) == []


def deleverage(venue: Venue) -> None:
    venue.open_fund("short", "full_cover", adl={"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"})
    rows = [
        OpenPosition(
            position="q1",
            trader="sue",
            contract="SHORT-PERP",
            side="short",
            quantity=Decimal(4),
            entry_price=Decimal(130),
            mark_price=Decimal(100),
        )
    ]
    assert venue.engine.funds.replace_open_positions("short", iter(rows)) == 1
    assert list(venue.auditor.funds.open_positions("short")) == rows
    (standing,) = venue.auditor.traders.standings("sue", fund="short")
    assert (standing.queue, standing.rank, standing.lights) == ("profit_amount", 1, 5)
    venue.engine.takeovers.report(takeover("a1", fund="short", quantity="2"))
    answer = venue.engine.takeovers.unfilled("a1", reported_at=moment(3))
    assert answer.next == "adl"
    assert answer.queue is not None
    assert answer.queue[0].closes == Decimal(2)
    closed = Counterparty(trader="sue", quantity=Decimal(2), entry_price=Decimal(130))
    event = venue.engine.takeovers.deleverage("a1", reference="adl-1", fills=[closed], occurred_at=moment(4))
    assert (event.status, event.fills[0].realised) == ("closed", Decimal(60))
    assert [each.reference for each in venue.auditor.takeovers.deleveragings("a1")] == ["adl-1"]


def hold_inventory(venue: Venue) -> None:
    venue.open_fund("holder", "inventory_takeover")
    venue.engine.takeovers.report(takeover("i1", fund="holder", quantity="2"))
    assert venue.engine.takeovers.unfilled("i1").next == "inventory"
    assert venue.engine.inventory.mark("holder", contract="HOLDER-PERP", price=Decimal(90)).mark_price == Decimal(90)
    (held,) = venue.auditor.inventory.list("holder")
    assert [held.quantity, held.exposure, held.unrealised] == [2, 180, -20]
    assert venue.auditor.funds.get("holder").inventory_unrealised == -20
    given = venue.engine.inventory.dispose(
        "holder", reference="out-1", contract="HOLDER-PERP", price=Decimal(95), quantity=Decimal(1)
    )
    assert given.realised == Decimal(-5)
    assert [each.reference for each in venue.auditor.inventory.disposals("holder")] == ["out-1"]


def test_every_operation_of_the_service_has_a_call_and_it_works(venue: Venue) -> None:
    made: set[tuple[str, str]] = set()
    for client in venue.clients:
        # Looking over the client's shoulder: which addresses it asks for.
        client._transport._http.event_hooks["request"] = [lambda request: made.add(_operation(request))]

    for part in (run_funds, keep_books, liquidate, settle, keep_up, carry, deleverage, hold_inventory):
        part(venue)

    assert set(_operations()) - made == set()


def test_a_key_that_may_not_is_told_and_nothing_moves(service: Service, venue: Venue) -> None:
    venue.open_fund("usdt", "full_cover")
    before = balances()

    for client in (venue.auditor, venue.stranger, service.client_with("bwk_nothing")):
        with pytest.raises(NotAllowed):
            client.takeovers.report(takeover("t1"))
    with pytest.raises(NotAllowed) as caught:
        service.client(Role.TRADER, trader="sue").traders.explanation("bob", 1)
    assert caught.value.code == "trader_not_allowed"
    assert balances() == before
    assert balance("fund:usdt") == "1000"


def _operations() -> Iterator[tuple[str, str]]:
    for path, operations in contract.document()["paths"].items():
        if not NO_CALLS.match(path):
            yield from ((method.upper(), path) for method in operations)


def _operation(request: httpx.Request) -> tuple[str, str]:
    """The method and the path of the document that this request is one of."""
    paths = sorted({path for _, path in _operations()}, key=lambda path: path.count("{"))
    return request.method, next(
        (path for path in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)),
        request.url.path,
    )
