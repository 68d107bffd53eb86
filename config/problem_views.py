"""Views beside the API's resources whose refusals are problem documents all the same."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import answer_problem
from ledger.rest.renderers import JSONRenderer


def read_only(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A view that is read by machines: other methods are 405, and none is looked at for a browser's token first."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        refusal = answer_problem(405, "method_not_allowed", f'Method "{request.method}" not allowed.')
        refusal.headers["Allow"] = "GET, HEAD"
        return refusal

    return answered


def _as_problem(response: Response) -> Response:
    """A refusal goes out as everywhere, and not in the form that the view's documents have."""
    if response.status_code >= 400:
        response.accepted_renderer = JSONRenderer()
        response.accepted_media_type = JSONRenderer.media_type
    return response


class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI document."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        return _as_problem(super().finalize_response(request, response, *args, **kwargs))


class DocumentationView(SpectacularSwaggerSplitView):
    """The OpenAPI document, for people."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        return _as_problem(super().finalize_response(request, response, *args, **kwargs))
