"""Every row that somebody has made says who: the key, the person in the admin, the task."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fund.models import Cycle, Fund, RulebookVersion, Transfer
from fund.tasks import open_next_cycles
from ledger.models import Currency, Entry
from ledger.rest.models import Role
from liquidation.models import Contract, Correction, Fill, Takeover
from tests.admin.people import send
from tests.fund.builders import open_fund
from tests.rest.api import client, post
from tests.rest.takeovers import contract, fill, takeover

pytestmark = pytest.mark.django_db


def recorders(*models: Any) -> set[str]:
    """Who has made the rows of these models; each must have some."""
    found: set[str] = set()
    for model in models:
        names = set(model.objects.values_list("recorded_by", flat=True))
        assert names, model
        found |= names
    return found


def test_rows_made_through_the_api_name_the_key() -> None:
    treasury = client(Role.TREASURY, name="the-treasury")
    post(treasury, "/currencies/", {"code": "USDT", "decimals": 8})
    post(treasury, "/funds/", {"code": "usdt", "currency": "USDT", "rulebook": {"preset": "full_cover"}})
    post(treasury, "/contracts/", contract())
    post(treasury, "/funds/usdt/contributions/", {"reference": "c1", "amount": "5000"})
    now = timezone.now()
    span = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()}
    post(treasury, "/funds/usdt/cycles/", span)
    engine = client(Role.ENGINE, name="the-engine")
    post(engine, "/takeovers/", {"items": [takeover("t1"), takeover("t2")]})
    post(engine, "/takeovers/t1/fills/", fill("f1"))
    bookkeeper = client(Role.BOOKKEEPER, name="the-books")
    entry = Fill.objects.get().entry_id
    post(bookkeeper, f"/entries/{entry}/reverse/", {"reference": "r1"})

    assert recorders(Currency, Fund, Contract, Cycle) == {"the-treasury"}
    assert recorders(Takeover, Fill) == {"the-engine"}
    assert recorders(Correction) == {"the-books"}
    assert recorders(Entry) == {"the-treasury", "the-engine", "the-books"}
    assert set(Transfer.objects.values_list("requested_by", flat=True)) == {"the-treasury"}
    assert set(RulebookVersion.objects.values_list("published_by", flat=True)) == {"the-treasury"}


def test_who_recorded_stays_when_somebody_else_changes_the_row() -> None:
    open_fund("full_cover", contribution="5000")
    engine, other = client(Role.ENGINE, name="first"), client(Role.ENGINE, name="second")
    post(engine, "/contracts/", contract())
    post(engine, "/takeovers/", takeover("t1"))

    post(other, "/takeovers/t1/fills/", fill("f1"))

    assert Takeover.objects.get().recorded_by == "first"
    assert Fill.objects.get().recorded_by == "second"


def test_rows_made_in_the_admin_name_the_person(admin_client: Client) -> None:
    open_fund("full_cover")
    send(admin_client, "/admin/liquidation/contract/add/", symbol="X", kind="linear", fund="usdt", multiplier="1")

    assert recorders(Contract) == {"admin"}


def test_rows_made_by_a_task_name_the_task() -> None:
    open_fund("full_cover", cycle_seconds=3600)

    open_next_cycles()

    assert recorders(Cycle) == {"task fund.open_next_cycles"}
