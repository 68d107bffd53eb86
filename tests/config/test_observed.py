"""What a running service says of itself: metrics of all its processes together, a log in lines, ids in both."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from celery import current_app
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from config.scratch import DatabaseUrls
from fund.tasks import settle_cycle
from ledger.events.tasks import deliver_waiting
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from ledger.rest.request_ids import identified
from tests.builders import open_accounts
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.fund.builders import open_cycle, open_fund
from tests.rest.test_entries import deposit

PROCESSES = """
import sys
from config import serve
with serve.counted_together():
    sys.exit(serve.run({"web": serve.web(int(sys.argv[1])), "worker": serve.worker()}))
"""


class Service:
    """The web server and a task worker, their log in a file."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        _, self.secret = create_key(name="books", role=Role.BOOKKEEPER, created_at=timezone.now())

    def call(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read(), response.headers
        except HTTPError as error:
            return error.code, error.read(), error.headers

    def metric(self, name: str, **labels: str) -> float:
        """The sample's value, 0 where there is none."""
        text = self.call("/metrics")[1].decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """Lines of the log that have these fields. Every line must be JSON."""
        every = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in every if fields.items() <= line.items()]


@pytest.fixture
def service(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    for name, value in {**committed_db.environment(), "BULWARK_STATE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    current_app.control.purge()
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESSES, str(port)], stdin=subprocess.DEVNULL, stderr=output
        )
        try:
            wait_until(lambda: answers(port), seconds=60)
            yield Service(port, log)
        finally:
            process.terminate()
            process.wait()


def test_counts_of_all_processes_come_together(service: Service) -> None:
    open_accounts("custody:USDT")
    for number in range(20):
        assert service.call("/api/v1/entries/", deposit(f"d{number}"))[0] == 201
    assert service.call("/api/v1/entries/", deposit("d1"))[0] == 200
    assert service.call("/api/v1/entries/", deposit("d1", "11"))[0] == 409
    batch = {"atomic": False, "items": [deposit("d20"), deposit("d20", "12"), deposit("d21", "-1")]}
    assert service.call("/api/v1/entries/", batch)[0] == 201

    assert service.metric("bulwark_entries_total", kind="deposit") == 21
    assert service.metric("bulwark_postings_total") == 42
    assert service.metric("bulwark_refusals_total", code="reference_reused") == 2
    posted = {"route": "api/v1/entries/", "method": "POST"}
    assert service.metric("bulwark_request_seconds_count", status="201", **posted) == 21
    assert service.metric("bulwark_request_seconds_count", status="409", **posted) == 1


def test_process_that_has_only_begun_to_count_hides_nothing(service: Service) -> None:
    assert service.call("/nowhere")[0] == 404
    (Path(os.environ["BULWARK_STATE"]) / "counts" / "counter_1.db").touch()

    assert service.metric("bulwark_request_seconds_count", route="unmatched", status="404") == 1


def test_references_and_unknown_paths_are_no_labels(service: Service) -> None:
    for number in range(5):
        service.call(f"/api/v1/takeovers/reference-{number}/")
        service.call(f"/nowhere/{number}")

    text = service.call("/metrics")[1].decode()
    assert "reference-" not in text
    assert "nowhere" not in text
    assert service.metric("bulwark_request_seconds_count", route="api/v1/takeovers/<str:reference>/") == 5
    assert service.metric("bulwark_request_seconds_count", route="unmatched", status="404") == 5


def test_tasks_are_counted_and_logged_with_their_id(service: Service) -> None:
    open_fund("full_cover", contribution="700")
    cycle = open_cycle(1)

    with identified("asked-by-hand"):
        sent = settle_cycle.apply_async([cycle.pk])
    wait_until(lambda: service.metric("bulwark_tasks_total", task="fund.settle_cycle") == 1, seconds=60)

    assert service.metric("bulwark_tasks_total", task="fund.settle_cycle", state="SUCCESS") == 1
    assert service.metric("bulwark_settlement_seconds_count") == 1
    wait_until(lambda: bool(service.lines(event="task", task_id=sent.id)))
    (line,) = service.lines(event="task", task_id=sent.id)
    assert (line["task"], line["state"]) == ("fund.settle_cycle", "SUCCESS")
    assert line["request_id"] == "asked-by-hand"


def test_a_tick_that_finds_nothing_to_do_leaves_no_line(service: Service) -> None:
    deliver_waiting.apply_async(queue="celery")
    wait_until(lambda: service.metric("bulwark_tasks_total", task="events.deliver_waiting") == 1, seconds=60)
    open_fund("full_cover", contribution="700")
    sent = settle_cycle.apply_async([open_cycle(1).pk])
    wait_until(lambda: bool(service.lines(event="task", task_id=sent.id)), seconds=60)

    assert service.lines(event="task", task="events.deliver_waiting") == []


def test_line_of_a_request_says_who_and_how_long_and_holds_no_secret(service: Service) -> None:
    status, _, headers = service.call("/api/v1/entries/?limit=1", **{"X-Request-ID": "from-the-engine-7"})
    refused, problem, _ = service.call("/api/v1/entries/", deposit("d1", "-5"), **{"X-Request-ID": "r8"})

    assert (status, headers["X-Request-ID"]) == (200, "from-the-engine-7")
    assert (refused, json.loads(problem)["request_id"]) == (422, "r8")
    wait_until(lambda: bool(service.lines(request_id="r8")))
    (line,) = service.lines(request_id="from-the-engine-7")
    expected = {"event": "request", "method": "GET", "route": "api/v1/entries/", "status": 200, "level": "info"}
    assert expected.items() <= line.items()
    assert (line["key"], line["role"]) == ("books", "bookkeeper")
    assert 0 < line["seconds"] < 60
    text = service.log.read_text()
    assert service.secret not in text
    assert "custody" not in text
    assert "limit=1" not in text


@pytest.mark.parametrize("given", ["", "x" * 101, "a b", '{"a":1}', "é"])
def test_id_that_cannot_be_kept_is_replaced(given: str) -> None:
    response = APIClient().get("/healthz", headers={"X-Request-ID": given})

    assert len(response.headers["X-Request-ID"]) == 32
