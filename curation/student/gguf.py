"""GGUF files: their tokenizer set right, their weights unpacked, and both kept for the next start.

Owns the two things that transformers' reading of a GGUF file leaves to us.

The pre-tokenizer. A GGUF file only names it (`tokenizer.ggml.pre`), and transformers picks one by
architecture instead: SmolLM2, a Llama, gets GPT-2's, which does not part digits from the white
space before them. A blank line before "60" then becomes two newline tokens where the student was
trained on one; of 800 texts 89 came out wrong (against llama.cpp; none with the named one). So the
named one is put in, and a name that is not known here is refused rather than guessed.

The time. Unpacking 4-bit weights and parsing the file's 98,000 strings takes 10 to 15 s; reading
the unpacked ones back takes 0.2 s. `unpacked` keeps them under a name made of the file's hash and
of the versions that unpacked it. The folder appears whole or not at all, its weights are hashed
again on each start, and it may be deleted at any time.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import warnings
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from gguf import GGUFReader
from tokenizers import Regex, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from curation.errors import StudentError
from curation.records import content_id
from curation.student.conventions import LIBRARIES, file_hash, library_version
from curation.student.progress import is_alive

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

RECIPE = "1"
"""Raised when the way of unpacking changes."""

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

SPLITS: dict[str, tuple[str, ...]] = {
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "qwen2": (_QWEN2,),
}
"""Pre-tokenizers by the name a GGUF file uses: the patterns that split the text, in turn.

Source: `LLAMA_VOCAB_PRE_TYPE_*` in https://github.com/ggml-org/llama.cpp `src/llama-vocab.cpp`.
"""

_SEAL = "hedgerow.json"
"""In a folder of unpacked weights: the SHA-256 of each of its files."""


def read(path: Path) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Tokenizer and float32 model of a GGUF file, unpacked in memory; takes its time.

    Raises StudentError for a file whose tokenizer or tensors are not read faithfully here.
    """
    reader = GGUFReader(path)
    kind = _text_field(reader, "tokenizer.ggml.model")
    split = _text_field(reader, "tokenizer.ggml.pre")
    if kind != "gpt2" or split not in SPLITS:
        raise StudentError(
            f"{path.name} has a tokenizer ({kind}, {split}) that is not read faithfully from GGUF; "
            "use the model's folder with tokenizer.json and safetensors instead."
        )
    if any(tensor.name == "rope_freqs.weight" for tensor in reader.tensors):
        raise StudentError(
            f"{path.name} scales its position frequencies, which is lost in reading GGUF; "
            "use the model's folder with safetensors instead."
        )
    tokenizer = AutoTokenizer.from_pretrained(
        path.parent, gguf_file=path.name, local_files_only=True, trust_remote_code=False
    )
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in SPLITS[split]),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    with redirect_stderr(io.StringIO()):  # a progress bar that no setting of the library stops
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            # Else the weights may stay packed, where a kernel for it is installed: other numbers.
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
        )
    return tokenizer, model


def unpacked(path: Path, sha256: str, cache_dir: Path) -> Path | None:
    """The folder under `cache_dir` with this file's float32 weights and tokenizer.

    Made where it is not there yet or is not whole. None where it cannot be written: a warning says
    why, and the file has to be unpacked in memory each time.
    """
    versions = [library_version(name) for name in LIBRARIES]
    key = content_id("up", RECIPE, sha256, *versions)
    folder = cache_dir / f"{path.stem}-{key}"
    if _is_whole(folder):
        return folder
    tokenizer, model = read(path)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        cache_dir.mkdir(parents=True, exist_ok=True)
        _sweep(cache_dir)
        with tempfile.TemporaryDirectory(
            prefix=f".unpacking-{os.getpid()}-", dir=cache_dir, ignore_cleanup_errors=True
        ) as temporary:
            made = Path(temporary) / folder.name
            tokenizer.save_pretrained(made)
            model.save_pretrained(made)
            files = {file.name: file_hash(file) for file in sorted(made.iterdir())}
            (made / _SEAL).write_text(json.dumps({"gguf": sha256, "files": files}), "utf-8")
            made.rename(folder)
    except OSError as exc:
        if _is_whole(folder):  # another process was quicker
            return folder
        warnings.warn(
            f"The unpacked weights of {path.name} could not be kept in {cache_dir}: {exc}. "
            "Each start will take longer.",
            stacklevel=2,
        )
        return None
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a folder of unpacked weights is exactly what was sealed."""
    try:
        files = json.loads((folder / _SEAL).read_text("utf-8"))["files"]
        return bool(files) and all(
            file_hash(folder / name) == expected for name, expected in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sweep(cache_dir: Path) -> None:
    """Remove what processes that were killed while unpacking left behind."""
    for left in cache_dir.glob(".unpacking-*"):
        pid = left.name.split("-")[1]
        if not (pid.isdigit() and is_alive(int(pid))):
            shutil.rmtree(left, ignore_errors=True)


def _text_field(reader: GGUFReader, name: str) -> str | None:
    field = reader.get_field(name)
    return None if field is None else str(field.contents())
