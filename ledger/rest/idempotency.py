"""`Idempotency-Key` for requests whose body has no reference: the first answer is kept, and repeated for ever."""

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

import orjson
import psycopg
from django.db import DatabaseError, DataError, connection, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import metrics
from ledger.errors import ReferenceReused, Refused
from ledger.rest.models import ApiKey, IdempotentAnswer
from ledger.rest.permissions import key_of
from ledger.rest.problems import document_of
from ledger.rest.serializers import KEY_HEADER
from ledger.rest.views import REPLAYED_HEADER


def as_it_is(body: Any) -> Any:
    return body


def idempotent(method: Callable[..., Response]) -> Callable[..., Response]:
    """A view's method of which a request with an `Idempotency-Key` is done once; its answers are kept as they are."""
    return idempotent_with(conceal=as_it_is, reveal=as_it_is)(method)


def idempotent_with(
    *, conceal: Callable[[Any], Any], reveal: Callable[[Any], Any]
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """`idempotent` for answers that may not lie in the database: `conceal` makes of a body what is kept, `reveal` the
    body again."""

    def decorate(method: Callable[..., Response]) -> Callable[..., Response]:
        return _idempotent(method, conceal, reveal)

    return decorate


def _idempotent(
    method: Callable[..., Response], conceal: Callable[[Any], Any], reveal: Callable[[Any], Any]
) -> Callable[..., Response]:
    """A view's method of which a request with an `Idempotency-Key` is done once, whether it was taken or refused.

    The answer is kept in the transaction of what it answers. Raises Refused `request_in_flight` (409) while the first
    is under way; ReferenceReused where the key came with another request.
    """

    @functools.wraps(method)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        header = request.headers.get(KEY_HEADER)
        if not header:
            return method(view, request, *args, **kwargs)
        key, digest = key_of(request), _digest(request)
        with transaction.atomic():
            _lock(key, header)
            known = IdempotentAnswer.objects.filter(key=key, idempotency_key=header).first()
            if known is not None:
                return _repeat(known, digest, reveal)
            response = _answer(method, view, request, args, kwargs)
            # A refusal has nothing to hide.
            kept = conceal(response.data) if response.status_code < 400 else response.data
            _keep(kept, response.status_code, key, header, digest)
        return response

    return once


def _answer(
    method: Callable[..., Response], view: Any, request: Request, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Response:
    """The method's answer, refusals included. A lost race or a fault of ours passes, and nothing is kept of it."""
    try:
        with transaction.atomic():
            return method(view, request, *args, **kwargs)
    except (DatabaseError, psycopg.Error):
        raise
    except Exception as error:
        document = document_of(error)
        if document is None or document["status"] >= 500:
            raise
        metrics.REFUSALS.labels(document["code"]).inc()
        return Response(document, status=document["status"])


def _keep(body: Any, status: int, key: ApiKey, header: str, digest: str) -> None:
    try:
        with transaction.atomic():
            IdempotentAnswer.objects.create(
                key=key,
                idempotency_key=header,
                request_digest=digest,
                status=status,
                body=body,
                created_at=timezone.now(),
            )
    except DataError:
        # A refusal that names what no column holds, a NUL in a field's name: the request is refused anew each time.
        if status < 400:
            raise


def _repeat(known: IdempotentAnswer, digest: str, reveal: Callable[[Any], Any]) -> Response:
    if known.request_digest != digest:
        detail = f"{KEY_HEADER} {known.idempotency_key} came with another request at {known.created_at.isoformat()}"
        raise ReferenceReused(known.idempotency_key, detail)
    status = 200 if known.status == 201 else known.status
    body = reveal(known.body) if known.status < 400 else known.body
    return Response(body, status=status, headers={REPLAYED_HEADER: "true"})


def _lock(key: ApiKey, header: str) -> None:
    """Held to the end of the transaction; whoever comes in between learns that the first is under way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_number(key, header)])
        (held,) = cursor.fetchone()
    if not held:
        raise Refused("request_in_flight", f"{KEY_HEADER} {header}: the first request is under way", status=409)


def lock_number(key: ApiKey, header: str) -> int:
    """What stands for the two of them among the database's advisory locks."""
    return int.from_bytes(hashlib.sha256(f"{key.pk}:{header}".encode()).digest()[:8], signed=True)


def _digest(request: Request) -> str:
    try:
        body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Half of a surrogate pair, a number beyond 64 bits, lists in lists by the hundred: JSON all the same.
        body = json.dumps(request.data, sort_keys=True).encode()
    return hashlib.sha256(b"\n".join([str(request.method).encode(), request.path.encode(), body])).hexdigest()
