"""Bodies: strict JSON, read whole within a limit; streams of positions, handed on unread."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

_CHUNK = 1 << 16


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"

    def __init__(self) -> None:
        super().__init__(f"a body has at most {settings.API_BODY_LIMIT} bytes; send several, or a stream")


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it and nothing more: no name twice in an object, no NaN, no byte that is not UTF-8.

    Refusals: `json_malformed` (400), `body_too_large` (413).
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = bytearray()
        while chunk := stream.read(_CHUNK):
            body += chunk
            if len(body) > settings.API_BODY_LIMIT:
                raise BodyTooLarge
        try:
            document = json.loads(
                body.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant, strict=True
            )
        except (ValueError, RecursionError) as error:
            raise ParseError(f"the body is not JSON: {error}", code="json_malformed") from None
        return document


class RowStream(BaseParser):
    """Rows in constant memory: the parsed body is the open stream itself, for the domain to read."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return stream


class NdjsonStream(RowStream):
    media_type = "application/x-ndjson"


class CsvStream(RowStream):
    media_type = "text/csv"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return document


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
