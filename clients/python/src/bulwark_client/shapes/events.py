"""Events, and the webhooks that they are sent to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `data` has the fields of its kind, amounts in it as texts."""

    position: int
    kind: str
    fund: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Events after a position, the oldest first; `next_after` is where to go on."""

    results: list[Event]
    next_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret that deliveries are signed with; itself it is shown once."""

    fingerprint: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """How far one fund's events are on their way to a webhook."""

    fund: str
    after: int
    failures: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook, and how far it is."""

    id: int
    name: str
    url: str
    fund: str
    kinds: list[str]
    enabled: bool
    disabled_because: str
    created_at: datetime
    created_by: str
    secrets: list[Secret]
    lanes: list[Lane]
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook(Webhook):
    """With a secret of its own, which is not shown again; None where the webhook was known."""

    secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many dead letters are on their way again."""

    replayed: int
