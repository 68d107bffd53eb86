"""Funds: opened whole, once."""

from decimal import Decimal

import pytest

from fund import funds, rulebooks
from fund.models import Fund
from fund.rulebook import RulebookRefused
from ledger.models import Account
from tests.builders import moment, open_currency, refused
from tests.fund.builders import open_fund

pytestmark = pytest.mark.django_db


def test_a_fund_opens_with_every_account_of_its_chart_and_the_house_accounts() -> None:
    open_fund("full_cover")

    assert set(Account.objects.values_list("code", flat=True)) == {
        "fund:usdt",
        "fund:usdt:reserved",
        "loss:usdt",
        "deficit:usdt",
        "vault:mm:USDT",
        "custody:USDT",
        "treasury:USDT",
        "fees:USDT",
        "house-loss:USDT",
        "engine:USDT",
        "rounding:USDT",
    }


def test_the_first_rulebook_holds_for_whatever_happened_before_the_fund_was_opened() -> None:
    fund = open_fund("shared_loss", selection_coverage="0.5")

    version = rulebooks.in_force(fund, moment(-365 * 24 * 3600))

    assert (version.version, version.published_by) == (1, "founder")
    assert rulebooks.load(version).selection_coverage == Decimal("0.5")


def test_opening_the_same_fund_again_on_the_same_terms_gives_the_same_fund() -> None:
    first = open_fund("shared_loss", cycle_seconds=28_800)
    again = open_fund("shared_loss", cycle_seconds=28_800)

    assert first == again
    assert first.rulebooks.count() == 1


@pytest.mark.parametrize("other", [{"preset": "full_cover"}, {"preset": "shared_loss", "fund_share": "0.1"}])
def test_a_fund_on_other_terms_under_the_same_code_is_refused(other: dict[str, str]) -> None:
    open_fund("shared_loss")

    with refused("fund_exists") as refusal:
        open_fund(**other)  # type: ignore[arg-type]

    assert refusal.value.status == 409
    assert Fund.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "currency", "seconds", "refusal"),
    [
        ("us dt", "USDT", None, "name_malformed"),
        ("u" * 61, "USDT", None, "name_malformed"),
        ("usdt", "EUR", None, "currency_unknown"),
        ("usdt", "USDT", 0, "cycle_seconds_not_positive"),
    ],
)
def test_a_fund_that_cannot_be_is_refused_and_leaves_nothing(
    code: str, currency: str, seconds: int | None, refusal: str
) -> None:
    open_currency()

    with refused(refusal):
        funds.open_fund(
            code=code,
            currency=currency,
            preset="full_cover",
            fields={},
            cycle_seconds=seconds,
            opened_at=moment(),
            opened_by="founder",
        )

    assert not Fund.objects.exists()
    assert not Account.objects.exists()


def test_a_fund_with_a_rulebook_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(RulebookRefused) as refusal:
        open_fund("shared_loss", fund_share="0.5", traders_share="0.6")

    assert [error.field for error in refusal.value.errors] == ["traders_share"]
    assert not Fund.objects.exists()


def test_an_unknown_fund_is_not_found() -> None:
    with refused("fund_unknown") as refusal:
        funds.find("eur")

    assert refusal.value.status == 404
