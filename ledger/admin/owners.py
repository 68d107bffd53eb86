"""What else there is of an account's owner. The ledger knows no business noun: the apps above register their lists."""

from collections.abc import Callable

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from ledger.admin.columns import NONE

_LISTS: dict[str, list[tuple[str, Callable[[str], str]]]] = {}


def register(account_kind: str, text: str, url_of: Callable[[str], str]) -> None:
    """Have a list linked from the accounts of a kind; `url_of` takes the owner."""
    _LISTS.setdefault(account_kind, []).append((text, url_of))


def links(account_kind: str, owner: str) -> SafeString:
    """The links of an account, a dash where there is none."""
    found = [(url_of(owner), text) for text, url_of in _LISTS.get(account_kind, [])]
    return format_html_join(" · ", '<a href="{}">{}</a>', found) if found and owner else mark_safe(NONE)
