"""What the views are made of: roles, who records, one page, one event or a batch of them."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.actor import recorded_by
from ledger.errors import Refused
from ledger.rest.models import ApiKey, Role
from ledger.rest.parsers import check_encoding
from ledger.rest.serializers import check_key
from ledger.rest.throttles import Allowance, RoleThrottle

METHODS = ["get", "post", "put", "patch", "delete", "head"]
REPLAYED_HEADER = "Idempotent-Replayed"


class MeteredView(APIView):
    """A view whose requests are counted, by key or address; the answer says what is left.

    Refuses `rate_exceeded` (429).
    """

    throttle_classes = (RoleThrottle,)
    allowance: Allowance | None = None

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        finally:
            # Before anything is refused. Whoever tries keys is counted by address, as whoever has none.
            super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Every request is counted where its key is known; the framework would leave out those that a role refuses."""

    def throttled(self, request: Request, wait: float | None) -> NoReturn:
        allowance = self.allowance
        assert allowance is not None, "only what was counted is refused"
        requests, seconds = allowance.rate
        detail = f"{allowance.role}: {requests} requests in {seconds} s; the next in {allowance.wait:.3f} s"
        raise Refused("rate_exceeded", detail, status=429)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self.allowance.headers().items() if self.allowance else ():
            answer[name] = value
        return answer


class ResourceView(MeteredView):
    """A resource behind a key. What a request writes is recorded as done by its key.

    Refuses `idempotency_key_malformed` (400), also where the body has a reference and the header is not used;
    `content_encoding_not_supported` (415).

    `roles` says which roles each method takes. `per_fund`: a key of some funds is let in, the view then keeps to them.
    """

    roles: ClassVar[Mapping[str, Collection[Role]]] = {}
    per_fund: ClassVar[bool] = False
    # Without OPTIONS: the schema describes a resource better.
    http_method_names = METHODS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._recording:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_encoding(request)
        check_key(request)
        if any(isinstance(value, str) and "\0" in value for value in kwargs.values()):
            # Nothing has such a name, and the database would not hear of it.
            raise Http404
        if isinstance(request.auth, ApiKey):
            self._recording.enter_context(recorded_by(request.auth.name))


@method_decorator(conditional_page, name="dispatch")
class PublicView(MeteredView):
    """A resource for everybody: any page may read it, a cache may keep it for some seconds and ask whether it changed.

    An answer has an ETag; with it in `If-None-Match`, one that is still the same is 304, without a body.
    """

    authentication_classes = ()
    permission_classes = ()
    http_method_names = METHODS

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # A browser hands the answer to any page's script; nothing here is for one reader alone.
        answer.headers["Access-Control-Allow-Origin"] = "*"
        if answer.status_code == 200:
            patch_cache_control(answer, public=True, max_age=settings.PUBLIC_SECONDS_KEPT)
        return answer


def recorded_response(document: Any, *, replayed: bool) -> Response:
    """What was recorded: 201 the first time, 200 with the first result to a replay."""
    headers = {REPLAYED_HEADER: "true"} if replayed else None
    return Response(document, status=200 if replayed else 201, headers=headers)
