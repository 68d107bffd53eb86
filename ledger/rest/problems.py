"""RFC 9457 problem documents: how a refusal is written for HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError
from django.http import Http404
from django.http.request import UnreadablePostError
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError

from ledger.errors import PostingRefused, Refused

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:bulwark:problem:"

# The framework's words for what is wrong with a field, in ours.
_FIELD_CODES = {
    "required": "field_required",
    "null": "field_null",
    "blank": "field_empty",
    "invalid": "field_malformed",
    "invalid_choice": "choice_unknown",
    "not_a_list": "list_expected",
    "not_a_dict": "object_expected",
    "empty": "field_empty",
    "max_length": "too_long",
    "min_length": "too_short",
    "max_value": "out_of_range",
    "min_value": "out_of_range",
    "max_string_length": "too_long",
    "null_characters_not_allowed": "text_malformed",
    "surrogate_characters_not_allowed": "text_malformed",
}


_FRAMEWORK_CODES = {
    "parse_error": "body_malformed",
    "error": "request_malformed",
    "permission_denied": "role_not_allowed",
    "authentication_failed": "key_unknown",
    "not_authenticated": "key_required",
}
# serialization_failure, deadlock_detected, lock_not_available
_TRANSIENT = {"40001", "40P01", "55P03"}
# No connection, a broken one, one that an administrator ended. Source: PostgreSQL's error codes, classes 08 and 57.
_GONE = {"", "08", "57"}


class BatchRefused(Exception):
    """A batch of which nothing was taken, because of `refused`. Its positions count the batch's items."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refused = refused


class QueryRefused(APIException):
    """Parameters of the query that are unknown or malformed; `detail` as in a ValidationError."""

    status_code = 400

    def __init__(self, detail: Any) -> None:
        super().__init__("the query is not understood", code="query_malformed")
        self.parameters = detail


def problem(
    *, status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """A problem document."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        document["errors"] = list(errors)
    return document


def document_of(error: Exception) -> dict[str, Any] | None:
    """The problem document of whatever a request met, or None where it met a fault of ours."""
    match error:
        case BatchRefused():
            return _of_batch(error)
        case Refused():
            return _of_refusal(error)
        case QueryRefused():
            return _of_query(error)
        case ValidationError():
            return _of_validation(error)
        case APIException():
            return _of_framework(error)
        case Http404():
            return problem(status=404, code="not_found", detail="there is nothing at this address")
        case RequestDataTooBig():
            return problem(status=413, code="body_too_large", detail=str(error))
        case UnreadablePostError():
            return problem(status=400, code="body_cut_off", detail="the connection ended before the body did")
        case SuspiciousOperation():
            return problem(status=400, code="request_malformed", detail="the request is not understood")
        case DatabaseError() | psycopg.Error():
            return _of_database(error)
        case RedisError():
            detail = "what is counted in Redis cannot be read; send it again as it is"
            return problem(status=503, code="service_unavailable", detail=detail)
        case _:
            return None


def _of_refusal(refused: Refused) -> dict[str, Any]:
    """With what its parts have to say: several refusals of the posting door, several fields of a rulebook."""
    if isinstance(refused, PostingRefused) and len(refused.refusals) > 1:
        errors = [{"code": each.code, "detail": each.detail} for each in refused.refusals]
    elif refused.field:
        errors = [{"pointer": _pointer(refused.field), "code": refused.code, "detail": refused.detail}]
    else:
        errors = [
            {"pointer": _pointer(each.field), "code": each.code, "detail": each.reason}
            for each in getattr(refused, "errors", ())
        ]
    return problem(status=refused.status, code=refused.code, detail=refused.detail, errors=errors)


def _of_batch(error: BatchRefused) -> dict[str, Any]:
    refused = error.refused
    document = _of_refusal(refused)
    if refused.position is None:
        return document
    if isinstance(refused, PostingRefused):
        document["errors"] = [
            {"pointer": f"/items/{each.position}", "code": each.code, "detail": each.detail}
            for each in refused.refusals
        ]
    else:
        item = f"/items/{refused.position}"
        field = _pointer(refused.field) if refused.field else ""
        document["errors"] = [{"pointer": item + field, "code": refused.code, "detail": refused.detail}]
    return document


def _of_framework(error: APIException) -> dict[str, Any]:
    detail = error.detail
    code = (detail.code if isinstance(detail, ErrorDetail) else None) or error.default_code
    return problem(status=error.status_code, code=_FRAMEWORK_CODES.get(code, code), detail=str(detail))


def _of_database(error: DatabaseError | psycopg.Error) -> dict[str, Any] | None:
    """A constraint that held where the domain did not foresee it names itself; a lost race may be run again."""
    # Django wraps the driver's error, the posting door does not.
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.Error):
        return None
    state, constraint = cause.sqlstate or "", cause.diag.constraint_name
    if isinstance(cause, psycopg.IntegrityError) and constraint:
        status = 409 if state == "23505" else 422
        return problem(status=status, code=constraint, detail=cause.diag.message_primary or str(cause))
    if isinstance(cause, psycopg.DataError):
        return problem(status=422, code="value_out_of_range", detail="a value is larger than the books can hold")
    if state in _TRANSIENT:
        return problem(status=503, code="service_busy", detail="other requests were in the way; send it again as it is")
    if isinstance(cause, psycopg.OperationalError) and state[:2] in _GONE:
        return problem(
            status=503, code="service_unavailable", detail="the books cannot be reached; send it again as it is"
        )
    return None


def _of_validation(error: ValidationError) -> dict[str, Any]:
    """The document of a malformed body: every field that is wrong, by its pointer."""
    errors = list(_field_errors(error.detail, ""))
    return problem(status=422, code=errors[0]["code"], detail=_summary(errors, "pointer"), errors=errors)


def _of_query(error: QueryRefused) -> dict[str, Any]:
    """The document of a malformed query: every parameter that is wrong, by its name."""
    errors = [
        {"parameter": each["pointer"].lstrip("/"), "code": each["code"], "detail": each["detail"]}
        for each in _field_errors(error.parameters, "")
    ]
    for each in errors:
        each["code"] = {"field_unknown": "parameter_unknown"}.get(each["code"], each["code"])
    return problem(status=400, code=errors[0]["code"], detail=_summary(errors, "parameter"), errors=errors)


def _field_errors(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            # What belongs to the object as a whole comes under a name of the framework's.
            whole = name == "non_field_errors"
            yield from _field_errors(inner, pointer if whole else f"{pointer}/{_escape(str(name))}")
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _field_errors(inner, f"{pointer}/{place}" if nested else pointer)
    else:
        code = (detail.code if isinstance(detail, ErrorDetail) else None) or "invalid"
        yield {"pointer": pointer, "code": _FIELD_CODES.get(code, code), "detail": str(detail)}


def _summary(errors: Sequence[Mapping[str, str]], named_by: str) -> str:
    first = errors[0]
    where = first[named_by]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return (f"{where}: {first['detail']}" if where else first["detail"]) + more


def _pointer(field: str) -> str:
    return "/" + "/".join(_escape(part) for part in field.split("."))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
