"""A folder that appears complete or not at all.

Files are written into a hidden folder beside the destination (`.NAME.partial-…`), which takes the
destination's name when everything in it is on the disk. Whatever fails before that, the destination
is as it was and the hidden folder is removed. Only a kill or a power cut can leave one behind; it
never bears the destination's name and may be deleted. Replacing takes two renames, since POSIX has
no exchange of folders that Python offers: a power cut exactly between them leaves the earlier
folder complete under `.NAME.replaced-…`.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def building(destination: Path) -> Iterator[Path]:
    """A new empty folder beside `destination` to write into; gone afterwards, publish or lose it.

    Parents that are missing are made, and removed again when the body fails. Raises OSError.
    """
    made = [parent for parent in destination.parents if not parent.exists()]
    partial = destination.with_name(f".{destination.name}.partial-{secrets.token_hex(4)}")
    try:
        partial.mkdir(parents=True)
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in made:
            # One that somebody else has begun to use meanwhile stays.
            with suppress(OSError):
                parent.rmdir()
        raise


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 and forces it to the disk. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def publish(partial: Path, destination: Path, replace: bool, confirm: Callable[[], None]) -> None:
    """Gives `partial` the name `destination`, which must be free or empty unless `replace`.

    `confirm` runs once the new folder stands; if it raises, everything is put back and its error
    goes on. The replaced folder is deleted only after that. Raises OSError.
    """
    _sync(partial)
    replaced: Path | None = None
    if replace and destination.exists():
        replaced = destination.with_name(f".{destination.name}.replaced-{secrets.token_hex(4)}")
        destination.rename(replaced)
    try:
        partial.rename(destination)
        try:
            _sync(destination.parent)
            confirm()
        except BaseException:
            destination.rename(partial)
            raise
    except BaseException:
        if replaced is not None:
            replaced.rename(destination)
        raise
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
