"""Chart of accounts: what kinds of account there are and how a code is read. Source: accounting.md, chart of accounts.

A code says everything about its account: `fund:usdt:reserved`, `trader:ann:USDT`, `clearing:BTC-PERP:USDT`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

# Codes stand in URLs, exports and error messages: one line, no space, no quote, no slash.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}\Z")


class ChartError(ValueError):
    """A code that the chart does not have."""


class Side(StrEnum):
    """The side on which an account's balance normally stands."""

    DEBIT = "debit"
    CREDIT = "credit"


class AccountType(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    CONTROL = "control"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountKind:
    """One row of the chart.

    `floored`: the balance may never pass below 0; `None` leaves it to the setting. `lock_rank` orders the locks of a
    posting: accounts that every entry touches come last, so that they are held only from there to the commit.
    `manual`: the sides on which an entry by hand may have it. What is missing is moved by events alone, and money
    leaves a fund by an approved withdrawal, so that nobody takes it out on their own.
    """

    name: str
    type: AccountType
    normal_side: Side
    floored: bool | None
    lock_rank: int
    manual: frozenset[Side]
    holds: str


_D, _C = Side.DEBIT, Side.CREDIT
_BOTH, _NONE = frozenset(Side), frozenset[Side]()


def _kind(
    name: str,
    account_type: AccountType,
    normal_side: Side,
    floored: bool | None,
    lock_rank: int,
    manual: frozenset[Side],
    holds: str,
) -> AccountKind:
    return AccountKind(
        name=name,
        type=account_type,
        normal_side=normal_side,
        floored=floored,
        lock_rank=lock_rank,
        manual=manual,
        holds=holds,
    )


KINDS: Mapping[str, AccountKind] = {
    kind.name: kind
    for kind in (
        _kind("custody", AccountType.ASSET, _D, False, 3, _BOTH, "money held for traders, the fund and the house"),
        _kind("trader", AccountType.LIABILITY, _C, None, 0, _BOTH, "what the venue owes the trader"),
        _kind("clearing", AccountType.CONTROL, _C, False, 5, _BOTH, "profit and loss between a contract's two sides"),
        _kind("engine", AccountType.CONTROL, _C, False, 8, _NONE, "result so far of positions the engine holds"),
        _kind("fund", AccountType.EQUITY, _C, True, 9, frozenset({_C}), "spendable insurance fund"),
        _kind("fund_reserved", AccountType.EQUITY, _C, True, 7, _NONE, "pre-close compensation set aside"),
        _kind("vault", AccountType.LIABILITY, _C, True, 4, _BOTH, "market-making vault's share of residual margin"),
        _kind("loss_to_allocate", AccountType.CONTROL, _D, True, 6, _NONE, "loss of the cycle that traders will bear"),
        _kind("deficit", AccountType.CONTROL, _D, True, 6, _NONE, "loss that nobody has borne yet, carried forward"),
        _kind("treasury", AccountType.EQUITY, _C, False, 3, _BOTH, "the house's own capital"),
        _kind("fees", AccountType.INCOME, _C, False, 4, _BOTH, "trading costs of the engine, penalties kept"),
        _kind("house_loss", AccountType.EXPENSE, _D, False, 3, _BOTH, "loss the house chose to absorb"),
        _kind("rounding", AccountType.CONTROL, _C, False, 4, _BOTH, "remainders below the precision, swept at once"),
    )
}


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """What a code says. `currency` is None where the code names a fund: the fund's own currency applies."""

    code: str
    kind: AccountKind
    owner: str
    currency: str | None


# Shape of each kind's code after its prefix: how many names, and which of them is the currency.
_BY_PREFIX: Mapping[str, tuple[str, Callable[[list[str]], tuple[str, str | None]]]] = {
    "custody": ("custody", lambda p: ("", p[0])),
    "trader": ("trader", lambda p: (p[0], p[1])),
    "clearing": ("clearing", lambda p: (p[0], p[1])),
    "engine": ("engine", lambda p: ("", p[0])),
    "vault": ("vault", lambda p: (p[0], p[1])),
    "loss": ("loss_to_allocate", lambda p: (p[0], None)),
    "deficit": ("deficit", lambda p: (p[0], None)),
    "treasury": ("treasury", lambda p: ("", p[0])),
    "fees": ("fees", lambda p: ("", p[0])),
    "house-loss": ("house_loss", lambda p: ("", p[0])),
    "rounding": ("rounding", lambda p: ("", p[0])),
}
_PARTS = {"trader": 2, "clearing": 2, "vault": 2}


def parse(code: str) -> AccountSpec:
    """Read an account code. Raises ChartError with the code and what is wrong with it."""
    prefix, *parts = code.split(":")
    for part in parts:
        if not _NAME.match(part):
            raise ChartError(f"account {code!r}: {part!r} is not a name (letters, digits and . _ @ + -, at most 100)")
    if prefix == "fund":
        if len(parts) == 1:
            return AccountSpec(code, KINDS["fund"], parts[0], None)
        if len(parts) == 2 and parts[1] == "reserved":
            return AccountSpec(code, KINDS["fund_reserved"], parts[0], None)
        raise ChartError(f"account {code!r}: a fund's account is fund:<fund> or fund:<fund>:reserved")
    if prefix not in _BY_PREFIX:
        raise ChartError(f"account {code!r}: the chart has no kind {prefix!r}")
    kind, read = _BY_PREFIX[prefix]
    expected = _PARTS.get(prefix, 1)
    if len(parts) != expected:
        raise ChartError(f"account {code!r}: {prefix} takes {expected} name(s) after the colon, not {len(parts)}")
    owner, currency = read(parts)
    return AccountSpec(code, KINDS[kind], owner, currency)


@lru_cache(maxsize=65_536)
def is_name(text: str) -> bool:
    """Whether a trader's, fund's, contract's or vault's name may stand in an account code."""
    return bool(_NAME.match(text))


def custody(currency: str) -> str:
    return f"custody:{currency}"


def trader(name: str, currency: str) -> str:
    return f"trader:{name}:{currency}"


def clearing(contract: str, currency: str) -> str:
    return f"clearing:{contract}:{currency}"


def engine(currency: str) -> str:
    return f"engine:{currency}"


def fund(name: str) -> str:
    return f"fund:{name}"


def fund_reserved(name: str) -> str:
    return f"fund:{name}:reserved"


def vault(name: str, currency: str) -> str:
    return f"vault:{name}:{currency}"


def loss_to_allocate(fund_name: str) -> str:
    return f"loss:{fund_name}"


def deficit(fund_name: str) -> str:
    return f"deficit:{fund_name}"


def treasury(currency: str) -> str:
    return f"treasury:{currency}"


def fees(currency: str) -> str:
    return f"fees:{currency}"


def house_loss(currency: str) -> str:
    return f"house-loss:{currency}"


def rounding(currency: str) -> str:
    return f"rounding:{currency}"
