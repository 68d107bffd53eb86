"""Accounts, statements and entries as a bookkeeper reads them."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.scratch import DatabaseUrls
from ledger.admin import paging
from ledger.admin.columns import grouped
from ledger.models import Account, Entry
from tests.admin.people import read, send, send_and_be_refused, text_of
from tests.builders import balance, credit, debit, entry, moment, move, open_currency, post

ACCOUNTS = "/admin/ledger/account/"
TRIAL_BALANCE = "/admin/ledger/account/trial-balance/"
ENTRIES = "/admin/ledger/entry/"


def page_of(row: Account | Entry) -> str:
    return reverse(f"admin:ledger_{row._meta.model_name}_change", args=[row.pk])


def statement_of(code: str) -> str:
    return reverse("admin:ledger_account_statement", args=[code])


def deposit(reference: str, amount: str, *, trader: str = "ann") -> Entry:
    post(move(reference, amount, debited="custody:USDT", credited=f"trader:{trader}:USDT"))
    return Entry.objects.get(reference=reference)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1234567.50000000", "1,234,567.5"),
        ("-1000", "-1,000"),
        ("0E-8", "0"),
        ("-0.00000001", "-0.00000001"),
        ("999.99", "999.99"),
        (
            "1000000000000000000000000000000.000000000000000001",
            "1,000,000,000,000,000,000,000,000,000,000.000000000000000001",
        ),
    ],
)
def test_amounts_are_grouped_without_losing_or_inventing_a_digit(amount: str, shown: str) -> None:
    assert grouped(Decimal(amount)) == shown


def test_an_account_is_found_by_the_beginning_of_its_code_and_by_its_owner(auditor: Client) -> None:
    deposit("d1", "1234567.5", trader="ann")
    deposit("d2", "1", trader="bob")

    assert "trader:ann:USDT trader ann USDT 1,234,567.5 Cr 0 1,234,567.5" in read(auditor, ACCOUNTS, q="trader:an")
    by_owner = read(auditor, ACCOUNTS, q="ann")
    assert "trader:ann:USDT" in by_owner
    assert "trader:bob:USDT" not in by_owner


def test_accounts_are_filtered_by_kind_and_currency(auditor: Client) -> None:
    deposit("d1", "5")

    custody = read(auditor, ACCOUNTS, kind__exact="custody", currency__code__exact="USDT")
    assert "custody:USDT" in custody
    assert "trader:ann:USDT" not in custody


def test_a_statement_runs_from_balance_to_balance(auditor: Client) -> None:
    deposit("d1", "1000")
    post(move("w1", "250.75", debited="trader:ann:USDT", credited="custody:USDT", kind="withdrawal"))

    page = read(auditor, statement_of("trader:ann:USDT"))

    assert "Brought forward 0 " in page
    assert "d1 deposit 1,000 1,000 2" in page
    assert "w1 withdrawal 250.75 749.25" in page
    assert "Balance now 749.25 USDT Cr" in page


def test_a_long_statement_is_paged_by_version_and_carries_the_balance_forward(auditor: Client) -> None:
    post(*(move(f"d{n}", "1", debited="custody:USDT", credited="trader:ann:USDT") for n in range(1, 251)))

    latest = read(auditor, statement_of("trader:ann:USDT"))
    assert "Brought forward 150 " in latest
    assert "Postings 151 to 250 of 250" in latest
    first = read(auditor, statement_of("trader:ann:USDT"), after="0")
    assert "Postings 1 to 100 of 250 later latest" in first
    middle = read(auditor, statement_of("trader:ann:USDT"), before="151")
    assert "first earlier Postings 51 to 150 of 250 later latest" in middle
    assert "Brought forward 50 " in middle


def test_a_filtered_statement_keeps_the_running_balances_of_the_whole_book(auditor: Client) -> None:
    deposit("d1", "1000")
    post(move("w1", "250", debited="trader:ann:USDT", credited="custody:USDT", kind="withdrawal"))

    page = read(auditor, statement_of("trader:ann:USDT"), kind="withdrawal", from_day="2026-01-01", to_day="2026-01-01")
    assert "w1 withdrawal 250 750" in page
    assert "d1" not in page
    assert "Brought forward" not in page
    assert "No postings that match" in read(auditor, statement_of("trader:ann:USDT"), from_day="2026-01-02")


def test_an_entry_shows_its_lines_with_totals_and_links(auditor: Client) -> None:
    open_currency()
    lines = [debit("custody:USDT", "1200"), credit("trader:ann:USDT", "1000"), credit("trader:bob:USDT", "200")]
    post(entry("d1", *lines, description="two at once"))
    booked = Entry.objects.get(reference="d1")

    response = auditor.get(page_of(booked))

    page = read(auditor, page_of(booked))
    assert "1 custody:USDT custody 1,200 1,200" in page
    assert "3 trader:bob:USDT trader 200 200" in page
    assert "Total 1,200 1,200 balanced" in page
    assert "two at once" in page
    bob = Account.objects.get(code="trader:bob:USDT")
    assert page_of(bob) in response.content.decode()


def test_an_entry_of_many_lines_is_paged_and_totalled_over_all(auditor: Client) -> None:
    lines = [credit(f"trader:t{n}:USDT", "1") for n in range(700)]
    post(entry("many", debit("custody:USDT", "700"), *lines))

    page = read(auditor, page_of(Entry.objects.get(reference="many")))
    assert "Total of all 701 lines 700 700 balanced" in page
    assert "Lines 1 to 500 of 701 later" in page


def test_entries_are_found_by_reference_number_and_source(auditor: Client) -> None:
    first = deposit("first", "7")
    post(entry("second", debit("custody:USDT", "3"), credit("trader:ann:USDT", "3"), source=("takeover", "t1")))

    assert "first deposit 2026-01-01 00:00:00 7 USDT 2" in read(auditor, ENTRIES, q="fir")
    assert "first deposit" in read(auditor, ENTRIES, q=str(first.pk))
    by_source = read(auditor, ENTRIES, q="takeover:t1")
    assert "second deposit" in by_source
    assert "first deposit" not in by_source


def test_a_bookkeeper_reverses_an_entry_with_a_reason(bookkeeper: Client) -> None:
    booked = deposit("d1", "1000")
    url = reverse("admin:ledger_entry_reverse", args=[booked.pk])

    asked = read(bookkeeper, url)
    assert "1 custody:USDT custody 1,000" in asked
    answer = send(bookkeeper, url, reason="booked twice", reference="reversal:d1")

    assert "d1 is reversed" in answer
    reversal = Entry.objects.get(reverses=booked)
    assert (reversal.reference, reversal.description, reversal.recorded_by) == ("reversal:d1", "booked twice", "ben")
    assert balance("trader:ann:USDT") == "0"
    assert "reversed by reversal:d1" in read(bookkeeper, page_of(booked))
    assert "reverses d1" in read(bookkeeper, page_of(reversal))


def test_a_reversal_without_a_reason_is_not_sent_to_the_books(bookkeeper: Client) -> None:
    booked = deposit("d1", "1000")
    url = reverse("admin:ledger_entry_reverse", args=[booked.pk])
    send_and_be_refused(bookkeeper, url, code="This field is required", reason="", reference="r")


def test_a_second_reversal_is_refused_with_its_code(bookkeeper: Client) -> None:
    booked = deposit("d1", "1000")
    url = reverse("admin:ledger_entry_reverse", args=[booked.pk])
    send(bookkeeper, url, reason="booked twice", reference="r1")
    send_and_be_refused(bookkeeper, url, code="entry_already_reversed", reason="again", reference="r2")


def test_a_reversal_below_a_floor_is_refused_with_the_values(bookkeeper: Client) -> None:
    post(move("c1", "100", debited="treasury:USDT", credited="fund:usdt", kind="fund_contribution"))
    post(move("p1", "60", debited="fund:usdt", credited="engine:USDT", kind="fund_payout"))
    url = reverse("admin:ledger_entry_reverse", args=[Entry.objects.get(reference="c1").pk])
    answer = send_and_be_refused(bookkeeper, url, code="account_floor", reason="wrong fund", reference="r1")
    assert "fund:usdt" in answer


def test_only_bookkeepers_reverse(auditor: Client, treasurer: Client) -> None:
    booked = deposit("d1", "1000")
    url = reverse("admin:ledger_entry_reverse", args=[booked.pk])
    for reader in (auditor, treasurer):
        assert "Reverse…" not in read(reader, page_of(booked))
        assert reader.post(url, {"reason": "x", "reference": "r"}).status_code == 403
    assert balance("trader:ann:USDT") == "1000"


@pytest.mark.parametrize("action", ["add/", "{pk}/delete/"])
def test_not_even_a_superuser_writes_the_books_by_hand(administrator: Client, action: str) -> None:
    booked = deposit("d1", "1000")
    for place, pk in ((ENTRIES, booked.pk), (ACCOUNTS, Account.objects.get(code="custody:USDT").pk)):
        assert administrator.post(place + action.format(pk=pk), {"post": "yes"}).status_code == 403
        assert administrator.post(f"{place}{pk}/change/", {"reference": "other", "code": "x"}).status_code == 403
    assert balance("trader:ann:USDT") == "1000"


def test_lists_cost_the_same_number_of_queries_however_many_rows(auditor: Client) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(auditor, url)
        return len(captured)

    deposit("d1", "1", trader="t1")
    booked = Entry.objects.get(reference="d1")
    places = [ACCOUNTS, ENTRIES, page_of(booked), statement_of("custody:USDT")]
    for place in places:
        read(auditor, place)
    few = [queries(place) for place in places]
    for number in range(2, 40):
        deposit(f"d{number}", "1", trader=f"t{number}")

    assert [queries(place) for place in places] == few
    assert max(few) <= 12


def test_a_statement_of_some_days_opens_and_closes_and_its_totals_lead_from_one_to_the_other(auditor: Client) -> None:
    day = 24 * 3600
    for number, amount in enumerate(("100", "20", "3", "0.5")):
        at = moment(number * day)
        post(move(f"d{number}", amount, debited="custody:USDT", credited="trader:ann:USDT", at=at))
    post(move("w", "7", debited="trader:ann:USDT", credited="custody:USDT", kind="withdrawal", at=moment(2 * day - 1)))

    days = read(auditor, statement_of("trader:ann:USDT"), from_day="2026-01-02", to_day="2026-01-03")
    assert "Opening 100 USDT Cr Debits 7 Credits 23 Closing 116 USDT Cr" in days
    until = read(auditor, statement_of("trader:ann:USDT"), to_day="2026-01-01")
    assert "Opening 0 USDT Cr Debits 0 Credits 100 Closing 100 USDT Cr" in until
    kind = read(auditor, statement_of("trader:ann:USDT"), kind="withdrawal")
    assert "All of this kind Debits 7 Credits 0" in kind
    assert "Opening" not in read(auditor, statement_of("trader:ann:USDT"))


def test_a_list_is_narrowed_to_days_and_to_last_month(auditor: Client) -> None:
    day = 24 * 3600
    for number in range(4):
        post(move(f"d{number}", "1", debited="custody:USDT", credited="trader:ann:USDT", at=moment(number * day)))
    last_month = timezone.now().replace(day=1) - timedelta(days=1)
    post(move("late", "1", debited="custody:USDT", credited="trader:ann:USDT", at=last_month))

    page = read(auditor, ENTRIES, effective_at__from_day="2026-01-02", effective_at__to_day="2026-01-03")
    assert [name for name in ("d0", "d1", "d2", "d3", "late") if f" {name} " in page] == ["d1", "d2"]
    assert "Clear all filters" in page
    choices = auditor.get(ENTRIES).context["cl"].filter_specs[0].choices(auditor.get(ENTRIES).context["cl"])
    link = next(choice["query_string"] for choice in choices if choice["display"] == "Last month")
    of_month = text_of(auditor.get(f"{ENTRIES}{link}"))
    assert [name for name in ("d0", "d1", "d2", "d3", "late") if f" {name} " in of_month] == ["late"]
    malformed: Any = auditor.get(ENTRIES, {"effective_at__from_day": "yesterday"})
    assert malformed.url == f"{ENTRIES}?e=1"


def test_a_long_table_is_not_counted_for_every_page(auditor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNTED_UP_TO", 20)
    post(*(move(f"d{n}", "1", debited="custody:USDT", credited="trader:ann:USDT") for n in range(60)))
    with CaptureQueriesContext(connection) as captured:
        page = read(auditor, ENTRIES)

    assert re.search(r"(about [\d,]+|more than 20) entries ; the first 20 are paged, search or filter for others", page)
    # The planner has not looked at the table yet: what is beyond the limit is not shown as a number of results.
    assert "21 results" not in page
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(*)" in query["sql"]]
    assert all("LIMIT 21" in count for count in counts)


def test_the_trial_balance_shows_both_sides_by_kind_now_and_at_a_moment(auditor: Client) -> None:
    deposit("d1", "1000")
    later = move("d2", "500.5", debited="custody:USDT", credited="trader:bob:USDT", at=moment(3600))
    post(later)

    now = read(auditor, TRIAL_BALANCE)
    assert "custody 1 1,500.5 0 1,500.5 trader 2 0 1,500.5 1,500.5" in now
    assert "Balanced 1,500.5 1,500.5 1,500.5 1,500.5" in now
    before = read(auditor, TRIAL_BALANCE, currency="USDT", at="2026-01-01T00:30:00")
    assert "custody 1 1,000 0 1,000 trader 1 0 1,000 1,000" in before


def test_whoever_has_no_group_sees_nothing(committed_db: DatabaseUrls) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger", is_staff=True))
    deposit("d1", "1")
    assert stranger.get(TRIAL_BALANCE).status_code == 403
    assert stranger.get(ENTRIES).status_code == 403
    assert stranger.get(statement_of("custody:USDT")).status_code == 403


def test_an_unknown_account_is_not_found(auditor: Client) -> None:
    response: Any = auditor.get(statement_of("trader:nobody:USDT"))
    assert response.status_code == 404
