"""Currencies, accounts, entries, the trial balance."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from bulwark_client.resources.resource import ITEMS_OF_A_BATCH, Resource, new_key, segment
from bulwark_client.shapes.batches import EntryOutcome
from bulwark_client.shapes.ledger import (
    Account,
    BalanceAt,
    Currency,
    Entry,
    NewEntry,
    StatementLine,
    TrialBalance,
)


class Currencies(Resource):
    def list(self, **filters: Any) -> Iterator[Currency]:
        """Filters: code."""
        return self._rows("currencies/", Currency, filters)

    def add(self, *, code: str, decimals: int, key: str | None = None) -> Currency:
        return self._record("currencies/", {"code": code, "decimals": decimals}, Currency, key=key or new_key())


class Accounts(Resource):
    def list(self, **filters: Any) -> Iterator[Account]:
        """Filters: code, kind, owner, currency, normal_side."""
        return self._rows("accounts/", Account, filters)

    def get(self, code: str) -> Account:
        return self._one(f"accounts/{segment(code)}/", Account)

    def balance(self, code: str, *, at: datetime | None = None, known_at: datetime | None = None) -> BalanceAt:
        """What stood there `at` a moment of the world, as far as the book knew by `known_at`."""
        return self._one(f"accounts/{segment(code)}/balance/", BalanceAt, at=at, known_at=known_at)

    def statement(
        self,
        code: str,
        *,
        reference: str | None = None,
        kind: str | None = None,
        effective_from: datetime | None = None,
        effective_to: datetime | None = None,
    ) -> Iterator[StatementLine]:
        """Lines in the order of the account's book; `effective_to` is exclusive."""
        times = {"effective_from": effective_from, "effective_to": effective_to}
        query = {"reference": reference, "kind": kind, **times}
        return self._rows(f"accounts/{segment(code)}/statement/", StatementLine, query)


class Entries(Resource):
    def list(self, **filters: Any) -> Iterator[Entry]:
        """The newest first.

        Filters: reference, kind, account, source_kind, source_id, recorded_by, reverses, effective_at, effective_from,
        effective_to, created_from, created_to.
        """
        return self._rows("entries/", Entry, filters)

    def get(self, entry_id: int) -> Entry:
        return self._one(f"entries/{entry_id}/", Entry)

    def post(self, entry: NewEntry) -> Entry:
        return self._record("entries/", entry, Entry)

    def post_many(
        self, entries: Iterable[NewEntry], *, atomic: bool, size: int = ITEMS_OF_A_BATCH
    ) -> Iterator[EntryOutcome]:
        """Each outcome in order. `atomic`: all or none of each call, a refusal raises; else each stands alone."""
        return self._batches("entries/", entries, EntryOutcome, atomic=atomic, size=size)

    def reverse(
        self, entry_id: int, *, reference: str, effective_at: datetime | None = None, description: str = ""
    ) -> Entry:
        """Post the mirror. A fill's opens its takeover again, a settlement's makes way for another run."""
        stated = {} if effective_at is None else {"effective_at": effective_at}
        body = {"reference": reference, "description": description, **stated}
        return self._record(f"entries/{entry_id}/reverse/", body, Entry)

    def trial_balance(
        self, currency: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> TrialBalance:
        """Every account of a currency, and whether the columns agree."""
        return self._one("trial-balance/", TrialBalance, currency=currency, at=at, known_at=known_at)
