"""Refusals of the fund: one name for each, with the values in its message."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from ledger.errors import NotFound, ReferenceReused, Refused
from ledger.money import EXACT, plain


def fund_unknown(code: str) -> NotFound:
    return NotFound("fund_unknown", f"fund {code} does not exist")


def fund_exists(code: str) -> Refused:
    return Refused("fund_exists", f"fund {code} exists already, opened with other terms", status=409)


def rulebook_unknown(fund: str, version: str) -> NotFound:
    return NotFound("rulebook_unknown", f"fund {fund} has no rulebook {version}")


def currency_unknown(code: str) -> Refused:
    return Refused("currency_unknown", f"currency {code} does not exist", field="currency")


def cycle_seconds_not_positive(seconds: int) -> Refused:
    return Refused("cycle_seconds_not_positive", f"a cycle of {seconds} seconds is none", field="cycle_seconds")


def name_malformed(what: str, name: str) -> Refused:
    return Refused(
        "name_malformed",
        f"{what} {name!r} is not a name: letters, digits and . _ @ + -, at most 100, a letter or digit first",
    )


def amount_not_positive(amount: Decimal) -> Refused:
    return Refused("amount_not_positive", f"amount {amount} is not above 0", field="amount")


def amount_precision(amount: Decimal, *, currency: str, decimals: int) -> Refused:
    detail = f"amount {plain(amount)} has more than the {decimals} decimals of {currency}"
    return Refused("amount_precision", detail, field="amount")


def source_unknown(source: str) -> Refused:
    return Refused("source_unknown", f"{source!r} is not one of treasury, custody", field="source")


def reference_reused(reference: str, what: str) -> ReferenceReused:
    return ReferenceReused(reference, f"reference {reference} stands for {what}")


def fund_balance_insufficient(fund: str, *, amount: Decimal, spendable: Decimal) -> Refused:
    missing = EXACT.subtract(amount, spendable)
    return Refused(
        "fund_balance_insufficient",
        f"fund {fund}: withdrawal {plain(amount)} exceeds the spendable {plain(spendable)} by {plain(missing)}",
    )


def withdrawal_unknown(reference: str) -> NotFound:
    return NotFound("withdrawal_unknown", f"withdrawal {reference} does not exist")


def withdrawal_same_person(reference: str, person: str) -> Refused:
    return Refused(
        "withdrawal_same_person", f"withdrawal {reference}: requested by {person}, a second person must decide on it"
    )


def withdrawal_not_pending(reference: str, *, status: str, decided_by: str) -> Refused:
    return Refused("withdrawal_not_pending", f"withdrawal {reference} is {status} by {decided_by}", status=409)


def person_missing() -> Refused:
    return Refused("person_missing", "money of a fund moves in somebody's name, and none was given")


def cycle_unknown(cycle_id: int) -> NotFound:
    return NotFound("cycle_unknown", f"cycle {cycle_id} does not exist")


def cycle_ends_before_start(*, starts_at: datetime, ends_at: datetime) -> Refused:
    detail = f"a cycle from {starts_at.isoformat()} cannot end at {ends_at.isoformat()}"
    return Refused("cycle_ends_before_start", detail, field="ends_at")


def cycle_number_taken(fund: str, number: int, *, starts_at: datetime, ends_at: datetime) -> Refused:
    detail = f"fund {fund}: cycle {number} runs from {starts_at.isoformat()} to {ends_at.isoformat()}"
    return Refused("cycle_number_taken", detail, status=409, field="number")


def cycle_overlaps(fund: str, number: int, *, starts_at: datetime, ends_at: datetime) -> Refused:
    detail = f"fund {fund}: its cycle {number} runs from {starts_at.isoformat()} to {ends_at.isoformat()} already"
    return Refused("cycle_overlaps", detail, status=409, field="starts_at")


def cycle_not_ended(cycle: str, *, ends_at: datetime) -> Refused:
    detail = f"{cycle} runs until {ends_at.isoformat()}; before, it is settled once its positions are complete"
    return Refused("cycle_not_ended", detail, status=409)


def cycle_settled(cycle: str) -> Refused:
    return Refused("cycle_settled", f"{cycle} is settled", status=409)


def cycle_not_settled(cycle: str, status: str) -> Refused:
    return Refused("cycle_not_settled", f"{cycle} is {status}, there is no settlement to reverse", status=409)


def settlement_unknown(cycle: str, status: str) -> NotFound:
    return NotFound("settlement_unknown", f"{cycle} is {status}: nobody bears anything of it yet")


def positions_incomplete(cycle: str, *, to_allocate: Decimal) -> Refused:
    detail = f"{cycle} has {plain(to_allocate)} to allocate, and its positions are not complete"
    return Refused("positions_incomplete", detail, status=409)


def positions_frozen(cycle: str, *, count: int) -> Refused:
    detail = f"{cycle}: its {count} positions are complete, none is added or changed"
    return Refused("positions_frozen", detail, status=409)


def positions_count_mismatch(cycle: str, *, stated: int, held: int) -> Refused:
    detail = f"{cycle}: stated {stated} positions, {held} are held"
    return Refused("positions_count_mismatch", detail, status=409, field="count")


def positions_total_mismatch(cycle: str, *, stated: Decimal, held: Decimal) -> Refused:
    detail = (
        f"{cycle}: stated a total profit of {plain(stated)}, the positions sum to {plain(held)},"
        f" a difference of {plain(EXACT.subtract(held, stated))}"
    )
    return Refused("positions_total_mismatch", detail, status=409, field="total")


def positions_malformed(row: int | None, detail: str) -> Refused:
    """`row` counts the rows of the input from 1, a header left out; None where the input as a whole is wrong."""
    return Refused("positions_malformed", detail if row is None else f"row {row}: {detail}")


def positions_format(format: str, known: Iterable[str]) -> Refused:
    return Refused("positions_format", f"{format!r} is not one of {', '.join(known)}")


def positions_columns(detail: str, columns: Sequence[str]) -> Refused:
    return Refused("positions_columns", f"{detail}; the columns are {', '.join(columns)}")
