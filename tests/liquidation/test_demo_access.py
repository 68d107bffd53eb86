"""The demo's people and keys: the same at the next demo, and never anybody else's."""

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from ledger.rest.keys import find_key, revoke_key
from ledger.rest.models import ApiKey, Role
from liquidation.demo.access import grant_access
from tests.builders import moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "demo.json"


def test_people_can_log_in_with_what_is_shown_and_have_their_groups(kept: Path) -> None:
    access = grant_access(kept, now=moment())

    for name, password in access.passwords.items():
        assert authenticate(username=name, password=password) is not None
    assert User.objects.get(username="admin").is_superuser
    groups = {user.username: [group.name for group in user.groups.all()] for user in User.objects.all()}
    assert groups == {"admin": [], "bookkeeper": ["bookkeeper"], "treasurer": ["treasury"]}


def test_keys_are_of_their_role_and_name_the_person_behind_them(kept: Path) -> None:
    keys = {role: find_key(secret) for role, secret in grant_access(kept, now=moment()).keys.items()}

    assert set(keys) == {Role.ENGINE, Role.TREASURY, Role.BOOKKEEPER, Role.AUDITOR}
    assert all(key is not None and key.role == role for role, key in keys.items())
    treasury = keys[Role.TREASURY]
    assert treasury is not None
    assert treasury.person == "treasurer"


def test_the_second_demo_shows_the_same_secrets_kept_for_their_owner_alone(kept: Path) -> None:
    first = grant_access(kept, now=moment())
    assert grant_access(kept, now=moment(60)) == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert ApiKey.objects.count() == 4


def test_a_password_that_was_changed_meanwhile_is_left_alone_and_not_shown(kept: Path) -> None:
    grant_access(kept, now=moment())
    admin = User.objects.get(username="admin")
    admin.set_password("chosen since")
    admin.save()

    for _ in range(2):
        assert grant_access(kept, now=moment(60)).passwords["admin"] is None
        assert authenticate(username="admin", password="chosen since") is not None


def test_a_revoked_key_is_replaced_and_the_others_stay(kept: Path) -> None:
    first = grant_access(kept, now=moment())
    engine = find_key(first.keys[Role.ENGINE])
    assert engine is not None
    revoke_key(name=engine.name, revoked_at=moment(30))

    second = grant_access(kept, now=moment(60))

    assert second.keys[Role.ENGINE] != first.keys[Role.ENGINE]
    assert second.keys[Role.AUDITOR] == first.keys[Role.AUDITOR]


def test_when_the_secrets_are_lost_the_old_keys_are_revoked(kept: Path) -> None:
    first = grant_access(kept, now=moment())
    kept.unlink()

    second = grant_access(kept, now=moment(60))

    for role, secret in first.keys.items():
        old = find_key(secret)
        assert old is not None
        assert not old.is_live(moment(61))
        assert second.keys[role] != secret
