"""Corrections: an entry is never edited, its mirror image is posted beside it."""

from collections.abc import Mapping
from datetime import datetime

from ledger.errors import NotFound, Refused
from ledger.models import Entry, Posting
from ledger.posting import Entry as NewEntry
from ledger.posting import Line, Posted, post
from ledger.references import check_of_reversal

KIND = "reversal"


def reverse(
    entry: int | str,
    *,
    reference: str,
    effective_at: datetime,
    effective_stated: bool = True,
    description: str = "",
) -> Posted:
    """Post the mirrored lines of an entry, named by its id or its reference, with the source of the original.

    The same `reference` again is a replay. Which entries may be reversed by themselves is for the callers to know.
    Raises NotFound `entry_unknown`; Refused `reference_reserved`, `entry_is_reversal`; PostingRefused
    `entry_already_reversed`, `reference_reused`, `account_floor`.
    """
    check_of_reversal(reference)
    original = _find(entry)
    if original.reverses_id is not None:
        raise Refused(
            "entry_is_reversal",
            f"entry {original.reference} is itself a reversal; post the entry it reversed again, as a new one",
        )

    return post(
        mirrored(
            {original: reference},
            effective_at=effective_at,
            effective_stated=effective_stated,
            description=description,
        )
    )[0]


def mirrored(
    references: Mapping[Entry, str],
    *,
    effective_at: datetime,
    effective_stated: bool = True,
    description: str = "",
) -> list[NewEntry]:
    """The mirror images of entries, ready to be posted, in their order; each under the reference given for it."""
    lines: dict[int, list[Line]] = {original.pk: [] for original in references}
    postings = Posting.objects.filter(entry_id__in=lines).order_by("id")
    for entry_id, code, debit, credit in postings.values_list("entry_id", "account__code", "debit", "credit"):
        lines[entry_id].append(Line(code, debit=credit, credit=debit))
    return [
        NewEntry(
            reference=reference,
            kind=KIND,
            lines=lines[original.pk],
            effective_at=effective_at,
            effective_stated=effective_stated,
            description=description,
            source_kind=original.source_kind,
            source_id=original.source_id,
            reverses=original.pk,
        )
        for original, reference in references.items()
    ]


def _find(entry: int | str) -> Entry:
    entries = Entry.objects.filter(pk=entry) if isinstance(entry, int) else Entry.objects.filter(reference=entry)
    found = entries.first()
    if found is None:
        raise NotFound("entry_unknown", f"entry {entry} does not exist")
    return found
