"""Where a store is: a file's path, or `quack:host:port`, a store server (quack.py)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from curation.errors import StoreError
from curation.settings import ROOT

PORT = 9494
"""Quack's own default."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """A store server."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"quack:{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it can be reached from its own machine only."""
        return self.host in _LOOPBACK

    @property
    def beside(self) -> Path:
        """What stands for the store's path on this machine: packs and refused rows lie beside it.

        Nothing lies at it. Processes that score for the same server share it.
        """
        host = re.sub(r"[^A-Za-z0-9.-]", "_", self.host)
        return ROOT / "data" / f"quack-{host}-{self.port}"


def is_address(place: str | Path) -> bool:
    """Whether `place` names a server rather than a file."""
    return str(place).startswith("quack:")


def read(text: str) -> Address:
    """The address that `quack:host[:port]` or `host[:port]` names; an IPv6 host in brackets.

    Raises StoreError.
    """
    named = text.removeprefix("quack:").lstrip("/")
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?", named)
    if not found or not 0 < int(found[3] or PORT) < 65536:
        raise StoreError(
            f"{text!r} is no address of a store server; it is quack:host:port, "
            f"for instance quack:localhost:{PORT}."
        )
    return Address(found[1] or found[2], int(found[3] or PORT))
