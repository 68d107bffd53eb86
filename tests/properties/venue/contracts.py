"""What is traded: a contract of each kind."""

from fractions import Fraction

from tests.properties.model import Contract

CONTRACTS = (
    Contract(symbol="LIN", kind="linear", multiplier=Fraction(1, 1000)),
    Contract(symbol="INV", kind="inverse", multiplier=Fraction(100)),
    Contract(symbol="QUA", kind="quanto", multiplier=Fraction(3)),
)
BY_SYMBOL = {contract.symbol: contract for contract in CONTRACTS}
SIDES = {1: "long", -1: "short"}
