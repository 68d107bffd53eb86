"""The journal for hledger. Source: the journal format in its manual, hledger.org/hledger.html, from Transactions on.

Accounts keep our codes under one of hledger's five roots: `liabilities:trader:ann:USDT`. A debit is positive.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from ledger import chart
from ledger.chart import AccountType
from ledger.exports.source import ExportedEntry, accounts, currencies, days, entries, fixed

# A control account is part of the house's own side of the books, like equity.
_ROOTS = {
    AccountType.ASSET: "assets",
    AccountType.LIABILITY: "liabilities",
    AccountType.CONTROL: "equity",
    AccountType.EQUITY: "equity",
    AccountType.INCOME: "revenues",
    AccountType.EXPENSE: "expenses",
}
# A name is needed on every line; the most recent ones are remembered.
_NAMES_KEPT = 100_000
_ZERO = Decimal(0)
_TYPES = {"assets": "A", "liabilities": "L", "equity": "E", "revenues": "R", "expenses": "X"}


def lines(currency: str | None) -> Iterator[str]:
    _, last = days()
    yield "decimal-mark .\n"
    for code, decimals in currencies(currency):
        yield f"commodity 1000.{'0' * decimals} {commodity_name(code)}\n"
    for root, letter in _TYPES.items():
        yield f"account {root}  ; type: {letter}\n"
    for account in accounts(currency):
        yield f"account {account_name(account.code)}\n"
    for entry in entries(currency):
        yield _transaction(entry)
    # Assertions are checked by day and, within it, in the order of the file: these come after everything else.
    yield f"\n{last} * closing balances\n"
    for account in accounts(currency):
        unit = commodity_name(account.currency)
        zero, balance = (fixed(value, account.decimals) for value in (_ZERO, account.signed_balance))
        yield f"    {account_name(account.code)}  {zero} {unit} == {balance} {unit}\n"


@lru_cache(_NAMES_KEPT)
def account_name(code: str) -> str:
    """The code under its root: its characters are all allowed there, and it decides the root."""
    return f"{_ROOTS[chart.parse(code).kind.type]}:{code}"


@lru_cache(_NAMES_KEPT)
def commodity_name(currency: str) -> str:
    """The code, in quotes where it has anything but letters."""
    return currency if re.fullmatch(r"[A-Za-z]+", currency) else f'"{currency}"'


def _transaction(entry: ExportedEntry) -> str:
    tags = [f"entry:{entry.id}", f"effective:{entry.effective_at.isoformat()}"]
    if entry.source_kind or entry.source_id:
        tags.append(f"source:{_encoded(f'{entry.source_kind} {entry.source_id}')}")
    if entry.reverses is not None:
        tags.append(f"reverses:{entry.reverses}")
    # The code ends at a closing parenthesis, a tag at a comma, the description at a semicolon, all at the line's end.
    what = " ".join(" | ".join(filter(None, (entry.kind, entry.description))).replace(";", ",").split())
    text = f"\n{entry.effective_at.date()} * ({_encoded(entry.reference)}) {what}  ; {', '.join(tags)}\n"
    for line in entry.lines:
        amount = f"{fixed(line.signed_amount, line.decimals)} {commodity_name(line.currency)}"
        text += f"    {account_name(line.account)}  {amount}\n"
    return text


def _encoded(text: str) -> str:
    """`text` with what would end it, and the percent sign, as percent and two hex digits."""
    return re.sub(r"[%(),;\x00-\x1f\x7f]", lambda match: f"%{ord(match[0]):02X}", text)
