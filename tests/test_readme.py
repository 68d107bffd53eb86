"""The README's calls, as they stand there, by bash and curl against a live server."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from config import serve
from config.scratch import DatabaseUrls
from ledger.rest.models import Role
from liquidation.demo import story
from liquidation.demo.access import grant_access
from liquidation.demo.cascade import cascade
from liquidation.demo.client import Api
from liquidation.demo.report import amount
from tests.builders import balance
from tests.config.test_serve import answers, free_port
from tests.config.users import PROJECT, wait_until

README = (PROJECT / "README.md").read_text()


@pytest.fixture
def server(committed_db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server whose books the demo has opened, with the environment of a reader's terminal."""
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    keys = grant_access(tmp_path / "kept.json", now=timezone.now()).keys
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port))
        url = f"http://127.0.0.1:{port}/api/v1"
        story.open_books(story.Keys(**{role.value: Api(url, keys[Role(role)]) for role in keys}))
        yield port


def test_the_three_calls_of_the_readme_bring_the_profit_into_the_fund(server: int) -> None:
    found = re.search(r"```bash\n(API=.*?)```", README, re.DOTALL)
    assert found, "the README has no calls"
    script = found[1].replace("127.0.0.1:8000", f"127.0.0.1:{server}")
    # Each answer on a line of its own.
    script = script.replace("curl -sS", "curl -sS -w '\\n' --fail-with-body")

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    takeover, fill, receipt = (json.loads(line) for line in ran.stdout.splitlines())
    assert takeover["status"] == "open"
    # 0.5 · (61,350 − 61,200) − 6.14
    assert fill["status"] == "closed"
    assert fill["waterfall"]["injected"] == "68.86"
    assert "68.86" in json.dumps(receipt)
    assert balance("fund:usdt") == "68.86"


def test_the_commands_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", README)) <= targets
    commands = {path.stem for path in PROJECT.glob("*/management/commands/*.py")} | {
        path.stem for path in PROJECT.glob("*/rest/management/commands/*.py")
    }
    assert set(re.findall(r"manage\.py ([a-z_]+)", README)) <= commands | {"migrate"}
    assert os.access(PROJECT / "manage.py", os.R_OK)


def test_the_report_that_the_readme_shows_is_that_of_the_demo() -> None:
    day = cascade(takeovers=3_000, positions=20_000)
    results = [row.result for row in day.takeovers]
    loss = -sum((result for result in results if result < 0), Decimal(0))
    # With the 200 of the example.
    injected = sum((result for result in results if result > 0), Decimal(200))
    largest = max(row.profit for row in day.positions)
    report = README.partition("<!-- report: begin -->")[2].partition("<!-- report: end -->")[0]
    assert [figure for figure in (loss, injected, largest) if f" {amount(figure)}" not in report] == []
    assert "The books are clean." in report
