"""One event or up to 10,000 of them in `items`: all or none, or each by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import metrics
from ledger.errors import Refused
from ledger.rest.fields import TruthField
from ledger.rest.problems import BatchRefused, document_of
from ledger.rest.quick import LEFT, reader_of
from ledger.rest.serializers import StrictSerializer, instance_of
from ledger.rest.views import recorded_response
from ledger.transactions import rolled_back_alone

ITEMS_MOST = 10_000
# So many items of which one was refused are tried one by one: halving them further would save nothing.
FEW = 8


class Recorded(Protocol):
    """What a domain call returns for each of its events."""

    @property
    def replayed(self) -> bool: ...


ResultT = TypeVar("ResultT", bound=Recorded)


class BatchTooLarge(Refused):
    status = 413

    def __init__(self, count: int) -> None:
        super().__init__("batch_too_large", f"{count} items: a batch has at most {ITEMS_MOST}")


def post_events(
    request: Request,
    *,
    shape: type[StrictSerializer],
    call: Callable[[Sequence[dict[str, Any]]], Sequence[ResultT]],
    show: Callable[[ResultT], Mapping[str, Any]],
    show_item: Callable[[ResultT], Mapping[str, Any]],
) -> Response:
    """Read one event of this shape, or a batch, make the one domain call, and answer.

    `show` is the answer to a single event, `show_item` what an item of a batch says beside status and reference.
    """
    body = request.data
    if isinstance(body, Mapping) and "items" in body:
        return _post_batch(body, shape=instance_of(shape), call=call, show_item=show_item)
    (result,) = call([shape.read_body(request)])
    return recorded_response(show(result), replayed=result.replayed)


def _post_batch(
    body: Mapping[str, Any],
    *,
    shape: StrictSerializer,
    call: Callable[[Sequence[dict[str, Any]]], Sequence[ResultT]],
    show_item: Callable[[ResultT], Mapping[str, Any]],
) -> Response:
    items, atomic = _read_batch(body)
    read, malformed = _read_items(items, shape)
    if atomic and malformed:
        raise ValidationError({"items": {str(place): error.detail for place, error in malformed.items()}})
    if atomic:
        outcomes: dict[int, Any] = dict(zip(read, _all_or_none(read, call), strict=True))
    else:
        outcomes = {**malformed, **_each_alone(read, call)}
    answers = [_answer(items[place], outcomes[place], show_item) for place in range(len(items))]
    return Response({"items": answers}, status=201 if any(each["status"] == 201 for each in answers) else 200)


def _read_batch(body: Mapping[str, Any]) -> tuple[list[Any], bool]:
    errors: dict[str, Any] = {
        name: [ErrorDetail("a batch has items and atomic", code="field_unknown")]
        for name in body
        if name not in ("items", "atomic")
    }
    items = body["items"]
    if not isinstance(items, list):
        errors["items"] = [ErrorDetail("a list is expected", code="list_expected")]
    elif not items:
        errors["items"] = [ErrorDetail("a batch has at least one item", code="field_empty")]
    elif len(items) > ITEMS_MOST:
        raise BatchTooLarge(len(items))
    try:
        atomic = TruthField().run_validation(body.get("atomic", True))
    except ValidationError as error:
        errors["atomic"] = error.detail
    if errors:
        raise ValidationError(errors)
    return items, atomic


def _read_items(
    items: Sequence[Any], shape: StrictSerializer
) -> tuple[dict[int, dict[str, Any]], dict[int, ValidationError]]:
    """The items by their place: those that have the shape, read, and those that do not."""
    read: dict[int, dict[str, Any]] = {}
    malformed: dict[int, ValidationError] = {}
    quick = reader_of(type(shape))
    for place, item in enumerate(items):
        found: Any = LEFT if quick is None else quick(item)
        if found is not LEFT:
            read[place] = found
            continue
        try:
            read[place] = shape.run_validation(item)
        except ValidationError as error:
            malformed[place] = error
    return read, malformed


def _all_or_none(
    read: Mapping[int, dict[str, Any]], call: Callable[[Sequence[dict[str, Any]]], Sequence[ResultT]]
) -> Sequence[ResultT]:
    try:
        return call(list(read.values()))
    except Refused as refused:
        raise BatchRefused(refused) from refused


def _each_alone(
    read: Mapping[int, dict[str, Any]], call: Callable[[Sequence[dict[str, Any]]], Sequence[ResultT]]
) -> dict[int, ResultT | Exception]:
    """Every item's result or its refusal, as if they had come one by one, in their order.

    A call with a refused item leaves nothing, so its halves are tried one after the other, the few of the last one by
    one: a refused item of `n` costs about 2·log2(n) calls, `n` of them a quarter more than `n`. An item finds all that
    came before it.
    """
    outcomes: dict[int, ResultT | Exception] = {}
    # Parts that wait, the first of them last.
    waiting = [list(read)] if read else []
    while waiting:
        places = waiting.pop()
        try:
            with rolled_back_alone():
                outcomes.update(zip(places, call([read[place] for place in places]), strict=True))
        except Exception as error:
            if document_of(error) is None:
                raise
            if len(places) == 1:
                outcomes[places[0]] = error
            else:
                size = len(places) // 2 if len(places) > FEW else 1
                parts = [places[start : start + size] for start in range(0, len(places), size)]
                waiting += reversed(parts)
    return outcomes


def _answer(
    item: Any, outcome: ResultT | Exception, show_item: Callable[[ResultT], Mapping[str, Any]]
) -> dict[str, Any]:
    given = item.get("reference") if isinstance(item, Mapping) else None
    # What is no text is no reference, however large it is.
    reference = given if isinstance(given, str) else None
    if isinstance(outcome, Exception):
        document = document_of(outcome) or {}
        metrics.REFUSALS.labels(document["code"]).inc()
        return {"status": document["status"], "reference": reference, **document}
    return {"status": 200 if outcome.replayed else 201, "reference": reference, **show_item(outcome)}
