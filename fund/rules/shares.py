"""Whole units shared out by weight: floors first, then the units left over by largest remainder."""

from collections.abc import Sequence


def share_units(
    shared: int, *, weights: Sequence[int], numerator: int, denominator: int, most: Sequence[int]
) -> list[int]:
    """Share `shared` units: to each its floor of `weight · numerator / denominator`, then the left-over units.

    They go one by one by largest remainder, ties to the earlier in the sequence, round after round, never above
    `most`. The floors sum to at most `shared`, and `shared` to at most the sum of `most`. O(n log n), exact.
    """
    parts: list[int] = []
    remainders: list[int] = []
    for weight, limit in zip(weights, most, strict=True):
        whole, remainder = divmod(weight * numerator, denominator)
        bounded = whole >= limit
        parts.append(limit if bounded else whole)
        remainders.append(0 if bounded else remainder)
    left = shared - sum(parts)
    assert left >= 0, f"the floors exceed the {shared} units by {-left}"
    open_to_more = [place for place, limit in enumerate(most) if parts[place] < limit] if left else []
    open_to_more.sort(key=lambda place: (-remainders[place], place))
    while left:
        assert open_to_more, f"{left} of {shared} units find no taker"
        for place in open_to_more[:left]:
            parts[place] += 1
        left -= min(left, len(open_to_more))
        open_to_more = [place for place in open_to_more if parts[place] < most[place]]
    return parts
