"""The journal for beancount 3. Source: beancount/parser/lexer.l and the language syntax at beancount.github.io/docs.

Beancount's numbers are signed: a debit is positive, a credit negative. It calculates with 28 significant digits; books
with larger amounts than that are exact here and not there. It knows days, so the time of an entry is its metadata.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from ledger import chart
from ledger.chart import AccountType
from ledger.exports.source import ExportedEntry, accounts, currencies, days, entries, fixed

# A control account is part of the house's own side of the books, like equity.
_ROOTS = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.CONTROL: "Equity",
    AccountType.EQUITY: "Equity",
    AccountType.INCOME: "Income",
    AccountType.EXPENSE: "Expenses",
}
# A name is needed on every line; the most recent ones are remembered.
_NAMES_KEPT = 100_000
# Words that beancount's lexer takes for something else than a commodity.
_RESERVED = {"TRUE", "FALSE", "NULL"}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def lines(currency: str | None) -> Iterator[str]:
    first, last = days()
    decimals = dict(currencies(currency))
    yield 'option "title" "Bulwark"\n'
    for code in decimals:
        yield f'option "operating_currency" "{commodity_name(code)}"\n'
    for code in decimals:
        yield f"\n{first} commodity {commodity_name(code)}\n  code: {_text(code)}\n"
    yield "\n"
    for account in accounts(currency):
        name = account_name(account.code)
        yield f"{first} open {name} {commodity_name(account.currency)}\n  code: {_text(account.code)}\n"
    for entry in entries(currency):
        yield _transaction(entry)
    # A balance holds at the start of its day. After the calendar's last one there is none to state it on.
    if last == date.max:
        return
    yield "\n"
    day = last + timedelta(days=1)
    for account in accounts(currency):
        amount = fixed(account.signed_balance, account.decimals)
        yield f"{day} balance {account_name(account.code)} {amount} ~ 0 {commodity_name(account.currency)}\n"


@lru_cache(_NAMES_KEPT)
def account_name(code: str) -> str:
    """A valid beancount account for one of ours; two codes never have the same: `Liabilities:Trader:Ann-x:USDT`.

    The part after the root is the kind, as no two kinds share a word; each name follows as `component`.
    """
    spec = chart.parse(code)
    names = code.split(":")[1:]
    if spec.kind.name == "fund_reserved":
        names = names[:-1]
    kind = "".join(word.capitalize() for word in spec.kind.name.split("_"))
    return ":".join((_ROOTS[spec.kind.type], kind, *(component(name) for name in names)))


def component(name: str) -> str:
    """A name as part of a beancount account: it begins with a capital or a digit and has letters, digits and dashes.

    Anything else becomes `-x` and two hex digits, as does a dash before an x. A final `-x` says that the first letter
    was a small one: `ann` → `Ann-x`, `Ann` → `Ann`, `a.b` → `A-x2eb-x`, `BTC-PERP` → `BTC-PERP`.
    """
    escaped = re.sub(r"[^A-Za-z0-9-]|-(?=x)", lambda match: f"-x{ord(match[0]):02x}", name)
    return f"{escaped[0].upper()}{escaped[1:]}-x" if escaped[0].islower() else escaped


@lru_cache(_NAMES_KEPT)
def commodity_name(currency: str) -> str:
    """A currency's code as a beancount commodity: a capital, then capitals, digits and . _ -, none of these last.

    A small letter becomes `'` and its capital, anything else out of place `'` and two hex digits, which begin with a
    digit. `X''` goes before a code that does not begin with a capital: `USDT` → `USDT`, `uBTC` → `X'''UBTC`.
    """

    def escape(match: re.Match[str]) -> str:
        return f"'{match[0].upper()}" if match[0].islower() else f"'{ord(match[0]):02X}"

    escaped = re.sub(r"[^A-Z0-9._-]|[._-]\Z", escape, currency)
    return f"X''{escaped}" if not ("A" <= escaped[0] <= "Z") or currency in _RESERVED else escaped


def _transaction(entry: ExportedEntry) -> str:
    # An entry and its reversal share a link.
    reversed_link = f" ^entry-{entry.reverses}" if entry.reverses is not None else ""
    links = f"^entry-{entry.id}{reversed_link}"
    head = (
        f"\n{entry.effective_at.date()} * {_text(entry.kind)} {_text(entry.description)} {links}\n"
        f"  reference: {_text(entry.reference)}\n"
        f"  effective: {_text(entry.effective_at.isoformat())}\n"
    )
    if entry.source_kind or entry.source_id:
        head += f"  source: {_text(f'{entry.source_kind} {entry.source_id}')}\n"
    return head + "".join(
        f"  {account_name(line.account)}  {fixed(line.signed_amount, line.decimals)} {commodity_name(line.currency)}\n"
        for line in entry.lines
    )


def _text(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'
