"""A small story to play: one takeover and one fill, on which a test puts what it is about."""

from pathlib import Path
from typing import Any

from liquidation.scenario import Played, play
from liquidation.scenario.reading import story_of

TAKEOVER = {
    "type": "takeover",
    "reference": "t1",
    "contract": "X-PERP",
    "trader": "ann",
    "side": "long",
    "quantity": "10",
    "bankruptcy_price": "100",
    "margin": "0",
}
FILL = {"type": "fill", "reference": "f1", "takeover": "t1", "price": "99", "quantity": "10", "fee": "0"}


def story(*events: dict[str, Any], expect: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "title": "a story",
        "source": "a test",
        "currency": {"code": "USDT", "decimals": 8},
        "contracts": [{"symbol": "X-PERP", "kind": "linear", "multiplier": "1"}],
        "fund": {"code": "usdt", "contribution": "1000", "rulebook": {"preset": "full_cover"}},
        "trader_floor": False,
        "events": list(events),
        "expect": expect or {},
        **top,
    }


def played(*events: dict[str, Any], data: Path = Path(), **more: Any) -> Played:
    return play(story_of(story(*events, **more)), data=data)


def differences(*events: dict[str, Any], **more: Any) -> list[str]:
    return [str(difference) for difference in played(*events, **more).differences]
