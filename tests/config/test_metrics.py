"""`/metrics`: figures of the books at the moment of the question, and for whom."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from config import heartbeat, tasks
from config.celery import app
from config.scratch import DatabaseUrls
from fund.cycles import open_cycle
from tests.broker import broker
from tests.config.users import PROJECT
from tests.fund.builders import open_fund
from tests.rest.api import problem_of


def scraped(**headers: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    response = APIClient().get("/metrics", headers=headers)
    assert response.status_code == 200, response.content
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


@pytest.mark.django_db
def test_figures_of_every_fund_stand_there_in_a_constant_number_of_queries() -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            scraped()
        return len(captured)

    open_fund("full_cover", code="usdt", contribution="1000.5")
    one = queries()
    for code in ("btc", "eth", "sol"):
        open_fund("full_cover", code=code)

    assert queries() == one == 3
    found = scraped()
    assert found["bulwark_fund_balance", "USDT", "usdt"] == 1000.5
    assert found["bulwark_fund_balance", "BTC", "btc"] == 0
    for figure in ("reserved", "to_allocate", "deficit"):
        assert found[f"bulwark_fund_{figure}", "USDT", "usdt"] == 0
    assert found["bulwark_dead_letters",] == 0
    assert found["bulwark_database_up",] == 1


@pytest.mark.django_db
def test_age_is_that_of_the_oldest_cycle_that_is_over_and_not_settled() -> None:
    for code in ("usdt", "btc"):
        open_fund("full_cover", code=code)
    now = timezone.now()
    for hours in (3, 2, 0):
        begun = now - timedelta(hours=hours)
        open_cycle(fund_code="usdt", starts_at=begun, ends_at=begun + timedelta(hours=1), opened_at=now)

    found = scraped()
    assert 7200 <= found["bulwark_unsettled_cycle_age_seconds", "usdt"] < 7260
    assert found["bulwark_unsettled_cycle_age_seconds", "btc"] == 0


@pytest.mark.django_db
def test_tasks_that_wait_are_counted_and_signs_of_life_have_an_age() -> None:
    with broker() as url, override_settings(CELERY_BROKER_URL=url), app.connection_for_write(url) as connected:
        for _ in range(3):
            app.send_task("fund.snapshot_funds", connection=connected)
        heartbeat.leave_sign(heartbeat.BEAT, at=timezone.now() - timedelta(seconds=30))

        found = scraped()

    assert found["bulwark_queue_depth", "celery"] == 3
    assert 30 <= found["bulwark_alive_age_seconds", "beat"] < 60
    assert ("bulwark_alive_age_seconds", "worker") not in found


@pytest.mark.django_db
def test_broker_that_is_gone_takes_only_its_own_figures_along() -> None:
    open_fund("full_cover")
    with broker() as url:
        stopped = override_settings(CELERY_BROKER_URL=url)
    with stopped:
        found = scraped()

    assert found["bulwark_broker_up",] == 0
    assert ("bulwark_queue_depth", "celery") not in found
    assert ("bulwark_fund_balance", "USDT", "usdt") in found


def test_database_that_is_gone_takes_only_its_own_figures_along(committed_db: DatabaseUrls) -> None:
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "nowhere"
    try:
        found = scraped()
    finally:
        connection.settings_dict["NAME"] = name
        connection.close()

    assert found["bulwark_database_up",] == 0
    assert found["bulwark_broker_up",] == 1


@pytest.mark.django_db
def test_every_metric_that_the_documentation_names_is_there_and_the_other_way_round() -> None:
    open_fund("full_cover")
    heartbeat.leave_sign(heartbeat.BEAT, at=timezone.now())
    # Those of workers are there where a task is; in a process that sends none nobody has asked for it.
    assert issubclass(app.Task, tasks.ObservedTask)
    text = APIClient().get("/metrics").content.decode()
    there = {
        name.removesuffix("_total") for name in re.findall(r"# TYPE (bulwark_\w+) (?:counter|gauge|histogram)", text)
    }

    document = (PROJECT / "docs" / "operations.md").read_text()
    table = document.partition("## Metrics")[2].partition("## Log")[0]
    named = {re.sub(r"_(total|count|bucket)$", "", name) for name in re.findall(r"bulwark_[a-z_]+[a-z]", table)}
    # Written short in the table, behind the first of them.
    named |= {f"bulwark_fund{figure}" for figure in re.findall(r"`(_[a-z_]+)`", table)}
    assert named == {name for name in there if not name.endswith("_created")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        # A proxy on this host, on behalf of somebody.
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_without_a_token_this_host_alone_reads_metrics(asked: Any) -> None:
    problem_of(APIClient().get("/metrics", **asked), status=403, code="metrics_not_allowed")
    assert scraped()


@pytest.mark.django_db
def test_with_a_token_whoever_has_it_reads_metrics() -> None:
    with override_settings(METRICS_TOKEN="for-the-collector"):
        for header in ({}, {"Authorization": "Bearer other"}, {"Authorization": "for-the-collector"}):
            problem_of(APIClient().get("/metrics", headers=header), status=403, code="metrics_not_allowed")
        assert scraped(Authorization="Bearer for-the-collector")
