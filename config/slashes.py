"""A path without its last slash: the admin sends people to the right one, the API says what it is."""

from django.http import HttpRequest
from django.middleware.common import CommonMiddleware
from django.urls import is_valid_path

API = "/api/"


class CommonWithoutRedirects(CommonMiddleware):
    """Django's, but no client of the API is sent elsewhere: it would come back with a GET, and get a list."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return not request.path_info.startswith(API) and super().should_redirect_with_slash(request)


def path_meant(request: HttpRequest) -> str | None:
    """The request's path with the slash that it lacks, where something is there."""
    path = request.path_info
    if path.endswith("/") or not is_valid_path(f"{path}/", getattr(request, "urlconf", None)):
        return None
    return f"{request.path}/"
