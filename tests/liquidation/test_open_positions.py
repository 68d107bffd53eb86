"""The venue's open positions: an upload replaces all that was known, or nothing."""

import pytest

from fund.models import OpenPosition
from fund.open_positions import PositionRow, replace_positions
from tests.builders import refused
from tests.liquidation.adl import open_positions, row
from tests.liquidation.venue import FUND, open_venue

pytestmark = pytest.mark.django_db


def test_an_upload_replaces_all_that_was_known() -> None:
    open_venue()
    open_positions()

    assert replace_positions(fund_code=FUND, rows=[row("q9", "zoe", "long", "1", "50", margin="5")]) == 1
    assert [each.position for each in OpenPosition.objects.all()] == ["q9"]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("positions_malformed", row("q2", "tom", "up", "1", "1")),
        ("positions_malformed", row("q2", "tom", "long", "0", "1")),
        ("name_malformed", row("q2", "to m", "long", "1", "1")),
        ("positions_malformed", row("", "tom", "long", "1", "1")),
        ("position_repeated", row("q1", "tom", "long", "1", "1")),
    ],
)
def test_a_wrong_row_leaves_the_known_positions_as_they_were(code: str, wrong: PositionRow) -> None:
    open_venue()
    open_positions()

    with refused(code):
        replace_positions(fund_code=FUND, rows=[row("q1", "sue", "short", "1", "1"), wrong])

    assert OpenPosition.objects.count() == 3
