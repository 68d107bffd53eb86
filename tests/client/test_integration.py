"""docs/integration.md, command by command, by bash and curl against an empty service."""

import json

from ledger.models import Account
from tests.builders import balance
from tests.client.conftest import Service
from tests.config.users import PROJECT
from tests.documents import blocks, run_shell
from tests.fund.settling import assert_books_hold

DOCUMENT = (PROJECT / "docs" / "integration.md").read_text()


def test_the_commands_lead_from_a_key_to_a_settled_cycle(service: Service) -> None:
    lines = run_shell("\n".join(blocks(DOCUMENT, "bash")), {"API": service.url})

    *_, first_fill, again, taken, complete, preview, settled, allocations, receipt, events = map(json.loads, lines)
    assert first_fill == again
    assert taken == {"added": 3, "replayed": 0}
    assert complete["positions_profit"] == "3860.25"
    assert (settled["status"], settled["loss"], settled["allocated"]) == ("settled", "1000", preview["allocated"])
    assert [row["trader"] for row in allocations["results"]] == ["bob", "sue"]
    assert receipt["parts"] == {"fund": "200", "traders": "800", "treasury": "0", "carried": "0"}
    assert [event["kind"] for event in events["results"]] == ["cycle.settled"]
    assert balance("loss:usdt") == "0"
    assert Account.objects.filter(code="trader:bob:USDT").exists()
    assert_books_hold()
