"""What every venue's document is made of: each fund with its balance, when that last moved, and its contracts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import F, QuerySet, Subquery
from django.db.models.expressions import OuterRef, Value
from django.db.models.functions import Concat

from fund.figures import with_figures
from fund.models import Fund
from ledger.models import Posting
from ledger.money import plain
from liquidation.models import Contract

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The year 3000, in milliseconds.
_LAST = 32_503_680_000_000
# At par with the dollar, for shapes that value a fund in it. The book knows no other price of a currency.
_DOLLARS = frozenset({"USD", "USDC", "USDT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A fund as everybody may see it: its spendable balance in its currency, and the symbols of its contracts."""

    fund: Fund
    balance: Decimal
    changed_at: datetime
    contracts: tuple[str, ...]

    @property
    def code(self) -> str:
        return self.fund.code

    @property
    def currency(self) -> str:
        return self.fund.currency_id

    @property
    def decimals(self) -> int:
        return self.fund.currency.decimals


def published(funds: QuerySet[Fund], *, at: datetime) -> list[Published]:
    """The funds by code. Two queries, whatever their number."""
    moved = Posting.objects.filter(
        account__code=Concat(Value("fund:"), OuterRef("code")), version=F("account__version")
    ).values("entry__created_at")
    rows = list(with_figures(funds, at=at).annotate(changed_at=Subquery(moved)).order_by("code"))
    symbols: dict[int, list[str]] = {}
    for fund_id, symbol in Contract.objects.filter(fund__in=rows).order_by("symbol").values_list("fund_id", "symbol"):
        symbols.setdefault(fund_id, []).append(symbol)
    return [
        Published(
            fund=fund,
            balance=vars(fund)["balance"],
            changed_at=vars(fund)["changed_at"] or fund.created_at,
            contracts=tuple(symbols.get(fund.pk, ())),
        )
        for fund in rows
    ]


def of_contract(funds: Sequence[Published], symbol: str) -> Published | None:
    """The fund that the contract belongs to, None where none of them has it."""
    return next((fund for fund in funds if symbol in fund.contracts), None)


def milliseconds(time: datetime) -> int:
    """Since 1970, what is finer cut off."""
    return (time - _EPOCH) // timedelta(milliseconds=1)


def moment(milliseconds_: int) -> datetime:
    """The time that is so many milliseconds after 1970; what lies beyond the calendar is its end."""
    return _EPOCH + timedelta(milliseconds=min(milliseconds_, _LAST))


def in_dollars(amount: Decimal, currency: str) -> str:
    """The amount where its currency is at par with the dollar; "" where the book knows no price of it."""
    return plain(amount) if currency in _DOLLARS else ""
