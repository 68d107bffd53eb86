"""Rulebooks for tests, made by the function that publishes them."""

from fund.rulebook import Rulebook, publish_fields

# Finer than any currency of the tests, so that one builder serves all of them.
DECIMALS = 18


def rulebook(preset: str, **fields: object) -> Rulebook:
    return publish_fields(preset, fields, decimals=DECIMALS)
