"""The fund movements of one transaction: planned one after the other on working balances, posted in one call.

The balances are read under the funds' locks, so what is planned is what will be booked. A caller's own entries go into
the same call with `add`. Source: accounting.md, entries.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from django.db.models import F

from fund import cycles, events, rulebooks
from fund.models import Cycle, Fund, RulebookVersion, Shortfall, Surplus
from fund.planning import ZERO, Cause, Planned, Working, lock_working, shared_lines
from fund.rulebook import Rulebook
from fund.rules import compensation_budget, for_own_positions, repay_deficit, split_loss, split_surplus
from ledger import chart
from ledger.errors import PostingRefused
from ledger.events.recording import record
from ledger.money import EXACT, total
from ledger.posting import Beside, Entry, Line, post
from ledger.transactions import Outdated


@dataclass(slots=True)
class Movements:
    """Use: `lock` the funds whose money moves, plan, `post` once. Domain rows are saved with it or after it."""

    _planned: list[Planned] = field(default_factory=list)
    _funds: dict[int, Working] = field(default_factory=dict)
    _cycles: list[Cycle] = field(default_factory=list)
    _settled: list[tuple[Surplus | Shortfall, Planned]] = field(default_factory=list)

    def lock(self, fund_ids: Collection[int]) -> None:
        """Lock the funds' cycles that may get a loss, then the funds, in id order, and read their balances. Once."""
        assert not self._funds, "funds are locked in one order, all at once"
        if not fund_ids:
            return
        self._cycles = cycles.lock_for_losses(fund_ids)
        self._funds = lock_working(fund_ids)

    def balance(self, fund_id: int) -> Decimal:
        """What the fund holds free once everything planned so far is booked."""
        return self._funds[fund_id].balance

    @property
    def planned(self) -> int:
        """How many entries are planned so far."""
        return len(self._planned)

    def add(self, entry: Entry) -> Planned:
        """Post this entry too, after what was planned before it. It may not touch a fund's own accounts."""
        planned = Planned(entry, place=self.planned)
        self._planned.append(planned)
        return planned

    def reserve(self, *, fund_id: int, rulebook: Rulebook, cause: Cause) -> Decimal:
        """Set aside what the rulebook compensates before a close: fund → fund_reserved. Returns the amount, maybe 0."""
        working = self._funds[fund_id]
        budget = compensation_budget(fund_balance=working.balance, rulebook=rulebook, decimals=working.decimals)
        if budget:
            code = working.fund.code
            lines = [Line(chart.fund(code), debit=budget), Line(chart.fund_reserved(code), credit=budget)]
            self._plan(cause, "reserve", cause.reference(), lines)
            working.balance = EXACT.subtract(working.balance, budget)
        return budget

    def release(self, *, fund_id: int, amount: Decimal, cause: Cause) -> None:
        """Give back what was set aside and not used: fund_reserved → fund."""
        if not amount:
            return
        working = self._funds[fund_id]
        code = working.fund.code
        lines = [Line(chart.fund_reserved(code), debit=amount), Line(chart.fund(code), credit=amount)]
        self._plan(cause, "release", cause.reference("release"), lines)
        working.balance = EXACT.add(working.balance, amount)

    def absorb_surplus(
        self,
        *,
        fund_id: int,
        version: RulebookVersion,
        result: Decimal,
        notional: Fraction,
        trader: str,
        cause: Cause,
    ) -> Surplus:
        """Share a takeover's result > 0: engine → whoever the rulebook names, then repay a carried deficit.

        `notional` is that of its closing fills, in the margin currency. The row is saved by `post`.
        """
        working, rulebook = self._funds[fund_id], rulebooks.load(version)
        split = split_surplus(result, notional=notional, rulebook=rulebook, decimals=working.decimals)
        engine = chart.engine(working.currency)
        receivers = [chart.fund(working.fund.code), chart.vault(rulebook.vault, working.currency)]
        fees = chart.fees(working.currency)
        penalties = (split.penalty_fund, split.penalty_vault, split.penalty_fees)
        penalty = shared_lines(engine, dict(zip([*receivers, fees], penalties, strict=True)))
        everyone = [*receivers, chart.trader(trader, working.currency), fees]
        rest = shared_lines(
            engine, dict(zip(everyone, (split.fund, split.vault, split.trader, split.fees), strict=True))
        )
        entries = [
            self._plan(cause, kind, reference, lines)
            for kind, reference, lines in (
                ("penalty", cause.reference("penalty"), penalty),
                ("fund_injection", cause.reference(), rest),
            )
            if lines
        ]
        surplus = Surplus(
            result=result,
            penalty=split.penalty,
            injected=split.fund,
            to_vault=split.vault,
            to_trader=split.trader,
            to_fees=split.fees,
        )
        brought = EXACT.add(split.fund, split.penalty_fund)
        return self._keep(surplus, working, version, rulebook, brought=brought, cause=cause, planned=entries[-1])

    def cover_shortfall(
        self, *, fund_id: int, version: RulebookVersion, loss: Decimal, reserved: Decimal, cause: Cause
    ) -> Shortfall:
        """Share a takeover's loss > 0, what was `reserved` for it first. The row is saved by `post`.

        One entry: loss = fund + reserve + to allocate + treasury + carried. It belongs to the cycle that
        `cycles.choose` names.
        """
        working, rulebook = self._funds[fund_id], rulebooks.load(version)
        return self._cover(
            working,
            version,
            rulebook,
            loss=loss,
            reserved=reserved,
            against=[Line(chart.engine(working.currency), credit=loss)],
            cause=cause,
        )

    def book_own_result(
        self,
        *,
        fund_id: int,
        version: RulebookVersion,
        rulebook: Rulebook,
        result: Decimal,
        against: Sequence[Line],
        cause: Cause,
    ) -> None:
        """Book the result of a position of the fund's own: all of it is the fund's, gain or loss.

        `against` are the lines that bring it, clearing and costs: their debits less their credits are the result. A
        loss goes as far as the fund reaches, then by the rulebook's `fund_unpaid`. Equal sides book the lines alone.
        """
        working = self._funds[fund_id]
        if result < 0:
            self._cover(
                working,
                version,
                for_own_positions(rulebook),
                loss=EXACT.minus(result),
                reserved=ZERO,
                against=against,
                cause=cause,
                kind=cause.noun,
            )
            return
        gain = [Line(chart.fund(working.fund.code), credit=result)] if result else []
        lines = [*against, *gain]
        if not lines:
            return
        planned = self._plan(cause, cause.noun, cause.reference(), lines)
        if not result:
            return
        surplus = Surplus(result=result, injected=result)
        self._keep(surplus, working, version, rulebook, brought=result, cause=cause, planned=planned)

    def post(self, *, beside: Beside | None = None) -> None:
        """Post everything planned in one call, and save what became of each surplus and shortfall.

        `beside` is inserted by the same statement; its places are those of `Planned`.

        Raises PostingRefused. A fund that has less than was read under its lock, by an entry that needs no lock of the
        fund's, raises Outdated: planned again, its share is smaller.
        """
        try:
            posted = post([planned.entry for planned in self._planned], beside=beside)
        except PostingRefused as refused:
            if self._below_floor_of_a_fund(refused):
                raise Outdated(refused) from refused
            raise
        for planned, each in zip(self._planned, posted, strict=True):
            planned._entry_id = each.entry_id
        for row, planned in self._settled:
            row.entry_id = planned.entry_id
        Surplus.objects.bulk_create([row for row, _ in self._settled if isinstance(row, Surplus)])
        Shortfall.objects.bulk_create([row for row, _ in self._settled if isinstance(row, Shortfall)])
        for fund_id, working in self._funds.items():
            if working.injections or working.payouts:
                Fund.objects.filter(pk=fund_id).update(
                    gross_injections=F("gross_injections") + working.injections,
                    gross_payouts=F("gross_payouts") + working.payouts,
                )
        record(events.of_results(row for row, _ in self._settled))

    def _cover(
        self,
        working: Working,
        version: RulebookVersion,
        rulebook: Rulebook,
        *,
        loss: Decimal,
        reserved: Decimal,
        against: Sequence[Line],
        cause: Cause,
        kind: str | None = None,
    ) -> Shortfall:
        code = working.fund.code
        split = split_loss(
            loss, fund_balance=working.balance, rulebook=rulebook, decimals=working.decimals, reserved=reserved
        )
        bearers = (
            (chart.fund_reserved(code), split.reserved_used),
            (chart.fund(code), split.fund),
            (chart.loss_to_allocate(code), split.to_allocate),
            (chart.treasury(working.currency), split.treasury),
            (chart.deficit(code), split.carried),
        )
        lines = [Line(account, debit=part) for account, part in bearers if part]
        usual = "deficit_carried" if split.carried == loss else "fund_payout"
        planned = self._plan(cause, kind or usual, cause.reference(), [*lines, *against])
        had = working.balance
        working.balance = EXACT.subtract(working.balance, split.fund)
        working.deficit = EXACT.add(working.deficit, split.carried)
        working.payouts = total((working.payouts, split.fund, split.reserved_used))
        shortfall = Shortfall(
            fund=working.fund,
            cycle=cycles.choose(self._cycles, fund_id=working.fund.pk, at=cause.effective_at),
            rulebook=version,
            source_kind=cause.kind,
            source_id=cause.id,
            effective_at=cause.effective_at,
            loss=loss,
            fund_paid=split.fund,
            reserved_used=split.reserved_used,
            to_allocate=split.to_allocate,
            treasury_paid=split.treasury,
            carried=split.carried,
            fund_balance=had,
        )
        self._settled.append((shortfall, planned))
        return shortfall

    def _keep(
        self,
        surplus: Surplus,
        working: Working,
        version: RulebookVersion,
        rulebook: Rulebook,
        *,
        brought: Decimal,
        cause: Cause,
        planned: Planned,
    ) -> Surplus:
        """Count what it brought the fund, and repay the deficit with the rulebook's share of that: fund → deficit."""
        repaid = repay_deficit(brought, deficit=working.deficit, rulebook=rulebook, decimals=working.decimals)
        if repaid:
            code = working.fund.code
            lines = [Line(chart.fund(code), debit=repaid), Line(chart.deficit(code), credit=repaid)]
            self._plan(cause, "deficit_repaid", cause.reference("repaid"), lines)
        working.balance = EXACT.subtract(EXACT.add(working.balance, brought), repaid)
        working.deficit = EXACT.subtract(working.deficit, repaid)
        working.injections = EXACT.add(working.injections, brought)
        surplus.fund, surplus.rulebook, surplus.repaid = working.fund, version, repaid
        surplus.source_kind, surplus.source_id, surplus.effective_at = cause.kind, cause.id, cause.effective_at
        self._settled.append((surplus, planned))
        return surplus

    def _plan(self, cause: Cause, kind: str, reference: str, lines: Sequence[Line]) -> Planned:
        return self.add(
            Entry(
                reference=reference,
                kind=kind,
                lines=lines,
                effective_at=cause.effective_at,
                source_kind=cause.kind,
                source_id=cause.id,
            )
        )

    def _below_floor_of_a_fund(self, refused: PostingRefused) -> bool:
        own = {code(each.fund.code) for each in self._funds.values() for code in (chart.fund, chart.deficit)}
        return any(each.code == "account_floor" and each.account in own for each in refused.refusals)
