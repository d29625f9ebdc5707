"""What an export is asked to be: one value that can be kept, compared and run again.

A recipe and a store's content decide the bytes. It names no place and no time; what is not in it
(the folder, whether one may be replaced) does not change what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.errors import ExportError
from curation.export.budget import Budget
from curation.export.files import FILE_TYPES, FileType, Writing
from curation.export.formats import FORMATS, format_of
from curation.export.layout import Layout
from curation.export.splits import DEFAULT_SPLITS, check_splits
from curation.export.teaching import Teaching, check
from curation.records import QUESTION


class Recipe(BaseModel):
    """The options of an export. Every field has a default; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "sft-messages"
    where: str | None = None
    """A DuckDB condition over `trace_overview`; None keeps every trace."""
    splits: dict[str, float] = Field(default_factory=lambda: dict(DEFAULT_SPLITS))
    """Share by split; the order matters (see `splits`)."""
    seed: int = 0
    question: str = QUESTION
    files: FileType = "jsonl"
    writing: Writing = Writing()
    layout: Layout = Layout()
    teaching: Teaching = Teaching()
    budget: Budget = Budget()

    @field_validator("format")
    @classmethod
    def _known_format(cls, name: str) -> str:
        if name not in FORMATS:
            raise ExportError(f"There is no format {name!r}; choose one of {', '.join(FORMATS)}.")
        return name

    @field_validator("files", mode="before")
    @classmethod
    def _known_files(cls, name: Any) -> Any:
        if name not in FILE_TYPES:
            raise ExportError(f"There is no file type {name!r}; choose {' or '.join(FILE_TYPES)}.")
        return name

    @field_validator("splits", mode="before")
    @classmethod
    def _as_dict(cls, splits: Any) -> Any:
        return dict(splits) if isinstance(splits, Mapping) else splits

    @field_validator("splits")
    @classmethod
    def _sound_splits(cls, splits: dict[str, float]) -> dict[str, float]:
        return check_splits(splits)

    @model_validator(mode="after")
    def _can_be_taught(self) -> Recipe:
        check(self.teaching, self.format)
        if self.files == "jsonl" and self.writing.zstd and not format_of(self.format).takes_zstd:
            raise ExportError(
                f"The trainer of {self.format!r} opens no compressed JSON Lines; leave zstd out, "
                "or write Parquet."
            )
        return self


def recipe_from(options: Mapping[str, Any]) -> Recipe:
    """The recipe with these options, as they are named there, nested models as mappings.

    Raises ExportError that names each option that cannot be, what was given and what was expected.
    """
    try:
        return Recipe.model_validate(dict(options))
    except ValidationError as exc:
        wrong = [
            f"{'.'.join(map(str, each['loc'])) or 'the recipe'}: {each['msg']}"
            + ("" if each["type"] == "missing" else f" (given: {str(each['input'])[:80]!r})")
            for each in exc.errors(include_url=False)
        ]
        raise ExportError(
            f"The recipe cannot be read at {'; '.join(wrong)}. Mend it and export again."
        ) from exc
