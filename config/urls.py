from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config.health import healthz, readyz
from config.metrics import metrics
from config.problem_views import DocumentationView, SchemaView

# Probes stand beside the API and in it: some balancers let through one prefix alone.
probes: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("healthz/", healthz),
    path("readyz", readyz),
    path("readyz/", readyz),
    path("metrics", metrics),
    path("metrics/", metrics),
]
api: list[URLPattern | URLResolver] = [
    path("", include("ledger.urls")),
    path("", include("ledger.events.urls")),
    path("", include("fund.urls")),
    path("", include("liquidation.urls")),
    path("schema/", SchemaView.as_view(), name="schema"),
    *probes,
    path("docs/", DocumentationView.as_view(url_name="schema"), name="docs"),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include(api)),
    *probes,
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"
