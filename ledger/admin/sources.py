"""What caused an entry, as a page of the admin. The ledger knows no business noun: the apps above register theirs."""

from collections.abc import Callable

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ledger.admin.columns import NONE

Find = Callable[[str], Model | None]
_FINDERS: dict[str, Find] = {}


def register(source_kind: str, find: Find) -> None:
    """Have sources of a kind found by their id."""
    _FINDERS[source_kind] = find


def find(source_kind: str, source_id: str) -> Model | None:
    """The row behind a source, None where there is none or nobody knows the kind."""
    finder = _FINDERS.get(source_kind)
    return finder(source_id) if finder else None


def source_link(source_kind: str, source_id: str) -> SafeString:
    """A link that looks the row up when it is followed: a list of entries costs no query for it."""
    if not source_kind:
        return mark_safe(NONE)
    text = f"{source_kind} {source_id}"
    if source_kind not in _FINDERS or not source_id:
        return format_html("{}", text)
    return format_html('<a href="{}">{}</a>', reverse("admin:ledger_source", args=[source_kind, source_id]), text)
