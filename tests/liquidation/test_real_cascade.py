"""10 October 2025 through the real code, where its data lies beside the project: every shortfall a takeover."""

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from fund import cycles, positions, settlement
from fund.models import Allocation
from ledger.integrity import verify
from ledger.money import EXACT, total
from liquidation.fills import FillReport, report_fills
from liquidation.reports import receipt
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import balance, moment
from tests.liquidation.venue import CONTRACT, open_cycle, open_venue

FOLDERS = sorted((Path(settings.BASE_DIR).parent / "shared" / "data").glob("hyperliquid-*"))


def shortfalls(folder: Path) -> list[tuple[str, Decimal]]:
    """Every shortfall of the day that was a trader's, to the unit of the currency."""
    with gzip.open(folder / "shortfalls.csv.gz", "rt") as file:
        return [
            (row["shortfall_id"], Decimal(row["shortfall_usd"]))
            for row in csv.DictReader(file)
            if row["is_fund_account"] == "0" and Decimal(row["shortfall_usd"])
        ]


@pytest.mark.django_db
def test_every_shortfall_of_the_day_is_borne_to_the_last_unit() -> None:
    for folder in FOLDERS:
        losses = shortfalls(folder)
        open_venue("shared_loss", contribution="50000000")
        cycle = open_cycle()
        report_takeovers(
            [
                TakeoverReport(
                    reference=name,
                    contract=CONTRACT,
                    trader=f"bankrupt-{name}",
                    side="long",
                    quantity=Decimal(1),
                    bankruptcy_price=Decimal(1),
                    margin=Decimal(0),
                )
                for name, _ in losses
            ],
            recorded_at=moment(1),
        )
        report_fills(
            [
                FillReport(reference=f"f-{name}", takeover=name, quantity=Decimal(1), pnl=EXACT.minus(loss))
                for name, loss in losses
            ],
            recorded_at=moment(2),
        )
        with gzip.open(folder / "positions.csv.gz") as file:
            positions.stream(
                cycle_id=cycle.pk,
                source=file,  # type: ignore[arg-type]
                format="csv",
                columns={"position": "position_id", "trader": "user", "profit": "realized_pnl"},
                exclude={"is_vault": "1"},
            )
        positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=moment(3))
        cycles.end(cycle_id=cycle.pk)

        settled = settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(4))

        assert settled.loss == total(loss for _, loss in losses)
        assert [balance("loss:usdt"), balance("engine:USDT")] == ["0", "0"]
        shares = Allocation.objects.filter(cycle=cycle)
        assert total(share.amount for share in shares) == settled.allocated
        assert all(share.amount <= share.profit for share in shares)
        for name, loss in losses[:20]:
            told = receipt(name)
            assert total(layer.amount for layer in told.layers) == told.loss == loss
        assert not [str(finding) for finding in verify().findings]
