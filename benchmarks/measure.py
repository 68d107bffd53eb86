"""Timing and the record of a run."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Record:
    """Figures of one run by name, with the sentence that explains each."""

    figures: dict[str, float] = field(default_factory=dict)
    explained: dict[str, str] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float, explanation: str, *, target: str = "") -> None:
        self.figures[name] = round(value, 4) if abs(value) < 100 else round(value)
        self.explained[name] = explanation
        if target:
            self.targets[name] = target

    def met(self, name: str) -> bool | None:
        """Whether the figure meets its target (`≥ 0.35`, `≤ 2.5`); None where it has none."""
        target = self.targets.get(name)
        if target is None:
            return None
        bound = float(target[1:])
        return self.figures[name] >= bound if target.startswith("≥") else self.figures[name] <= bound


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: list[float]) -> float:
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
