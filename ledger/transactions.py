"""Transactions that stand in each other's way: run again, so that no caller sees it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import psycopg
from django.db import DatabaseError, connection, transaction

from ledger.errors import Refused

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 5

# serialization_failure, deadlock_detected, and unique_violation: somebody else was faster with the same reference, and
# the next attempt finds it.
_PASSING = frozenset({"40001", "40P01", "23505"})


class Outdated(Exception):
    """What was planned with is no longer so. `refusal` is the answer where it is so every time."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def retried(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in one transaction, and again, at most ATTEMPTS times, where others were in its way.

    Inside a caller's transaction it runs once, under a savepoint: what the caller has locked stays locked, so another
    attempt could only wait for itself.
    """
    return _retried_in(transaction.atomic, function)


def retried_apart(function: Callable[P, R]) -> Callable[P, R]:
    """As `retried`, for a function that sees to its transaction itself: it reads first, then writes `together`."""
    return _retried_in(rolled_back_alone, function)


def together(several: bool) -> AbstractContextManager[Any]:
    """A transaction for several statements.

    A single one is a transaction by itself: what it locks waits for no further ways to the server and back.
    """
    return transaction.atomic() if several else nullcontext()


def rolled_back_alone() -> AbstractContextManager[Any]:
    """Inside a caller's transaction a savepoint: what fails can be left behind. Outside there is nothing to leave."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _retried_in(block: Callable[[], AbstractContextManager[Any]], function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for left in reversed(range(attempts)):
            try:
                with block():
                    return function(*args, **kwargs)
            except Outdated as outdated:
                if not left:
                    raise outdated.refusal from outdated
            except (DatabaseError, psycopg.Error) as error:
                if not left or _sqlstate(error) not in _PASSING:
                    raise
        raise AssertionError("the last attempt returns or raises")

    return run


def _sqlstate(error: BaseException) -> str | None:
    """Django wraps the driver's error, the posting door does not."""
    driver_error = error if isinstance(error, psycopg.Error) else error.__cause__
    return driver_error.sqlstate if isinstance(driver_error, psycopg.Error) else None
