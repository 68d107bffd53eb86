"""A fund's figures at a moment, kept for its history."""

from datetime import datetime

from fund.figures import add_inventory, with_figures
from fund.models import Fund, FundSnapshot


def take(*, taken_at: datetime) -> int:
    """Snapshot every fund. The same `taken_at` again adds nothing. Returns how many were taken."""
    known = FundSnapshot.objects.filter(taken_at=taken_at).values("fund")
    funds = list(with_figures(Fund.objects.exclude(pk__in=known), at=taken_at))
    add_inventory(funds)
    # The figures stand beside the columns, as annotations do.
    figures = [(fund, vars(fund)) for fund in funds]
    taken = FundSnapshot.objects.bulk_create(
        [
            FundSnapshot(
                fund=fund,
                taken_at=taken_at,
                balance=figure["balance"],
                reserved=figure["reserved"],
                inventory=figure["inventory"],
                deficit=figure["deficit"],
                gross_injections=fund.gross_injections,
                gross_payouts=fund.gross_payouts,
            )
            for fund, figure in figures
        ],
        ignore_conflicts=True,
    )
    return len(taken)
