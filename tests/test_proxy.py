"""A student that an expert and an antiexpert steer, token by token (arXiv 2401.08565)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation import proxy as command
from curation import student
from curation.errors import StudentError
from curation.student import proxy
from curation.student.causal import CausalStudent
from curation.student.proxy import Trio
from tests import tiny
from tests.said import Said

PROMPT = "What is six times seven?"
TRACE = "Six times seven is forty two.\n\nWait, let me check. 😀 The answer is 42."


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three made-up students of one vocabulary, and one of another."""
    top = tmp_path_factory.mktemp("students")
    same = [
        tiny.a_folder(top / name, tiny.a_tokenizer(chat_template=tiny.CHATML), seed=seed)
        for seed, name in enumerate(("base", "expert", "antiexpert"))
    ]
    return [*same, tiny.a_folder(top / "other", tiny.a_sentencepiece_like_tokenizer())]


def loaded(folder: Path) -> CausalStudent:
    found = student.load(str(folder))
    assert isinstance(found, CausalStudent)
    return found


@pytest.fixture(scope="module")
def trio(folders: list[Path]) -> Trio:
    return Trio(*(loaded(folder) for folder in folders[:3]))


def test_the_shift_of_logits_by_hand() -> None:
    base = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    expert = torch.tensor([[math.log(2), 0.0], [0.0, 0.0]])
    antiexpert = torch.tensor([[0.0, 0.0], [0.0, math.log(2)]])
    # Row 1: p ~ (1, 1) · (2, 1) / (1, 1) = (2, 1) -> 2/3, 1/3.
    # Row 2: p ~ (3, 1) · (1, 1) / (1, 2) = (3, 1/2) -> 6/7, 1/7.
    expected = torch.tensor([[2 / 3, 1 / 3], [6 / 7, 1 / 7]])
    torch.testing.assert_close(proxy.steered(base, expert, antiexpert, 1.0).exp(), expected)
    # Row 1 with alpha 2: (4, 1) -> 4/5, 1/5; with alpha -1: (1/2, 1) -> 1/3, 2/3.
    for alpha, share in ((2.0, 4 / 5), (-1.0, 1 / 3)):
        found = proxy.steered(base, expert, antiexpert, alpha)[0, 0].exp()
        assert float(found) == pytest.approx(share)


@given(
    alpha=st.floats(-3, 3),
    rows=st.lists(st.lists(st.floats(-20, 20), min_size=4, max_size=4), min_size=3, max_size=3),
    constant=st.floats(-50, 50),
)
def test_steering_is_a_distribution_blind_to_constants(
    alpha: float, rows: list[list[float]], constant: float
) -> None:
    base, expert, antiexpert = (torch.tensor([row], dtype=torch.float64) for row in rows)
    found = proxy.steered(base, expert, antiexpert, alpha)
    assert float(found.exp().sum()) == pytest.approx(1.0)
    # Logits count up to a constant, so log-probabilities would do.
    moved = proxy.steered(base + constant, torch.log_softmax(expert, -1), antiexpert, alpha)
    torch.testing.assert_close(found, moved, atol=1e-8, rtol=1e-8)
    # Expert and antiexpert alike steer nothing; alpha 0 is the student to the last bit.
    torch.testing.assert_close(
        proxy.steered(base, expert, expert, alpha), torch.log_softmax(base, -1)
    )
    assert torch.equal(
        proxy.steered(base, expert, antiexpert, 0.0), torch.log_softmax(base, dim=-1)
    )


def test_a_token_that_both_hold_impossible_is_not_steered() -> None:
    base = torch.tensor([[0.0, 0.0, 0.0]])
    side = torch.tensor([[0.0, 0.0, -torch.inf]])
    found = proxy.steered(base, side, side, 1.0)
    torch.testing.assert_close(found.exp(), torch.full((1, 3), 1 / 3))


