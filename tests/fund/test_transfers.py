"""Contributions, and withdrawals that two people decide on."""

from collections.abc import Callable
from decimal import Decimal
from threading import Thread

import pytest
from django.db import connections

from fund import transfers
from fund.models import Transfer
from fund.transfers import Recorded
from ledger.errors import Refused
from ledger.models import Entry
from tests.builders import balance, moment, refused
from tests.fund.builders import open_fund


def contribute(amount: str, *, reference: str = "c1", source: str = "treasury", fund_code: str = "usdt") -> Recorded:
    return transfers.contribute(
        reference=reference,
        fund_code=fund_code,
        amount=Decimal(amount),
        source=source,
        requested_by="treasurer",
        effective_at=moment(),
    )


def request(amount: str, *, reference: str = "w1", by: str = "treasurer", source: str = "treasury") -> Recorded:
    return transfers.request_withdrawal(
        reference=reference,
        fund_code="usdt",
        amount=Decimal(amount),
        source=source,
        requested_by=by,
        requested_at=moment(),
    )


def approve(reference: str = "w1", *, by: str = "chief") -> Recorded:
    return transfers.approve_withdrawal(reference=reference, approved_by=by, decided_at=moment(1))


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["treasury", "custody"])
def test_a_contribution_moves_money_from_its_source_to_the_fund(source: str) -> None:
    open_fund()

    recorded = contribute("100.5", source=source)

    assert not recorded.replayed
    assert balance("fund:usdt") == "100.5"
    assert balance(f"{source}:USDT") == ("-100.5" if source == "treasury" else "100.5")
    entry = Entry.objects.get()
    assert (entry.kind, entry.reference, entry.source_kind, entry.source_id) == (
        "fund_contribution",
        "contribution:c1",
        "transfer",
        "c1",
    )
    assert recorded.transfer.entry == entry


@pytest.mark.django_db
def test_the_same_contribution_again_is_answered_and_booked_once() -> None:
    open_fund()
    contribute("100")

    assert contribute("100.00").replayed
    assert balance("fund:usdt") == "100"


@pytest.mark.django_db
def test_a_reference_of_another_transfer_is_refused() -> None:
    open_fund()
    open_fund(code="usdc")
    contribute("100")

    attempts: list[Callable[[], object]] = [
        lambda: contribute("101"),
        lambda: contribute("100", source="custody"),
        lambda: contribute("100", fund_code="usdc"),
        lambda: request("100", reference="c1"),
    ]
    for attempt in attempts:
        with refused("reference_reused"):
            attempt()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("NaN", "amount_not_positive"),
        ("Infinity", "amount_not_positive"),
        ("0.000000001", "amount_precision"),
    ],
)
def test_an_amount_that_cannot_be_moved_is_refused(amount: str, code: str) -> None:
    open_fund()

    with refused(code):
        contribute(amount)
    with refused(code):
        request(amount)

    assert not Transfer.objects.exists()


@pytest.mark.django_db
def test_a_source_that_is_none_is_refused() -> None:
    open_fund()

    with refused("source_unknown"):
        contribute("1", source="engine")


@pytest.mark.django_db
def test_a_requested_withdrawal_moves_nothing_until_another_person_approves() -> None:
    open_fund(contribution="100")

    requested = request("40")
    assert requested.transfer.status == "pending"
    assert balance("fund:usdt") == "100"

    approved = approve()
    assert (approved.transfer.status, approved.transfer.decided_by) == ("done", "chief")
    assert balance("fund:usdt") == "60"
    assert Entry.objects.get(kind="fund_withdrawal").reference == "withdrawal:w1"


@pytest.mark.django_db
def test_a_withdrawal_to_custody_leaves_the_venue() -> None:
    open_fund(contribution="100")
    contribute("50", source="custody")

    request("50", source="custody")
    approve()

    assert balance("custody:USDT") == "0"


@pytest.mark.django_db
def test_who_requested_a_withdrawal_cannot_approve_it() -> None:
    open_fund(contribution="100")
    request("40")

    with refused("withdrawal_same_person"):
        approve(by="treasurer")

    assert Transfer.objects.get(reference="w1").status == "pending"


@pytest.mark.django_db
def test_a_withdrawal_beyond_the_balance_is_refused_with_the_figures() -> None:
    open_fund(contribution="1000")

    with refused("fund_balance_insufficient") as refusal:
        request("5000")

    assert refusal.value.detail == "fund usdt: withdrawal 5000 exceeds the spendable 1000 by 4000"
    assert not Transfer.objects.filter(direction="withdrawal").exists()


@pytest.mark.django_db
def test_a_withdrawal_leaves_the_floor_in_the_fund() -> None:
    open_fund(contribution="1000", fund_floor="900")

    with refused("fund_balance_insufficient"):
        request("101")
    request("100")
    approve()

    assert balance("fund:usdt") == "900"


@pytest.mark.django_db
def test_a_withdrawal_that_the_fund_cannot_pay_any_more_is_refused_at_its_approval() -> None:
    open_fund(contribution="100")
    request("80", reference="w1")
    request("80", reference="w2")
    approve("w1")

    with refused("fund_balance_insufficient"):
        approve("w2")

    assert Transfer.objects.get(reference="w2").status == "pending"


@pytest.mark.django_db
def test_an_approval_again_by_the_same_person_is_a_replay_and_by_another_a_refusal() -> None:
    open_fund(contribution="100")
    request("40")
    approve()

    assert approve().replayed
    with refused("withdrawal_not_pending"):
        approve(by="somebody")
    assert balance("fund:usdt") == "60"


@pytest.mark.django_db
def test_a_rejected_withdrawal_moves_nothing_and_cannot_be_approved() -> None:
    open_fund(contribution="100")
    request("40")

    rejected = transfers.reject_withdrawal(reference="w1", rejected_by="treasurer", decided_at=moment(1))

    assert rejected.transfer.status == "rejected"
    with refused("withdrawal_not_pending"):
        approve()
    assert balance("fund:usdt") == "100"


@pytest.mark.django_db
def test_an_unknown_withdrawal_is_not_found() -> None:
    open_fund()
    contribute("1")

    for reference in ("w1", "c1"):
        with refused("withdrawal_unknown"):
            approve(reference)


@pytest.mark.django_db
def test_money_moves_in_nobodys_name_never() -> None:
    open_fund(contribution="100")
    request("40")

    with refused("person_missing"):
        request("40", reference="w2", by="")
    with refused("person_missing"):
        approve(by="")


@pytest.mark.usefixtures("committed_db")
def test_two_withdrawals_approved_at_once_do_not_overdraw_the_fund() -> None:
    open_fund(contribution="100")
    references = [f"w{place}" for place in range(4)]
    for reference in references:
        request("40", reference=reference)
    outcomes: list[str] = []

    def approve_apart(reference: str) -> None:
        try:
            outcomes.append(approve(reference).transfer.status)
        except Refused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    people = [Thread(target=approve_apart, args=(reference,)) for reference in references]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sorted(outcomes) == ["done", "done", "fund_balance_insufficient", "fund_balance_insufficient"]
    assert balance("fund:usdt") == "20"


@pytest.mark.usefixtures("committed_db")
def test_the_same_contribution_eight_times_at_once_is_booked_once() -> None:
    open_fund()
    outcomes: list[bool] = []

    def contribute_apart() -> None:
        try:
            outcomes.append(contribute("100").replayed)
        finally:
            connections.close_all()

    people = [Thread(target=contribute_apart) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sorted(outcomes) == [False] + [True] * 7
    assert balance("fund:usdt") == "100"
