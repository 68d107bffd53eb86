"""What became of the items of a batch."""

from dataclasses import dataclass, field
from decimal import Decimal

from bulwark_client.errors import FieldProblem, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one item: its status is what a call of its own would have been answered with."""

    status: int
    reference: str | None
    type: str = ""
    title: str = ""
    code: str = ""
    detail: str = ""
    errors: list[FieldProblem] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """It is in the books, from now or from before."""
        return self.status < 300

    @property
    def replayed(self) -> bool:
        """It was in the books already, with the same content."""
        return self.status == 200

    @property
    def refusal(self) -> Problem | None:
        """Why it is not in the books."""
        if self.taken:
            return None
        return Problem(
            status=self.status,
            code=self.code,
            detail=self.detail,
            type=self.type,
            title=self.title,
            errors=self.errors,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOutcome(Outcome):
    """`id` is the entry's."""

    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverOutcome(Outcome):
    """`bankruptcy_price` told or worked out; `limit_price` of the close order, where the fund compensates before it."""

    bankruptcy_price: Decimal | None = None
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillOutcome(Outcome):
    """How the fill's takeover stands after the whole call."""

    takeover_status: str | None = None
    remaining: Decimal | None = None
