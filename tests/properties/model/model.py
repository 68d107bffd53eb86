"""The model as a whole."""

from tests.properties.model.cycles import Cycles
from tests.properties.model.takeovers import Takeovers


class Model(Takeovers, Cycles):
    """What takeovers and disposals lose, cycles settle: on the same books."""
