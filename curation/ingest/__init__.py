"""Files in, records and refusals out: the road by which traces come into Hedgerow.

`preview` shows how a file would be read, `read` reads it in batches of bounded size. Formats and
containers are recognised by content, row by row; both can be told instead. A row that cannot be
taken in is a `Refusal` with its file, line and field, and the others go on; only a source of which
nothing can be read raises IngestError. Reading is deterministic: the same file gives the same ids.

Texts pass through unchanged. Decides nothing about a trace, and does not know the store: that a
record is already there, or contradicts one that is, the store finds.
"""

from __future__ import annotations

from curation.ingest.formats import FORMATS as _FORMATS
from curation.ingest.mapping import FIELDS
from curation.ingest.quarantine import write_quarantine
from curation.ingest.reading import Preview, Reading, preview, read

FORMATS: tuple[str, ...] = tuple(_FORMATS)
"""The names of the formats, as `format=` takes them."""

__all__ = ["FIELDS", "FORMATS", "Preview", "Reading", "preview", "read", "write_quarantine"]
