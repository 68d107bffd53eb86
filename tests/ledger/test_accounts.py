"""The chart of accounts, and accounts opened by their codes."""

from decimal import Decimal
from typing import Any

import pytest

from ledger import accounts, chart
from ledger.balances import identity_sides
from ledger.chart import AccountType, Side
from ledger.models import Account
from tests.builders import move, open_accounts, open_currency, post, refused

# The chart as accounting.md has it: kind, a code, type, normal side, floor ("setting": by the house's setting).
CHART = [
    ("custody", "custody:USDT", "asset", "debit", None),
    ("trader", "trader:ann:USDT", "liability", "credit", "setting"),
    ("clearing", "clearing:BTC-PERP:USDT", "control", "credit", None),
    ("engine", "engine:USDT", "control", "credit", None),
    ("fund", "fund:usdt", "equity", "credit", 0),
    ("fund_reserved", "fund:usdt:reserved", "equity", "credit", 0),
    ("vault", "vault:mm:USDT", "liability", "credit", 0),
    ("loss_to_allocate", "loss:usdt", "control", "debit", 0),
    ("deficit", "deficit:usdt", "control", "debit", 0),
    ("treasury", "treasury:USDT", "equity", "credit", None),
    ("fees", "fees:USDT", "income", "credit", None),
    ("house_loss", "house-loss:USDT", "expense", "debit", None),
    ("rounding", "rounding:USDT", "control", "credit", None),
]


def test_chart_has_the_kinds_of_the_books_and_no_others() -> None:
    assert [row[0] for row in CHART] == list(chart.KINDS)


@pytest.mark.parametrize(("kind", "code", "account_type", "side", "floor"), CHART)
def test_account_is_opened_as_its_code_says(
    kind: str, code: str, account_type: str, side: str, floor: int | str | None, db: None, settings: Any
) -> None:
    settings.TRADER_FLOOR = False
    open_accounts(code)

    account = Account.objects.get(code=code)
    spec = chart.parse(code)
    assert (account.kind, account.normal_side, account.currency_id) == (kind, side, "USDT")
    assert (spec.kind.type, spec.kind.normal_side) == (AccountType(account_type), Side(side))
    assert account.floor == (None if floor == "setting" else floor)
    assert (account.owner, account.balance, account.version) == (spec.owner, 0, 0)


@pytest.mark.parametrize(("setting", "floor"), [(True, 0), (False, None)])
def test_floor_of_traders_is_a_setting(setting: bool, floor: int | None, db: None, settings: Any) -> None:
    settings.TRADER_FLOOR = setting
    open_accounts("trader:ann:USDT")

    assert Account.objects.get().floor == floor


def test_two_sides_of_the_balance_identity_are_those_of_the_books() -> None:
    """custody + loss_to_allocate + deficit + house_loss = trader + clearing + engine + fund + … + rounding."""
    on_the_left = {"custody", "loss_to_allocate", "deficit", "house_loss"}
    weights = {kind: Decimal(2**place) for place, kind in enumerate(chart.KINDS)}

    debit_side, credit_side = identity_sides(weights.items())

    assert debit_side == sum(weights[kind] for kind in on_the_left)
    assert credit_side == sum(weights[kind] for kind in weights.keys() - on_the_left)


def test_opening_an_open_account_changes_nothing(db: None) -> None:
    post(move("d1", "5", debited="custody:USDT", credited="trader:ann:USDT"))
    before = Account.objects.values().get(code="trader:ann:USDT")

    open_accounts("trader:ann:USDT", "trader:bob:USDT", "trader:ann:USDT")

    assert Account.objects.values().get(code="trader:ann:USDT") == before
    assert Account.objects.count() == 3


def test_opening_nothing_is_nothing(db: None) -> None:
    accounts.open_missing([], currency="USDT")

    assert Account.objects.count() == 0


@pytest.mark.parametrize(
    "code",
    [
        "",
        "trader",
        "trader:",
        "trader:ann",
        "trader:ann:USDT:x",
        "piggy:USDT",
        "custody:US DT",
        "trader:-ann:USDT",
        "trader:an/n:USDT",
        "trader:änn:USDT",
        'trader:a"nn:USDT',
        "trader:ann\n:USDT",
        "trader:ann:USDT\n",
        "fund:usdt:other",
        "fund:usdt:reserved:x",
        "Custody:USDT",
        "trader:" + "a" * 101 + ":USDT",
    ],
)
def test_code_that_the_chart_cannot_read_is_refused(code: str, db: None) -> None:
    open_currency()

    with refused("account_code_malformed"):
        accounts.open_missing(["custody:USDT", code], currency="USDT")

    assert Account.objects.count() == 0


def test_account_of_another_currency_is_refused(db: None) -> None:
    open_currency()

    with refused("account_currency_mismatch"):
        accounts.open_missing(["trader:ann:BTC"], currency="USDT")

    assert Account.objects.count() == 0
