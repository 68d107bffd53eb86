"""Traces: sent to a collector where one is named, and nothing touched otherwise."""

import gzip
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from celery import current_app
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from config import serve
from config.scratch import DatabaseUrls
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from tests.builders import open_accounts
from tests.config.test_serve import answers, free_port
from tests.config.users import PROJECT, wait_until
from tests.rest.test_entries import deposit

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """Receives spans by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(attributes["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def of_trace(self, trace: str) -> dict[str, Span]:
        return {span.name: span for span in list(self.spans) if span.trace_id.hex() == trace}


@pytest.fixture
def collector(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    receiving = Collector()
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiving.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    for name, value in {**committed_db.environment(), **named}.items():
        monkeypatch.setenv(name, value)
    yield receiving
    receiving.server.shutdown()
    receiving.server.server_close()


def test_request_is_one_trace_with_its_queries_and_its_posting(collector: Collector) -> None:
    open_accounts("custody:USDT")
    _, secret = create_key(name="books", role=Role.BOOKKEEPER, created_at=timezone.now())
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port), seconds=60)
        headers = {
            "Authorization": f"Bearer {secret}",
            "Content-Type": "application/json",
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
        }
        url = f"http://127.0.0.1:{port}/api/v1/entries/"
        request = urllib.request.Request(url, json.dumps(deposit("d1")).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 201
        wait_until(lambda: "POST api/v1/entries/" in collector.of_trace(TRACE), seconds=60)

    spans = collector.of_trace(TRACE)
    assert "ledger.post_entries" in spans
    assert "SELECT" in spans
    assert spans["POST api/v1/entries/"].parent_span_id.hex() == "00f067aa0ba902b7"
    assert collector.services == {"bulwark"}
    assert secret not in str(collector.spans)


def test_task_in_a_workers_child_is_traced(collector: Collector) -> None:
    current_app.control.purge()
    with serve.running({"worker": serve.worker()}):
        current_app.send_task("fund.snapshot_funds")
        wait_until(lambda: any(span.name == "run/fund.snapshot_funds" for span in list(collector.spans)), seconds=60)


def test_without_a_collector_nothing_is_instrumented() -> None:
    # The client of Redis loads the interface where it is installed; what wraps and sends is ours to load.
    wrapping = "('opentelemetry.instrumentation', 'opentelemetry.exporter', 'wrapt')"
    ask = f"import django, sys; django.setup(); print([name for name in sys.modules if name.startswith({wrapping})])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=PROJECT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
