"""Every refusal and failure as RFC 9457 problem+json, whoever raised it: the domain, the framework or Django itself."""

import math
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.slashes import path_meant
from ledger import metrics
from ledger.rest.problems import CONTENT_TYPE, document_of, problem
from ledger.rest.request_ids import request_id


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The framework's exception handler. None leaves a fault of ours to Django, which logs it and answers 500."""
    document = document_of(error)
    if document is None:
        return None
    set_rollback()
    metrics.REFUSALS.labels(document["code"]).inc()
    headers = {}
    if isinstance(error, APIException):
        if auth_header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = auth_header
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(math.ceil(wait))
    if document["status"] == 503:
        headers["Retry-After"] = "1"
    return Response(document, status=document["status"], headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.bad_request(request, exception)
    return _answer(document_of(exception) or _document(400, "request_malformed", "the request is not understood"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.permission_denied(request, exception)
    return _answer(_document(403, "role_not_allowed", "this is not allowed"))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_people(request):
        return defaults.page_not_found(request, exception)
    detail, meant = f"there is nothing at {request.path[:200]}", path_meant(request)
    if meant is not None:
        detail += f"; the path ends in a slash: {meant[:200]}"
    return _answer(_document(404, "not_found", detail))


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_for_people(request):
        return defaults.server_error(request)
    return _answer(_document(500, "internal_error", "the service failed; the event may be sent again as it is"))


def answer_problem(status: int, code: str, detail: str) -> HttpResponse:
    """A refusal of a view that is none of the framework's."""
    return _answer(_document(status, code, detail))


def _is_for_people(request: HttpRequest) -> bool:
    return request.path.startswith("/admin/")


def _document(status: int, code: str, detail: str) -> dict[str, Any]:
    return problem(status=status, code=code, detail=detail)


def _answer(document: dict[str, Any]) -> HttpResponse:
    metrics.REFUSALS.labels(document["code"]).inc()
    return HttpResponse(
        orjson.dumps({**document, "request_id": request_id()}), status=document["status"], content_type=CONTENT_TYPE
    )
