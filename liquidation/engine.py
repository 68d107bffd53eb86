"""What the engine holds of some takeovers, in one transaction: locked, closed part by part, settled, posted, saved.

`close_part` and `settle` plan on the locked rows; `book` then locks the funds, posts everything in one call and saves.
The number of statements does not grow with the number of takeovers or fills.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fund import rulebooks
from fund.movements import Movements
from fund.planning import Cause, Planned
from fund.rulebook import CostPolicy, Rulebook
from ledger import chart
from ledger.bulk import new_row, update_rows
from ledger.events.recording import record
from ledger.money import EXACT, MAX_DECIMALS, round_half_even
from ledger.posting import Entry, Line
from liquidation import errors, events
from liquidation.contracts import kind_of
from liquidation.lines import cost_lines, engine_lines, notional_of
from liquidation.models import GAIN_PARTS, LOSS_PARTS, Fill, Takeover
from liquidation.parts import Parts
from liquidation.rules import PositionSide, book_for_engine, profit_and_loss

ZERO = Decimal(0)
SOURCE = "takeover"

# What closing changes of a takeover.
_PROGRESS = ("remaining", "running_result", "notional", "costs", "leftover", "adl_averted", "adl_seed", "unfilled_at")
FIGURES = ("result", *GAIN_PARTS, *LOSS_PARTS)
CHANGING = ("status", "closes", "closed_at", *_PROGRESS, *FIGURES)


class Engine:
    """Some takeovers under lock. Use: close parts, settle, `book` once."""

    def __init__(self, references: Collection[str], *, recorded_at: datetime) -> None:
        """Lock those of the takeovers that exist, in id order. Accounts are opened before it."""
        self.recorded_at = recorded_at
        self.movements = Movements()
        rows = Takeover.objects.select_for_update(no_key=True, of=("self",)).filter(reference__in=references)
        # Of many takeovers the few contracts and rulebooks are read once, not once a row.
        terms = ("contract__margin_currency", "contract__fund", "rulebook")
        rows = rows.prefetch_related(*terms) if len(references) > 1 else rows.select_related(*terms)
        self._takeovers = {takeover.reference: takeover for takeover in rows.order_by("id")}
        self._rulebooks: dict[int, Rulebook] = {}
        self._fund_ids: set[int] = set()
        self._locked = False
        self._steps: list[Callable[[], None]] = []
        self._fills: list[Fill] = []
        self._planned: dict[str, Planned] = {}
        self._changed: dict[int, Takeover] = {}
        self._settling: list[Takeover] = []
        self._parts = Parts(self._takeovers.values())

    def takeover(self, reference: str) -> Takeover:
        """Raises NotFound `takeover_unknown`."""
        if reference not in self._takeovers:
            raise errors.takeover_unknown(reference)
        return self._takeovers[reference]

    def open_takeover(self, reference: str) -> Takeover:
        """One that is open. Raises NotFound `takeover_unknown`; Refused `takeover_closed`, `takeover_reversed`."""
        takeover = self.takeover(reference)
        if takeover.status == Takeover.Status.REVERSED:
            raise errors.takeover_reversed(reference)
        if takeover.status == Takeover.Status.CLOSED:
            raise errors.takeover_closed(reference)
        return takeover

    def rulebook(self, takeover: Takeover) -> Rulebook:
        """What the version says that the takeover runs under."""
        version = takeover.rulebook_id
        if version not in self._rulebooks:
            self._rulebooks[version] = rulebooks.load(takeover.rulebook)
        return self._rulebooks[version]

    def lock_funds(self, fund_ids: Iterable[int]) -> None:
        """Lock these funds now and once, where something has to be decided on their balances before it is planned."""
        self.movements.lock(set(fund_ids))
        self._locked = True

    def close_part(
        self,
        takeover: Takeover,
        *,
        reference: str,
        kind: Fill.Kind,
        quantity: Decimal,
        price: Decimal | None,
        pnl: Decimal | None,
        fee: Decimal,
        filled_at: datetime,
        entry_kind: str,
        beside: Sequence[Line] = (),
    ) -> Fill:
        """Close `quantity`, at most the remaining, at `price`, or with the result `pnl` against the bankruptcy price.

        The whole takeover is settled with its last part, at the time of the latest one: in which order they are told
        makes no difference to the books. `beside` are further lines of the same entry.
        Without a price the notional is that at the bankruptcy price: the venue has told no other.
        """
        assert 0 < quantity <= takeover.remaining, f"{quantity} of {takeover.remaining}"
        contract, rulebook = takeover.contract, self.rulebook(takeover)
        result = pnl if pnl is not None else self.result_at(takeover, quantity=quantity, price=_given(price))
        leftover = _part_of(takeover.leftover, quantity, takeover.remaining, contract.margin_currency.decimals)
        net_of_costs = rulebook.cost_policy is CostPolicy.NET
        fill = new_row(
            Fill,
            {
                "reference": reference,
                "takeover": takeover,
                "kind": kind,
                "price": price,
                "pnl": pnl,
                "quantity": quantity,
                "fee": fee,
                "result": result,
                "leftover": leftover,
                "filled_at": filled_at,
                "recorded_at": self.recorded_at,
            },
        )
        lines = [
            *engine_lines(contract, EXACT.subtract(result, leftover)),
            *cost_lines(contract, fee, payer=chart.engine if net_of_costs else chart.treasury),
            *beside,
        ]
        self._post_for(fill, lines, entry_kind, f"fill:{reference}")
        self._fills.append(fill)
        self._parts.add(fill)

        takeover.remaining = EXACT.subtract(takeover.remaining, quantity)
        takeover.running_result = EXACT.add(takeover.running_result, result)
        if net_of_costs:
            takeover.running_result = EXACT.subtract(takeover.running_result, fee)
        takeover.costs = EXACT.add(takeover.costs, fee)
        takeover.leftover = EXACT.subtract(takeover.leftover, leftover)
        takeover.notional = EXACT.add(takeover.notional, round_half_even(notional_of(fill), MAX_DECIMALS))
        self.changed(takeover)
        if not takeover.remaining:
            self.settle(takeover, closed_at=self._parts.last_at(takeover))
        return fill

    def settle(self, takeover: Takeover, *, closed_at: datetime) -> None:
        """Plan what becomes of the net result, by the rulebook. Nothing remains to be closed."""
        assert not takeover.remaining, f"{takeover.reference}: {takeover.remaining} remains"
        takeover.status = Takeover.Status.CLOSED
        takeover.closed_at = closed_at
        takeover.closes += 1
        self.changed(takeover)
        self._settling.append(takeover)
        self._fund_ids.add(takeover.contract.fund_id)
        self._steps.append(lambda: self._settle(takeover, closed_at))

    def then(self, step: Callable[[], None]) -> None:
        """Plan something after what was planned before it, once the funds are locked."""
        self._steps.append(step)

    def changed(self, takeover: Takeover) -> None:
        """Save the row with the others."""
        self._changed[takeover.pk] = takeover

    def result_at(self, takeover: Takeover, *, quantity: Decimal, price: Decimal) -> Decimal:
        """The engine's result, as booked, of closing `quantity` at `price`: against the bankruptcy price, no costs."""
        contract = takeover.contract
        exact = profit_and_loss(
            kind=kind_of(contract),
            side=PositionSide(takeover.side),
            quantity=quantity,
            multiplier=contract.multiplier,
            entry_price=takeover.bankruptcy_price,
            exit_price=price,
        )
        return book_for_engine(exact, kind=kind_of(contract), decimals=contract.margin_currency.decimals)

    def book(self) -> None:
        """Post everything in one call, then save. Raises PostingRefused; Outdated where a fund was drawn meanwhile."""
        if not self._locked:
            self.lock_funds(self._fund_ids)
        for step in self._steps:
            step()
        self.movements.post()
        for fill in self._fills:
            fill.entry_id = self._entry_id(f"fill:{fill.reference}")
        Fill.objects.bulk_create(self._fills)
        update_rows([self._changed[pk] for pk in sorted(self._changed)], CHANGING)
        record([events.of_close(takeover) for takeover in self._settling])

    def post_beside(self, fill: Fill, lines: Sequence[Line], *, kind: str, number: int) -> Callable[[], int | None]:
        """A further entry of the same event, `number` counts from 2. Returns what tells its id after `book`."""
        return self._post_for(fill, lines, kind, f"fill.{number}:{fill.reference}")

    def entry_id_of(self, fill: Fill) -> Callable[[], int | None]:
        """What tells the id of the fill's own entry after `book`; None where nothing was posted for it."""
        return lambda: fill.entry_id

    def _post_for(self, fill: Fill, lines: Sequence[Line], kind: str, reference: str) -> Callable[[], int | None]:
        if not lines:
            return lambda: None
        entry = Entry(
            reference=reference,
            kind=kind,
            lines=lines,
            effective_at=fill.filled_at,
            source_kind=SOURCE,
            source_id=fill.takeover.reference,
        )

        def plan() -> None:
            self._planned[reference] = self.movements.add(entry)

        self._steps.append(plan)
        return lambda: self._entry_id(reference)

    def _entry_id(self, reference: str) -> int | None:
        planned = self._planned.get(reference)
        return planned.entry_id if planned else None

    def _settle(self, takeover: Takeover, closed_at: datetime) -> None:
        cause = Cause(kind=SOURCE, id=takeover.reference, noun="close", run=takeover.closes, effective_at=closed_at)
        fund_id, version = takeover.contract.fund_id, takeover.rulebook
        for name in FIGURES:
            setattr(takeover, name, ZERO)
        takeover.result = takeover.running_result
        reserved_used = ZERO
        if takeover.running_result > 0:
            surplus = self.movements.absorb_surplus(
                fund_id=fund_id,
                version=version,
                result=takeover.running_result,
                notional=self._notional(takeover),
                trader=takeover.trader,
                cause=cause,
            )
            for name in GAIN_PARTS:
                setattr(takeover, name, getattr(surplus, name))
        elif takeover.running_result < 0:
            shortfall = self.movements.cover_shortfall(
                fund_id=fund_id,
                version=version,
                loss=EXACT.minus(takeover.running_result),
                reserved=takeover.compensation,
                cause=cause,
            )
            reserved_used = shortfall.reserved_used
            takeover.paid = EXACT.add(shortfall.fund_paid, reserved_used)
            for name in ("treasury_paid", "to_allocate", "carried"):
                setattr(takeover, name, getattr(shortfall, name))
        self.movements.release(
            fund_id=fund_id, amount=EXACT.subtract(takeover.compensation, reserved_used), cause=cause
        )

    def _notional(self, takeover: Takeover) -> Fraction:
        """Exact where a rate of the rulebook applies to it."""
        exact = _uses_notional(self.rulebook(takeover))
        return self._parts.notional(takeover) if exact else Fraction(takeover.notional)


def _given(price: Decimal | None) -> Decimal:
    assert price is not None, "a part is closed at a price, or its result is told"
    return price


def _part_of(leftover: Decimal, quantity: Decimal, remaining: Decimal, decimals: int) -> Decimal:
    """The leftover margin of `quantity`, half-even; the last part takes what is left, so that the parts sum to it."""
    if not leftover or quantity == remaining:
        return leftover
    return round_half_even(Fraction(leftover) * Fraction(quantity) / Fraction(remaining), decimals)


def _uses_notional(rulebook: Rulebook) -> bool:
    return rulebook.penalty_rate > 0 or rulebook.injection_cap_rate is not None
