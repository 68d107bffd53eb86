"""What each type of event does."""

from collections.abc import Callable, Mapping

from liquidation.scenario import settling, trading, treasury
from liquidation.scenario.reading import Event
from liquidation.scenario.stage import Stage

HANDLERS: Mapping[str, Callable[[Stage, Event], None]] = {
    "deposit": treasury.deposit,
    "withdrawal": treasury.withdrawal,
    "contribution": treasury.contribution,
    "house_absorbed": treasury.house_absorbed,
    "takeover": trading.takeover,
    "fill": trading.fill,
    "close": trading.close,
    "unfilled": trading.unfilled,
    "adl": trading.adl,
    "dispose": trading.dispose,
    "mark": trading.mark,
    "positions_open": trading.positions_open,
    "cycle": settling.cycle,
    "positions": settling.positions,
    "positions_csv": settling.positions_csv,
    "complete": settling.complete,
    "settle": settling.settle,
    "reverse": settling.reverse,
    "rulebook": treasury.rulebook,
}
