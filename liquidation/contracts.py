"""Contracts: added once, never changed, since takeovers were booked on their terms."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import funds
from fund.rules import ContractKind
from ledger import accounts, chart
from ledger.bulk import among, read_rows
from ledger.models import Currency
from ledger.transactions import retried
from liquidation import errors
from liquidation.models import Contract
from liquidation.values import check_positive, check_rate

# As long as the column is.
SYMBOL_MOST = 60


@dataclass(frozen=True, slots=True)
class Added:
    """`replayed`: the contract was known, on the same terms."""

    contract: Contract
    replayed: bool


@retried
def add_contract(
    *,
    symbol: str,
    kind: str,
    margin_currency: str,
    multiplier: Decimal,
    tick: Decimal | None = None,
    close_fee_rate: Decimal = Decimal(0),
    fund_code: str,
    created_at: datetime,
) -> Added:
    """Add a contract to a fund that is held in its margin currency, and open its clearing account.

    `multiplier`: units of the underlying, or of the quote currency for inverse contracts, in one contract. `tick`:
    smallest step of its price. `close_fee_rate`: share of the closing notional that the venue takes into a bankruptcy
    price for the fee of the close.
    Raises NotFound `fund_unknown`; Refused `name_malformed`, `kind_unknown`, `currency_unknown`,
    `multiplier_not_positive`, `tick_not_positive`, `rate_out_of_range`, `number_out_of_range`,
    `contract_currency_mismatch`, `contract_exists`.
    """
    if not chart.is_name(symbol) or len(symbol) > SYMBOL_MOST:
        raise errors.name_malformed("symbol", symbol)
    if kind not in Contract.Kind.values:
        raise errors.kind_unknown(kind)
    check_positive("multiplier", multiplier)
    if tick is not None:
        check_positive("tick", tick)
    check_rate("close_fee_rate", close_fee_rate)
    fund = funds.find(fund_code)
    if margin_currency != fund.currency_id:
        if not Currency.objects.filter(code=margin_currency).exists():
            raise errors.currency_unknown(margin_currency)
        raise errors.contract_currency(
            symbol, margin_currency=margin_currency, fund=fund_code, fund_currency=fund.currency_id
        )
    known = by_symbol([symbol]).get(symbol)
    if known is not None:
        terms = (known.kind, known.multiplier, known.tick, known.close_fee_rate, known.fund_id)
        if terms != (kind, multiplier, tick, close_fee_rate, fund.pk):
            raise errors.contract_exists(symbol)
        return Added(known, replayed=True)

    accounts.open_missing([chart.clearing(symbol, margin_currency)], currency=margin_currency)
    contract = Contract.objects.create(
        symbol=symbol,
        kind=kind,
        margin_currency=fund.currency,
        multiplier=multiplier,
        tick=tick,
        close_fee_rate=close_fee_rate,
        fund=fund,
        created_at=created_at,
    )
    return Added(contract, replayed=False)


def by_symbol(symbols: Collection[str]) -> Mapping[str, Contract]:
    """The contracts of these symbols that exist, with their fund and currency."""
    condition, asked = among("r.symbol", symbols)
    found = read_rows(Contract, condition, [asked], related=("fund", "margin_currency"))
    return {contract.symbol: contract for contract in found}


def kind_of(contract: Contract) -> ContractKind:
    return ContractKind(contract.kind)
