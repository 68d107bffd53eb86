"""A venue that speaks to the books through the client alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bulwark_client import Client, NewFill, NewTakeover

from ledger.rest.models import Role
from tests.client.conftest import Service

START = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


class Venue:
    """One client for each role, two treasurers, and a stranger without a key."""

    def __init__(self, service: Service) -> None:
        self.engine = service.client(Role.ENGINE)
        self.bookkeeper = service.client(Role.BOOKKEEPER)
        self.auditor = service.client(Role.AUDITOR)
        self.treasurer = service.client(Role.TREASURY, name="tess")
        self.second_treasurer = service.client(Role.TREASURY, name="theo")
        self.stranger = service.client_with(None)

    @property
    def clients(self) -> list[Client]:
        return [
            self.engine,
            self.bookkeeper,
            self.auditor,
            self.treasurer,
            self.second_treasurer,
            self.stranger,
        ]

    def open_fund(self, code: str, preset: str, *, contribution: str = "1000", **fields: object) -> None:
        """A fund in USDT with money in it, and its contract."""
        self.bookkeeper.currencies.add(code="USDT", decimals=8)
        self.treasurer.funds.open(code=code, currency="USDT", rulebook={"preset": preset, **fields})
        self.treasurer.funds.contribute(
            code, reference=f"{code}-seed", amount=Decimal(contribution), effective_at=START
        )
        self.engine.contracts.add(
            symbol=f"{code.upper()}-PERP",
            kind="linear",
            margin_currency="USDT",
            multiplier=Decimal(1),
            fund=code,
        )


def takeover(reference: str, *, fund: str = "usdt", quantity: str = "1", second: int = 1) -> NewTakeover:
    """A long, bankrupt at 100."""
    return NewTakeover(
        reference=reference,
        contract=f"{fund.upper()}-PERP",
        trader="ann",
        side="long",
        quantity=Decimal(quantity),
        bankruptcy_price=Decimal(100),
        margin=Decimal(0),
        taken_over_at=moment(second),
    )


def fill(
    reference: str, price: str, *, quantity: str = "1", of: str | None = None, fee: str = "0", second: int = 2
) -> NewFill:
    return NewFill(
        reference=reference,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        filled_at=moment(second),
        takeover=of,
    )
