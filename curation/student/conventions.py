"""The convention record of a real student: everything that can change one of its numbers.

Owns how model, tokenizer and template are fingerprinted. Hashes are of content, so that the same
weights under another file date are the same student, and changed ones are another.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.records import content_id
from curation.student import Convention
from curation.student.encoding import SEPARATOR, TEMPLATE_DATE, Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

RULES = 1
"""Raised when the rules below change in a way that can change a number."""

LIBRARIES = ("torch", "transformers", "tokenizers", "gguf")


def describe(
    *,
    student: str,
    revision: str,
    dtype: str,
    window: int | None,
    tokenizer: PreTrainedTokenizerFast,
    encoder: Encoder,
) -> Convention:
    """The convention of a loaded student; `revision` says which weights, by content or commit."""
    template = encoder.template
    return Convention.of(
        {
            "student": student,
            "revision": revision,
            "dtype": dtype,
            "tokenizer": tokenizer_hash(tokenizer),
            "chat_template": None if template is None else _sha256(template),
            "template_date": None if template is None else TEMPLATE_DATE.date().isoformat(),
            "prefix": encoder.head + "{prompt}" + encoder.tail,
            "separator": None if template is not None else SEPARATOR,
            "bos": encoder.bos,
            "bos_token": tokenizer.bos_token,
            "first_token": "scored",
            "end_token": "not scored",
            "boundary": "start-inside",
            "tokenised": "prefix and trace at once",
            "control_tokens": "from the template alone",
            "think_opener": "the trace's own, once",
            "log_softmax": "float32, natural log",
            "rank": "1 + strictly likelier tokens",
            "truncation": "refused",
            "window": window,
            "rules": RULES,
            "versions": ", ".join(f"{name} {library_version(name)}" for name in LIBRARIES),
        }
    )


def tokenizer_hash(tokenizer: PreTrainedTokenizerFast) -> str:
    """Of what makes tokens of text: vocabulary, merges, added tokens, normaliser, pre-tokeniser.

    How the library writes such a file down, and settings that we overrule, are left out.
    """
    backend: Any = tokenizer.backend_tokenizer
    content = json.loads(backend.to_str())
    model = content["model"]
    return _sha256(
        _canonical(
            {
                "type": model.get("type"),
                "vocab": model.get("vocab"),
                "merges": model.get("merges"),
                "byte_fallback": model.get("byte_fallback"),
                "ignore_merges": model.get("ignore_merges"),
                "added": [
                    (token["id"], token["content"], token["special"])
                    for token in content["added_tokens"]
                ],
                "normalizer": content["normalizer"],
                "pre_tokenizer": content["pre_tokenizer"],
            }
        )
    )


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_hash(folder: Path) -> str:
    """The revision of a model's folder: its weights and its `config.json`, by name and content."""
    files = sorted({*folder.glob("*.safetensors"), folder / "config.json"})
    parts = [part for path in files for part in (path.name, file_hash(path))]
    return content_id("wt1", *parts)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def library_version(library: str) -> str:
    """The installed version, or "none"."""
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
