"""What a call may raise. Arguments that no server would take are a ValueError or a TypeError, unsent."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One thing wrong with a request; `pointer` leads to the field of the body, `parameter` names that of the query."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A refusal in the words of RFC 9457. `code` is stable, `detail` is for people and has the values in it.

    `request_id` finds it in the service's log.
    """

    status: int
    code: str
    detail: str
    type: str = ""
    title: str = ""
    errors: list[FieldProblem] = field(default_factory=list)
    request_id: str | None = None


class BulwarkError(Exception):
    """Everything that the client raises by itself."""


class CallRefused(BulwarkError):
    """The service said no, and nothing has moved."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def errors(self) -> list[FieldProblem]:
        return self.problem.errors


class NotFound(CallRefused):
    """404: what the call names does not exist, or the key may not see it."""


class NotAllowed(CallRefused):
    """401 and 403: no live key, or one whose role, fund or trader does not cover the call."""


class Conflict(CallRefused):
    """409: the reference stands for something else, or what the call acts on is in another state."""


class Unanswered(BulwarkError):
    """No answer that counts, after all tries: the connection failed, or the service was busy or failed to the end.

    The event may have been booked or not. It is safe to make the same call again with the same reference.
    """


class AnswerMalformed(BulwarkError):
    """An answer that is not of this API: another service at the address, or a proxy's page."""


def refusal(problem: Problem) -> CallRefused:
    """The exception for a problem, by its status."""
    kinds: dict[int, type[CallRefused]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict}
    return kinds.get(problem.status, CallRefused)(problem)
