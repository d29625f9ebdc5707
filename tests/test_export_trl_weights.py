"""The README's lines that make TRL's loss read the column `weights`: a real, weighted step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import datasets
import pytest

from curation import export
from curation.settings import ROOT
from curation.store import Store
from tests.export_desk import decide, hold_many
from tests.test_export import no_network  # noqa: F401 - a fixture
from tests.test_export_trl import ONE_STEP, student  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_network"),
    pytest.mark.filterwarnings(
        "ignore:.(is_)?gradient_checkpointing(_(en|dis)able)?. is deprecated:FutureWarning"
    ),
]


def test_trl_takes_one_real_step_with_the_weights_of_words(
    store: Store,
    tmp_path: Path,
    student: tuple[Any, Any],  # noqa: F811
) -> None:
    import torch
    import trl

    model, tokenizer = student
    labelled, plain = hold_many(store, ["Wait. The key says 60. It is 60.", "It is 4."])
    decide(store, labelled, spans=[[6, 22, "leaks"]])
    decide(store, plain)
    asked = {"labels": {"leaks": 0.25}}
    export.write(
        store, format="sft-prompt-completion", out=tmp_path / "x", splits={"train": 1},
        weights=asked,
    )  # fmt: skip
    data = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = readme.split("**Weights of words.**")[1].split("```python\n")[1].split("```")[0]
    said: dict[str, Any] = {"torch": torch, "trl": trl, "tokenizer": tokenizer}
    exec(compile(lines, "README.md", "exec"), said)
    rows = data["train"].map(said["tokens"])
    found = rows[0]
    shown = [
        (tokenizer.decode([token]), weight)
        for token, weight in zip(found["input_ids"], found["token_weights"], strict=True)
    ]
    whole = "".join(text for text, _ in shown)
    assert whole.endswith("Wait. The key says 60. It is 60." + tokenizer.eos_token)
    low = "".join(text for text, weight in shown if weight == 0.25)
    assert low == " The key says 60."
    assert "".join(text for text, weight in shown if weight == 1.0) == (
        "Wait. It is 60." + tokenizer.eos_token
    )

    trainer = said["WeightedTrainer"](
        model,
        trl.SFTConfig(
            output_dir=str(tmp_path / "out"), remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True}, **ONE_STEP,
        ),
        said["collate"],
        rows,
        processing_class=tokenizer,
    )  # fmt: skip
    # By hand: the mean of -log p of each token but the first, weighed.
    with torch.no_grad():
        ids = torch.tensor([found["input_ids"]])
        logprobs = torch.log_softmax(model(input_ids=ids).logits[0, :-1].float(), -1)
        nll = -logprobs.gather(1, ids[0, 1:, None])[:, 0]
        weight = torch.tensor(found["token_weights"][1:])
        expected = float((weight * nll).sum() / weight.sum())
        batch = said["collate"]([found])
        assert float(trainer.compute_loss(model, batch)) == pytest.approx(expected, rel=1e-4)
    trained = trainer.train()
    assert math.isfinite(trained.training_loss)
    assert trained.global_step == 1
