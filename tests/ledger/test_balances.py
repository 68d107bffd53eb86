"""Balances now, at a moment of the world, and as the book knew them."""

import random
from datetime import datetime
from decimal import Decimal

import pytest

from ledger import chart
from ledger.balances import balance_at, kind_totals, trial_balance
from ledger.errors import NotFound
from ledger.models import Account, Entry, Posting
from ledger.money import plain
from tests.builders import moment, move, open_accounts, open_currency, post

pytestmark = pytest.mark.django_db

CUSTODY, ANN, BOB, FUND = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT", "fund:usdt"


def recorded_at(reference: str) -> datetime:
    return Entry.objects.get(reference=reference).created_at


def test_balance_now_is_the_accounts_own() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN), move("d2", "5.5", debited=CUSTODY, credited=ANN))

    ann = balance_at(ANN)

    assert (ann.code, ann.kind, ann.currency, ann.normal_side) == (ANN, "trader", "USDT", chart.Side.CREDIT)
    assert (plain(ann.debits), plain(ann.credits), plain(ann.balance)) == ("0", "105.5", "105.5")


def test_balance_at_a_moment_has_what_happened_up_to_it_however_late_it_was_recorded() -> None:
    post(
        move("late", "1", debited=CUSTODY, credited=ANN, at=moment(30)),
        move("early", "10", debited=CUSTODY, credited=ANN, at=moment(10)),
        move("between", "4", debited=ANN, credited=CUSTODY, kind="withdrawal", at=moment(20)),
    )

    at_moments = [plain(balance_at(ANN, at=moment(second)).balance) for second in (9, 10, 19, 20, 29, 30)]

    assert at_moments == ["0", "10", "10", "6", "6", "7"]


def test_balance_as_known_leaves_out_what_was_recorded_later() -> None:
    post(move("known", "10", debited=CUSTODY, credited=ANN, at=moment(10)))
    post(move("backdated", "3", debited=CUSTODY, credited=ANN, at=moment(5)))

    known = recorded_at("known")

    assert plain(balance_at(ANN, at=moment(10), known_at=known).balance) == "10"
    assert plain(balance_at(ANN, at=moment(5), known_at=known).balance) == "0"
    assert plain(balance_at(ANN, known_at=known).balance) == "10"
    assert plain(balance_at(ANN, at=moment(5)).balance) == "3"


def test_balance_of_a_debit_account_stands_on_the_debit_side() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN), move("w1", "30", debited=ANN, credited=CUSTODY))

    custody = balance_at(CUSTODY, at=moment(1))

    assert custody.normal_side is chart.Side.DEBIT
    assert (plain(custody.debits), plain(custody.credits), plain(custody.balance)) == ("100", "30", "70")


def test_balance_of_an_unknown_account_is_refused() -> None:
    with pytest.raises(NotFound) as caught:
        balance_at("trader:nobody:USDT", at=moment())

    assert caught.value.code == "account_unknown"


def test_balances_at_every_moment_equal_the_sum_of_their_postings() -> None:
    """Early moments are summed and late ones subtracted from the present: both must give what the postings say."""
    random.seed(20260101)
    codes = [CUSTODY, ANN, BOB, FUND]
    for number in range(60):
        debited, credited = random.sample(codes, 2)
        amount = str(Decimal(random.randint(1, 10**12)).scaleb(-8))
        if FUND in (debited, credited):
            debited, credited = CUSTODY, FUND
        post(move(f"e{number}", amount, debited=debited, credited=credited, at=moment(random.randint(0, 40))))
    records = list(Entry.objects.order_by("created_at").values_list("created_at", flat=True))
    postings = list(Posting.objects.select_related("entry", "account"))

    for second in (-1, 0, 3, 20, 37, 39, 40, 99):
        for known_at in (None, records[4], records[30], records[57], records[59]):
            expected = dict.fromkeys(codes, Decimal(0))
            for line in postings:
                known = known_at is None or line.entry.created_at <= known_at
                if known and line.entry.effective_at <= moment(second):
                    sign = 1 if line.account.normal_side == "debit" else -1
                    expected[line.account.code] += sign * (line.debit - line.credit)
            trial = trial_balance("USDT", at=moment(second), known_at=known_at)
            assert trial.balanced
            assert dict.fromkeys(codes, Decimal(0)) | {row.code: row.balance for row in trial.rows} == expected
            for code in codes:
                assert balance_at(code, at=moment(second), known_at=known_at).balance == expected[code]


def test_trial_balance_names_every_moved_account_and_its_columns_agree() -> None:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN),
        move("c1", "40", debited=CUSTODY, credited=FUND),
        move("p1", "7", debited="loss:usdt", credited="engine:USDT", kind="fund_payout"),
    )
    open_accounts(BOB)

    trial = trial_balance("USDT")

    assert [(row.code, plain(row.debits), plain(row.credits), plain(row.balance)) for row in trial.rows] == [
        ("custody:USDT", "140", "0", "140"),
        ("engine:USDT", "0", "7", "7"),
        ("fund:usdt", "0", "40", "40"),
        ("loss:usdt", "7", "0", "7"),
        ("trader:ann:USDT", "0", "100", "100"),
    ]
    assert (plain(trial.debits), plain(trial.credits), trial.balanced) == ("147", "147", True)
    assert (plain(trial.debit_balances), plain(trial.credit_balances)) == ("147", "147")


def test_trial_balance_sums_up_by_kind_in_the_charts_order() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN), move("d2", "20", debited=CUSTODY, credited=BOB))

    totals = [(row.kind, row.accounts, plain(row.balance)) for row in trial_balance("USDT").by_kind()]

    assert totals == [("custody", 1, "120"), ("trader", 2, "120")]
    assert kind_totals("USDT") == trial_balance("USDT").by_kind()


def test_totals_by_kind_at_a_moment_are_those_of_the_trial_balance() -> None:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN, at=moment(1)),
        move("d2", "20", debited=CUSTODY, credited=BOB, at=moment(2)),
    )

    for at in (moment(0), moment(1), moment(2)):
        assert kind_totals("USDT", at=at) == trial_balance("USDT", at=at).by_kind()
    with pytest.raises(NotFound):
        kind_totals("EUR")


def test_trial_balance_keeps_currencies_apart() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN))
    post(move("d2", "2", debited="custody:BTC", credited="trader:ann:BTC"), currency="BTC")

    assert [row.code for row in trial_balance("BTC").rows] == ["custody:BTC", "trader:ann:BTC"]
    assert trial_balance("BTC", at=moment(1)).debits == 2


def test_trial_balance_of_an_unknown_currency_is_refused() -> None:
    with pytest.raises(NotFound) as caught:
        trial_balance("DOGE")

    assert caught.value.code == "currency_unknown"


def test_trial_balance_before_the_first_entry_is_empty_and_balanced() -> None:
    open_currency()
    post(move("d1", "100", debited=CUSTODY, credited=ANN))

    trial = trial_balance("USDT", at=moment(-1))

    assert trial.rows == ()
    assert trial.debits == 0
    assert trial.balanced


def test_amounts_of_thirty_digits_and_eighteen_decimals_stay_exact() -> None:
    open_currency("WEI", decimals=18)
    huge = "1" + "0" * 30 + ".000000000000000001"
    post(move("d1", huge, debited="custody:WEI", credited="trader:ann:WEI"), currency="WEI")

    assert plain(balance_at("trader:ann:WEI", at=moment()).balance) == huge
    assert plain(trial_balance("WEI", at=moment()).credits) == huge
    assert Account.objects.filter(code="trader:ann:WEI", balance=Decimal(huge)).exists()
