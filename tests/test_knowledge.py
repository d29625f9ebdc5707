"""What a student knows, from its own answers: generated for real, classed, kept, never twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from curation import knowledge, student
from curation import store as stores
from curation.errors import StudentError
from curation.student import questions, sampling
from curation.student.causal import CausalStudent
from tests import tiny
from tests.said import Said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = tiny.a_tokenizer(
        chat_template=tiny.CHATML, bos_token="<|bos|>", eos_token="<|im_end|>"
    )
    config = tiny.a_config(max_position_embeddings=512)
    return tiny.a_folder(tmp_path_factory.mktemp("tiny"), tokenizer, config)


@pytest.fixture(scope="module")
def chat(folder: Path) -> CausalStudent:
    made = student.load(str(folder))
    assert isinstance(made, CausalStudent)
    return made


def test_the_greedy_answer_is_what_the_student_finds_likeliest_token_by_token(
    chat: CausalStudent,
) -> None:
    prompt, n = "What is six?", 5

    def follow(ids: list[int], n: int) -> list[int]:
        written: list[int] = []
        while len(written) < n:
            with torch.no_grad():
                token = int(
                    chat.forward.model(torch.tensor([ids + written])).logits[0, -1].argmax()
                )
            if token in chat.encoder.end_ids:
                break
            written.append(token)
        return written

    ids = chat.encoder.plain_ids(chat.encoder.prefix(prompt))
    ids += follow(ids, n) + chat.encoder.plain_ids(questions.ELICITATION)
    said = chat.encoder.text_of(follow(ids, sampling.ANSWER_TOKENS))
    got = sampling.sample(chat, prompt, 2, n, seed=0)
    assert got.greedy == sampling._first_line(said)
    assert len(got.sampled) == 2


def test_the_same_seed_draws_the_same_and_threads_are_left_as_they_were(
    chat: CausalStudent,
) -> None:
    threads = torch.get_num_threads()
    one, same, other = (sampling.sample(chat, "Six?", 6, 20, seed) for seed in (1, 1, 2))
    assert one == same != other
    assert torch.get_num_threads() == threads


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused(chat: CausalStudent) -> None:
    with pytest.raises(StudentError, match="the window"):
        sampling.sample(chat, "Six?", 1, 600, seed=0)


@pytest.mark.parametrize(
    ("text", "line"),
    [(" 42.\nNext", "42"), (": 7 apples ", "7 apples"), ("\n\n", ""), ("", "")],
)
def test_the_answer_is_the_first_line_without_what_frames_it(text: str, line: str) -> None:
    assert sampling._first_line(text) == line


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student that answers 54 when greedy (right once) and now and then when not."""

    def sample(student: Any, prompt: str, n: int, max_tokens: int, seed: int) -> sampling.Sampled:
        return sampling.Sampled("54", ("10", *["no"] * (n - 1)), 7)

    monkeypatch.setattr(sampling, "sample", sample)


@pytest.mark.usefixtures("fake", "answers")
def test_what_is_found_is_kept_and_not_asked_again(demo: Path, curate: Callable[..., Said]) -> None:
    cost = curate("knowledge", "--estimate", "--samples", 2, "--max-tokens", 10, "--json").json
    # Four problems, three answers each, of at most 10 and 16 tokens: 4 · 3 · 26.
    assert (cost["problems"], cost["n_tokens_at_most"], cost["asked"]) == (4, 312, 0)
    said = curate("knowledge", "--samples", 2, "--max-tokens", 10, "--json")
    assert said.json["n_tokens_at_most"] == 312
    # Of the answers 54, 10, 11.55 and 70 the first is the greedy one, the second is drawn once.
    assert said.json["classes"] == {"HighlyKnown": 1, "WeaklyKnown": 1, "Unknown": 2}
    again = curate("knowledge", "--samples", 2, "--max-tokens", 10, "--json").json
    assert (again["problems"], again["asked"]) == (0, 0)
    other = curate("knowledge", "--samples", 3, "--max-tokens", 10, "--limit", 1, "--json").json
    assert (other["problems"], other["asked"]) == (1, 1)
    with stores.open(demo) as store:
        found = store.knowledge("smollm2-135m-instruct")
        assert found.height == 4
        assert found["n_samples"].to_list().count(3) == 1
        assert store.verify() == (store.verify().checked, [])


@pytest.mark.usefixtures("fake")
def test_a_problem_that_cannot_be_asked_is_listed_and_the_rest_goes_on(
    demo: Path, curate: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def sample(student: Any, prompt: str, *dials: int) -> sampling.Sampled:
        asked.append(prompt)
        if len(asked) == 1:
            raise StudentError("too long")
        return sampling.Sampled("no", ("no",), 7)

    monkeypatch.setattr(sampling, "sample", sample)
    answer = curate("knowledge", "--samples", 1, "--json").json
    assert (answer["asked"], [f["error"] for f in answer["failed"]]) == (3, ["too long"])


def test_the_cost_counts_every_answer_at_its_longest() -> None:
    assert knowledge.most_tokens(10, 8, 256) == 10 * 9 * (256 + sampling.ANSWER_TOKENS)
