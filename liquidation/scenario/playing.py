"""Playing a story: its books are opened, its events happen in their order, each as the API would have it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from fund import funds, transfers
from fund.rulebook import RulebookRefused
from ledger.currencies import add_currency
from ledger.errors import Refused
from ledger.models import Account
from ledger.money import MoneyError, parse_number
from liquidation.contracts import add_contract
from liquidation.scenario.events import HANDLERS
from liquidation.scenario.expectations import Difference, compare, compare_refusals
from liquidation.scenario.reading import Event, Story, StoryMalformed
from liquidation.scenario.stage import Stage

# In whose name a story's money moves where it names nobody.
NARRATOR = "scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An event that was refused, and whether any balance moved all the same."""

    event: Event
    code: str
    detail: str
    moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of a story. It holds where nothing differs and nothing of it is unsupported."""

    story: Story
    differences: list[Difference] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.differences and not self.story.unsupported


def play(
    story: Story,
    *,
    data: Path,
    rulebook: Mapping[str, object] | None = None,
    on_event: Callable[[int], None] | None = None,
) -> Played:
    """Play the story into the database at hand; `data` is where its files lie.

    `rulebook` takes the place of the story's own, whose expectations are then not asked. What is unsupported is left
    out of the play. Raises StoryMalformed where its books cannot be opened.
    """
    played = Played(story=story)
    with _trader_floor(story.trader_floor):
        stage = Stage(story=story, data=data, fund_code=str(story.fund["code"]))
        _open_books(stage, rulebook)
        for event in story.events:
            if event.type in HANDLERS and not (rulebook and event.type == "rulebook"):
                refusal = _happen(stage, event)
                if refusal is not None:
                    played.refusals.append(refusal)
            if on_event is not None:
                on_event(event.place + 1)
        if rulebook is None:
            refused = [(each.event, each.code, each.detail, each.moved) for each in played.refusals]
            played.differences.extend(compare_refusals(story, refused))
            played.differences.extend(compare(stage))
    return played


@contextmanager
def _trader_floor(floored: bool) -> Iterator[None]:
    """The story says whether traders' accounts that it opens have a floor."""
    before = settings.TRADER_FLOOR
    settings.TRADER_FLOOR = floored
    try:
        yield
    finally:
        settings.TRADER_FLOOR = before


def _open_books(stage: Stage, rulebook: Mapping[str, object] | None) -> None:
    story = stage.story
    try:
        with transaction.atomic():
            currency = str(story.currency["code"])
            add_currency(code=currency, decimals=int(story.currency["decimals"]))
            fields = dict(rulebook or story.fund["rulebook"])
            preset = str(fields.pop("preset", ""))
            stage.preset = preset
            funds.open_fund(
                code=stage.fund_code,
                currency=str(story.fund.get("currency", currency)),
                preset=preset,
                fields=fields,
                cycle_seconds=story.fund.get("cycle_seconds"),
                opened_at=story.begins_at,
                opened_by=NARRATOR,
            )
            for contract in story.contracts:
                tick = contract.get("tick", contract.get("tick_size"))
                add_contract(
                    symbol=str(contract["symbol"]),
                    kind=str(contract.get("kind", "linear")),
                    margin_currency=str(contract.get("margin_currency", currency)),
                    multiplier=parse_number(contract.get("multiplier", "1")),
                    tick=None if tick is None else parse_number(tick),
                    close_fee_rate=parse_number(contract.get("close_fee_rate", "0")),
                    fund_code=str(contract.get("fund", stage.fund_code)),
                    created_at=story.begins_at,
                )
            opening = parse_number(story.fund.get("contribution", "0"))
            if opening:
                transfers.contribute(
                    reference=f"opening.{stage.fund_code}",
                    fund_code=stage.fund_code,
                    amount=opening,
                    requested_by=NARRATOR,
                    effective_at=story.begins_at,
                )
    except (RulebookRefused, Refused) as refused:
        raise StoryMalformed(f"its books cannot be opened: {refused}") from refused
    except (KeyError, TypeError, ValueError) as error:
        raise StoryMalformed(f"its books cannot be opened: {error!r}") from error


def _happen(stage: Stage, event: Event) -> Refusal | None:
    """One event, whole or not at all."""
    watched = _is_expected_refused(stage.story, event)
    before = _balances() if watched else None
    try:
        with transaction.atomic():
            HANDLERS[event.type](stage, event)
    except MoneyError as refused:
        return Refusal(event=event, code=refused.code, detail=refused.detail, moved=False)
    except Refused as refused:
        moved = watched and _balances() != before
        return Refusal(event=event, code=refused.code, detail=refused.detail, moved=moved)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # A value of another shape than the event has: "one" for a number, a text for a row.
        return Refusal(event=event, code="event_malformed", detail=f"{type(error).__name__}: {error}", moved=False)
    return None


def _is_expected_refused(story: Story, event: Event) -> bool:
    refused = story.expect.get("refused", {})
    return f"#{event.place}" in refused or (event.reference is not None and event.reference in refused)


def _balances() -> dict[str, tuple[object, int]]:
    """Balance and number of postings of every account that has moved."""
    rows = Account.objects.filter(version__gt=0).values_list("code", "balance", "version")
    return {code: (balance, version) for code, balance, version in rows}
