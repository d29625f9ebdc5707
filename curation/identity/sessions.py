"""Sessions that end, attempts that wait, and the token that a browser holds.

Of a token the store keeps the hash alone, so whoever reads the store can take nobody's place.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

PER_NAME = 5
"""Failures of a name before the next attempt waits."""
PER_ADDRESS = 20
"""Failures from an address, whatever the names."""
MOST_WAIT_S = 900.0
LOOKS_BACK = timedelta(hours=12)
"""Failures before this count no more."""


class Session(NamedTuple):
    """What the store knows of a session."""

    session_id: str
    name: str
    opened_at: datetime
    seen_at: datetime
    """When something was last done in it, give or take a tenth of the idle time."""
    is_closed: bool


def new_token() -> str:
    """What a browser holds of its session: 256 random bits as text."""
    return secrets.token_urlsafe(32)


def session_id(token: str) -> str:
    """The id under which the store knows a session."""
    return "se1_" + hashlib.sha256(token.encode()).hexdigest()


def ended(session: Session | None, now: datetime, idle: timedelta, whole: timedelta) -> str | None:
    """Why a session has ended at `now`, None while it goes on."""
    if session is None:
        return "You are signed out."
    if session.is_closed:
        return "You signed out."
    if now - session.opened_at >= whole:
        return f"Your session has lasted {_words(whole)}, and ended."
    if now - session.seen_at >= idle:
        return f"Nothing was done here for {_words(idle)}, so your session has ended."
    return None


def wait_s(n_failures: int, since_last_s: float, free: int) -> float:
    """How long the next attempt still waits, in seconds.

    After `free` failures one second, then twice as long with each further one, at most
    `MOST_WAIT_S`; counted from the last failure.
    """
    if n_failures < free:
        return 0.0
    growing = min(2.0 ** min(n_failures - free, 20), MOST_WAIT_S)
    return max(0.0, growing - max(since_last_s, 0.0))


def _words(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 and minutes else f"{minutes} min"
