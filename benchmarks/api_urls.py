"""The service's addresses and one more, of a view that does nothing: what a request costs before our part of it."""

import os

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config import urls


class EmptyView(APIView):
    """Nobody is asked who it is, nothing is read, nothing is counted. It says which process answered."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        return Response({"process": os.getpid()})


urlpatterns = [*urls.urlpatterns, path("empty/", EmptyView.as_view())]
