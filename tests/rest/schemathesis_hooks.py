"""What schemathesis cannot read in the schema."""

from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st

# A cursor is the service's own: none but the empty one can be made up.
schemathesis.openapi.format("cursor", st.just(""))
# Times lie between the years 1970 and 2999; JSON Schema has no ranges of them.
schemathesis.openapi.format(
    "date-time",
    st.integers(0, int(datetime(2999, 12, 30, tzinfo=UTC).timestamp())).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()
    ),
)


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    """A stream is a text as it stands, here and in the schema's example."""
    return str(value).encode(errors="surrogatepass")


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    return not (_stands_alone(case, response) or _has_the_venues_parameters(case, response))


def _stands_alone(case: Any, response: Any) -> bool:
    """A batch that is not atomic is taken, and its malformed items are refused in their places."""
    body = case.body
    if not isinstance(body, dict) or body.get("atomic") is not False or response.status_code not in (200, 201):
        return False
    return any(item["status"] == 422 for item in response.json()["items"])


def _has_the_venues_parameters(case: Any, response: Any) -> bool:
    """In a venue's published shape a list has that venue's parameters: the schema cannot say which go together."""
    given = case.query or {}
    return bool(given.get("format")) and response.status_code == 400 and response.json()["code"] == "parameter_unknown"
