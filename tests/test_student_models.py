from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import records, student
from curation.errors import StudentError
from curation.student import TokenScores, forward
from curation.student.causal import CausalStudent
from curation.student.encoding import Encoder
from tests import tiny

PROMPT = "What is six times seven?"
TRACE = "Six times seven is forty two.\n\nWait, let me check. 😀 The answer is 42."


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> CausalStudent:
    """A student without template and BOS."""
    return _load(tiny.a_folder(tmp_path_factory.mktemp("plain")))


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> CausalStudent:
    """A student with a chat template."""
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML, bos_token="<|bos|>")
    return _load(tiny.a_folder(tmp_path_factory.mktemp("chat"), tokenizer))


def _load(folder: Path, **options: Any) -> CausalStudent:
    loaded = student.load(str(folder), **options)
    assert isinstance(loaded, CausalStudent)
    return loaded


def by_hand(folder: str, ids: list[int], first: int) -> tuple[list[float], list[int], list[float]]:
    """Log-likelihoods, ranks and entropies of ids[first:], by the plainest loop there is."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].float()
    logprobs, ranks, entropies = [], [], []
    for position in range(first, len(ids)):
        row = torch.log_softmax(logits[position - 1].double(), dim=-1)
        logprobs.append(float(row[ids[position]]))
        ranks.append(1 + int((row > row[ids[position]]).sum()))
        entropies.append(float(-(row.exp() * row).sum()))
    return logprobs, ranks, entropies


def assert_close(got: TokenScores, hand: tuple[list[float], list[int], list[float]]) -> None:
    logprobs, ranks, entropies = hand
    assert got.logprob_nats == pytest.approx(logprobs, abs=1e-4)
    assert got.entropy_nats == pytest.approx(entropies, abs=1e-4)
    assert got.rank.tolist() == ranks


# The text side


def test_without_a_template_the_prompt_and_a_blank_line_come_first(plain: CausalStudent) -> None:
    got = plain.score(PROMPT, TRACE)
    tokenizer = transformers.AutoTokenizer.from_pretrained(plain.name)
    ids = tokenizer(PROMPT + "\n\n" + TRACE, add_special_tokens=False)["input_ids"]
    first = len(ids) - len(got.token_id)
    assert got.token_id.tolist() == ids[first:]
    assert tokenizer.decode(ids[:first]) == PROMPT + "\n\n"
    assert_close(got, by_hand(plain.name, ids, first))
    record = plain.convention.record
    assert (record["bos"], record["chat_template"]) == ("none", None)
    assert record["prefix"] == "{prompt}\n\n"


def test_a_bos_token_is_put_first_once_and_never_scored(tmp_path: Path) -> None:
    loaded = _load(tiny.a_folder(tmp_path, tiny.a_tokenizer(bos_token="<|bos|>")))
    encoded = loaded.encoder.encode(PROMPT, TRACE)
    bos = tiny.CONTROL.index("<|bos|>")
    assert encoded.ids[0] == bos
    assert bos not in encoded.ids[1:]
    assert loaded.convention.record["bos"] == "prepended"
    assert_close(loaded.score(PROMPT, TRACE), by_hand(str(tmp_path), encoded.ids, encoded.first))


def test_the_template_is_rendered_up_to_the_trace(chat: CausalStudent) -> None:
    encoded = chat.encoder.encode(PROMPT, TRACE)
    tokenizer = transformers.AutoTokenizer.from_pretrained(chat.name)
    prefix = f"<|im_start|>user\n{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(encoded.ids[: encoded.first]) == prefix
    assert tokenizer.decode(encoded.ids[encoded.first :]) == TRACE
    assert_close(chat.score(PROMPT, TRACE), by_hand(chat.name, encoded.ids, encoded.first))
    assert chat.convention.record["prefix"] == prefix.replace(PROMPT, "{prompt}")
    assert chat.convention.record["bos"] == "none"


def test_a_template_that_writes_the_bos_token_is_believed(tmp_path: Path) -> None:
    tokenizer = tiny.a_tokenizer(chat_template="{{ bos_token }}" + tiny.CHATML, bos_token="<|bos|>")
    loaded = _load(tiny.a_folder(tmp_path, tokenizer))
    assert loaded.convention.record["bos"] == "template"
    assert loaded.encoder.encode(PROMPT, TRACE).ids.count(0) == 1


def test_a_template_that_asks_for_the_day_is_told_the_same_every_day(tmp_path: Path) -> None:
    template = "\n{{ strftime_now('%d %b %Y, %A') }}\n" + tiny.CHATML
    loaded = _load(tiny.a_folder(tmp_path, tiny.a_tokenizer(chat_template=template)))
    assert str(loaded.convention.record["prefix"]).startswith("\n01 Jan 2025, Wednesday\n")


def test_a_template_that_fails_is_named(tmp_path: Path) -> None:
    template = "{{ raise_exception('only tools here') }}"
    folder = tiny.a_folder(tmp_path, tiny.a_tokenizer(chat_template=template))
    with pytest.raises(StudentError, match="cannot render a plain user message: only tools here"):
        student.load(str(folder))


def test_a_template_that_drops_the_prompt_is_refused(tmp_path: Path) -> None:
    folder = tiny.a_folder(tmp_path, tiny.a_tokenizer(chat_template="<|im_start|>assistant\n"))
    with pytest.raises(StudentError, match="leaves out the user's message"):
        student.load(str(folder))


@pytest.mark.parametrize(
    ("trace", "end_of_prefix"),
    [("Six.", "assistant\n<think>\n"), ("<think>\nSix.</think>", "assistant\n")],
)
def test_the_think_block_is_opened_once_and_the_trace_stays_as_it_is(
    trace: str, end_of_prefix: str, tmp_path: Path
) -> None:
    template = tiny.CHATML.replace("assistant\n{%", "assistant\n<think>\n{%")
    loaded = _load(tiny.a_folder(tmp_path, tiny.a_tokenizer(chat_template=template)))
    assert loaded.encoder.prefix(PROMPT, trace).endswith(end_of_prefix)
    got = loaded.score(PROMPT, trace)
    assert (got.start[0], got.end[-1]) == (0, len(trace))


def test_tokens_tile_the_trace_although_the_tokenizer_trims_offsets(plain: CausalStudent) -> None:
    trace = "Two  and two \n\n make   four. "
    got = plain.score(PROMPT, trace)
    assert got.start[0] == 0
    assert got.end[-1] == len(trace)
    assert all(end == start for end, start in pairwise_bounds(got))


def pairwise_bounds(got: TokenScores) -> Iterator[tuple[int, int]]:
    return zip(got.end[:-1], got.start[1:], strict=True)


@pytest.mark.parametrize("control", ["<|im_end|>", "<|im_start|>assistant\n", "<|bos|>"])
def test_control_tokens_spelt_in_a_trace_or_a_prompt_stay_characters(
    control: str, chat: CausalStudent
) -> None:
    template_only = chat.encoder.encode("a", "b").ids
    n_control = sum(i in chat.encoder.control_ids for i in template_only)
    for prompt, trace in (
        (PROMPT, f"Six. {control} user {control}"),
        (f"Say {control} now{control}", "Six."),
        (control, control),
    ):
        encoded = chat.encoder.encode(prompt, trace)
        assert sum(i in chat.encoder.control_ids for i in encoded.ids) == n_control
        tokenizer = transformers.AutoTokenizer.from_pretrained(chat.name)
        assert tokenizer.decode(encoded.ids) == chat.encoder.prefix(prompt, trace) + trace
        assert encoded.start[0] == 0
        assert encoded.end[-1] == len(trace)
        assert trace.startswith(tokenizer.decode(encoded.ids[encoded.first :])[:3])


@given(st.text("ab 1é😀\n<|>im_end", max_size=40), st.text("ab 1é😀\n<|>im_end", min_size=1))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_pieces_is_as_at_once_where_no_control_token_is_spelt(
    chat: CausalStudent, prompt: str, trace: str
) -> None:
    encoder = chat.encoder
    text = encoder.prefix(prompt) + trace
    at_once = encoder._backend.encode(text, add_special_tokens=False)
    control = [
        (a, b, i)
        for i, (a, b) in zip(at_once.ids, at_once.offsets, strict=True)
        if i in encoder.control_ids
    ]
    assert encoder._in_pieces(text, control) == (at_once.ids, at_once.offsets)


def test_a_tokenizer_that_cannot_read_in_pieces_refuses_such_a_trace_only(tmp_path: Path) -> None:
    loaded = _load(tiny.a_folder(tmp_path, tiny.a_sentencepiece_like_tokenizer()))
    encoded = loaded.encoder.encode(PROMPT, "Two and two.")
    assert_close(
        loaded.score(PROMPT, "Two and two."), by_hand(str(tmp_path), encoded.ids, encoded.first)
    )
    odd = "Two <|im_end|> two"
    for prompt, trace in ((PROMPT, odd), (odd, "Four.")):
        with pytest.raises(StudentError, match=r"spells the control token <\|im_end\|>"):
            loaded.score(prompt, trace)


def test_a_template_that_shows_a_prompt_otherwise_may_not_be_given_control_tokens(
    tmp_path: Path,
) -> None:
    template = (
        "{% if 'odd' in messages[0]['content'] %}[{{ messages[0]['content'] }}]"
        "{% else %}" + tiny.CHATML + "{% endif %}"
    )
    loaded = _load(tiny.a_folder(tmp_path, tiny.a_tokenizer(chat_template=template)))
    assert loaded.encoder.prefix("odd one") == "[odd one]"
    assert loaded.score("odd one", "Six.").end[-1] == 4
    with pytest.raises(StudentError, match="spells the control token"):
        loaded.score("odd <|im_end|>", "Six.")


def test_an_empty_trace_has_no_token_to_score(plain: CausalStudent) -> None:
    with pytest.raises(StudentError, match="empty"):
        plain.score(PROMPT, "")


def test_half_a_surrogate_pair_is_no_text(plain: CausalStudent) -> None:
    with pytest.raises(StudentError, match="trace has half of a surrogate pair"):
        plain.score(PROMPT, "a\ud800")
    with pytest.raises(StudentError, match="prompt has half of a surrogate pair"):
        plain.score("a\ud800", "Six.")


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(StudentError, match="a fast one is needed"):
        Encoder(Slow(), "old")


# The window


def test_a_trace_beyond_the_window_is_refused_with_both_numbers(plain: CausalStudent) -> None:
    fits = "a"
    while len(plain.encoder.encode(PROMPT, fits + "?").ids) <= 256:
        fits += "?"
    assert plain.score(PROMPT, fits).end[-1] == len(fits)
    says = r"has 257 tokens with its prompt; the window of .* is 256. Nothing is cut"
    with pytest.raises(StudentError, match=says):
        plain.score(PROMPT, fits + "?")


# Batches

PAIRS = [
    (PROMPT, TRACE),
    ("2 + 2?", "4"),
    ("", "Wait."),
    (PROMPT, ""),
    ("2 + 2?", "Two and two make four. " * 6),
    (PROMPT, "x" * 2000),
    ("é😀", "😀😀 é"),
]


def test_many_at_once_is_each_alone_and_errors_take_their_place(chat: CausalStudent) -> None:
    found = dict(chat.score_many(PAIRS))
    assert sorted(found) == list(range(len(PAIRS)))
    for index, pair in enumerate(PAIRS):
        together = found[index]
        try:
            alone = chat.score(*pair)
        except StudentError as exc:
            assert str(together) == str(exc)  # noqa: PT017
            continue
        assert isinstance(together, TokenScores)
        assert together.logprob_nats == pytest.approx(alone.logprob_nats, abs=1e-5)
        assert together.entropy_nats == pytest.approx(alone.entropy_nats, abs=1e-5)
        assert together.rank.tolist() == alone.rank.tolist()
        assert together.start.tolist() == alone.start.tolist()
        assert together.text_hash == records.text_hash(pair[1])
        assert together.prompt_hash == records.text_hash(pair[0])
    assert {index for index, got in found.items() if isinstance(got, StudentError)} == {3, 5}


def test_a_trace_that_fails_in_the_model_takes_no_other_with_it(
    chat: CausalStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [("1?", "One."), ("2?", "Two."), ("3?", "Six.")]
    odd = chat.encoder.encode(*pairs[1]).ids
    run = chat.forward.run

    def fails_on_two(batch: Any) -> Any:
        if any(item.ids == odd for item in batch):
            raise StudentError("no number")
        return run(batch)

    monkeypatch.setattr(chat.forward, "run", fails_on_two)
    found = dict(chat.score_many(pairs))
    assert [isinstance(found[i], StudentError) for i in range(3)] == [False, True, False]


def test_scoring_is_deterministic(chat: CausalStudent) -> None:
    one, other = chat.score(PROMPT, TRACE), chat.score(PROMPT, TRACE)
    assert one.logprob_nats.tolist() == other.logprob_nats.tolist()
    assert one.entropy_nats.tolist() == other.entropy_nats.tolist()


@given(st.lists(st.integers(1, 3000), max_size=60), st.integers(1, 4000))
def test_a_plan_holds_each_sequence_once_and_keeps_to_its_budget(
    lengths: list[int], budget: int
) -> None:
    batches = forward.plan(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    for one, following in pairwise(batches):
        assert max(lengths[i] for i in one) <= min(lengths[i] for i in following)


# The arithmetic, on logits set by hand


class Given(torch.nn.Module):
    """A "model" whose logits are its head's bias: the same at every position."""

    class config:
        @staticmethod
        def get_text_config() -> Any:
            return transformers.PretrainedConfig()

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.head = torch.nn.Linear(1, len(logits))
        torch.nn.init.zeros_(self.head.weight)
        self.head.bias = torch.nn.Parameter(torch.tensor(logits, dtype=torch.float32))

    @property
    def base_model(self) -> Any:
        class Body:
            def __call__(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
                class Output:
                    last_hidden_state = torch.zeros(*input_ids.shape, 1)

                return Output

        return Body()

    def get_output_embeddings(self) -> torch.nn.Linear:
        return self.head


def statistics(logits: list[float], *targets: int) -> Any:
    model: Any = Given(logits)
    (found,) = forward.Forward(model, "given").run([forward.Request([0, *targets], 1)])
    assert found.rank is not None
    assert found.entropy_nats is not None
    return found


def test_log_likelihood_rank_and_entropy_by_hand() -> None:
    # Probabilities 1/2, 1/4, 1/4: entropy = 1/2 · ln 2 + 2 · 1/4 · ln 4 = 1.5 ln 2.
    found = statistics([np.log(2.0), 0.0, 0.0], 0, 1, 2)
    assert found.logprob_nats == pytest.approx([-np.log(2), -np.log(4), -np.log(4)])
    assert found.entropy_nats == pytest.approx([1.5 * np.log(2)] * 3)
    # The two that tie take the best rank of theirs.
    assert found.rank.tolist() == [1, 2, 2]


def test_an_impossible_token_has_no_share_in_the_entropy() -> None:
    # Two tokens of 1/2 each: ln 2. The third is impossible: log-likelihood -inf, rank 3.
    found = statistics([0.0, 0.0, -np.inf], 0, 2)
    assert found.logprob_nats.tolist() == pytest.approx([-np.log(2), -np.inf])
    assert found.entropy_nats == pytest.approx([np.log(2)] * 2)
    assert found.rank.tolist() == [1, 3]


def test_a_certain_prediction_has_no_entropy() -> None:
    found = statistics([1000.0, 0.0], 0)
    assert found.logprob_nats.tolist() == [0.0]
    assert found.entropy_nats.tolist() == [0.0]


def test_numbers_that_are_none_are_an_error() -> None:
    with pytest.raises(StudentError, match="no number"):
        statistics([np.nan, 0.0], 0)


# Families


@pytest.mark.parametrize(
    "config",
    [
        tiny.a_config(),
        tiny.a_config(tie_word_embeddings=True),
        tiny.a_config(transformers.Gemma2Config, final_logit_softcapping=5.0),
        tiny.a_config(transformers.GraniteConfig, logits_scaling=7.0),
        tiny.a_config(transformers.CohereConfig, logit_scale=0.25),
        tiny.a_config(transformers.Qwen3Config),
        transformers.GPT2Config(
            vocab_size=440, n_positions=256, n_embd=32, n_layer=2, n_head=4,
            bos_token_id=0, eos_token_id=2,
        ),
    ],
    ids=lambda config: f"{config.model_type}-{config.tie_word_embeddings}",
)  # fmt: skip
def test_each_family_scores_as_its_own_forward_pass(config: Any, tmp_path: Path) -> None:
    loaded = _load(tiny.a_folder(tmp_path, config=config))
    encoded = loaded.encoder.encode(PROMPT, TRACE)
    assert_close(loaded.score(PROMPT, TRACE), by_hand(str(tmp_path), encoded.ids, encoded.first))
    assert loaded.window == 256


def test_a_model_that_does_something_unknown_to_its_logits_is_refused(
    plain: CausalStudent,
) -> None:
    changed = forward.Forward(plain.forward._model, "odd")
    changed.check(plain.encoder.probe())
    changed._scale = 0.5
    with pytest.raises(StudentError, match="does something to its logits"):
        changed.check(plain.encoder.probe())


def test_bfloat16_is_another_convention_and_close(tmp_path: Path) -> None:
    folder = tiny.a_folder(tmp_path)
    full, half = _load(folder), _load(folder, dtype="bfloat16")
    assert full.convention.convention_id != half.convention.convention_id
    one, other = full.score(PROMPT, TRACE), half.score(PROMPT, TRACE)
    assert abs(one.logprob_nats - other.logprob_nats).max() < 0.5
    assert one.logprob_nats.tolist() != other.logprob_nats.tolist()


def test_the_convention_follows_content_and_not_dates(tmp_path: Path) -> None:
    one = _load(tiny.a_folder(tmp_path / "one"))
    again = _load(tiny.a_folder(tmp_path / "one"))
    assert again.convention == one.convention
    tiny.a_folder(tmp_path / "one", seed=1)
    other = _load(tmp_path / "one")
    assert other.convention.convention_id != one.convention.convention_id
    changed = {
        name
        for name, value in one.convention.record.items()
        if other.convention.record[name] != value
    }
    assert changed == {"revision"}


def test_another_template_is_another_convention(tmp_path: Path) -> None:
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML)
    one = _load(tiny.a_folder(tmp_path, tokenizer)).convention
    tokenizer = tiny.a_tokenizer(chat_template=tiny.CHATML.replace("assistant", "writer"))
    other = _load(tiny.a_folder(tmp_path, tokenizer)).convention
    assert one.record["revision"] == other.record["revision"]
    assert one.record["chat_template"] != other.record["chat_template"]
    assert one.convention_id != other.convention_id


