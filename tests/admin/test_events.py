"""Events and webhooks in the admin: what was tried is seen, and what died is sent again by those who may."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ledger.events import webhooks
from ledger.events.models import DeadLetter, Webhook
from ledger.events.recording import record
from tests.admin.people import read
from tests.events.receiver import Receiver, receiver
from tests.events.story import moved
from tests.events.test_delivering import deliver

LETTERS = "/admin/events/deadletter/"
HOOKS = "/admin/events/webhook/"


@pytest.fixture(autouse=True)
def hook(committed_db: object, settings: Settings) -> Iterator[Receiver]:
    """A receiver that has refused an event for good."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    settings.WEBHOOKS_ATTEMPTS = 1
    with receiver() as running:
        webhooks.register(name="ops", url=running.url, stream="", kinds=[], created_at=timezone.now())
        record([moved("a")])
        running.status = 500
        deliver(timezone.now())
        running.status = 204
        yield running


def act(client: Client, url: str, action: str, pk: int) -> str:
    answer = client.post(url, {"action": action, "_selected_action": [str(pk)]}, follow=True)
    return answer.content.decode()


def test_what_was_tried_and_what_died_is_seen(auditor: Client) -> None:
    assert "1: test.moved" in read(auditor, LETTERS)
    assert "500" in read(auditor, "/admin/events/attempt/")
    assert "test.moved" in read(auditor, "/admin/events/event/")
    assert "ops" in read(auditor, HOOKS)
    page = read(auditor, f"{LETTERS}{DeadLetter.objects.get().pk}/change/")
    assert "dead" in page
    assert "1 dead letter : no receiver took the event, and it is not tried any more" in read(auditor, "/admin/")


def test_a_dead_letter_is_sent_again(treasurer: Client, hook: Receiver) -> None:
    letter = DeadLetter.objects.get()

    assert "1 of 1 dead letter(s) are on their way again." in act(treasurer, LETTERS, "send_again", letter.pk)
    deliver(timezone.now())

    letter.refresh_from_db()
    assert letter.status == "delivered"
    assert hook.names == ["a", "a"]
    assert "0 of 1 dead letter(s)" in act(treasurer, LETTERS, "send_again", letter.pk)


def test_an_auditor_sends_nothing_again(auditor: Client, hook: Receiver) -> None:
    act(auditor, LETTERS, "send_again", DeadLetter.objects.get().pk)
    act(auditor, HOOKS, "switch_off", Webhook.objects.get().pk)

    deliver(timezone.now())
    assert DeadLetter.objects.get().status == "dead"
    assert Webhook.objects.get().enabled
    assert hook.names == ["a"]


def test_a_webhook_is_switched_off_and_on(bookkeeper: Client, hook: Receiver) -> None:
    act(bookkeeper, HOOKS, "switch_off", Webhook.objects.get().pk)
    record([moved("b")])
    assert deliver(timezone.now()) == 0

    act(bookkeeper, HOOKS, "switch_on", Webhook.objects.get().pk)
    deliver(timezone.now())
    assert hook.names == ["a", "b"]
