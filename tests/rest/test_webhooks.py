"""Webhooks by the API: registered, shown without secrets, changed, rotated, removed; kept to a key's funds."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from ledger.events.models import DeadLetter, Secret, Webhook
from ledger.events.recording import record
from ledger.rest.models import IdempotentAnswer, Role
from tests.events.receiver import Receiver, receiver
from tests.events.story import moved
from tests.events.test_delivering import deliver
from tests.fund.builders import open_fund
from tests.rest.api import V1, client, get, post, problem_of, refused_get, refused_post

pytestmark = pytest.mark.django_db

PATH = "/webhooks/"


@pytest.fixture(autouse=True)
def hook(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    open_fund("full_cover")
    open_fund("full_cover", code="btc")
    with receiver() as running:
        yield running


def terms(hook: Receiver, **changed: Any) -> dict[str, Any]:
    return {"name": "ops", "url": hook.url, **changed}


def test_a_secret_is_shown_once(hook: Receiver) -> None:
    treasury = client(Role.TREASURY, name="tess")

    made = post(treasury, PATH, terms(hook, kinds=["takeover.closed", "fund.payout"]))
    again = post(treasury, PATH, terms(hook, kinds=["fund.payout", "takeover.closed"]), status=200)

    assert made["secret"].startswith("whsec_")
    assert (made["created_by"], made["kinds"], made["fund"]) == ("tess", ["fund.payout", "takeover.closed"], "")
    assert again == {**made, "secret": None}
    shown = get(client(Role.AUDITOR), f"{PATH}{made['id']}/")
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert made["secret"] not in str(get(client(Role.AUDITOR), PATH))


def test_it_is_shown_how_far_each_fund_is(hook: Receiver, settings: Settings) -> None:
    settings.WEBHOOKS_ATTEMPTS = 1
    treasury = client(Role.TREASURY)
    webhook = post(treasury, PATH, terms(hook))
    record([moved("a"), moved("b", stream="btc")])
    hook.status = 500
    deliver(timezone.now())

    (row,) = get(treasury, PATH)["results"]

    assert [(lane["fund"], lane["after"], lane["failures"]) for lane in row["lanes"]] == [("btc", 6, 0), ("usdt", 5, 0)]
    assert row["dead_letters"] == 2
    assert post(treasury, f"{PATH}{webhook['id']}/replay/", {"dead_letters": [987654321]}, status=200) == {
        "replayed": 0
    }
    assert post(treasury, f"{PATH}{webhook['id']}/replay/", {}, status=200) == {"replayed": 2}
    assert get(treasury, f"{PATH}{webhook['id']}/")["dead_letters"] == 0


def test_a_webhook_is_changed_and_removed(hook: Receiver) -> None:
    bookkeeper = client(Role.BOOKKEEPER)
    path = f"{V1}{PATH}{post(bookkeeper, PATH, terms(hook))['id']}/"

    changed = bookkeeper.patch(path, {"kinds": ["cycle.settled"], "enabled": False}, format="json").json()
    assert (changed["kinds"], changed["enabled"], changed["url"]) == (["cycle.settled"], False, hook.url)
    problem_of(bookkeeper.patch(path, {"name": "x"}, format="json"), status=422, code="field_unknown")
    problem_of(bookkeeper.patch(path, {"url": "nonsense"}, format="json"), status=422, code="webhook_url_malformed")
    assert Webhook.objects.get().url == hook.url

    assert bookkeeper.delete(path).status_code == 204
    problem_of(bookkeeper.delete(path), status=404, code="webhook_unknown")
    assert not Webhook.objects.exists()


def test_rotating_answers_with_another_secret_and_says_how_long_the_old_one_lives(hook: Receiver) -> None:
    treasury = client(Role.TREASURY)
    made = post(treasury, PATH, terms(hook))

    until = "2999-01-01T00:00:00Z"
    rotated = post(treasury, f"{PATH}{made['id']}/rotate/", {"old_until": until}, status=200)

    assert rotated["secret"] != made["secret"]
    assert [secret["expires_at"] for secret in rotated["secrets"]] == [None, until]
    alone = post(treasury, f"{PATH}{made['id']}/rotate/", {"old_until": "2026-01-01T00:00:00Z"}, status=200)
    assert [secret["expires_at"] for secret in alone["secrets"]] == [None]


def test_rotation_with_the_same_key_again_is_the_same_secret_and_none_lies_in_the_database(hook: Receiver) -> None:
    treasury = client(Role.TREASURY)
    path = f"{PATH}{post(treasury, PATH, terms(hook))['id']}/rotate/"

    first = post(treasury, path, {}, status=200, key="r1")
    again = treasury.post(f"{V1}{path}", {}, format="json", headers={"Idempotency-Key": "r1"})

    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first, "true")
    assert first["secret"].startswith("whsec_")
    assert Secret.objects.count() == 2
    assert "whsec_" not in str(list(IdempotentAnswer.objects.values()))
    assert post(treasury, path, {}, status=200, key="r2")["secret"] != first["secret"]
    assert post(treasury, path, {}, status=200, key="r1")["secret"] == first["secret"]
    assert Secret.objects.count() == 3


def test_registering_with_a_key_shows_the_secret_again_and_refuses_another_body(hook: Receiver) -> None:
    treasury = client(Role.TREASURY)
    first = post(treasury, PATH, terms(hook), key="w1")

    assert post(treasury, PATH, terms(hook), status=200, key="w1") == first
    refused_post(treasury, PATH, terms(hook, name="other"), status=409, code="reference_reused", key="w1")
    assert (Webhook.objects.count(), Secret.objects.count()) == (1, 1)
    # The webhook is known, on the same terms: another key has no secret to show.
    assert post(treasury, PATH, terms(hook), status=200, key="w2")["secret"] is None
    assert post(treasury, PATH, terms(hook), status=200, key="w2")["secret"] is None
    treasury.delete(f"{V1}{PATH}{first['id']}/")
    assert post(treasury, PATH, terms(hook), status=200, key="w1") == {**first, "secret": None}


def test_rotation_that_was_refused_is_refused_again_by_its_key(hook: Receiver) -> None:
    refused_post(client(Role.TREASURY), f"{PATH}99/rotate/", {}, status=404, code="webhook_unknown", key="r1")


def test_dead_letters_sent_again_with_a_key_are_sent_once(hook: Receiver, settings: Settings) -> None:
    settings.WEBHOOKS_ATTEMPTS = 1
    treasury = client(Role.TREASURY)
    path = f"{PATH}{post(treasury, PATH, terms(hook))['id']}/replay/"
    record([moved("a")])
    hook.status = 500
    deliver(timezone.now())

    assert post(treasury, path, {}, status=200, key="p1") == {"replayed": 1}
    DeadLetter.objects.update(status=DeadLetter.Status.DEAD)
    assert post(treasury, path, {}, status=200, key="p1") == {"replayed": 1}
    assert DeadLetter.objects.get().status == DeadLetter.Status.DEAD


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"url": "nonsense"}, 422, "webhook_url_malformed"),
        ({"kinds": ["takeover.clsoed"]}, 422, "event_kind_unknown"),
        ({"fund": "nope"}, 404, "fund_unknown"),
        ({"name": "\t"}, 422, "webhook_name_malformed"),
        ({"extra": 1}, 422, "field_unknown"),
    ],
)
def test_what_is_malformed_is_refused_and_nothing_registered(
    hook: Receiver, changed: dict[str, Any], status: int, code: str
) -> None:
    refused_post(client(Role.TREASURY), PATH, terms(hook, **changed), status=status, code=code)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/"])
def test_private_addresses_are_refused_unless_the_installation_allows_them(
    hook: Receiver, settings: Settings, url: str
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    refused_post(client(Role.TREASURY), PATH, terms(hook, url=url), status=422, code="webhook_address_private")
    refused_post(client(Role.TREASURY), PATH, terms(hook), status=422, code="webhook_not_https")
    assert not Webhook.objects.exists()


def test_a_key_of_one_fund_has_webhooks_of_that_fund_alone(hook: Receiver) -> None:
    everywhere = post(client(Role.TREASURY), PATH, terms(hook))["id"]
    treasury = client(Role.TREASURY, funds=["btc"])

    refused_post(treasury, PATH, terms(hook, name="mine"), status=403, code="fund_not_allowed")
    refused_post(treasury, PATH, terms(hook, name="mine", fund="usdt"), status=403, code="fund_not_allowed")
    refused_get(treasury, f"{PATH}{everywhere}/", status=404, code="webhook_unknown")
    refused_post(treasury, f"{PATH}{everywhere}/rotate/", {}, status=404, code="webhook_unknown")
    own = post(treasury, PATH, terms(hook, name="mine", fund="btc"))
    assert [row["id"] for row in get(treasury, PATH)["results"]] == [own["id"]]
