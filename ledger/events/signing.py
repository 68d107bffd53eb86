"""Secrets of webhooks and what is signed with them. Source: Standard Webhooks.

A secret is not kept anywhere: it is HMAC-SHA-256 of a random salt under `SECRET_KEY`, worked out again for every
delivery. A copy of the database alone signs nothing.
"""

import base64
import hashlib
import secrets as random
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac
from standardwebhooks.webhooks import Webhook as Signer

from ledger.errors import Refused
from ledger.events.models import Secret, Webhook

_SALT_OF_SECRETS = "ledger.events.secret"
_PREFIX = "whsec_"
_FINGERPRINT_LENGTH = 16


def make_secret(webhook: Webhook, *, created_at: datetime) -> str:
    """The text of a new secret of the webhook, which is shown once."""
    salt = random.token_hex(32)
    text = _text(salt, settings.SECRET_KEY)
    Secret.objects.create(
        webhook=webhook, salt=salt, fingerprint=fingerprint(text), created_at=created_at, expires_at=None
    )
    return text


def headers(*, message_id: str, body: str, live: Sequence[Secret], at: datetime) -> dict[str, str]:
    """The headers of one delivery, with a signature by each secret, the newest first.

    Raises Refused `webhook_secret_lost` where `SECRET_KEY` is no longer that of a secret's making.
    """
    signed = [Signer(text_of(secret)).sign(msg_id=message_id, timestamp=at, data=body) for secret in live]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def text_of(secret: Secret) -> str:
    """The text of a secret. Raises Refused `webhook_secret_lost` where `SECRET_KEY` is no longer that of its making."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        text = _text(secret.salt, key)
        if fingerprint(text) == secret.fingerprint:
            return text
    detail = f"webhook {secret.webhook}: SECRET_KEY is no longer that of its secret; rotate it"
    raise Refused("webhook_secret_lost", detail, status=409)


def _text(salt: str, key: str) -> str:
    made = salted_hmac(_SALT_OF_SECRETS, salt, secret=key, algorithm="sha256").digest()
    return _PREFIX + base64.b64encode(made).decode()


def fingerprint(text: str) -> str:
    """What tells a secret apart, and may be shown and kept."""
    # 64 bits of a digest say nothing of the secret's 256.
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_LENGTH]
