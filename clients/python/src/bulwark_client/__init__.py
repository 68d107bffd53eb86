"""Client of Bulwark, the book of record of a derivatives venue's insurance fund."""

from bulwark_client.client import Client
from bulwark_client.errors import (
    AnswerMalformed,
    BulwarkError,
    CallRefused,
    Conflict,
    FieldProblem,
    NotAllowed,
    NotFound,
    Problem,
    Unanswered,
)
from bulwark_client.shapes.cycles import Position
from bulwark_client.shapes.funds import OpenPosition
from bulwark_client.shapes.ledger import Line, NewEntry
from bulwark_client.shapes.takeovers import Counterparty, NewFill, NewTakeover
from bulwark_client.transport import Retries

__all__ = [
    "AnswerMalformed",
    "BulwarkError",
    "CallRefused",
    "Client",
    "Conflict",
    "Counterparty",
    "FieldProblem",
    "Line",
    "NewEntry",
    "NewFill",
    "NewTakeover",
    "NotAllowed",
    "NotFound",
    "OpenPosition",
    "Position",
    "Problem",
    "Retries",
    "Unanswered",
]
