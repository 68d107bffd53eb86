"""Closing a takeover by hand: implied with its last fill, needed again after a correction."""

from datetime import datetime

from ledger.transactions import retried
from liquidation import errors
from liquidation.engine import Engine
from liquidation.fills import FillReport, ReportedFill, report_fills
from liquidation.models import Takeover

__all__ = ["FillReport", "ReportedFill", "close_takeover", "report_fills"]


@retried
def close_takeover(*, reference: str, closed_at: datetime) -> Takeover:
    """Settle the net result by the rulebook, where nothing remains to be filled. A closed one stays as it is.

    Raises NotFound `takeover_unknown`; Refused `takeover_not_filled`, `takeover_reversed`.
    """
    engine = Engine([reference], recorded_at=closed_at)
    takeover = engine.takeover(reference)
    if takeover.status == Takeover.Status.CLOSED:
        return takeover
    engine.open_takeover(reference)
    if takeover.remaining:
        raise errors.takeover_not_filled(reference, takeover.remaining)

    engine.settle(takeover, closed_at=closed_at)
    engine.book()
    return takeover
