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


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """A batch that is not atomic is taken, and its malformed items are refused in their places."""
    body = case.body
    alone = isinstance(body, dict) and body.get("atomic") is False and response.status_code in (200, 201)
    return not (alone and any(item["status"] == 422 for item in response.json()["items"]))


@schemathesis.serializer("application/x-ndjson")
def _lines(context: Any, value: Any) -> bytes:
    """Rows as the schema has them: one text, sent as it is."""
    return str(value).encode()
