"""Accounts of the one currency and the one fund."""

from ledger import chart

CURRENCY, FUND = "USDT", "usdt"
TREASURY, CUSTODY, FEES = chart.treasury(CURRENCY), chart.custody(CURRENCY), chart.fees(CURRENCY)
ENGINE = chart.engine(CURRENCY)
BALANCE, RESERVED = chart.fund(FUND), chart.fund_reserved(FUND)
DEFICIT, TO_ALLOCATE = chart.deficit(FUND), chart.loss_to_allocate(FUND)


def trader(name: str) -> str:
    return chart.trader(name, CURRENCY)
