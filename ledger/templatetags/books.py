"""What templates of the books are written with: readable amounts, and links by an account's code."""

from decimal import Decimal

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.admin.columns import amount_html, object_link, side_html
from ledger.admin.sources import source_link

register = template.Library()
register.filter("amount", amount_html)
register.filter("side", side_html)
register.filter("link", object_link)
register.simple_tag(source_link)


@register.filter
def account_link(code: str) -> SafeString:
    """The page of the account with this code."""
    return format_html('<a href="{}">{}</a>', reverse("admin:ledger_account_by_code", args=[code]), code)


@register.filter
def percent(share: Decimal) -> str:
    """A share of 1 as per cent, without trailing zeros."""
    return f"{share.scaleb(2).normalize():f} %"
