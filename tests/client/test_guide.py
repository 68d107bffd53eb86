"""The client's README, block by block, against an empty service."""

import re

from ledger.rest.models import Role
from tests.builders import balance
from tests.client.conftest import Service
from tests.documents import CLIENT_SOURCES, blocks, printed, run_python
from tests.fund.settling import assert_books_hold

GUIDE = (CLIENT_SOURCES.parent / "README.md").read_text()


def test_the_guide_does_what_it_says(service: Service) -> None:
    code = "\n".join(blocks(GUIDE, "python"))
    roles = (Role.ENGINE, Role.TREASURY, Role.BOOKKEEPER)
    keys = {f"BULWARK_{role.upper()}_KEY": service.secret(role) for role in roles}

    lines = run_python(code, {"BULWARK_URL": service.url, **keys})

    assert lines == printed(code)
    assert len(lines) > 10
    assert balance("loss:usdt") == "0"
    assert_books_hold()


def test_the_guide_names_every_call_of_every_noun(service: Service) -> None:
    client = service.client_with(None)
    nouns = {name: noun for name, noun in vars(client).items() if not name.startswith("_")}

    rows = [re.findall(r"`(\w+)`", line) for line in GUIDE.splitlines() if line.startswith("| `")]

    calls = {name: {call for call in dir(noun) if not call.startswith("_")} for name, noun in nouns.items()}
    assert {row[0]: set(row[1:]) for row in rows} == calls
