"""A report on disk: sealed files, in a folder where nothing of others is written over.

A file's last line is a comment with the SHA-256 of everything before it. So a file that this room
wrote, and that nobody changed, can be told from any other without a list kept elsewhere; only such
files are written over, and figures of an earlier report that the new one lacks are removed. Each
file takes its place whole (written beside it, then renamed).
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from curation.errors import ExportError
from curation.reporting import hypertext, plaintext, svg
from curation.reporting.document import Document

HTML, MARKDOWN, FIGURES = "report.html", "report.md", "figures"

_SEAL = re.compile(rb"<!-- hedgerow report, sha256 ([0-9a-f]{64}) -->\n\Z")
_SEAL_BYTES = 100
_THEN = (1980, 1, 1, 0, 0, 0)
"""The date of files in a zip archive: the format's first, so that same files are same bytes."""


class Written(NamedTuple):
    """A file of a report, as it stands on disk."""

    path: str
    sha256: str
    bytes: int


def files_of(document: Document) -> dict[str, bytes]:
    """The files of a report by their path in its folder (with `/`), HTML first."""
    texts = {
        HTML: hypertext.render(document),
        MARKDOWN: plaintext.render(document),
        **{f"{FIGURES}/{f.name}.svg": svg.standalone(f.svg) for f in document.figures()},
    }
    return {path: _sealed(text.encode()) for path, text in texts.items()}


def zipped(files: dict[str, bytes], folder: str = "report") -> bytes:
    """The files as a zip archive with one folder; the same files are the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{path}", _THEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def check(folder: Path) -> None:
    """Raises ExportError where a report cannot be written into `folder` without loss."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ExportError(f"{folder} is no folder; name one that a report may be written into.")
    figures = folder / FIGURES
    if figures.is_symlink() or (figures.exists() and not figures.is_dir()):
        raise ExportError(f"{figures} is no folder; name another for the report, or move it away.")
    for path in _standing(folder):
        if not _is_ours(path):
            raise ExportError(
                f"{path} was not written by a report, or was changed since, so it is not written "
                "over. Name another folder, or move the file away."
            )


def write(files: dict[str, bytes], folder: Path) -> list[Written]:
    """Write a report's files into `folder`, which may hold an earlier report and other files.

    Raises ExportError, with nothing written, where a file of the same place is not a report's or
    was changed since; OSError where the system refuses.
    """
    check(folder)
    earlier = _standing(folder)
    written = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        with new.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(new, path)
        written.append(Written(str(path), hashlib.sha256(content).hexdigest(), len(content)))
    for path in earlier:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    return written


def _standing(folder: Path) -> list[Path]:
    """What stands in the places of a report."""
    places = [folder / HTML, folder / MARKDOWN, *sorted((folder / FIGURES).glob("*.svg"))]
    return [path for path in places if path.is_symlink() or path.exists()]


def _sealed(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return content + f"<!-- hedgerow report, sha256 {digest} -->\n".encode()


def _is_ours(path: Path) -> bool:
    """Whether a file ends on the hash of all that stands before."""
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    seal = _SEAL.search(content, max(0, len(content) - _SEAL_BYTES))
    return seal is not None and hashlib.sha256(content[: seal.start()]).hexdigest() == (
        seal[1].decode()
    )
