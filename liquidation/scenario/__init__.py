"""Scenario files: a whole story in JSON, played through the functions that the API calls. Source: api.md, scenarios."""

from liquidation.scenario.playing import Played, play
from liquidation.scenario.reading import Story, StoryMalformed, read_story

__all__ = ["Played", "Story", "StoryMalformed", "play", "read_story"]
