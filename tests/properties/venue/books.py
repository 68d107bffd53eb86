"""Telling the services and the model the same: what happens, what is refused, what is told again, and the check."""

import copy
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import transaction

from fund import funds
from fund.models import Fund, Shortfall
from ledger.errors import Refused
from ledger.integrity import verify
from ledger.models import Account
from tests.builders import moment, open_currency
from tests.properties.model import BALANCE, CURRENCY, DEFICIT, FUND, Model, Refusal
from tests.properties.rulebooks import Published

Expected = Callable[[Model], object]


class Books:
    """Of one fund, with the model beside them. Each event that is told takes a tick of the clock."""

    def __init__(self, *, decimals: int, published: Published) -> None:
        self.decimals, self.model = decimals, Model(decimals)
        self.clock = 0
        # What changes nothing when it is told again: ever, or as long as nothing was reversed.
        self.replays: list[Callable[[], object]] = []
        self.replays_unless_reversed: list[Callable[[], object]] = []
        self._references = 0
        self.fund = funds.open_fund(
            code=FUND,
            currency=open_currency(CURRENCY, decimals=decimals),
            preset=published.preset,
            fields=published.fields,
            opened_at=moment(),
            opened_by="founder",
        )

    @property
    def now(self) -> datetime:
        return moment(self.clock)

    def tell(
        self, event: Callable[[], object], expected: Expected, *, at: datetime | None = None, again: bool = True
    ) -> bool:
        """The service and the model do the same, or both refuse. Returns whether it happened.

        `at`: when it did, where that is not now. `again`: told again, it changes nothing.
        """
        self.model.at = at or self.now
        self.clock += 1
        code = self._outcome(event)
        if code is not None:
            with pytest.raises(Refusal, match=rf"^{code}$"):
                expected(copy.deepcopy(self.model))
            return False
        expected(self.model)
        if again:
            self.replays.append(event)
        return True

    def refused(self, code: str, event: Callable[[], object]) -> None:
        """It is refused with that code, and nothing moves."""
        before = self.balances()
        assert self._outcome(event) == code
        assert self.balances() == before

    @staticmethod
    def _outcome(event: Callable[[], object]) -> str | None:
        """Code of the refusal, None where it happened."""
        try:
            with transaction.atomic():
                event()
        except Refused as refused:
            return refused.code
        return None

    def replay(self, event: Callable[[], object]) -> None:
        """What was told once is told again: nothing changes."""
        before = self.balances()
        event()
        assert self.balances() == before

    def balances(self) -> dict[str, Fraction]:
        """Credits less debits of every account that is not even."""
        rows = Account.objects.filter(version__gt=0).values_list("code", "debits", "credits")
        return {code: Fraction(credits) - Fraction(debits) for code, debits, credits in rows if credits != debits}

    def check(self) -> None:
        """The books say what the model says, and what any books must whatever it says."""
        model, balances = self.model, self.balances()
        assert sum(balances.values()) == 0
        assert balances.get(BALANCE, 0) >= 0
        for loss in Shortfall.objects.filter(fund=self.fund):
            borne = (loss.fund_paid, loss.reserved_used, loss.to_allocate, loss.treasury_paid, loss.carried)
            assert sum(map(Fraction, borne)) == loss.loss
        assert balances == {code: balance for code, balance in model.balances.items() if balance}
        fund = Fund.objects.get(pk=self.fund.pk)
        assert fund.gross_injections == model.counted["injected"]
        assert fund.gross_payouts == model.counted["paid"]
        assert -model.balances[DEFICIT] == model.counted["carried"] - model.counted["repaid"]

    def verify(self) -> None:
        """Every identity of the books, from the postings alone."""
        found = verify()
        assert found.clean, "; ".join(map(str, found.findings))

    def _correct(self, event: Callable[[str, datetime], object], expected: Expected, *, again: bool = True) -> None:
        named, at = self._reference("x"), self.now
        self.tell(lambda: event(named, at), expected, again=again)

    def _reference(self, noun: str) -> str:
        self._references += 1
        return f"{noun}{self._references}"

    def _late(self, seconds: int) -> datetime:
        return moment(max(self.clock - seconds, 0))


def decimal_of(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
