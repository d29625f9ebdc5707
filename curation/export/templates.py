"""Rows held against the chat template of the student that is to be trained on them.

A template that drops reasoning does so without a word, and the student learns answers out of
nowhere. So each row is rendered by the template (`Template.look`) before it is written: where words
disappear, or the template refuses the row, nothing is written, and what would have been lost is
shown with the place for the reasoning that keeps it. What was found otherwise is counted in the
manifest. Knows templates as a protocol; `curation.student.template` has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from curation.errors import ExportError
from curation.export.formats import format_of, render
from curation.export.reasoning import Placement

PREVIEWED_ROWS = 200
"""How many rows a preview holds against the template; writing holds all."""


class Finding(Protocol):
    """What a template does to a conversation (`student.template.Finding`)."""

    @property
    def status(self) -> str:
        """One of kept, respaced, dropped, failed."""
        ...

    @property
    def said(self) -> str:
        """One sentence."""
        ...

    @property
    def diff(self) -> str:
        """Which lines disappear."""
        ...

    @property
    def adds_think(self) -> bool:
        """Whether a think block is put beside what was said."""
        ...


class Template(Protocol):
    """A chat template."""

    name: str
    sha256: str

    @property
    def tokenizer_hash(self) -> str | None:
        """Of what makes tokens of text; None where the template came alone."""
        ...

    def look(self, messages: Sequence[Mapping[str, Any]]) -> Finding:
        """What the template does to a conversation."""
        ...


Templates = Callable[[str], Template]
"""The template of the student of that name. Raises StudentError."""


def conversations(row: Mapping[str, Any], format: str) -> list[list[dict[str, Any]]]:
    """The conversations in a rendered row, as its trainer puts them together."""
    found = []
    for columns in format_of(format).chats:
        said: list[dict[str, Any]] = []
        for column in columns:
            value = row[column]
            said += value if isinstance(value, list) else [value]
        found.append(said)
    return found


class Gate:
    """Lets rows pass that a template keeps whole."""

    def __init__(self, template: Template, format: str, place: Placement) -> None:
        """Of rows in `format` with their reasoning at `place`."""
        self._template, self._format, self._place = template, format, place
        self.counts: Counter[str] = Counter()
        self.n_adding_think = 0

    def look(self, rows: pl.DataFrame) -> None:
        """Holds planned rows, with their texts, against the template.

        Raises ExportError for the first that the template cuts or refuses.
        """
        for index, row in enumerate(_rendered(rows, self._format, self._place)):
            for messages in conversations(row, self._format):
                found = self._template.look(messages)
                self.counts[found.status] += 1
                self.n_adding_think += found.adds_think
                if found.status in ("dropped", "failed"):
                    raise ExportError(self._refusal(found, rows.slice(index, 1)))

    def record(self) -> dict[str, object]:
        """What the manifest says of it."""
        return {
            "student": self._template.name,
            "template_sha256": self._template.sha256,
            "tokenizer": self._template.tokenizer_hash,
            "conversations": dict(sorted(self.counts.items())),
            "adding_think_block": self.n_adding_think,
        }

    def notes(self) -> list[str]:
        """What is worth knowing of the rows that passed; empty where nothing is."""
        n = self.counts.total()
        told = [f"Held against the template of {self._template.name}: {n:,} conversations."]
        if n_respaced := self.counts["respaced"]:
            told.append(f"The template changes white space, and no words, of {n_respaced:,}.")
        if self.n_adding_think:
            told.append(f"The template adds a think block of its own to {self.n_adding_think:,}.")
        return told

    def _refusal(self, found: Finding, row: pl.DataFrame) -> str:
        """Why nothing is written, what would be lost and what to do."""
        kept = [place for place in format_of(self._format).reasoning_in if self._keeps(row, place)]
        what = f"{found.said} It is the row of {row['trace_id'][0]}, and nothing was written."
        advice = (
            f"This template keeps all of it with the reasoning placed in {' or '.join(kept)}."
            if kept
            else "It keeps all of it in no place that this format has; train with another template "
            "(TRL and axolotl take one) and name the student that has it."
        )
        lost = f" What would disappear:\n{found.diff}\n" if found.diff else " "
        return f"{what}{lost}{advice}"

    def _keeps(self, row: pl.DataFrame, place: Placement) -> bool:
        return all(
            self._template.look(messages).status in ("kept", "respaced")
            for rendered in _rendered(row, self._format, place)
            for messages in conversations(rendered, self._format)
        )


def _rendered(rows: pl.DataFrame, format: str, place: Placement) -> Iterator[dict[str, Any]]:
    return render(rows, format, place).iter_rows(named=True)
