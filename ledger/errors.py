"""Refusals of the ledger. Every one has a stable snake-case code and a message with the values in it."""

from collections.abc import Sequence
from dataclasses import dataclass


class Refused(Exception):
    """A request that the books do not take. `code` is API, `detail` is for the person at 3 a.m., `status` for HTTP."""

    status = 422
    # Place in the batch that it came with, from 0; None where it came alone or concerns the batch as a whole.
    position: int | None = None

    def __init__(self, code: str, detail: str, *, status: int | None = None, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        if status is not None:
            self.status = status


class ReferenceReused(Refused):
    """The same reference, with other content than the first time."""

    status = 409

    def __init__(self, reference: str, detail: str) -> None:
        super().__init__("reference_reused", detail)
        self.reference = reference


class NotFound(Refused):
    status = 404


@dataclass(frozen=True, slots=True)
class EntryRefusal:
    """Why one entry of a call to the posting door was refused. `position` counts the call's entries from 0.

    `account`: the one that does not exist, or would pass its floor.
    """

    position: int
    code: str
    detail: str
    account: str = ""


class PostingRefused(Refused):
    """The posting door took nothing of the call; `refusals` names every entry that stood in the way."""

    def __init__(self, refusals: Sequence[EntryRefusal]) -> None:
        first = refusals[0]
        super().__init__(first.code, first.detail, status=409 if first.code == "reference_reused" else None)
        self.refusals = tuple(refusals)
