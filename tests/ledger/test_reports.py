"""Statements of accounts."""

from typing import Any

import pytest

from ledger.errors import NotFound
from ledger.money import plain
from ledger.reports import StatementLine, statement, statement_postings
from tests.builders import moment, move, post

pytestmark = pytest.mark.django_db

CUSTODY, ANN = "custody:USDT", "trader:ann:USDT"


def as_book(lines: tuple[StatementLine, ...]) -> list[tuple[int, str, str, str, str, str]]:
    return [
        (line.version, line.reference, line.kind, plain(line.debit), plain(line.credit), plain(line.balance_after))
        for line in lines
    ]


@pytest.fixture
def _book(db: None) -> None:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN, at=moment(10)),
        move("w1", "30", debited=ANN, credited=CUSTODY, kind="withdrawal", at=moment(30)),
        move("d2", "5", debited=CUSTODY, credited=ANN, at=moment(20)),
        move("w2", "75", debited=ANN, credited=CUSTODY, kind="withdrawal", at=moment(40)),
    )


@pytest.mark.usefixtures("_book")
def test_statement_reads_like_the_accounts_book() -> None:
    page = statement(ANN, limit=10)

    assert as_book(page.lines) == [
        (1, "d1", "deposit", "0", "100", "100"),
        (2, "w1", "withdrawal", "30", "0", "70"),
        (3, "d2", "deposit", "0", "5", "75"),
        (4, "w2", "withdrawal", "75", "0", "0"),
    ]
    assert page.lines[0].effective_at == moment(10)
    assert (page.account.code, plain(page.account.balance), page.next_version) == (ANN, "0", None)


@pytest.mark.usefixtures("_book")
def test_statement_pages_by_version_without_gap_or_overlap() -> None:
    first = statement(ANN, limit=3)
    second = statement(ANN, limit=3, after_version=first.next_version or 0)

    assert [line.version for line in first.lines + second.lines] == [1, 2, 3, 4]
    assert (first.next_version, second.next_version) == (3, None)


@pytest.mark.usefixtures("_book")
def test_statement_page_that_ends_with_the_book_has_no_next_one() -> None:
    assert statement(ANN, limit=4).next_version is None


@pytest.mark.usefixtures("_book")
def test_statement_of_a_period_takes_its_start_and_leaves_its_end() -> None:
    lines = statement(ANN, limit=10, from_=moment(20), to=moment(40)).lines

    assert [line.reference for line in lines] == ["w1", "d2"]


@pytest.mark.usefixtures("_book")
def test_statement_of_some_kinds_keeps_the_accounts_running_balance() -> None:
    lines = statement(ANN, limit=10, kinds=["withdrawal"]).lines

    assert as_book(lines) == [
        (2, "w1", "withdrawal", "30", "0", "70"),
        (4, "w2", "withdrawal", "75", "0", "0"),
    ]
    assert statement(ANN, limit=10, kinds=[]).lines == ()


@pytest.mark.usefixtures("_book")
def test_statement_takes_the_same_few_queries_whatever_its_length(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):
        statement(ANN, limit=1)
    with django_assert_num_queries(4):
        statement(ANN, limit=1000)


def test_statement_of_an_account_without_postings_is_empty() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN))

    assert statement(ANN, limit=10, after_version=1).lines == ()


def test_statement_of_an_unknown_account_is_refused() -> None:
    with pytest.raises(NotFound) as caught:
        statement_postings("trader:nobody:USDT")

    assert caught.value.code == "account_unknown"
