"""Cursor paging over one unique column: a row that was there at the start is on exactly one page."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db.models import IntegerField, Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from ledger.rest.problems import QueryRefused
from ledger.rest.serializers import document

LIMIT_DEFAULT = 100
LIMIT_MOST = 1000
_BIGINT = 2**63

PARAMETERS = [
    OpenApiParameter(
        "cursor",
        {"type": "string", "format": "cursor"},
        description="Where a page begins: as `next` or `previous` of another page has it.",
    ),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "default": LIMIT_DEFAULT},
        description=f"Rows of a page, at most {LIMIT_MOST}.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The row beside which a page begins, itself left out, and whether the page lies before it."""

    key: int | str
    backward: bool

    def encode(self) -> str:
        document = json.dumps([self.key, int(self.backward)], separators=(",", ":"))
        return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def page_response(
    request: Request,
    rows: QuerySet[Any],
    *,
    by: str,
    serializer: type[serializers.BaseSerializer[Any]],
    complete: Callable[[Sequence[Any]], None] | None = None,
    shown_as: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
) -> Response:
    """One page of the rows, ordered by the unique column `by` (`-id`: the newest first).

    `complete` adds to the page's rows what no query has, `shown_as` makes of them what is shown.

    Raises QueryRefused `cursor_malformed`, `limit_malformed`.
    """
    descending, column = by.startswith("-"), by.removeprefix("-")
    limit, cursor = _limit(request.query_params), _cursor(request.query_params, rows.model, column)
    backward = cursor is not None and cursor.backward
    # Read away from the cursor, one row more than asked for: it tells whether there is another page.
    falling = descending is not backward
    if cursor is not None:
        rows = rows.filter(**{f"{column}__{'lt' if falling else 'gt'}": cursor.key})
    found = list(rows.order_by(f"-{column}" if falling else column)[: limit + 1])

    def show(page: Sequence[Any]) -> Sequence[Any]:
        if complete is not None:
            complete(page)
        return page if shown_as is None else shown_as(page)

    return _page(request, found, limit, cursor, key=lambda row: getattr(row, column), show=show, serializer=serializer)


def window_response(
    request: Request,
    read: Callable[[Any, bool, int], Sequence[Any]],
    *,
    key: Callable[[Any], int | str],
    kind: type[int] | type[str],
    serializer: type[serializers.BaseSerializer[Any]],
) -> Response:
    """One page of what `read(beyond, backward, most)` has: rows beyond the key in their order, or backward from it, the
    nearest first; `beyond` is None on the first page. `key`: each row's own, of this `kind`.

    Raises QueryRefused `cursor_malformed`, `limit_malformed`.
    """
    limit, cursor = _limit(request.query_params), _decoded(request.query_params, kind)
    found = read(cursor.key if cursor else None, cursor is not None and cursor.backward, limit + 1)
    return _page(request, found, limit, cursor, key=key, show=lambda page: page, serializer=serializer)


def cursor_malformed() -> QueryRefused:
    return QueryRefused({"cursor": [ErrorDetail("this is no cursor of this list", code="cursor_malformed")]})


def _page(
    request: Request,
    found: Sequence[Any],
    limit: int,
    cursor: _Cursor | None,
    *,
    key: Callable[[Any], int | str],
    show: Callable[[Sequence[Any]], Sequence[Any]],
    serializer: type[serializers.BaseSerializer[Any]],
) -> Response:
    """A page of the rows found from the cursor on, of which one more than `limit` tells that there is another page."""
    backward = cursor is not None and cursor.backward
    more, page = len(found) > limit, list(found[:limit])
    if backward:
        page.reverse()
    after = _address(request, _Cursor(key(page[-1]), False)) if page and (more or backward) else None
    before = _address(request, _Cursor(key(page[0]), True)) if page and (more if backward else cursor) else None
    return Response({"next": after, "previous": before, "results": [document(serializer, row) for row in show(page)]})


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(LIMIT_DEFAULT))
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        detail = ErrorDetail(f"{text[:20]!r} is not a number of rows, from 1 to {LIMIT_MOST}", code="limit_malformed")
        raise QueryRefused({"limit": [detail]})
    return LIMIT_MOST if len(digits) > len(str(LIMIT_MOST)) else min(int(digits), LIMIT_MOST)


def _cursor(query: Mapping[str, str], model: type[Model], column: str) -> _Cursor | None:
    return _decoded(query, int if isinstance(model._meta.get_field(column), IntegerField) else str)


def _decoded(query: Mapping[str, str], kind: type[int] | type[str]) -> _Cursor | None:
    text = query.get("cursor")
    if not text:
        return None
    try:
        # A whole `next` is taken for its cursor.
        text = parse_qs(urlsplit(text).query).get("cursor", [text])[0]
        key, backward = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if type(key) is not kind or (isinstance(key, int) and abs(key) >= _BIGINT) or backward not in (0, 1):
            raise ValueError(text)
        if isinstance(key, str):
            key.encode()
            if "\0" in key:
                raise ValueError(text)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise cursor_malformed() from None
    return _Cursor(key, bool(backward))


def _address(request: Request, cursor: _Cursor) -> str:
    link: str = replace_query_param(request.build_absolute_uri(), "cursor", cursor.encode())
    return link
