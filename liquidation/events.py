"""What liquidations tell. Names and fields are API: docs/events.md is made of them."""

from datetime import datetime
from decimal import Decimal

from ledger.events.kinds import Happened, Kind
from ledger.money import plain
from liquidation.models import GAIN_PARTS, LOSS_PARTS, Correction, Deleveraging, Takeover
from liquidation.ranking import Ranking

_REVERSED = ("takeover", "reference", "description")

REPORTED = Kind(
    "takeover.reported",
    "The engine takes over a position; the margin is with it.",
    ("takeover", "contract", "trader", "side", "quantity", "bankruptcy_price", "margin", "currency", "rulebook"),
)
CLOSED = Kind(
    "takeover.closed",
    "Nothing remains of a takeover; its result is shared in these parts.",
    ("takeover", "contract", "trader", "currency", "closes", "result", *GAIN_PARTS, *LOSS_PARTS),
)
ADL_REQUIRED = Kind(
    "adl.required",
    "Nobody takes the rest of a takeover, and the rulebook has counterparties closed: the queue is answered to"
    " `unfilled/`. Told again for the same rest, it is one event.",
    ("takeover", "contract", "side", "quantity", "price", "mark_price", "trigger", "queue", "queued", "left"),
)
ADL_BOOKED = Kind(
    "adl.booked",
    "Counterparties are closed; who they are is in `takeovers/{reference}/adl/`.",
    ("takeover", "reference", "contract", "quantity", "price", "counterparties", "averted"),
)
FILL_REVERSED = Kind("fill.reversed", "A fill is taken back, and its takeover is open again.", (*_REVERSED, "fill"))
REOPENED = Kind("takeover.reopened", "What became of the result is taken back; the fills stay.", _REVERSED)
REVERSED = Kind("takeover.reversed", "All that was booked for a takeover is taken back, for ever.", _REVERSED)

_OF_CORRECTIONS = {
    Correction.Kind.FILL: FILL_REVERSED,
    Correction.Kind.CLOSE: REOPENED,
    Correction.Kind.TAKEOVER: REVERSED,
}

KINDS = (REPORTED, CLOSED, ADL_REQUIRED, ADL_BOOKED, FILL_REVERSED, REOPENED, REVERSED)


def of_report(takeover: Takeover) -> Happened:
    told = {**_named(takeover), "rulebook": takeover.rulebook.version}
    return _happened(REPORTED, takeover, told, at=takeover.taken_over_at)


def of_close(takeover: Takeover) -> Happened:
    assert takeover.closed_at is not None, f"{takeover} is closed"
    return _happened(CLOSED, takeover, _named(takeover), at=takeover.closed_at)


def of_adl_required(takeover: Takeover, ranking: Ranking, *, at: datetime) -> Happened:
    told: dict[str, object] = {
        **_named(takeover),
        "quantity": takeover.remaining,
        "price": ranking.price,
        "mark_price": ranking.mark_price,
        "trigger": ranking.policy.trigger,
        "queue": ranking.policy.queue,
        "queued": ranking.length,
        "left": ranking.cut.left,
    }
    once = f"{takeover.reference}:{takeover.closes}:{plain(takeover.remaining)}"
    return _happened(ADL_REQUIRED, takeover, told, at=at, once=once)


def of_adl(event: Deleveraging, *, counterparties: int, averted: Decimal) -> Happened:
    told = {
        **_named(event.takeover),
        "reference": event.reference,
        "quantity": event.quantity,
        "price": event.price,
        "counterparties": counterparties,
        "averted": averted,
    }
    return _happened(ADL_BOOKED, event.takeover, told, at=event.occurred_at)


def of_correction(correction: Correction) -> Happened:
    told = {
        **_named(correction.takeover),
        "reference": correction.reference,
        "description": correction.description,
        "fill": correction.fill.reference if correction.fill else None,
    }
    kind = _OF_CORRECTIONS[Correction.Kind(correction.kind)]
    return _happened(kind, correction.takeover, told, at=correction.effective_at)


def _named(takeover: Takeover) -> dict[str, object]:
    contract = takeover.contract
    return {"takeover": takeover.reference, "contract": contract.symbol, "currency": contract.margin_currency_id}


def _happened(kind: Kind, takeover: Takeover, told: dict[str, object], *, at: datetime, once: str = "") -> Happened:
    """What is not told is the takeover's own column of that name."""
    data = {name: told[name] if name in told else getattr(takeover, name) for name in kind.fields}
    return kind.happened(data, stream=takeover.contract.fund.code, at=at, once=once)
