"""What reports of takeovers are booked by, found in one question whatever their number, in two where some are known."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from fund import rulebooks
from fund.models import Fund, RulebookVersion
from fund.rulebook import Rulebook
from ledger import chart
from ledger.bulk import among, read_joined
from ledger.models import Currency
from liquidation.models import Contract, Takeover

# A first row says what is known of the names; then each contract comes with its fund, its currency and one of the
# fund's rulebooks.
_READ = """
    (SELECT ARRAY(SELECT reference FROM liquidation_takeover WHERE {references}) AS takeovers,
            ARRAY(SELECT code FROM ledger_account WHERE kind = 'trader' AND {traders}) AS accounts) k
    FULL JOIN (SELECT * FROM liquidation_contract WHERE {contracts}) r ON false
    LEFT JOIN fund_fund f ON f.id = r.fund_id
    LEFT JOIN ledger_currency c ON c.code = r.margin_currency_id
    LEFT JOIN fund_rulebookversion v ON v.fund_id = r.fund_id"""
_READ_OF = {"k.takeovers": None, "k.accounts": None, "r": Contract, "f": Fund, "c": Currency, "v": RulebookVersion}


class Versions:
    """Every rulebook version of some funds."""

    def __init__(self, rows: Collection[RulebookVersion]) -> None:
        # The newest of those that have started holds, as `rulebooks.in_force` says.
        self._versions = sorted(rows, key=lambda each: (each.effective_from, each.version), reverse=True)
        self._rulebooks: dict[int, Rulebook] = {}

    def in_force(self, fund_id: int, at: datetime) -> RulebookVersion:
        return next(each for each in self._versions if each.fund_id == fund_id and each.effective_from <= at)

    def rulebook(self, version: RulebookVersion) -> Rulebook:
        if version.pk not in self._rulebooks:
            self._rulebooks[version.pk] = rulebooks.load(version)
        return self._rulebooks[version.pk]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known: takeovers by reference, contracts by symbol, rulebooks, codes of the traders' accounts."""

    takeovers: Mapping[str, Takeover]
    contracts: Mapping[str, Contract]
    versions: Versions
    accounts: Collection[str]


def read_terms(*, references: Collection[str], traders: Collection[str], contracts: Collection[str]) -> Terms:
    """Those of the names that are known. Contracts come with their fund and currency."""
    references_named, reference = among("reference", references)
    traders_named, trader = among("owner", [name for name in traders if chart.is_name(name)])
    contracts_named, symbol = among("symbol", contracts)
    query = _READ.format(references=references_named, traders=traders_named, contracts=contracts_named)
    takeovers: dict[str, Takeover] = {}
    accounts: Collection[str] = ()
    traded: dict[str, Contract] = {}
    versions: dict[int, RulebookVersion] = {}
    for known, opened, contract, fund, currency, version in read_joined(_READ_OF, query, [reference, trader, symbol]):
        if contract is None:
            accounts = frozenset(opened)
            if known:
                rows = Takeover.objects.select_related("contract", "rulebook").filter(reference__in=known)
                takeovers = {each.reference: each for each in rows}
        else:
            contract.fund, contract.margin_currency = fund, currency
            traded[contract.symbol] = contract
            versions[version.pk] = version
    return Terms(takeovers, contracts=traded, versions=Versions(versions.values()), accounts=accounts)
