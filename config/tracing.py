"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Otherwise nothing is touched."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
# What calls the database by a cursor of its own, beside Django's: the span's name, and where the function is.
_DOORS = {
    "ledger.post_entries": ("ledger.posting", "_call_door"),
    "fund.book_settlement": ("fund.settlement.booking", "call"),
}


def start() -> None:
    """Trace this process's requests, queries and tasks; a forked child goes on by itself. Call it once, before any.

    Raises ImproperlyConfigured where a collector is named and the packages are missing.
    """
    if not os.environ.get(ENDPOINT):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.celery import CeleryInstrumentor
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImproperlyConfigured(f"{ENDPOINT} is set: pip install -r requirements-otel.txt ({error})") from error
    # Probes and scrapes come every few seconds and tell nothing.
    os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", "healthz,readyz,metrics")
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, where they are set, go before.
    os.environ.setdefault("OTEL_SERVICE_NAME", "bulwark")
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()
    PsycopgInstrumentor().instrument()
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    _trace_doors(trace.get_tracer("bulwark"))


def _trace_doors(tracer: Any) -> None:
    from wrapt import wrap_function_wrapper

    for name, (module, function) in _DOORS.items():
        wrap_function_wrapper(module, function, _within_span(tracer, name))


def _within_span(tracer: Any, name: str) -> Callable[..., Any]:
    def run(wrapped: Callable[..., Any], instance: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        with tracer.start_as_current_span(name):
            return wrapped(*args, **kwargs)

    return run
