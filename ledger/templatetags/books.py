"""What templates of the books are written with: readable amounts, and links by an account's code."""

import json

from django import template

from ledger.admin.columns import account_link, amount_html, object_link, side_html
from ledger.admin.sources import source_link

register = template.Library()
register.filter("amount", amount_html)
register.filter("side", side_html)
register.filter("link", object_link)
register.filter("account_link", account_link)
register.simple_tag(source_link)


@register.filter
def thousands(count: int) -> str:
    """A number of things: `12,345`."""
    return f"{count:,}"


@register.filter
def words(name: str) -> str:
    """A name of the books as people say it: `loss to allocate`."""
    return name.replace("_", " ")


@register.filter
def pretty(evidence: object) -> str:
    """Stored JSON, indented."""
    return json.dumps(evidence, indent=2, ensure_ascii=False)
