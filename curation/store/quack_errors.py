"""What DuckDB's errors say, also of those that come from a server, which keep words alone."""

from __future__ import annotations

import re

import duckdb


def is_lost(exc: duckdb.Error) -> bool:
    """Whether the session is gone: the server too, or one that came back and knows us not.

    Or one that was given up, after the server had stayed away for too long.
    """
    text = str(exc)
    lost = ("Invalid connection id", "Failed to send message", "Failed to find attached database")
    return any(words in text for words in lost)


def said(exc: duckdb.Error) -> str:
    """What the server said, without what the client put around it."""
    text = str(exc).split("\n\nLINE 1: from quack_query_by_name")[0].strip()
    return re.sub(r"^(Invalid Input|IO) Error: (Failed to send message: (IO Error: )?)?", "", text)


_DISK = (
    r"Could not (write|read|open|truncate|fsync|sync|move|remove)|Failed to commit: (IO|Could)"
    r"|No space left on device|Input/output error|database has been invalidated|Corrupt database"
    r"|does not match checksum|INTERNAL Error|Serialization Error"
)


def tells_of_the_disk(text: str) -> bool:
    """Whether DuckDB's words are of a disk that refuses or a file that holds what it should not."""
    return re.search(_DISK, text) is not None


_KINDS: tuple[tuple[str, type[duckdb.Error]], ...] = (
    (_DISK, duckdb.IOException),
    # Whoever comes a moment after another may see the turn free before it sees the other's record.
    (
        r"Duplicate key \"sequence: |Failed to commit: PRIMARY KEY or UNIQUE",
        duckdb.TransactionException,
    ),
    (r"Conflict on |write-write conflict|Transaction conflict", duckdb.TransactionException),
    (r"Duplicate key|constraint", duckdb.ConstraintException),
    (r"file system operations are disabled", duckdb.PermissionException),
)


def as_duckdb(text: str) -> duckdb.Error:
    """The error of the kind that the words tell; the protocol carries words alone."""
    for pattern, kind in _KINDS:
        if re.search(pattern, text):
            return kind(text)
    return duckdb.InvalidInputException(text)
