"""The log: a line of JSON for each event, readable ones on a terminal. Never a key, a secret or a body."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from ledger.rest.request_ids import request_id

JSON, TEXT = "json", "text"


def configured(*, level: str, format: str) -> dict[str, Any]:
    """Have the service's own lines made by structlog; returns what logging is to be set up with.

    `level` is that of the service's lines, libraries speak from WARNING on. `format` is `json`, `text`, or empty: text
    on a terminal alone.
    """
    readable = format == TEXT or (format != JSON and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = [structlog.dev.ConsoleRenderer()]
    if not readable:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_line)]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        # What comes from libraries by way of `logging` gets the same fields.
        "foreign_pre_chain": [*shared, structlog.stdlib.PositionalArgumentsFormatter()],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "bulwark": {"level": level},
            # A refusal has its line already; what Django adds of its own is a fault's traceback.
            "django.request": {"level": "ERROR"},
            "gunicorn.error": {"handlers": [], "propagate": True},
        },
    }


def _add_request_id(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id():
        event["request_id"] = request_id()
    return event


def _line(event: Any, **options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
