"""Batches and uploads of the client against a live server: larger than a request, refused, ended early."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from bulwark_client import CallRefused, NotFound, Position

from fund.models import CyclePosition
from tests.builders import balances
from tests.client.conftest import Service
from tests.client.venue import START, Venue, moment, takeover


@pytest.fixture
def venue(service: Service) -> Venue:
    return Venue(service)


def test_a_batch_beyond_what_one_call_takes_goes_out_in_several(venue: Venue) -> None:
    venue.open_fund("usdt", "full_cover")

    outcomes = venue.engine.takeovers.report_many((takeover(f"t{number}") for number in range(10_050)), atomic=True)

    assert [each.reference for each in outcomes] == [f"t{number}" for number in range(10_050)]
    assert sum(1 for _ in venue.auditor.takeovers.list()) == 10_050


def test_a_refused_batch_names_the_item_and_moves_nothing(venue: Venue) -> None:
    venue.open_fund("usdt", "full_cover")
    before = balances()
    good, bad = takeover("t1"), takeover("t2", fund="nowhere")

    with pytest.raises(CallRefused) as caught:
        list(venue.engine.takeovers.report_many([good, bad], atomic=True))

    assert caught.value.code == "contract_unknown"
    assert [each.pointer for each in caught.value.errors] == ["/items/1/contract"]
    with pytest.raises(NotFound):
        venue.auditor.takeovers.get("t1")
    assert balances() == before


def test_an_upload_that_ends_early_is_taken_up_again(venue: Venue) -> None:
    venue.open_fund("usdt", "shared_loss")
    cycle = venue.bookkeeper.cycles.open("usdt", starts_at=START, ends_at=moment(3600))

    def positions(until: int) -> Iterator[Position]:
        for number in range(25_000):
            if number == until:
                raise ConnectionError("the venue's own feed")
            yield Position(position=f"p{number}", trader="bob", profit=Decimal("0.01"))

    with pytest.raises(ConnectionError):
        venue.engine.cycles.upload(cycle.id, positions(21_000))
    assert CyclePosition.objects.count() == 20_000

    uploaded = venue.engine.cycles.upload(cycle.id, positions(-1))

    assert (uploaded.added, uploaded.replayed, uploaded.total) == (5_000, 20_000, Decimal(250))
    assert venue.engine.cycles.complete(cycle.id, count=uploaded.count, total=uploaded.total).positions_count == 25_000
