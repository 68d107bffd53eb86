"""Keys: made, found, revoked."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q

from ledger.bulk import read_rows
from ledger.chart import is_name
from ledger.errors import NotFound, Refused
from ledger.rest.models import ApiKey, Role

_MARK = "bwk_"
_SHOWN_CHARACTERS = 12
# A key's last use is kept to the minute: a write for every request would serialise the requests of a busy key.
_LAST_USE_STEP = timedelta(minutes=1)


def create_key(
    *,
    name: str,
    role: Role,
    created_at: datetime,
    trader: str = "",
    funds: Collection[str] = (),
    user: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, of these funds alone where any is named. Returns it with its secret, which is kept nowhere.

    Raises Refused `key_name_taken`, `key_name_malformed`, `key_needs_trader`, `key_is_no_traders`,
    `key_fund_malformed`, `key_expired`.
    """
    if not name.strip() or not name.isprintable():
        raise Refused("key_name_malformed", f"{name!r} is not a name for a key")
    if role is Role.TRADER and not is_name(trader):
        raise Refused("key_needs_trader", f"key {name}: a trader's key names its trader, not {trader!r}")
    if role is not Role.TRADER and trader:
        raise Refused("key_is_no_traders", f"key {name}: the role {role} has no trader, {trader} was named")
    for fund in funds:
        if not is_name(fund):
            raise Refused("key_fund_malformed", f"key {name}: {fund!r} is not the code of a fund")
    if expires_at is not None and expires_at <= created_at:
        raise Refused("key_expired", f"key {name}: it would expire at {expires_at.isoformat()}, which has passed")
    secret = _MARK + secrets.token_urlsafe(32)
    key, made = ApiKey.objects.get_or_create(
        name=name,
        defaults={
            "prefix": secret[:_SHOWN_CHARACTERS],
            "digest": digest_of(secret),
            "role": role,
            "trader": trader,
            "funds": sorted(set(funds)),
            "user": user,
            "created_at": created_at,
            "expires_at": expires_at,
        },
    )
    if not made:
        raise Refused("key_name_taken", f"key {name}: there is one of this name since {key.created_at.isoformat()}")
    return key, secret


def find_key(secret: str) -> ApiKey | None:
    """The key of this secret, live or not."""
    return next(iter(read_rows(ApiKey, "r.digest = %s", [digest_of(secret)])), None)


def revoke_key(*, name: str, revoked_at: datetime) -> ApiKey:
    """End a key at once; a second time changes nothing. Raises NotFound `key_unknown`."""
    ApiKey.objects.filter(name=name, revoked_at=None).update(revoked_at=revoked_at)
    key = ApiKey.objects.filter(name=name).first()
    if key is None:
        raise NotFound("key_unknown", f"key {name} does not exist")
    return key


def note_use(key: ApiKey, *, at: datetime) -> None:
    """Keep when the key was last used, to the minute."""
    stale = at - _LAST_USE_STEP
    if key.last_used_at is None or key.last_used_at < stale:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        ApiKey.objects.filter(long_ago, pk=key.pk).update(last_used_at=at)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
