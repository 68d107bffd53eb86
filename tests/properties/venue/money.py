"""Money of traders and of the fund, as it comes and goes."""

from decimal import Decimal
from fractions import Fraction

from fund import transfers
from ledger.manual import ManualEntry, record_entries
from ledger.posting import Line
from tests.properties.model import BALANCE, CUSTODY, FUND, TREASURY, Booked, trader
from tests.properties.venue.rulebooks import Rulebooks


class Money(Rulebooks):
    """How much of it the fund can spend is for the rulebook in force to say."""

    def deposit(self, name: str, amount: Decimal) -> None:
        self._manual("deposit", CUSTODY, trader(name), amount)

    def pay_out(self, name: str, amount: Decimal) -> None:
        self._manual("withdrawal", trader(name), CUSTODY, amount)

    def contribute(self, amount: Decimal, *, source: str) -> None:
        reference, at = self._reference("c"), self.now
        giver = TREASURY if source == "treasury" else CUSTODY

        def event() -> object:
            return transfers.contribute(
                reference=reference,
                fund_code=FUND,
                amount=amount,
                source=source,
                requested_by="treasurer",
                effective_at=at,
            )

        self.tell(event, lambda model: model.book(Booked(), (giver, BALANCE, Fraction(amount))))

    def withdraw(self, amount: Decimal, *, approve: bool) -> None:
        """Asked for by one person and decided on by another; more than is spendable is refused at once."""
        reference, at = self._reference("w"), self.now

        def request() -> object:
            return transfers.request_withdrawal(
                reference=reference, fund_code=FUND, amount=amount, requested_by="treasurer", requested_at=at
            )

        def decide(person: str) -> object:
            if approve:
                return transfers.approve_withdrawal(reference=reference, approved_by=person, decided_at=at)
            return transfers.reject_withdrawal(reference=reference, rejected_by=person, decided_at=at)

        if amount > self.model.spendable(self.in_force(at)):
            self.refused("fund_balance_insufficient", request)
            return
        request()
        if approve:
            self.refused("withdrawal_same_person", lambda: decide("treasurer"))
        moved = Fraction(amount) if approve else Fraction(0)
        self.tell(lambda: decide("director"), lambda model: model.book(Booked(), (BALANCE, TREASURY, moved)))
        self.replays.append(request)

    def _manual(self, kind: str, debited: str, credited: str, amount: Decimal) -> None:
        recorded_at = self.now
        entry = ManualEntry(
            reference=self._reference("m"),
            kind=kind,
            lines=[Line(debited, debit=amount), Line(credited, credit=amount)],
            effective_at=recorded_at,
            description="",
        )
        self.tell(
            lambda: record_entries([entry], recorded_at=recorded_at),
            lambda model: model.book(Booked(), (debited, credited, Fraction(amount))),
        )
