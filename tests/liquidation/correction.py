"""What tests of corrections do and look at."""

from decimal import Decimal

from fund.models import Fund
from ledger.integrity import verify
from ledger.models import Account
from liquidation import corrections
from liquidation.correcting import Corrected
from tests.builders import moment


def amounts() -> dict[str, object]:
    """Every balance that is not 0."""
    return {code: amount for code, amount in Account.objects.values_list("code", "balance") if amount}


def gross() -> list[Decimal]:
    fund = Fund.objects.get()
    return [fund.gross_injections, fund.gross_payouts]


def reverse_fill(reference: str = "f1", *, by: str = "r1", seconds: int = 20) -> Corrected:
    return corrections.reverse_fill(reference, reference=by, effective_at=moment(seconds))


def clean() -> bool:
    return not [str(finding) for finding in verify().findings]
