"""The site: its index, who may read and do what, and that every page opens."""

import re
from datetime import timedelta

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from config.scratch import DatabaseUrls
from fund import cycles
from ledger.models import Currency
from tests.admin.people import read, send, text_of
from tests.admin.stories import fill, loss_shared_by_traders, open_fund, take_over, trade_contract
from tests.builders import START, moment

BOOKS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in {"ledger", "fund", "liquidation", "rest", "events"}
]
TASKS = [model for model in admin.site._registry if model._meta.app_label.startswith("django_celery")]


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_the_index_shows_the_funds_and_what_waits_for_somebody(treasurer: Client) -> None:
    open_fund(preset="shared_loss")
    cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=START + timedelta(hours=8), opened_at=START)
    cycles.end_due(now=START + timedelta(hours=9))
    values = {"direction": "withdrawal", "fund": "usdt", "amount": "400.5", "source": "treasury", "reference": "w1"}
    send(treasurer, "/admin/fund/transfer/add/", **values)

    page = read(treasurer, "/admin/")

    assert "usdt USDT 1,000 0 0 0 1" in page
    assert "withdrawal w1 of 400.5 USDT from fund usdt, requested by tess" in page
    assert "usdt cycle 1 ended 2026-01-01 08:00:00 UTC and is not settled; its positions are not complete" in page


def test_the_index_of_an_empty_book_says_so(auditor: Client) -> None:
    page = read(auditor, "/admin/")
    assert "No fund is open yet." in page
    assert "Waiting for somebody" not in page


def test_every_list_and_page_opens_for_an_auditor_who_can_change_nothing(auditor: Client) -> None:
    open_fund(preset="shared_loss")
    trade_contract()
    take_over("t1")
    fill("f1", "t1", "27000")
    take_over("t2")
    fill("f2", "t2", "29000")
    cycles.open_cycle(fund_code="usdt", starts_at=START, ends_at=moment(3600), opened_at=START)

    for model in (*BOOKS, *TASKS):
        place = list_of(model)
        assert auditor.get(place).status_code == 200, place
        assert auditor.get(place, {"q": "nothing like it"}).status_code == 200, place
        assert auditor.get(f"{place}add/").status_code == 403, place
        row = model._default_manager.first()
        if row is not None:
            assert auditor.get(f"{place}{row.pk}/change/").status_code == 200, place
            assert auditor.post(f"{place}{row.pk}/change/", {}).status_code == 403, place
            assert auditor.post(f"{place}{row.pk}/delete/", {"post": "yes"}).status_code == 403, place


def test_no_group_may_delete_anything(committed_db: DatabaseUrls) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {"bookkeeper", "treasury", "auditor"}
    granted = Group.objects.values_list("permissions__codename", flat=True)
    assert not [name for name in granted if name.startswith("delete_")]


def test_a_list_whose_rows_are_gone_is_not_an_error(auditor: Client) -> None:
    assert auditor.get("/admin/fund/allocation/", {"cycle": "999"}).status_code == 200
    assert auditor.get("/admin/fund/allocation/", {"cycle": "x"}).status_code in (200, 302)
    assert auditor.get("/admin/liquidation/takeover/", {"contract": "x"}).status_code in (200, 302)
    assert auditor.get("/admin/ledger/entry/x/change/").status_code in (302, 404)


def test_a_currency_is_added_once_with_its_precision(treasurer: Client) -> None:
    url = "/admin/ledger/currency/add/"
    assert "Currency USDC is added" in send(treasurer, url, code="USDC", decimals="6")
    assert "reference_reused" in send(treasurer, url, code="USDC", decimals="8")
    assert Currency.objects.get(code="USDC").decimals == 6


def test_a_bookkeeper_changes_a_schedule_and_an_auditor_does_not(bookkeeper: Client, auditor: Client) -> None:
    every_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    task = PeriodicTask.objects.create(name="an example", task="fund.tasks.example", interval=every_minute)
    page = f"/admin/django_celery_beat/periodictask/{task.pk}/change/"
    assert bookkeeper.get(page).context["has_change_permission"]
    assert not auditor.get(page).context["has_change_permission"]


def test_only_who_may_change_a_schedule_stops_it(bookkeeper: Client, auditor: Client, treasurer: Client) -> None:
    task = PeriodicTask.objects.get(task="fund.settle_due_cycles")
    stop = {"action": "disable_tasks", "_selected_action": str(task.pk)}

    for reader in (auditor, treasurer):
        reader.post("/admin/django_celery_beat/periodictask/", stop)
        task.refresh_from_db()
        assert task.enabled
    bookkeeper.post("/admin/django_celery_beat/periodictask/", stop)
    task.refresh_from_db()
    assert not task.enabled


def test_what_somebody_did_here_stands_in_the_rows_history_and_on_their_index(bookkeeper: Client) -> None:
    cycle = loss_shared_by_traders()
    page = f"/admin/fund/cycle/{cycle.pk}/"
    assert "History" not in read(bookkeeper, f"{page}change/")
    assert "None available" in read(bookkeeper, "/admin/")

    send(bookkeeper, f"{page}settle/")

    assert "History" in read(bookkeeper, f"{page}change/")
    assert "ben Settled usdt cycle 1: a loss of 1,000 USDT" in read(bookkeeper, f"{page}history/")
    assert "Recent actions My actions" in read(bookkeeper, "/admin/")
    assert "None available" not in read(bookkeeper, "/admin/")


def test_a_row_that_is_not_there_is_not_said_to_be_deleted(auditor: Client) -> None:
    page = text_of(auditor.get("/admin/ledger/entry/4711/change/", follow=True))
    assert "There is no entry 4711." in page
    assert "deleted" not in page


def test_the_way_back_to_the_whole_list_is_shown_where_it_is_narrowed(auditor: Client) -> None:
    open_fund()
    entries = "/admin/ledger/entry/"

    assert "Show all" not in read(auditor, entries)
    assert "Show all" in read(auditor, entries, q="nothing of the kind")
    assert "Clear all filters" in read(auditor, entries, kind="fund_contribution")


def test_the_index_says_when_the_books_were_verified_and_warns_where_they_do_not_hold(auditor: Client) -> None:
    assert "The nightly verification of the books has not run yet." in read(auditor, "/admin/")

    TaskResult.objects.create(task_id="1", task_name="ledger.verify_books", status="SUCCESS")
    assert "and hold: what was checked" in read(auditor, "/admin/")

    TaskResult.objects.create(task_id="2", task_name="ledger.verify_books", status="FAILURE")
    page = read(auditor, "/admin/")
    assert re.search(r"Waiting for somebody The verification of [-\d: ]+ UTC found that the books do not hold", page)
    assert "and hold" not in page
