"""The admin's site: where bookkeepers and the treasury begin their day."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse


class BulwarkSite(AdminSite):
    site_header = "Bulwark"
    site_title = "Bulwark"
    index_title = "Funds and books"
    site_url = None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, extra_context)
