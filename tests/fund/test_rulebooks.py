"""Rulebook versions: in force from a moment on, published once."""

from threading import Thread

import pytest
from django.db import connections

from fund import rulebooks
from fund.models import RulebookVersion
from fund.rulebook import RulebookRefused
from ledger.models import Account
from tests.builders import moment, refused
from tests.fund.builders import HOUR, open_fund


def publish(
    preset: str = "full_cover", *, hour: int, reference: str | None = None, **fields: object
) -> RulebookVersion:
    return rulebooks.publish(
        fund_code="usdt",
        preset=preset,
        fields=fields,
        effective_from=moment(hour * HOUR),
        published_at=moment(),
        published_by="treasurer",
        reference=reference,
    )


@pytest.mark.django_db
def test_a_version_is_in_force_from_its_moment_on() -> None:
    fund = open_fund("shared_loss")
    publish(hour=8)

    assert rulebooks.in_force(fund, moment(8 * HOUR - 1)).version == 1
    assert rulebooks.in_force(fund, moment(8 * HOUR)).version == 2


@pytest.mark.django_db
def test_of_two_versions_from_the_same_moment_the_later_one_holds() -> None:
    fund = open_fund("shared_loss")
    publish(hour=8)
    publish("shared_loss", hour=8)

    assert rulebooks.in_force(fund, moment(9 * HOUR)).version == 3


@pytest.mark.django_db
def test_a_version_for_later_does_not_hide_one_that_starts_before() -> None:
    fund = open_fund("shared_loss")
    publish(hour=16)
    publish("shared_loss", hour=8)

    assert [rulebooks.in_force(fund, moment(hour * HOUR)).version for hour in (0, 8, 16)] == [1, 3, 2]


@pytest.mark.django_db
def test_a_version_under_the_same_reference_is_published_once() -> None:
    open_fund()
    first = publish(hour=8, reference="r1")
    again = publish(hour=8, reference="r1")

    assert first == again
    assert RulebookVersion.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"hour": 9}, {"hour": 8, "fund_floor": "5"}])
def test_another_version_under_a_known_reference_is_refused(other: dict[str, object]) -> None:
    open_fund()
    publish(hour=8, reference="r1")

    with refused("reference_reused"):
        publish(reference="r1", **other)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_refused_rulebook_publishes_nothing_and_names_the_field() -> None:
    open_fund()

    with pytest.raises(RulebookRefused) as refusal:
        publish("shared_loss", hour=8, selection_coverage="1.5")

    assert [error.field for error in refusal.value.errors] == ["selection_coverage"]
    assert RulebookVersion.objects.count() == 1


@pytest.mark.django_db
def test_a_vault_of_another_name_gets_its_account() -> None:
    open_fund()
    publish("penalty_and_vault", hour=8, vault="blue", penalty_rate="0.01", surplus_split={"vault": "1"})

    assert Account.objects.filter(code="vault:blue:USDT").exists()


@pytest.mark.django_db
def test_a_rulebook_for_an_unknown_fund_is_refused() -> None:
    with refused("fund_unknown"):
        publish(hour=8)


@pytest.mark.usefixtures("committed_db")
def test_versions_published_at_once_are_numbered_without_a_gap() -> None:
    open_fund()

    def publish_apart(place: int) -> None:
        try:
            publish(hour=8, reference=f"r{place % 4}")
        finally:
            connections.close_all()

    people = [Thread(target=publish_apart, args=(place,)) for place in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sorted(RulebookVersion.objects.values_list("version", flat=True)) == [1, 2, 3, 4, 5]
