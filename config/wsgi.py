import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

# Before anything of the service is imported: the framework reads its settings when it is.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from ledger.rest.parsers import CHUNKED_LENGTH

django_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django, with bodies that come in chunks: it reads none whose length it is not told."""
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and environ.get("wsgi.input_terminated"):
        # Reading ends where the server says that the body does.
        environ["CONTENT_LENGTH"] = str(CHUNKED_LENGTH)
    answer: Iterable[bytes] = django_application(environ, start_response)
    return answer
