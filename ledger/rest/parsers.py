"""Bodies: strict JSON, read whole within a limit; streams of positions, handed on unread."""

import json
from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.http.request import UnreadablePostError
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from ledger.errors import Refused

_CHUNK = 1 << 16
# What stands for the length of a body that comes in chunks: longer than any.
CHUNKED_LENGTH = 2**62


def check_encoding(request: Request) -> None:
    """Raises Refused `content_encoding_not_supported`: packed bytes would be read as they are, as JSON that is none."""
    encoding = request.headers.get("Content-Encoding", "").strip()
    if encoding.lower() not in {"", "identity"}:
        detail = f"Content-Encoding {encoding[:60]!r}: bodies are taken as they are, without one"
        raise Refused("content_encoding_not_supported", detail, status=415)


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
        source = BodyStream(stream)
        while chunk := source.read(_CHUNK):
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


class BodyStream:
    """A request's body as it comes. Raises UnreadablePostError where it ends before its announced length, or is no
    body at all: what was cut off is not taken for whole.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._missing = int(request.META.get("CONTENT_LENGTH") or 0)

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._request.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._request.readline, size)

    def _counted(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except UnreadablePostError:
            raise
        except Exception as error:
            # Each server has errors of its own for chunks that are none.
            raise UnreadablePostError(str(error)) from error
        self._missing -= len(data)
        # Of a body in chunks the length is not known: the server itself sees whether the last one came.
        if not data and 0 < self._missing < CHUNKED_LENGTH // 2:
            raise UnreadablePostError(f"{self._missing} bytes of the body are missing")
        return data


class RowStream(BaseParser):
    """Rows in constant memory: the parsed body is the open stream itself, for the domain to read."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return BodyStream(stream)


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
