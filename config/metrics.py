"""`/metrics`, for Prometheus: what the processes of this host have counted, and what the books say at this moment."""

import hmac
import ipaddress
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from config import heartbeat
from config.celery import app
from config.errors import answer_problem
from config.problem_views import read_only
from fund import cycles
from fund.figures import with_figures
from fund.models import Fund
from ledger.events.models import DeadLetter

_FIGURES = {
    "balance": "What the fund can spend.",
    "reserved": "What the fund holds for withdrawals and pending payouts.",
    "to_allocate": "Losses that wait for the settlement.",
    "deficit": "Losses that nobody bears yet.",
}


@read_only
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has the token of BULWARK_METRICS_TOKEN; where none is set, for this host alone."""
    if not _may_read(request):
        detail = "metrics are read with the bearer token of BULWARK_METRICS_TOKEN, or, without one, from this host"
        return answer_problem(403, "metrics_not_allowed", detail)
    counted = _Processes() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else REGISTRY
    text = generate_latest(counted) + generate_latest(_Books(timezone.now()))
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


class _Processes(Collector):
    """What all processes of this host have counted.

    A process that begins to count makes its file first and gives it a size after. One read in between, or left by a
    process that died there, has counted nothing; the client's own collector fails on it (client_python issue 1199).
    """

    def collect(self) -> Iterable[Metric]:
        files = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db")
        begun = [str(file) for file in files if file.stat().st_size]
        return MultiProcessCollector.merge(begun)  # type: ignore[no-untyped-call, no-any-return]


class _Books(Collector):
    """Figures of this moment, in three queries and one question to the broker. What cannot be read is not there."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        try:
            funds = list(with_figures(Fund.objects.order_by("code"), at=self._now))
            oldest = dict(cycles.unsettled(self._now).order_by().values_list("fund_id").annotate(oldest=Min("ends_at")))
            dead = DeadLetter.objects.filter(status=DeadLetter.Status.DEAD).count()
        except DatabaseError:
            yield _single("bulwark_database_up", "Whether the database answers.", 0)
        else:
            yield _single("bulwark_database_up", "Whether the database answers.", 1)
            yield from self._of_funds(funds, oldest)
            yield _single("bulwark_dead_letters", "Webhook deliveries that were given up.", dead)
        try:
            broker = list(self._of_broker())
        except RedisError:
            yield _single("bulwark_broker_up", "Whether the broker answers.", 0)
        else:
            yield _single("bulwark_broker_up", "Whether the broker answers.", 1)
            yield from broker

    def _of_funds(self, funds: list[Fund], oldest: dict[int, datetime]) -> Iterator[Metric]:
        for name, meaning in _FIGURES.items():
            family = GaugeMetricFamily(f"bulwark_fund_{name}", meaning, labels=["fund", "currency"])
            for fund in funds:
                # A float, as all of Prometheus: for looking at. The books are exact.
                family.add_metric([fund.code, fund.currency_id], float(getattr(fund, name)))
            yield family
        family = GaugeMetricFamily(
            "bulwark_unsettled_cycle_age_seconds",
            "Since the end of the fund's oldest unsettled cycle.",
            labels=["fund"],
        )
        for fund in funds:
            ended = oldest.get(fund.pk, self._now)
            family.add_metric([fund.code], (self._now - ended).total_seconds())
        yield family

    def _of_broker(self) -> Iterator[Metric]:
        broker = heartbeat.broker()
        family = GaugeMetricFamily("bulwark_queue_depth", "Tasks that wait for a worker.", labels=["queue"])
        for queue in app.amqp.queues:
            family.add_metric([queue], float(broker.llen(queue)))
        yield family
        family = GaugeMetricFamily("bulwark_alive_age_seconds", "Since the last sign of life.", labels=["process"])
        for process in (heartbeat.BEAT, heartbeat.WORKER, heartbeat.COURIER):
            last = heartbeat.last_sign(process)
            if last is not None:
                family.add_metric([process], max((self._now - last).total_seconds(), 0))
        yield family


def _single(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _may_read(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    # A proxy on this host speaks for others.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        # By a socket in the file system: from this host, but through somebody.
        return False
