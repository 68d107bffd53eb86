"""An allocation is proved by the answer alone, with the program that the documentation prints."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from rest_framework.test import APIClient

from fund.models import Cycle
from ledger.rest.models import Role
from tests.fund.settling import reverse, settle, settled
from tests.rest.api import client, get
from tests.test_docs import DOCS

pytestmark = pytest.mark.django_db
type_of_holds = Callable[[dict[str, Any], dict[str, Any], str], bool]


@pytest.fixture
def cycle() -> Cycle:
    return settled(*(str(500 - place) for place in range(40)), "-70")


@pytest.fixture(scope="module")
def holds() -> type_of_holds:
    """As docs/api.md has it."""
    section = (DOCS / "api.md").read_text().partition("## Inclusion proof")[2]
    program = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert program
    names: dict[str, Any] = {}
    exec(program[1], names)
    found: type_of_holds = names["holds"]
    return found


def of_trader(trader: str, cycle: Cycle) -> dict[str, Any]:
    (position,) = get(client(Role.TRADER, trader=trader), f"/traders/{trader}/allocations/{cycle.pk}/")["positions"]
    found: dict[str, Any] = position
    return found


def test_participants_prove_what_they_bear_against_the_published_root(cycle: Cycle, holds: type_of_holds) -> None:
    participants = cycle.participants
    assert participants
    roots = set()
    for number in range(1, participants + 1):
        position = of_trader(f"t{number}", cycle)
        assert holds(position["proof"], position, f"t{number}")
        assert (position["proof"]["leaf_index"], position["proof"]["tree_size"]) == (number - 1, participants)
        roots.add(position["proof"]["root"])

    (public,) = get(APIClient(), "/public/settlements/")["results"]
    house = client(Role.AUDITOR)
    (listed,) = get(house, "/funds/usdt/cycles/")["results"]
    shown = get(house, f"/cycles/{cycle.pk}/")
    assert roots == {public["allocations_root"], listed["allocations_root"], shown["allocations_root"]}
    assert public["participants"] == participants


def test_anything_that_is_changed_breaks_the_proof(cycle: Cycle, holds: type_of_holds) -> None:
    position = of_trader("t7", cycle)
    proof = position["proof"]
    assert holds(proof, position, "t7")

    for name, value in {"profit": "1", "amount": "1", "rank": 8, "position": "p8"}.items():
        forged = deepcopy(position) | {name: value}
        assert not holds(proof, forged, "t7"), name
        # Also where the leaf is forged to tell the same.
        told = ('"%s":"%s"', '"%s":%s')[name == "rank"]
        leaf = proof["leaf"].replace(told % (name, position[name]), told % (name, value))
        assert leaf != proof["leaf"]
        index = value - 1 if isinstance(value, int) else 6
        assert not holds(proof | {"leaf": leaf, "leaf_index": index}, forged, "t7"), name
    assert not holds(proof, position, "t8")
    assert not holds(proof | {"root": "0" * 64}, position, "t7")
    assert not holds(proof | {"tree_size": 7}, position, "t7")
    for place, sibling in enumerate(proof["hashes"]):
        hashes = [*proof["hashes"][:place], sibling[::-1], *proof["hashes"][place + 1 :]]
        assert not holds(proof | {"hashes": hashes}, position, "t7")
        assert not holds(proof | {"hashes": proof["hashes"][:place]}, position, "t7")


def test_settlement_made_anew_proves_against_the_new_root(cycle: Cycle, holds: type_of_holds) -> None:
    old = of_trader("t2", cycle)["proof"]["root"]
    reverse(cycle)
    house = client(Role.AUDITOR)
    assert get(house, f"/cycles/{cycle.pk}/")["allocations_root"] is None
    settle(cycle)

    position = of_trader("t2", cycle)

    assert holds(position["proof"], position, "t2")
    assert get(house, f"/cycles/{cycle.pk}/")["allocations_root"] == position["proof"]["root"] != old


def test_positions_below_the_cut_have_their_rank_and_no_proof(cycle: Cycle) -> None:
    participants = cycle.participants
    assert participants
    assert participants < 40
    for number in range(participants + 1, 41):
        position = of_trader(f"t{number}", cycle)
        assert (position["part"], position["rank"], position["proof"]) == ("below_cut", number, None)
    assert of_trader("t41", cycle)["rank"] is None
