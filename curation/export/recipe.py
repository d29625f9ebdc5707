"""What an export is asked to be: one value that can be kept, compared and run again.

A recipe and a store's content decide the bytes. It names no place and no time; what is not in it
(the folder, whether one may be replaced) does not change what is written.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.errors import ExportError
from curation.export.budget import Budget
from curation.export.contamination import Contamination
from curation.export.files import FILE_TYPES, FileType, Writing
from curation.export.formats import FORMATS, format_of
from curation.export.layout import Layout
from curation.export.selection import Selection
from curation.export.splits import DEFAULT_SPLITS, check_splits
from curation.export.teaching import Teaching, check
from curation.export.versions import canonical
from curation.export.weights import Weights
from curation.export.weights import check as check_weights
from curation.records import QUESTION, recipe_version_id


class Recipe(BaseModel):
    """The options of an export. Every field has a default; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: str = "sft-messages"
    where: str | None = None
    """A DuckDB condition over `trace_overview`; None keeps every trace."""
    splits: dict[str, float] = Field(default_factory=lambda: dict(DEFAULT_SPLITS))
    """Share by split; the order matters (see `splits`). Where JSON may lose it, as in a manifest,
    a list of `{"name": …, "share": …}` is taken too."""
    seed: int = 0
    question: str = QUESTION
    files: FileType = "jsonl"
    writing: Writing = Writing()
    layout: Layout = Layout()
    teaching: Teaching = Teaching()
    weights: Weights = Weights()
    budget: Budget = Budget()
    selection: Selection = Selection()
    contamination: Contamination = Contamination()

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
        return _in_order(splits) if isinstance(splits, list) else splits

    @field_validator("splits")
    @classmethod
    def _sound_splits(cls, splits: dict[str, float]) -> dict[str, float]:
        return check_splits(splits)

    @field_validator("where")
    @classmethod
    def _none_for_blank(cls, where: str | None) -> str | None:
        return (where or "").strip() or None

    @field_validator("question")
    @classmethod
    def _asked_for_training(cls, question: str) -> str:
        if question != QUESTION:
            raise ExportError(
                f"The recipe asks for the question {question!r:.80}; verdicts on {QUESTION!r} are "
                "what is exported. Leave `question` out, then export again."
            )
        return question

    @model_validator(mode="after")
    def _can_be_taught(self) -> Recipe:
        check(self.teaching, self.format)
        check_weights(self.weights, self.format, self.teaching.reasoning)
        if self.files == "jsonl" and self.writing.zstd and not format_of(self.format).takes_zstd:
            raise ExportError(
                f"The trainer of {self.format!r} opens no compressed JSON Lines; leave zstd out, "
                "or write Parquet."
            )
        return self

    def content(self) -> dict[str, Any]:
        """Every field as JSON values, those at their default too."""
        return self.model_dump(mode="json")

    def content_sorted(self) -> dict[str, Any]:
        """The same for JSON whose keys are sorted: the splits as a list, which keeps its order."""
        shares = [{"name": name, "share": share} for name, share in self.splits.items()]
        return {**self.content(), "splits": shares}

    @property
    def text(self) -> str:
        """The canonical text (`versions`): what is stored, and what the version's id hashes."""
        return canonical(self.content())

    @property
    def version_id(self) -> str:
        """The id of what this recipe says."""
        return recipe_version_id(self.text)


def _in_order(splits: list[Any]) -> Any:
    """The splits of a list of names and shares; `splits` itself where it is no such list."""
    if not all(
        isinstance(each, dict) and set(each) == {"name", "share"} and isinstance(each["name"], str)
        for each in splits
    ):
        return splits
    names = [each["name"] for each in splits]
    if len(set(names)) < len(names):
        raise ExportError(f"The splits {', '.join(names)} name one twice; name each once.")
    return {each["name"]: each["share"] for each in splits}


def recipe_from(options: Mapping[str, Any]) -> Recipe:
    """The recipe with these options, as they are named there, nested models as mappings.

    Types are taken as they are: no text passes for a number, no number for yes. Raises ExportError
    that names each field that cannot be, what was given and what was expected.
    """
    try:
        text = json.dumps(dict(options), default=_as_json)
    except (TypeError, ValueError) as exc:
        raise ExportError(
            f"The recipe holds what no JSON can ({exc}); give texts, numbers, lists and objects."
        ) from exc
    try:
        # As JSON, where a list may be a tuple and strictness asks for the type alone.
        return Recipe.model_validate_json(text, strict=True)
    except ValidationError as exc:
        wrong = [_in_words(each) for each in exc.errors(include_url=False)]
        more = f" ({len(wrong) - _TOLD} more)" if len(wrong) > _TOLD else ""
        raise ExportError(
            f"The recipe cannot be used: {'; '.join(wrong[:_TOLD])}{more}. Mend it, then export "
            "again; nothing was written."
        ) from exc


def read_recipe(text: str, name: str) -> Recipe:
    """The recipe in a JSON text, which errors call `name`. Raises ExportError."""
    try:
        options = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as exc:
        raise ExportError(
            f"{name}:{exc.lineno}:{exc.colno} is no JSON ({exc.msg}); a recipe is a JSON object "
            'such as {"format": "sft-messages", "splits": {"train": 1}}.'
        ) from exc
    except RecursionError as exc:
        raise ExportError(f"{name} is nested too deeply to be a recipe.") from exc
    except _TwiceError as exc:
        raise ExportError(
            f"{name} names the field {exc.args[0]!r:.80} twice; each is given once, so keep one."
        ) from exc
    if not isinstance(options, dict):
        raise ExportError(
            f"{name} holds {_given(options)}; a recipe is a JSON object, whose fields are "
            f"{', '.join(Recipe.model_fields)}."
        )
    try:
        return recipe_from(options)
    except ExportError as exc:
        raise ExportError(f"{name}: {exc}") from exc


_TOLD = 5
"""So many wrong fields are told at a time."""


class _TwiceError(Exception):
    """A key stands twice in one JSON object."""


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__}")


def _in_words(error: Mapping[str, Any]) -> str:
    """One error of pydantic: the field, what was given, what is expected there."""
    place, given = ".".join(map(str, error["loc"])) or "the recipe", _given(error["input"])
    if error["type"] == "extra_forbidden":
        known = _fields_at(error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return f"there is no field {place!r} ({meant}there are {', '.join(known)})"
    if error["type"] == "missing":
        return f"{place} is missing"
    expected = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{place} is {given}, expected {expected}"


def _given(value: Any) -> str:
    """A value as it was written, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:79] + "…"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The nested model that a field's type speaks of, alone, optional or in a container."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """The fields of the model at `path` inside a recipe."""
    model: type[BaseModel] = Recipe
    for name in path:
        field = model.model_fields.get(str(name))
        inner = _model_in(field.annotation) if field is not None else None
        model = inner or model
    return list(model.model_fields)
