"""`Authorization: Bearer <key>`."""

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ledger.rest.keys import find_key, note_use
from ledger.rest.models import ApiKey


class KeyAuthentication(BaseAuthentication):
    """The request's key becomes `request.auth`. Refusals: `key_unknown`, `key_revoked`, `key_expired`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        key = find_key(secret.strip().decode("latin-1"))
        now = timezone.now()
        if key is None:
            raise AuthenticationFailed("there is no such key", code="key_unknown")
        if not key.is_live(now):
            code = "key_expired" if key.revoked_at is None else "key_revoked"
            raise AuthenticationFailed(f"key {key.name} has been {code.removeprefix('key_')}", code=code)
        note_use(key, at=now)
        # Who is behind the key is looked up where somebody asks: `key.person`.
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="bulwark"'
