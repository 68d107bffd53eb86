"""Funds: opened with their accounts and their first rulebook, found by code."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from fund import errors, events, rulebooks
from fund.models import Fund, RulebookVersion
from fund.rulebook import Rulebook, publish_fields, to_json
from ledger import accounts, chart
from ledger.events.recording import record
from ledger.models import Currency

# As long as the column is.
MAX_CODE = 60


def open_fund(
    *,
    code: str,
    currency: str,
    preset: str,
    fields: Mapping[str, object],
    cycle_seconds: int | None = None,
    opened_at: datetime,
    opened_by: str,
) -> Fund:
    """Open a fund with every account that its events touch, and publish the rulebook that holds from the beginning.

    `cycle_seconds`: length of its settlement cycles, opened one after the other; None: they are opened by hand. The
    same fund on the same terms again is the same fund.
    Raises Refused `name_malformed`, `currency_unknown`, `cycle_seconds_not_positive`, `fund_exists`; RulebookRefused.
    """
    if not chart.is_name(code) or len(code) > MAX_CODE:
        raise errors.name_malformed("fund", code)
    held_in = Currency.objects.filter(code=currency).first()
    if held_in is None:
        raise errors.currency_unknown(currency)
    if cycle_seconds is not None and cycle_seconds <= 0:
        raise errors.cycle_seconds_not_positive(cycle_seconds)
    rulebook = publish_fields(preset, fields, decimals=held_in.decimals)

    accounts.open_missing(account_codes(code, currency=currency, vault=rulebook.vault), currency=currency)
    with transaction.atomic():
        fund, opened = Fund.objects.get_or_create(
            code=code,
            defaults={"currency": held_in, "cycle_seconds": cycle_seconds, "created_at": opened_at},
        )
        if opened:
            record([events.of_fund(fund)])
            rulebooks.publish(
                fund_code=code,
                preset=preset,
                fields=fields,
                effective_from=rulebooks.BEGINNING,
                published_at=opened_at,
                published_by=opened_by,
            )
        elif not _opened_on(fund, currency=currency, cycle_seconds=cycle_seconds, rulebook=rulebook):
            raise errors.fund_exists(code)
    return fund


def find(code: str) -> Fund:
    """The fund with its currency. Raises NotFound `fund_unknown`."""
    fund = Fund.objects.select_related("currency").filter(code=code).first()
    if fund is None:
        raise errors.fund_unknown(code)
    return fund


def account_codes(code: str, *, currency: str, vault: str) -> list[str]:
    """Every account that events of the fund may touch, beside those of traders and contracts."""
    return [
        chart.fund(code),
        chart.fund_reserved(code),
        chart.loss_to_allocate(code),
        chart.deficit(code),
        chart.vault(vault, currency),
        chart.custody(currency),
        chart.treasury(currency),
        chart.fees(currency),
        chart.house_loss(currency),
        chart.engine(currency),
        chart.rounding(currency),
    ]


def _opened_on(fund: Fund, *, currency: str, cycle_seconds: int | None, rulebook: Rulebook) -> bool:
    first = RulebookVersion.objects.get(fund=fund, version=1)
    return (fund.currency_id, fund.cycle_seconds, first.fields) == (currency, cycle_seconds, to_json(rulebook))
