"""One pass, many scores: every family equals a plain pass of its own, whatever shares the pass."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import steps, student
from curation.errors import StudentError
from curation.records import FAMILIES
from curation.settings import ROOT
from curation.student import Item, Reading, causal, forward, questions
from curation.student.causal import CausalStudent
from curation.student.forward import Statistics
from curation.student.tree import Request
from tests import tiny

PROMPT = "What is six times seven?"
TRACE = "Six and six is twelve.\n\nWait, let me check that. 😀 It is 42.\n\nThe answer is 42."
OTHER = "Six times seven is forty two, so 42."


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> CausalStudent:
    """A student with a chat template and a window that holds everything here."""
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML, bos_token="<|bos|>")
    config = tiny.a_config(max_position_embeddings=4096)
    return loaded(tiny.a_folder(tmp_path_factory.mktemp("chat"), tokenizer, config))


def loaded(folder: Path) -> CausalStudent:
    made = student.load(str(folder))
    assert isinstance(made, CausalStudent)
    return made


def an_item(trace: str = TRACE, **changes: Any) -> Item:
    """An item that asks for everything."""
    asked: dict[str, Any] = {
        "families": FAMILIES,
        "steps": tuple(zip(*steps.split(trace), strict=True)),
        "reference_answer": "42",
        "rival_answer": "36",
        "privileged": questions.privileged_prompt(PROMPT, "answer", "42"),
    }
    return Item(PROMPT, trace, **{**asked, **changes})


def read(made: CausalStudent, *items: Item) -> list[Reading]:
    found = dict(made.read_many(items))
    assert sorted(found) == list(range(len(items)))
    readings = [found[i] for i in range(len(items))]
    for reading in readings:
        assert isinstance(reading, Reading), reading
    return readings  # type: ignore[return-value]


def plain_nats(made: CausalStudent, text: str, begin: int, end: int | None = None) -> list[float]:
    """Log-likelihoods of the tokens that start in text[begin:end], from a pass of their own."""
    encoding = made.encoder._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
    model = transformers.AutoModelForCausalLM.from_pretrained(made.name).eval()
    with torch.no_grad():
        rows = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    inside = [i for i, (a, _) in enumerate(offsets) if begin <= a < (end or len(text))]
    return [float(rows[i - 1, ids[i]]) for i in inside]


def user(prompt: str) -> str:
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


def assert_equal(one: Reading, other: Reading, within: float = 1e-5) -> None:
    for name in ("alone_nats", "privileged_nats", "opener_mass", "prompt_nats",
                 "prompt_alone_nats", "window_step_nats"):  # fmt: skip
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=within), name
    assert one.scores.logprob_nats == pytest.approx(other.scores.logprob_nats, abs=within)
    assert one.scores.rank.tolist() == other.scores.rank.tolist()
    assert one.belief is not None
    assert other.belief is not None
    assert one.belief.nats == pytest.approx(other.belief.nats, abs=3 * within)
    assert one.belief.rival_nats == pytest.approx(other.belief.rival_nats, abs=3 * within)
    assert one.belief.shift_nats == pytest.approx(other.belief.shift_nats, abs=10 * within)
    assert one.errors == other.errors


def test_every_family_equals_a_plain_pass_of_its_own(chat: CausalStudent) -> None:
    assert chat.forward.shares
    (got,) = read(chat, an_item())
    prefix, header = user(PROMPT), "<|im_start|>assistant\n"
    own = plain_nats(chat, prefix + TRACE, len(prefix))
    assert got.scores.logprob_nats == pytest.approx(own, abs=1e-4)
    assert got.alone_nats == pytest.approx(plain_nats(chat, header + TRACE, len(header)), abs=1e-4)
    shown = user(f"{PROMPT}\n\nCorrect answer: 42\n\nCorrectly solve the original question.")
    assert got.privileged_nats == pytest.approx(
        plain_nats(chat, shown + TRACE, len(shown)), abs=1e-4
    )
    guess = user(
        "Below is the response to an instruction, please guess the corresponding instruction for "
        f"the given response.\n{TRACE}\nGenerate the instruction for the above response."
    )
    assert got.prompt_nats == pytest.approx(plain_nats(chat, guess + PROMPT, len(guess)), abs=1e-4)
    assert got.prompt_alone_nats == pytest.approx(
        plain_nats(chat, header + PROMPT, len(header)), abs=1e-4
    )


def test_the_belief_curve_is_the_answer_after_every_step(chat: CausalStudent) -> None:
    item = an_item()
    (got,) = read(chat, item)
    assert got.belief is not None
    assert got.belief.step.tolist() == [0, *range(1, len(item.steps) + 1)]
    for answer, curve in (("42", got.belief.nats), ("36", got.belief.rival_nats)):
        for n_read, nats in zip(got.belief.step.tolist(), curve, strict=True):
            cut = item.steps[n_read - 1][1] if n_read else 0
            asked = "\n\nThe final answer is" if n_read else "The final answer is"
            text = user(PROMPT) + TRACE[:cut] + asked
            hand = plain_nats(chat, f"{text} {answer}", len(text))
            assert nats == pytest.approx(sum(hand), abs=2e-4)


def test_a_window_shows_the_steps_just_before_alone(
    chat: CausalStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "WINDOW_STEPS", 1)
    item = an_item()
    (got,) = read(chat, item)
    assert got.window_step_nats is not None
    prefix, means = user(PROMPT), []
    for i, (_start, end) in enumerate(item.steps):
        begin, gap = item.steps[max(0, i - 1)][0], item.steps[i - 1][1] if i else 0
        text = prefix + TRACE[begin:end]
        # White space between steps that is no token's beginning of the step counts to the step
        # before; a byte-level tokenizer puts one space before a word into the word's token.
        encoding = chat.encoder._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True
        )
        offset = len(prefix) - begin
        inside = [a for a, b in encoding["offset_mapping"] if b > item.steps[i][0] + offset]
        assert inside[0] >= gap + offset
        means.append(np.mean(plain_nats(chat, text, inside[0])))
    assert got.window_step_nats == pytest.approx(means, abs=1e-4)


def test_what_shares_a_pass_changes_no_number(chat: CausalStudent) -> None:
    items = [an_item(), an_item(OTHER), an_item(privileged=None), replace(an_item(), prompt="Six?")]
    alone = [read(chat, item)[0] for item in items]
    for together in (items, items[::-1], [items[0], *items]):
        found = read(chat, *together)
        for item, got in zip(together, found, strict=True):
            assert_equal(got, alone[items.index(item)])


@pytest.mark.parametrize("budget", [64, 300])
def test_small_passes_give_the_same(
    chat: CausalStudent, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [an_item(), an_item(OTHER)]
    whole = read(chat, *items)
    monkeypatch.setattr(chat.forward, "pack_tokens", budget)
    for one, other in zip(read(chat, *items), whole, strict=True):
        assert_equal(one, other)


def test_sharing_prefixes_or_not_gives_the_same(
    chat: CausalStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [an_item(), an_item(OTHER), an_item("No.")]
    shared = read(chat, *items)
    monkeypatch.setattr(chat.forward, "shares", False)
    for one, other in zip(read(chat, *items), shared, strict=True):
        assert_equal(one, other)


SPARSE = {
    "mistral": (transformers.MistralConfig, {"sliding_window": 8}, False),
    "qwen3": (transformers.Qwen3Config, {}, True),
    "gpt-2": (transformers.GPT2Config, {}, True),
    "bloom": (transformers.BloomConfig, {}, False),
}


@pytest.mark.parametrize("kind", SPARSE)
def test_a_model_shares_prefixes_only_where_that_changes_nothing(kind: str, tmp_path: Path) -> None:
    made, changes, shares = SPARSE[kind]
    if kind in ("gpt-2", "bloom"):
        names = {"n_embd": 32, "n_head": 4, "n_layer": 2, "vocab_size": 440, "n_positions": 1024}
        config = made(**(names if kind == "gpt-2" else {**names, "hidden_size": 32}))
    else:
        config = tiny.a_config(made, max_position_embeddings=1024, **changes)
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML, bos_token="<|bos|>")
    student_ = loaded(tiny.a_folder(tmp_path / kind, tokenizer, config))
    assert student_.forward.shares is shares
    items = [an_item(families=("likelihood", "ifd")), an_item(OTHER, families=("likelihood",))]
    for item, got in zip(items, read(student_, *items), strict=True):
        prefix = user(PROMPT)
        own = plain_nats(student_, prefix + item.trace, len(prefix))
        assert got.scores.logprob_nats == pytest.approx(own, abs=1e-4)


def test_a_family_that_does_not_fit_fails_alone(chat: CausalStudent) -> None:
    long = an_item(privileged=PROMPT + " again" * 5000)
    got, other = read(chat, long, an_item())
    assert "the window of" in got.errors["privilege"]
    assert (got.privileged_nats, list(got.errors)) == (None, ["privilege"])
    assert got.alone_nats is not None
    assert other.errors == {}


def test_a_text_has_no_place_to_stand_without_template_bos_and_eos(tmp_path: Path) -> None:
    made = loaded(tiny.a_folder(tmp_path / "plain"))
    (got,) = read(made, an_item())
    assert "neither a chat template nor a BOS or EOS token" in got.errors["ifd"]
    assert got.belief is not None


def test_without_reference_answer_or_privileged_text_there_is_nothing_to_ask(
    chat: CausalStudent,
) -> None:
    (got,) = read(chat, an_item(reference_answer="  ", privileged=None))
    assert (got.belief, got.privileged_nats, dict(got.errors)) == (None, None, {})


class Full(torch.OutOfMemoryError):
    """Memory that holds few tokens."""


def test_memory_that_runs_out_halves_the_pass(
    chat: CausalStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [an_item(), an_item(OTHER), replace(an_item(), prompt="Six?")]
    whole = read(chat, *items)
    run = chat.forward._hidden_of
    largest = []

    def small(layout: Any) -> torch.Tensor:
        if len(layout.ids) > 250:
            raise Full
        largest.append(len(layout.ids))
        return run(layout)

    monkeypatch.setattr(chat.forward, "_hidden_of", small)
    monkeypatch.setattr(chat.forward, "pack_tokens", 4096)
    for one, other in zip(read(chat, *items), whole, strict=True):
        assert_equal(one, other)
    assert max(largest) <= 250
    assert chat.forward.pack_tokens < 4096


def test_a_trace_that_memory_cannot_hold_fails_alone(
    chat: CausalStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(layout: Any) -> torch.Tensor:
        raise Full

    monkeypatch.setattr(chat.forward, "_hidden_of", full)
    monkeypatch.setattr(chat.forward, "pack_tokens", 4096)
    ((_, found),) = chat.read_many([Item(PROMPT, TRACE)])
    assert isinstance(found, StudentError)
    assert "Memory does not hold" in str(found)


# The arithmetic, by hand


def test_the_shift_of_the_answers_distribution_by_hand() -> None:
    # Before 1/2, 1/2; after 3/4, 1/4: KL(after || before) = 3/4 ln 3/2 + 1/4 ln 1/2 = 0.130812.
    before, after = (np.log(np.array(p, dtype=np.float32)) for p in ([0.5, 0.5], [0.75, 0.25]))
    found = {
        ("belief", "reference", 0): Statistics(np.array([-6.0]), distribution=before),
        ("belief", "reference", 1): Statistics(np.array([-5.5])),
        ("belief", "reference", 2): Statistics(np.array([-1.0]), distribution=after),
    }
    got = causal._belief(found)  # type: ignore[arg-type]
    assert got is not None
    assert got.shift_nats == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)
    assert got.nats.tolist() == [-6.0, -5.5, -1.0]
    assert got.step.tolist() == [0, 1, 2]


def test_opener_mass_is_the_probability_of_the_openers_by_hand(chat: CausalStudent) -> None:
    # Logits ln 2, 0, 0 give 1/2, 1/4, 1/4: tokens 1 and 2 together have 1/2.
    class Given(torch.nn.Module):
        config: Any = transformers.PretrainedConfig()

        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(1, 3)
            torch.nn.init.zeros_(self.head.weight)
            self.head.bias = torch.nn.Parameter(torch.tensor([math.log(2), 0.0, 0.0]))
            self.base_model = lambda input_ids, use_cache: type(
                "Output", (), {"last_hidden_state": torch.zeros(*input_ids.shape, 1)}
            )

        def get_output_embeddings(self) -> torch.nn.Linear:
            return self.head

    model: Any = Given()
    parts = forward.Forward(model, "given")
    parts.openers = torch.tensor([1, 2])
    (full, brief) = parts.run([Request([0, 0, 1], 1, keeps=1), Request([0, 2], 1, is_full=False)])
    assert full.opener_mass == pytest.approx([0.5, 0.5])
    assert full.distribution == pytest.approx(np.log([0.5, 0.25, 0.25]))
    assert brief.logprob_nats == pytest.approx([math.log(0.25)])
    assert (brief.rank, brief.opener_mass) == (None, None)


def test_points_of_a_very_long_trace_are_spread_evenly_with_both_ends() -> None:
    assert questions.chosen_points(3) == [0, 1, 2, 3]
    points = questions.chosen_points(1000)
    assert (points[0], points[-1], len(points)) == (0, 1000, questions.MAX_POINTS)
    assert set(np.diff(points)) == {7, 8}


# Asking inside a think block


@pytest.mark.parametrize("opens", [True, False])
def test_an_answer_is_asked_for_outside_of_the_think_block(opens: bool, tmp_path: Path) -> None:
    template = tiny.CHATML.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    tokenizer = tiny.a_tokenizer(chat_template=template if opens else tiny.CHATML)
    made = loaded(tiny.a_folder(tmp_path / "think", tokenizer))
    thought = "<think>\nSix sixes.\n</think>\n\nIt is 36."
    encoded = made.encoder.encode(PROMPT, thought)
    item = an_item(thought, steps=((8, 18), (29, 38)), reference_answer="36", rival_answer=None)
    texts = [
        made.encoder._tokenizer.decode(probe.request.ids[: probe.request.first])
        for probe in questions.answers(item, encoded, made.encoder)
    ]
    asked = "\n</think>\n\nThe final answer is"
    prefix = user(PROMPT)
    assert texts[0] == prefix + ("<think>\n" if opens else "<think>") + asked
    assert texts[1] == prefix + thought[:18] + asked
    assert texts[2] == prefix + thought + "\n\nThe final answer is"


# Tokens of a text that was tokenised again from its end


@pytest.fixture(scope="module")
def smollm(tmp_path_factory: pytest.TempPathFactory) -> CausalStudent:
    made = student.load(cache_dir=tmp_path_factory.mktemp("students"))
    assert isinstance(made, CausalStudent)
    return made


LINES = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines()
DEMO = [json.loads(line) for line in LINES]


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_continued_text_has_the_tokens_of_the_whole(
    smollm: CausalStudent, data: st.DataObject
) -> None:
    row = data.draw(st.sampled_from(DEMO))
    odd = data.draw(st.sampled_from(["", " 12345678", "\n\n\t x", " naïve café 😀", "aaaa" * 80]))
    at = data.draw(st.integers(0, len(row["trace"])))
    trace = row["trace"][:at] + odd + row["trace"][at:] + " " + row["trace"]
    cut = data.draw(st.integers(1, len(trace)))
    tail, last = data.draw(st.sampled_from([("\n\nThe final answer is", " 54"), ("!", " Mon")]))
    encoded = smollm.encoder.encode(row["prompt"], trace)
    whole = smollm.encoder.encode(row["prompt"], trace[:cut] + tail + last)
    ids, first = smollm.encoder.continued(encoded, row["prompt"], trace, cut, tail, last)
    assert ids == whole.ids
    assert first == whole.first + int(np.searchsorted(whole.start, cut + len(tail)))
