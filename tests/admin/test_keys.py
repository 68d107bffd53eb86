"""API keys in the admin: shown once, revoked at once, made by superusers alone."""

import re

from django.test import Client

from ledger.rest.keys import find_key
from ledger.rest.models import ApiKey
from tests.admin.people import read, send

KEYS = "/admin/rest/apikey/"


def make(client: Client, **values: str) -> str:
    return send(client, f"{KEYS}add/", **{"name": "engine", "role": "engine", **values})


def test_a_key_is_shown_once_and_found_by_what_was_shown(administrator: Client) -> None:
    page = make(administrator)

    secret = re.search(r"bwk_\S+", page)
    assert secret
    key = find_key(secret[0])
    assert key
    assert key.name == "engine"
    assert secret[0] not in read(administrator, f"{KEYS}{key.pk}/change/")
    assert secret[0] not in read(administrator, KEYS)
    assert f"engine {key.prefix} Engine live" in read(administrator, KEYS)


def test_the_page_with_a_secret_is_not_kept_by_any_cache(administrator: Client) -> None:
    response = administrator.post(f"{KEYS}add/", {"name": "engine", "role": "engine"})
    assert "no-store" in response["Cache-Control"]


def test_a_key_is_revoked_after_a_question(administrator: Client) -> None:
    make(administrator)
    key = ApiKey.objects.get()

    assert "Every request with this key is refused from now on" in read(administrator, f"{KEYS}{key.pk}/revoke/")
    assert "Key engine is revoked" in send(administrator, f"{KEYS}{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at
    assert "revoked" in read(administrator, KEYS)


def test_a_traders_key_without_a_trader_is_refused(administrator: Client) -> None:
    assert "key_needs_trader" in make(administrator, role="trader")
    assert not ApiKey.objects.exists()


def test_only_superusers_make_and_revoke_keys(administrator: Client, treasurer: Client, bookkeeper: Client) -> None:
    make(administrator)
    key = ApiKey.objects.get()
    for person in (treasurer, bookkeeper):
        assert "engine" in read(person, KEYS)
        assert person.post(f"{KEYS}add/", {"name": "mine", "role": "treasury"}).status_code == 403
        assert person.post(f"{KEYS}{key.pk}/revoke/").status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None
    assert ApiKey.objects.count() == 1


def test_a_key_of_several_funds_names_them(administrator: Client) -> None:
    make(administrator, funds="usdt, btc")

    assert ApiKey.objects.get().funds == ["btc", "usdt"]
    assert "btc, usdt" in read(administrator, KEYS)
    assert "key_fund_malformed" in make(administrator, name="other", funds="no/fund")
