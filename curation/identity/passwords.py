"""Passwords as argon2 hashes, with the parameters that argon2-cffi recommends (RFC 9106).

The same work is done for a name that nobody has, so that the time of an answer tells no name.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from curation.errors import CurationError

LEAST_CHARS = 12
"""Long enough that no rule about signs is needed (NIST SP 800-63B, 3.1.1.2)."""
MOST_CHARS = 256
MOST_NAME_CHARS = 64

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """The argon2id hash of a password. Raises CurationError where it is too short or too long."""
    text = _plain(password)
    if not LEAST_CHARS <= len(text) <= MOST_CHARS:
        raise CurationError(
            f"A password has {LEAST_CHARS} to {MOST_CHARS} characters; this one has {len(text)}. "
            "A few words that belong together nowhere make a good one."
        )
    return _HASHER.hash(text)


def fits(password: str, password_hash: str | None) -> bool:
    """Whether this is the password of a hash; False, after the same work, where there is none."""
    text = _plain(password)[: MOST_CHARS + 1]
    try:
        return _HASHER.verify(password_hash or _nobodys(), text) and password_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


def checked_name(name: str) -> str:
    """The name of an account as it is kept. Raises CurationError where it cannot be one."""
    text = unicodedata.normalize("NFC", name)
    if not text or text != text.strip() or not text.isprintable() or len(text) > MOST_NAME_CHARS:
        raise CurationError(
            f"{name!r} cannot be a name: it takes 1 to {MOST_NAME_CHARS} printable characters, "
            "without spaces around them."
        )
    return text


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