# What is refused


def _without(name: str) -> Any:
    def change(folder: Path) -> None:
        (folder / name).unlink()

    return change


def _cut(name: str) -> Any:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return change


def _edited(name: str, **changes: Any) -> Any:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **changes}))

    return change


def _no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def _deeper(folder: Path) -> None:
    _edited("config.json", num_hidden_layers=3)(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_without("config.json"), "has no config.json"),
        (_cut("config.json"), "cannot be loaded"),
        (_cut("model.safetensors"), "cannot be loaded"),
        (_cut("tokenizer.json"), "cannot be loaded"),
        (_pickled, "no .safetensors weights"),
        (_deeper, "lack 9 tensors of LlamaForCausalLM"),
        (_edited("config.json", model_type="nonsense"), "cannot be loaded"),
        (_no_tokenizer, "cannot be loaded"),
    ],
)
def test_a_folder_that_is_no_student_is_refused_in_one_line(
    change: Any, says: str, tmp_path: Path
) -> None:
    change(tiny.a_folder(tmp_path / "broken"))
    with pytest.raises(StudentError, match=says) as caught:
        student.load(str(tmp_path / "broken"))
    assert "broken" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_that_sees_the_words_to_come_is_refused(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=440, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    with pytest.raises(StudentError, match="sees the words to come"):
        student.load(str(tiny.a_folder(tmp_path, config=config)))


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    tiny.a_folder(tmp_path)
    transformers.T5Config(vocab_size=440).save_pretrained(tmp_path)
    with pytest.raises(StudentError, match="encoder-decoder"):
        student.load(str(tmp_path))


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    folder = tiny.a_folder(tmp_path / "model")
    ran = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass C: pass\n")
    _edited(
        "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.C"},
    )(folder)
    with pytest.raises(StudentError, match="cannot be loaded"):
        student.load(str(folder))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("smollm", "There is no student 'smollm': it is neither smollm2-135m-instruct"),
        ("/nowhere/at/all", "There is no student"),
        ("", "has no config.json"),
        (__file__, "is a file but no .gguf"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_what_would(name: str, says: str) -> None:
    with pytest.raises(StudentError, match=says):
        student.load(name)


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(StudentError, match="'int4' is not known; it takes float32, bfloat16"):
        student.load(dtype="int4")


def test_a_hub_that_cannot_be_reached_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StudentError, match="the hub does not give it") as caught:
        student.load("nobody-here/no-such-model")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(StudentError, match=r"model\.gguf cannot be loaded as a student"):
        student.load(str(tmp_path / "model.gguf"))


def test_a_student_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StudentError, match="scripts/run installs them"):
        student.load()


def test_loading_a_local_student_asks_nothing_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        pytest.fail("the network was asked")

    folder = tiny.a_folder(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert student.load(str(folder)).score(PROMPT, TRACE).token_id.size
