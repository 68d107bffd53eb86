"""Deliveries to a real receiver: signed, in each fund's order, tried again, given up, sent again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from ledger.events import delivering, webhooks
from ledger.events.models import Attempt, DeadLetter, Lane, Webhook
from ledger.events.recording import number, record
from ledger.events.webhooks import Registered
from tests.builders import moment, refused
from tests.events.receiver import Receiver
from tests.events.story import moved

pytestmark = pytest.mark.django_db

Deliver = Callable[..., int]


def register(hook: Receiver, **terms: Any) -> Registered:
    told = {"name": "ops", "url": hook.url, "stream": "", "kinds": [], **terms}
    return webhooks.register(**told, created_at=moment())


def deliver(at: datetime) -> int:
    """Send whatever is due, as the tasks do. Returns how many requests were made."""
    sent = 0
    for lane_id in delivering.waiting(now=at):
        while delivering.deliver_next(lane_id=lane_id, now=at, draw=1.0) is not None:
            sent += 1
    return sent


def test_a_delivery_is_signed_as_the_receivers_library_checks_it(hook: Receiver) -> None:
    secret = register(hook).secret
    record([moved("a")])
    now = timezone.now()

    assert deliver(now) == 1

    (received,) = hook.received
    document = Verifier(secret).verify(received.body, received.headers)
    assert document["type"] == "test.moved"
    assert document["timestamp"] == "2026-01-01T00:00:00Z"
    assert document["data"]["position"] == 1
    assert document["data"]["fund"] == "usdt"
    assert received.headers["webhook-id"] == "evt_1"
    assert received.headers["host"] == f"127.0.0.1:{hook.port}"
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(received.body.replace(b'"a"', b'"b"'), received.headers)


def test_both_secrets_sign_until_the_old_one_ends(hook: Receiver) -> None:
    made, now = register(hook), timezone.now()
    fresh = webhooks.rotate(made.webhook, old_until=now + timedelta(hours=1), at=now)

    record([moved("both")])
    deliver(now)
    Verifier(made.secret).verify(hook.received[0].body, hook.received[0].headers)
    Verifier(fresh).verify(hook.received[0].body, hook.received[0].headers)
    assert len(hook.received[0].headers["webhook-signature"].split(" ")) == 2

    record([moved("new alone")])
    deliver(now + timedelta(hours=1))
    assert len(hook.received[1].headers["webhook-signature"].split(" ")) == 1


def test_of_three_secrets_the_oldest_ends_at_once(hook: Receiver) -> None:
    made, now = register(hook), timezone.now()
    second = webhooks.rotate(made.webhook, old_until=now + timedelta(hours=1), at=now)
    third = webhooks.rotate(made.webhook, old_until=now + timedelta(hours=1), at=now)

    record([moved("a")])
    deliver(now)

    Verifier(second).verify(hook.received[0].body, hook.received[0].headers)
    Verifier(third).verify(hook.received[0].body, hook.received[0].headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(made.secret).verify(hook.received[0].body, hook.received[0].headers)


def test_secrets_are_in_no_column_and_end_with_the_installations_key(hook: Receiver, settings: Settings) -> None:
    made = register(hook)
    row = made.webhook.secrets.values().get()
    assert made.secret.removeprefix("whsec_") not in str(row)
    before = settings.SECRET_KEY
    record([moved("a")])

    settings.SECRET_KEY = "another one"
    deliver(timezone.now())
    assert not hook.received
    assert Attempt.objects.get().answer.startswith("webhook_secret_lost")

    settings.SECRET_KEY_FALLBACKS = [before]
    deliver(timezone.now() + timedelta(minutes=1))
    Verifier(made.secret).verify(hook.received[0].body, hook.received[0].headers)


def test_a_webhook_gets_what_happens_after_its_registration_in_each_funds_order(hook: Receiver) -> None:
    record([moved("before")])
    register(hook)
    record([moved(f"usdt{n}") for n in range(5)])
    record([moved(f"btc{n}", stream="btc") for n in range(5)])

    assert deliver(moment()) == 10

    assert [name for name in hook.names if name.startswith("usdt")] == [f"usdt{n}" for n in range(5)]
    assert [name for name in hook.names if name.startswith("btc")] == [f"btc{n}" for n in range(5)]
    assert deliver(moment(1)) == 0


def test_a_webhook_of_one_fund_and_some_kinds_gets_no_others(hook: Receiver) -> None:
    record([moved("x", stream="btc")])
    register(hook, kinds=["fund.opened"])
    Webhook.objects.update(stream="btc")
    record([moved("a"), moved("b", stream="btc")])

    assert deliver(moment()) == 0
    Webhook.objects.update(kinds=["test.moved"])
    assert deliver(moment()) == 1
    assert hook.names == ["b"]


def test_a_failure_holds_up_its_own_fund_and_no_other(hook: Receiver) -> None:
    register(hook)
    record([moved("a1"), moved("b1", stream="btc"), moved("a2"), moved("b2", stream="btc")])

    def refuse_usdt(handler: Any) -> None:
        handler.send_response(500 if hook.received[-1].document["data"]["fund"] == "usdt" else 200)
        handler.end_headers()

    hook.answer = refuse_usdt
    deliver(moment())
    assert sorted(hook.names) == ["a1", "b1", "b2"]
    assert deliver(moment(1)) == 0

    hook.answer = None
    deliver(moment(60))
    assert hook.names[3:] == ["a1", "a2"]


def test_waits_double_are_spread_and_end_at_an_hour() -> None:
    def seconds(failures: int, **told: Any) -> float:
        return delivering.wait_after(failures, **{"draw": 1.0, **told}).total_seconds()

    assert [seconds(failures) for failures in range(1, 5)] == [5, 10, 20, 40]
    assert seconds(30) == seconds(1000) == 3600
    assert seconds(3, draw=0.0) == 10
    assert seconds(1, asked=90) == 90
    assert seconds(1, asked=999_999) == 3600


def test_a_receiver_is_asked_again_when_it_says(hook: Receiver) -> None:
    register(hook)
    record([moved("a")])
    hook.status, hook.headers = 429, {"Retry-After": "120"}

    deliver(moment())

    assert Lane.objects.get().due_at == moment(120)


def test_what_is_not_taken_dies_in_the_end_and_lets_the_next_ones_pass(hook: Receiver, settings: Settings) -> None:
    settings.WEBHOOKS_ATTEMPTS = 3
    register(hook)
    record([moved("poison"), moved("next")])
    hook.status = 500
    for day in range(3):
        deliver(moment(86_400 * day))
        hook.status = 500 if day < 1 else 503
    assert hook.names == ["poison", "poison", "poison", "next"]

    hook.status = 200
    deliver(moment(86_400 * 9))

    assert hook.names[4:] == ["next"]
    letter = DeadLetter.objects.get()
    assert (letter.status, letter.attempts, letter.event.data["name"]) == ("dead", 3, "poison")
    assert letter.reason.startswith("503")
    attempts = Attempt.objects.filter(event=letter.event).order_by("id")
    assert [(each.number, each.status, each.delivered) for each in attempts] == [
        (1, 500, False),
        (2, 500, False),
        (3, 503, False),
    ]


def test_a_dead_letter_is_sent_again_once_when_asked_for(hook: Receiver, settings: Settings) -> None:
    settings.WEBHOOKS_ATTEMPTS = 1
    webhook = register(hook).webhook
    record([moved("a")])
    hook.status = 500
    deliver(moment())
    assert DeadLetter.objects.get().status == "dead"
    assert deliver(moment(9)) == 0

    assert webhooks.replay(webhook) == 1
    deliver(moment(10))
    assert (DeadLetter.objects.get().status, DeadLetter.objects.get().attempts) == ("dead", 2)

    hook.status = 200
    assert webhooks.replay(webhook) == 1
    assert webhooks.replay(webhook) == 0
    deliver(moment(20))
    letter = DeadLetter.objects.get()
    assert (letter.status, letter.delivered_at) == ("delivered", moment(20))
    assert len({each.headers["webhook-id"] for each in hook.received}) == 1
    assert deliver(moment(30)) == 0


def test_a_receiver_that_is_gone_is_switched_off_and_gets_all_of_it_when_it_is_back(hook: Receiver) -> None:
    webhook = register(hook).webhook
    record([moved("a")])
    hook.status = 410
    deliver(moment())
    record([moved("b")])
    assert deliver(moment(999)) == 0
    webhook.refresh_from_db()
    assert (webhook.enabled, "410" in webhook.disabled_because) == (False, True)

    hook.status = 200
    webhooks.change(webhook, {"enabled": True}, at=moment(1000))
    deliver(moment(1000))

    assert hook.names == ["a", "a", "b"]
    assert DeadLetter.objects.count() == 0


def test_what_is_switched_on_again_waits_for_no_failure_of_before_and_has_all_its_tries(
    hook: Receiver, settings: Settings
) -> None:
    settings.WEBHOOKS_ATTEMPTS = 3
    webhook = register(hook).webhook
    record([moved("a")])
    hook.status = 500
    assert [deliver(moment(at)) for at in (0, 5)] == [1, 1]
    # The next try would be at 15.
    webhooks.change(webhook, {"enabled": False}, at=moment(6))
    webhooks.change(webhook, {"enabled": True}, at=moment(7))

    assert deliver(moment(7)) == 1
    assert DeadLetter.objects.count() == 0
    # Said of one that is on, it makes nothing come sooner.
    webhooks.change(webhook, {"enabled": True}, at=moment(8))
    assert deliver(moment(8)) == 0
    hook.status = 200
    assert deliver(moment(12)) == 1
    assert hook.names == ["a"] * 4


def test_a_lane_without_matching_events_is_moved_up(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PASSED_BY", 10)
    register(hook, kinds=["fund.opened"])
    record([moved(str(n)) for n in range(30)])

    deliver(moment())

    assert Lane.objects.get().after == number() == 30


def test_a_webhook_is_registered_once() -> None:
    with refused("webhook_not_https"):
        webhooks.register(name="n", url="http://example.org/", stream="", kinds=[], created_at=moment())


def test_the_same_name_on_other_terms_is_refused(hook: Receiver) -> None:
    first = register(hook)
    again = register(hook)
    assert (again.webhook.pk, again.secret, again.replayed) == (first.webhook.pk, "", True)

    with refused("webhook_exists"):
        register(hook, url=hook.url + "/other")
    with refused("fund_unknown"):
        register(hook, name="other", stream="nope")
    with refused("webhook_name_malformed"):
        register(hook, name=" ")


def test_attempts_carry_what_was_answered(hook: Receiver) -> None:
    register(hook)
    record([moved("a")])

    def long_answer(handler: Any) -> None:
        handler.send_response(400)
        handler.end_headers()
        handler.wfile.write(b"no\0" + b"x" * 100_000)

    hook.answer = long_answer
    deliver(datetime(2026, 1, 2, tzinfo=UTC))

    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.delivered, len(attempt.answer)) == (400, False, 500)
    assert attempt.answer.startswith("no")
