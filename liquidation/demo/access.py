"""Who may come in: three people with a password and a key for each role, the same ones at the next demo."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User

from ledger.rest.keys import create_key, find_key, revoke_key
from ledger.rest.models import ApiKey, Role

# Each person's groups; the admin is a superuser.
PEOPLE = {"admin": "", "bookkeeper": "bookkeeper", "treasurer": "treasury"}
# The roles that take part, each with the person behind its key: a withdrawal needs two of them.
ROLES = {
    Role.ENGINE: None,
    Role.TREASURY: "treasurer",
    Role.BOOKKEEPER: "bookkeeper",
    Role.AUDITOR: None,
}
# No letter that is taken for another one: 70 bits.
_LETTERS, _PASSWORD_LENGTH = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Passwords by user name and secrets of keys by role, to be shown to whoever runs the demo.

    A password is None where somebody has set another one since.
    """

    passwords: dict[str, str | None]
    keys: dict[Role, str]


def grant_access(kept: Path, *, now: datetime) -> Access:
    """Make people and keys where they are missing. `kept` remembers their secrets, readable by its owner alone."""
    known = _read(kept)
    people = {name: _person(name, known.get("people", {}).get(name, {})) for name in PEOPLE}
    keys = {role: _key(role, known.get("keys", {}).get(role), now=now) for role in ROLES}
    _write(kept, {"people": people, "keys": keys})
    return Access(passwords={name: person["password"] for name, person in people.items()}, keys=keys)


def _person(name: str, known: dict[str, str | None]) -> dict[str, str | None]:
    """The person's password, and the digest by which one that was changed meanwhile is noticed and left alone."""
    user = User.objects.filter(username=name).first()
    if user is not None:
        ours = user.password == known.get("digest")
        return {"password": known["password"] if ours else None, "digest": user.password if ours else None}
    user = User(username=name, is_staff=True, is_superuser=not PEOPLE[name])
    password = "".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD_LENGTH))
    user.set_password(password)
    user.save()
    if PEOPLE[name]:
        user.groups.add(Group.objects.get(name=PEOPLE[name]))
    return {"password": password, "digest": user.password}


def _key(role: Role, known: str | None, *, now: datetime) -> str:
    if known is not None and (key := find_key(known)) is not None and key.is_live(now):
        return known
    # A key whose secret is lost is of no use to anybody.
    for name in ApiKey.objects.filter(name__startswith=f"demo-{role}-").values_list("name", flat=True):
        revoke_key(name=name, revoked_at=now)
    person = ROLES[role]
    user = User.objects.get(username=person) if person else None
    _, secret = create_key(name=f"demo-{role}-{secrets.token_hex(3)}", role=role, user=user, created_at=now)
    return secret


def _read(kept: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(kept.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return document


def _write(kept: Path, document: dict[str, Any]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = kept.with_suffix(".new")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
    written.replace(kept)
