"""Refusals of the engine's events: one name for each, with the values in its message."""

from decimal import Decimal

from ledger.errors import NotFound, ReferenceReused, Refused
from ledger.money import EXACT, plain


def reference_malformed(reference: str) -> Refused:
    return Refused(
        "reference_malformed",
        f"reference {reference!r}: 1 to 160 printable characters, no space at either end",
        field="reference",
    )


def reference_reserved(reference: str) -> Refused:
    detail = f"reference {reference}: what begins like this is the fund's own taking over of what was unfilled"
    return Refused("reference_reserved", detail, field="reference")


def reference_reused(reference: str, known: str) -> ReferenceReused:
    return ReferenceReused(reference, f"reference {reference} stands for {known}")


def name_malformed(what: str, name: str) -> Refused:
    detail = f"{what} {name!r} is not a name: letters, digits and . _ @ + -, at most 100, a letter or digit first"
    return Refused("name_malformed", detail, field=what)


def kind_unknown(kind: str) -> Refused:
    return Refused("kind_unknown", f"{kind!r} is not one of linear, inverse, quanto", field="kind")


def currency_unknown(code: str) -> Refused:
    return Refused("currency_unknown", f"currency {code} does not exist", field="margin_currency")


def side_unknown(side: str) -> Refused:
    return Refused("side_unknown", f"{side!r} is not one of long, short", field="side")


def contract_unknown(symbol: str) -> Refused:
    return Refused("contract_unknown", f"contract {symbol} does not exist", field="contract")


def contract_of_another_fund(symbol: str, fund: str) -> Refused:
    return Refused("contract_of_another_fund", f"contract {symbol} is none of fund {fund}", field="contract")


def contract_exists(symbol: str) -> Refused:
    return Refused("contract_exists", f"contract {symbol} exists already, on other terms", status=409)


def contract_currency(symbol: str, *, margin_currency: str, fund: str, fund_currency: str) -> Refused:
    detail = f"contract {symbol}: its margin is in {margin_currency}, fund {fund} is in {fund_currency}"
    return Refused("contract_currency_mismatch", detail, field="margin_currency")


def not_positive(what: str, value: Decimal) -> Refused:
    """`price_not_positive`, `quantity_not_positive`…"""
    noun = what.rpartition("_")[2]
    return Refused(f"{noun}_not_positive", f"{what} {value} is not above 0", field=what)


def negative(what: str, value: Decimal) -> Refused:
    """`price_negative`, `margin_negative`, `fee_negative`."""
    return Refused(f"{what.rpartition('_')[2]}_negative", f"{what} {value} is below 0", field=what)


def amount_precision(what: str, value: Decimal, *, currency: str, decimals: int) -> Refused:
    detail = f"{what} {plain(value)} has more than the {decimals} decimals of {currency}"
    return Refused("amount_precision", detail, field=what)


def rate_out_of_range(what: str, value: Decimal) -> Refused:
    return Refused("rate_out_of_range", f"{what} {value} is not from 0 to below 1", field=what)


def number_out_of_range(what: str, value: Decimal) -> Refused:
    detail = f"{what} {value} has more than the 38 digits before or the 18 after the point that are kept"
    return Refused("number_out_of_range", detail, field=what)


def bankruptcy_price_missing(reference: str) -> Refused:
    detail = f"takeover {reference}: it needs a bankruptcy_price, or an entry_price to work it out from"
    return Refused("bankruptcy_price_missing", detail, field="bankruptcy_price")


def margin_never_exhausted(reference: str, *, margin: Decimal, quantity: Decimal, entry_price: Decimal) -> Refused:
    detail = (
        f"takeover {reference}: no price exhausts the margin {plain(margin)} of {plain(quantity)} short"
        f" from {plain(entry_price)}"
    )
    return Refused("margin_never_exhausted", detail, field="margin")


def mark_price_missing(what: str) -> Refused:
    detail = f"{what}: its rulebook goes by the mark price, and none is known"
    return Refused("mark_price_missing", detail, field="mark_price")


def takeover_unknown(reference: str) -> NotFound:
    return NotFound("takeover_unknown", f"takeover {reference} does not exist")


def takeover_closed(reference: str) -> Refused:
    return Refused("takeover_closed", f"takeover {reference} is closed", status=409)


def takeover_reversed(reference: str) -> Refused:
    return Refused("takeover_reversed", f"takeover {reference} was reversed as a whole", status=409)


def takeover_not_filled(reference: str, remaining: Decimal) -> Refused:
    detail = f"takeover {reference}: {plain(remaining)} is not filled yet"
    return Refused("takeover_not_filled", detail, status=409)


def fill_exceeds_remaining(takeover: str, *, quantity: Decimal, remaining: Decimal, field: str = "quantity") -> Refused:
    over = EXACT.subtract(quantity, remaining)
    detail = f"takeover {takeover}: fill of {plain(quantity)} exceeds the remaining {plain(remaining)} by {plain(over)}"
    return Refused("fill_exceeds_remaining", detail, field=field)


def fill_price_or_pnl(reference: str) -> Refused:
    return Refused("fill_price_or_pnl", f"fill {reference}: exactly one of price and pnl is named")


def adl_not_in_rulebook(takeover: str, version: str) -> Refused:
    return Refused("adl_not_in_rulebook", f"takeover {takeover}: its rulebook {version} knows no ADL", status=409)


def adl_fills_missing(reference: str) -> Refused:
    return Refused("adl_fills_missing", f"ADL {reference} names no counterparty", field="fills")


def adl_entry_price_missing(reference: str, trader: str) -> Refused:
    detail = f"ADL {reference}: no entry price is named for {trader}, and no open position of theirs is known"
    return Refused("adl_entry_price_missing", detail, field="fills")


def adl_fill_not_listed(reference: str, trader: str, position: str) -> Refused:
    whose = f"position {position} of {trader}" if position else f"{trader}"
    detail = f"ADL {reference}: {whose} is not in the list that `unfilled/` was told last"
    return Refused("adl_fill_not_listed", detail, field="fills")


def already_reversed(what: str, reference: str) -> Refused:
    return Refused("entry_already_reversed", f"{what} {reference} has been reversed already", status=409)
