"""Values that only the executor may read: AES-256-GCM, key outside the database, key id beside each value."""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NONCE_BYTES, TAG_BYTES = 12, 16


class Unreadable(Exception):
    """No key that is configured opens this value."""


def keys() -> dict[str, bytes]:
    """Key id -> 32 bytes, in the order of SPARKOPS_SECRETS_KEYS; the first one encrypts."""
    pairs = (entry.split(":", 1) for entry in settings.SECRETS_KEYS)
    return {key_id: base64.urlsafe_b64decode(text) for key_id, text in pairs}


def seal(text: str, *, bound_to: str) -> str:
    """Encrypt `text`. `bound_to` names its place (such as `secret:7:token`): a copied value does not open elsewhere."""
    if not settings.SECRETS_KEYS:
        raise ImproperlyConfigured("Set SPARKOPS_SECRETS_KEYS to keep secrets.")
    key_id, key = next(iter(keys().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), bound_to.encode())
    return f"{key_id}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, bound_to: str) -> str:
    """The text again. Raises Unreadable when the key is gone or the value was moved."""
    key_id, _, body = sealed.partition(":")
    raw = base64.urlsafe_b64decode(body)
    try:
        return AESGCM(keys()[key_id]).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
    except (KeyError, InvalidTag) as error:
        raise Unreadable("This secret cannot be opened with the configured keys.") from error


def size_of(sealed: str) -> int:
    """Bytes of the text in UTF-8, without opening it."""
    return len(base64.urlsafe_b64decode(sealed.partition(":")[2])) - NONCE_BYTES - TAG_BYTES


def is_current(sealed: str) -> bool:
    """Whether the newest key sealed it; else rotation seals it anew."""
    return sealed.partition(":")[0] == next(iter(keys()), None)
