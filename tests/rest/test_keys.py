"""Keys: made once, kept as a digest, dead at once when revoked."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.errors import Refused
from ledger.rest.keys import create_key, find_key, revoke_key
from ledger.rest.models import ApiKey, Role
from tests.rest.api import client, client_with, get, problem_of, refused_get, stranger

pytestmark = pytest.mark.django_db


def test_secret_is_shown_once_and_kept_nowhere() -> None:
    key, secret = create_key(name="engine-1", role=Role.ENGINE, created_at=timezone.now())

    assert len(secret) >= 43
    kept = " ".join(str(value) for value in ApiKey.objects.values_list().get(pk=key.pk))
    assert secret not in kept
    assert secret.startswith(key.prefix)
    assert find_key(secret) == key


def test_command_prints_the_secret_alone() -> None:
    User.objects.create_user("tess")
    out = StringIO()

    call_command(
        "create_key", "--role=treasury", "--name=desk", "--user=tess", "--days=30", stdout=out, stderr=StringIO()
    )

    key = find_key(out.getvalue().strip())
    assert key is not None
    assert (key.name, key.role, key.person) == ("desk", "treasury", "tess")
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == timedelta(days=30)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--role=trader", "--name=t"],
        ["--role=engine", "--name=e", "--trader=ann"],
        ["--role=engine", "--name=taken"],
        ["--role=engine", "--name=e", "--user=nobody"],
        ["--role=engine", "--name=e", "--days=0"],
        ["--role=engine", "--name= "],
    ],
)
def test_command_refuses_what_makes_no_key(arguments: list[str]) -> None:
    create_key(name="taken", role=Role.ENGINE, created_at=timezone.now())

    with pytest.raises(CommandError):
        call_command("create_key", *arguments)

    assert ApiKey.objects.count() == 1


def test_name_stands_for_one_key() -> None:
    create_key(name="engine", role=Role.ENGINE, created_at=timezone.now())

    with pytest.raises(Refused) as caught:
        create_key(name="engine", role=Role.AUDITOR, created_at=timezone.now())

    assert caught.value.code == "key_name_taken"


def test_fund_of_a_key_that_can_be_none_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        create_key(name="engine", role=Role.ENGINE, funds=["usdt", "US DT"], created_at=timezone.now())

    assert caught.value.code == "key_fund_malformed"
    assert not ApiKey.objects.exists()


def test_command_names_several_funds() -> None:
    output = StringIO()
    call_command("create_key", "--role", "engine", "--name", "e", "--fund", "usdt", "--fund", "btc", stdout=output)

    key = find_key(output.getvalue().strip())
    assert key is not None
    assert key.funds == ["btc", "usdt"]


def test_request_without_a_key_is_told_how_to_give_one() -> None:
    response = stranger().get("/api/v1/accounts/")

    problem_of(response, status=401, code="key_required")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="bulwark"'


@pytest.mark.parametrize("secret", ["bwk_wrong", "é", "a b", "x" * 5000])
def test_unknown_key_opens_nothing(secret: str) -> None:
    refused_get(client_with(secret), "/accounts/", status=401, code="key_unknown")


def test_revoked_key_is_dead_at_once() -> None:
    auditor = client(Role.AUDITOR, name="auditor")
    get(auditor, "/accounts/")

    revoke_key(name="auditor", revoked_at=timezone.now())

    refused_get(auditor, "/accounts/", status=401, code="key_revoked")


def test_expired_key_is_dead() -> None:
    auditor = client(Role.AUDITOR, name="auditor", expires_at=timezone.now() + timedelta(hours=1))
    get(auditor, "/accounts/")

    ApiKey.objects.filter(name="auditor").update(expires_at=timezone.now())

    refused_get(auditor, "/accounts/", status=401, code="key_expired")


def test_last_use_is_kept_to_the_minute() -> None:
    auditor = client(Role.AUDITOR, name="auditor")
    get(auditor, "/accounts/")
    first = ApiKey.objects.get(name="auditor").last_used_at
    assert first is not None

    get(auditor, "/accounts/")
    assert ApiKey.objects.get(name="auditor").last_used_at == first

    ApiKey.objects.filter(name="auditor").update(last_used_at=first - timedelta(minutes=2))
    get(auditor, "/accounts/")
    used_again = ApiKey.objects.get(name="auditor").last_used_at
    assert used_again is not None
    assert used_again >= first