@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("rows", [1, 3, 10_000])
def test_a_reading_is_what_plain_transformers_compute(
    trio: Trio, folders: list[Path], alpha: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    monkeypatch.setattr(proxy, "BLOCK_NUMBERS", rows * 440)
    found = proxy.read(trio, PROMPT, TRACE, alpha=alpha)
    encoded = trio.base.admit(PROMPT, TRACE)
    logits = []
    for folder in folders[:3]:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        with torch.no_grad():
            logits.append(model.eval()(torch.tensor([encoded.ids])).logits[0].double())
    base, expert, antiexpert = (each[encoded.first - 1 : -1] for each in logits)
    targets = torch.tensor(encoded.ids[encoded.first :])[:, None]
    moved = torch.log_softmax(base + alpha * (expert - antiexpert), -1)
    own = torch.log_softmax(base, -1)
    for name, expected in (
        ("base_nats", own.gather(1, targets)[:, 0]),
        ("steered_nats", moved.gather(1, targets)[:, 0]),
        ("expert_nats", torch.log_softmax(expert, -1).gather(1, targets)[:, 0]),
        ("antiexpert_nats", torch.log_softmax(antiexpert, -1).gather(1, targets)[:, 0]),
        ("divergence_nats", (moved.exp() * (moved - own)).sum(-1)),
    ):
        np.testing.assert_allclose(getattr(found, name), expected, atol=2e-4, err_msg=name)
    np.testing.assert_array_equal(found.steered_top_id[:, 0], moved.argmax(-1))
    np.testing.assert_array_equal(found.base_top_id[:, 0], own.argmax(-1))
    assert (np.diff(found.steered_top_nats, axis=1) <= 0).all()
    assert (found.divergence_nats >= 0).all()
    assert "".join(TRACE[a:b] for a, b in zip(found.start, found.end, strict=True)).startswith(
        "Six times seven"
    )


def test_alpha_0_is_the_student_itself(trio: Trio) -> None:
    found = proxy.read(trio, PROMPT, TRACE, alpha=0.0)
    np.testing.assert_array_equal(found.steered_nats, found.base_nats)
    assert not found.shift_nats.any()
    assert not found.divergence_nats.any()
    np.testing.assert_array_equal(found.steered_top_id, found.base_top_id)
    np.testing.assert_allclose(
        found.base_nats, trio.base.score(PROMPT, TRACE).logprob_nats, atol=1e-4
    )


def test_students_of_other_vocabularies_and_short_windows_are_refused(
    trio: Trio, folders: list[Path]
) -> None:
    other = loaded(folders[3])
    with pytest.raises(StudentError, match=r"The antiexpert .*other has another vocabulary"):
        proxy.read(trio._replace(antiexpert=other), PROMPT, TRACE)
    with pytest.raises(StudentError, match="window"):
        proxy.read(trio, PROMPT, TRACE * 40)
    with pytest.raises(ValueError, match="finite"):
        proxy.read(trio, PROMPT, TRACE, alpha=math.nan)


def test_hedges_are_told_apart_from_the_rest(trio: Trio) -> None:
    found = proxy.read(trio, PROMPT, TRACE)
    at = TRACE.index("Wait")
    markers = [
        {"start": at, "end": at + 4, "category": "reflection"},
        {"start": 0, "end": 3, "category": "booster"},
    ]
    said = command.summary(found, markers)
    on = (found.start < at + 4) & (found.end > at)
    assert said["n_hedge_tokens"] == int(on.sum()) >= 1
    assert said["hedge_shift_nats"] == pytest.approx(float(found.shift_nats[on].mean()), abs=1e-5)
    assert said["other_shift_nats"] == pytest.approx(float(found.shift_nats[~on].mean()), abs=1e-5)
    assert command.summary(found, [])["hedge_shift_nats"] is None
    assert command.summary(found, None)["n_hedge_tokens"] is None


def test_the_command_tells_traces_and_writes_a_side_file(
    demo: Path, folders: list[Path], tmp_path: Path, curate: Callable[..., Said]
) -> None:
    # The demo's traces do not fit a window of 256 tokens of bytes; so this base has a wider one.
    wide = [
        tiny.a_folder(
            tmp_path / name, tiny.a_tokenizer(chat_template=tiny.CHATML),
            tiny.a_config(max_position_embeddings=8192), seed,
        )
        for seed, name in enumerate(("a", "b"))
    ]  # fmt: skip
    three = ["--student", wide[0], "--expert", wide[0], "--antiexpert", wide[1]]
    said = curate("list", "--limit", 2, "--json")
    ids = [item["trace_id"] for item in json.loads(said.out)["items"]]
    out = tmp_path / "shifts.jsonl"
    where = f"trace_id in ('{ids[0]}', '{ids[1]}')"
    answer: dict[str, Any] = json.loads(
        curate("proxy", "--where", where, *three, "--out", out, "--json").out
    )
    assert [item["trace_id"] for item in answer["items"]] == ids
    assert answer["failed"] == []
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    for row, item in zip(rows, answer["items"], strict=True):
        assert row["trace_id"] == item["trace_id"]
        assert len(row["shift_nats"]) == len(row["start"]) == item["n_tokens"]
        assert sum(row["shift_nats"]) == pytest.approx(item["total_shift_nats"], abs=1e-2)
    alone = json.loads(curate("proxy", ids[0], *three, "--json").out)
    assert alone["items"][0]["tokens"]["shift_nats"] == rows[0]["shift_nats"]
    again = curate("proxy", ids[0], *three, "--out", out)
    assert again.code == 1
    assert "is there already, and nothing was touched" in again.err
    other = curate("proxy", ids[0], "--student", wide[0], "--expert", wide[0], "--antiexpert",
                   folders[3])  # fmt: skip
    assert other.code == 1
    assert "has another vocabulary" in other.err
    assert curate("proxy", *three).code == 2
