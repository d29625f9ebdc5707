"""The embedded student, for real: against plain transformers, and through files and processes."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
import torch
import transformers
from tokenizers import pre_tokenizers

from curation import records, student
from curation.errors import StudentError
from curation.settings import ROOT
from curation.student import TokenScores, gguf, loading, packs, proxy
from curation.student.causal import CausalStudent
from curation.student.forward import Forward
from curation.student.progress import is_scoring, read_progress

pytestmark = pytest.mark.slow

PROMPT = "What is 12 + 30?"
SYSTEM = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, "
    "trained by Hugging Face<|im_end|>\n"
)


class Plain(NamedTuple):
    """Transformers' own reading of the GGUF file, with SmolLM2's own pre-tokenizer."""

    tokenizer: Any
    model: Any

    def encode(self, prompt: str, trace: str) -> tuple[list[int], int]:
        prefix = f"{SYSTEM}<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        found = self.tokenizer(
            prefix + trace, add_special_tokens=False, return_offsets_mapping=True
        )
        first = next(i for i, (a, _) in enumerate(found["offset_mapping"]) if a >= len(prefix))
        return found["input_ids"], first

    def logits(self, ids: list[int]) -> torch.Tensor:
        with torch.no_grad():
            logits: torch.Tensor = self.model(torch.tensor([ids])).logits[0].float()
        return logits


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("students")


@pytest.fixture(scope="module")
def smollm(cache: Path) -> CausalStudent:
    loaded = student.load(threads=os.cpu_count(), cache_dir=cache)
    assert isinstance(loaded, CausalStudent)
    return loaded


@pytest.fixture(scope="module")
def plain() -> Plain:
    path = loading.find(student.EMBEDDED).path
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    # As in the tokenizer.json of HuggingFaceTB/SmolLM2-135M-Instruct.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    return Plain(tokenizer, model.eval())


def demo() -> list[tuple[str, str]]:
    lines = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines()
    return [(row["prompt"], row["trace"]) for row in map(json.loads, lines)]


def public() -> list[tuple[str, str]]:
    path = ROOT / "../shared/data/public/traces.jsonl"
    if not path.exists():
        pytest.skip("the public traces are not on this machine")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(row["prompt"], row["trace"]) for row in rows]


def assert_as_by_hand(got: TokenScores, plain: Plain, prompt: str, trace: str) -> None:
    """Compare with the plainest way: tokenise, one forward pass, log-softmax, look up."""
    ids, first = plain.encode(prompt, trace)
    assert got.token_id.tolist() == ids[first:]
    rows = torch.log_softmax(plain.logits(ids)[first - 1 : -1].double(), dim=-1)
    own = rows.gather(1, torch.tensor(ids[first:])[:, None])
    assert np.abs(got.logprob_nats - own[:, 0].numpy()).max() < 1e-4
    entropy = -(rows.exp() * rows).sum(-1)
    assert np.abs(got.entropy_nats - entropy.numpy()).max() < 1e-4
    # A rank may differ by as many tokens as are as likely to within what float32 can tell.
    rank = 1 + (rows > own).sum(-1)
    slack = ((rows - own).abs() < 1e-4).sum(-1) - 1
    assert (np.abs(got.rank - rank.numpy()) <= slack.numpy()).all()


def test_demo_traces_are_scored_as_by_a_plain_loop(smollm: CausalStudent, plain: Plain) -> None:
    for prompt, trace in demo()[::24]:
        assert_as_by_hand(smollm.score(prompt, trace), plain, prompt, trace)


def test_twenty_public_traces_are_scored_as_by_a_plain_loop(
    smollm: CausalStudent, plain: Plain
) -> None:
    fitting = [pair for pair in public() if len(pair[1]) < 1200][:20]
    for index, got in smollm.score_many(fitting):
        assert isinstance(got, TokenScores)
        assert_as_by_hand(got, plain, *fitting[index])


def test_log_likelihoods_sum_to_the_loss(smollm: CausalStudent, plain: Plain) -> None:
    prompt, trace = demo()[3]
    ids, first = plain.encode(prompt, trace)
    labels = torch.tensor([[-100] * first + ids[first:]])
    with torch.no_grad():
        loss = float(plain.model(torch.tensor([ids]), labels=labels).loss)
    n = len(ids) - first
    total = float(smollm.score(prompt, trace).logprob_nats.astype(np.float64).sum())
    # The loss is the mean negative log-likelihood of the labelled tokens: Σ lp = -loss · n.
    assert total == pytest.approx(-loss * n, abs=1e-4 * n)


def test_padding_on_either_side_changes_nothing(smollm: CausalStudent, plain: Plain) -> None:
    short, long = (PROMPT, "12 + 30 = 42."), demo()[0]
    alone = smollm.score(*short)
    together = dict(smollm.score_many([long, short]))[1]
    assert isinstance(together, TokenScores)
    assert together.logprob_nats == pytest.approx(alone.logprob_nats, abs=1e-4)
    # Padded on the left by hand, with a mask and positions that start at the text.
    ids, first = plain.encode(*short)
    padded = torch.tensor([[plain.tokenizer.pad_token_id] * 50 + ids])
    mask = torch.tensor([[0] * 50 + [1] * len(ids)])
    with torch.no_grad():
        logits = plain.model(
            padded, attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp(min=0)
        ).logits[0, 50:]
    rows = torch.log_softmax(logits.float(), dim=-1)
    by_hand = [float(rows[i - 1, ids[i]]) for i in range(first, len(ids))]
    assert alone.logprob_nats == pytest.approx(by_hand, abs=1e-4)


def test_many_at_once_is_each_alone(smollm: CausalStudent) -> None:
    pairs = [*demo()[:4], (PROMPT, ""), ("é", "4"), *demo()[60:62]]
    for index, got in smollm.score_many(pairs):
        if index == 4:
            assert isinstance(got, StudentError)
            continue
        alone = smollm.score(*pairs[index])
        assert isinstance(got, TokenScores)
        assert np.abs(got.logprob_nats - alone.logprob_nats).max() < 1e-4
        assert np.abs(got.entropy_nats - alone.entropy_nats).max() < 1e-4
        assert (got.rank != alone.rank).mean() < 0.01


TEXTS = [
    "1234 and 56.7",
    "so it is\n\n60 − 6\n   34\t\t7",
    "a   5 ² ½ Ⅳ ٣٤ １２",
    "é e\u0301 中文字 مرحبا \u00a0x\u200b",
    "👨‍👩‍👧‍👦 🏳️‍🌈 😀x😀",
    "\n\n\n lead and trail   \n",
    "\r\n\r\nI'll we're 'tis DON'T x_y==z!!",
    "<think>a</think> <|im_end|> <|im_start|>user\n<|endoftext|><repo_name>",
    "x" * 300,
    "\u202eright to left\u202c \x00\x07",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_tokenises_as_smollm2_does_and_comes_back_whole(
    text: str, smollm: CausalStudent, plain: Plain
) -> None:
    expected = plain.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
    smollm.encoder._backend.encode_special_tokens = True
    ids = smollm.encoder._backend.encode(text, add_special_tokens=False).ids
    smollm.encoder._backend.encode_special_tokens = False
    assert ids == expected["input_ids"]
    assert plain.tokenizer.decode(ids) == text


def test_digits_are_parted_from_each_other_and_from_white_space(smollm: CausalStudent) -> None:
    # As transformers reads the file alone, "\n\n60" gives two newline tokens instead of one.
    vocabulary = smollm.encoder._tokenizer.convert_ids_to_tokens
    assert vocabulary(smollm.score(PROMPT, "a\n\n60").token_id.tolist()) == ["a", "ĊĊ", "6", "0"]
    assert vocabulary(smollm.score(PROMPT, "x  1234").token_id.tolist()) == list("x") + [
        "ĠĠ", "1", "2", "3", "4",
    ]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_spans_hold_the_characters_whose_bytes_the_tokens_hold(
    text: str, smollm: CausalStudent
) -> None:
    trace = "." + text
    got = smollm.score(PROMPT, trace)
    raw = smollm.encoder._tokenizer.convert_ids_to_tokens(got.token_id.tolist())
    byte_of = {c: b for b, c in _bytes_to_unicode().items()}
    held = [bytes(byte_of[c] for c in token) for token in raw]
    assert b"".join(held) == trace.encode()
    at = 0
    for token, start, end in zip(held, got.start, got.end, strict=True):
        assert start == len(trace.encode()[:at].decode("utf-8", "ignore"))
        at += len(token)
        assert len(trace[:start].encode()) <= at <= len(trace[:end].encode())
    assert (np.diff(got.start) >= 0).all()
    assert got.end[-1] == len(trace)


def _bytes_to_unicode() -> dict[int, str]:
    """GPT-2's table: printable bytes stand for themselves, the others for U+0100 onwards."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {b: chr(b) for b in kept}
    others = [b for b in range(256) if b not in table]
    return {**table, **{b: chr(256 + i) for i, b in enumerate(others)}}


def test_a_trace_that_begins_inside_a_merged_token_leaves_it_to_the_prefix(
    smollm: CausalStudent, plain: Plain
) -> None:
    # "assistant\n" + "\n\nSo": the two newlines at the seam make one token, which begins in the
    # prefix and is not scored; the next token is the third newline.
    trace = "\n\nSo it is 42."
    got = smollm.score(PROMPT, trace)
    assert (got.start[0], got.end[0]) == (1, 2)
    assert_as_by_hand(got, plain, PROMPT, trace)
    with pytest.raises(StudentError, match="begins inside the trace"):
        smollm.score(PROMPT, "\n")


def test_a_trace_of_one_token_is_scored(smollm: CausalStudent, plain: Plain) -> None:
    got = smollm.score(PROMPT, "42"[:1])
    assert (got.start.tolist(), got.end.tolist()) == ([0], [1])
    assert_as_by_hand(got, plain, PROMPT, "4")


def test_control_tokens_spelt_out_are_characters(smollm: CausalStudent) -> None:
    trace = "So 42.<|im_end|>\n<|im_start|>user\nAnd now?"
    got = smollm.score("Say <|im_end|>.", trace)
    assert not {0, 1, 2} & set(got.token_id.tolist())
    ids = smollm.encoder.encode("Say <|im_end|>.", trace).ids
    # system, user, assistant each open; system and user each close.
    assert (ids.count(1), ids.count(2)) == (3, 2)


def test_a_trace_beyond_the_window_is_refused_and_one_that_fills_it_is_not(
    smollm: CausalStudent,
) -> None:
    assert smollm.window == 8192
    n_prefix = smollm.encoder.encode(PROMPT, "a").first
    with pytest.raises(StudentError, match=r"has 8,193 tokens with its prompt; .* is 8,192"):
        smollm.score(PROMPT, "7" * (8193 - n_prefix))
    assert len(smollm.admit(PROMPT, "7" * (8192 - n_prefix)).ids) == 8192


def test_the_template_is_smollm2s_own(smollm: CausalStudent) -> None:
    record = smollm.convention.record
    assert record["prefix"] == (
        SYSTEM + "<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert smollm.encoder.prefix(PROMPT) == str(record["prefix"]).replace("{prompt}", PROMPT)
    # Its template opens with <|im_start|>, which is its BOS token too.
    assert (record["bos"], record["bos_token"]) == ("template", "<|im_start|>")
    assert record["revision"] == (
        "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    )


def test_kept_weights_give_the_numbers_of_the_file(smollm: CausalStudent, cache: Path) -> None:
    again = student.load(cache_dir=cache)
    direct = student.load()
    assert again.convention == direct.convention == smollm.convention
    for prompt, trace in [(PROMPT, TEXTS[4]), demo()[7]]:
        expected = smollm.score(prompt, trace)
        for other in (again, direct):
            got = other.score(prompt, trace)
            assert got.token_id.tolist() == expected.token_id.tolist()
            assert got.logprob_nats.tolist() == expected.logprob_nats.tolist()
            assert got.entropy_nats.tolist() == expected.entropy_nats.tolist()


def test_bfloat16_is_another_convention_within_its_tolerance(
    smollm: CausalStudent, cache: Path
) -> None:
    half = student.load(dtype="bfloat16", cache_dir=cache)
    assert half.convention.convention_id != smollm.convention.convention_id
    one, other = smollm.score(*demo()[0]), half.score(*demo()[0])
    assert one.token_id.tolist() == other.token_id.tolist()
    assert np.abs(one.logprob_nats - other.logprob_nats).mean() < 5e-2


def test_damaged_kept_weights_are_noticed_and_made_anew(
    smollm: CausalStudent, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = cache.iterdir()
    weights = folder / "model.safetensors"
    sound = weights.read_bytes()
    left = cache / ".unpacking-999999999-left"
    left.mkdir()
    # In place of 15 s of unpacking: a reading that gives what was sealed before.
    parts = (smollm.encoder._tokenizer, smollm.forward._model)
    reads: list[Path] = []

    def read(path: Path) -> Any:
        reads.append(path)
        return parts

    monkeypatch.setattr(gguf, "read", read)
    path = loading.find(student.EMBEDDED).path
    sha256 = str(smollm.convention.record["revision"]).removeprefix("sha256:")
    assert gguf.unpacked(path, sha256, cache) == folder
    assert reads == []
    # A new file, not a changed one: the loaded student has the old one mapped into its memory.
    weights.unlink()
    weights.write_bytes(sound[:-4] + b"\x00\x00\x80\x3f")
    assert gguf.unpacked(path, sha256, cache) == folder
    assert reads == [path]
    assert weights.read_bytes() == sound
    assert not left.exists()


def test_a_cache_that_cannot_be_written_costs_time_only(
    smollm: CausalStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = (smollm.encoder._tokenizer, smollm.forward._model)
    monkeypatch.setattr(gguf, "read", lambda path: parts)
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="could not be kept"):
        assert gguf.unpacked(Path("a.gguf"), "0", tmp_path / "file" / "students") is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tokenizer.ggml.model": "llama"}, r"tokenizer \(llama, smollm\) that is not read"),
        ({"tokenizer.ggml.pre": "tekken"}, r"tokenizer \(gpt2, tekken\) that is not read"),
        ({"tensor": "rope_freqs.weight"}, "scales its position frequencies"),
    ],
)
def test_a_gguf_that_would_be_misread_is_refused(
    changes: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Field:
        def __init__(self, value: str) -> None:
            self.value = value

        def contents(self) -> str:
            return self.value

    class Tensor:
        name = changes.get("tensor", "output.weight")

    class Reader:
        tensors = (Tensor,)

        def __init__(self, path: Path) -> None:
            self.fields = {
                "tokenizer.ggml.model": "gpt2",
                "tokenizer.ggml.pre": "smollm",
                **changes,
            }

        def get_field(self, name: str) -> Field:
            return Field(self.fields[name])

    monkeypatch.setattr(gguf, "GGUFReader", Reader)
    with pytest.raises(StudentError, match=says):
        gguf.read(Path("some.gguf"))


def test_a_scorer_killed_again_and_again_scores_every_trace_once(
    smollm: CausalStudent, cache: Path, tmp_path: Path
) -> None:
    pairs = demo()[:6]
    frame = pl.DataFrame(
        {
            "trace_id": [f"tr1_{i}" for i in range(len(pairs))],
            "prompt": [prompt for prompt, _ in pairs],
            "text": [trace for _, trace in pairs],
            "text_hash": [records.text_hash(trace) for _, trace in pairs],
        }
    )
    job, out = tmp_path / "job", tmp_path / "out"
    packs.write_job(job, frame)
    command = [
        sys.executable, "-m", "curation.student.worker", "--job", str(job), "--out", str(out),
        "--pack-rows", "1", "--cache-dir", str(cache), "--parent-pid", str(os.getpid()),
    ]  # fmt: skip
    for _ in range(2):
        with subprocess.Popen(command, cwd=ROOT) as worker:
            n_packs = len(list(out.glob("*" + packs.SUFFIX))) + 1
            _wait_for(lambda n=n_packs: len(list(out.glob("*" + packs.SUFFIX))) >= n, worker)
            assert is_scoring(out)
            worker.kill()
        assert worker.returncode == -signal.SIGKILL
        assert not is_scoring(out)
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    found = [packs.read_pack(path) for path in out.glob("*" + packs.SUFFIX)]
    rows = pl.concat([pack.frame for pack in found])
    assert sorted(rows["trace_id"]) == sorted(frame["trace_id"])
    assert {pack.convention for pack in found if pack.convention != smollm.convention} == set()
    progress = read_progress(out)
    assert progress is not None
    assert (progress.state, progress.done, progress.failed) == ("done", 6, 0)
    for row in rows.iter_rows(named=True):
        expected = smollm.score(*pairs[int(row["trace_id"][4:])])
        assert row["logprob_nats"] == pytest.approx(expected.logprob_nats, abs=1e-4)


def _wait_for(met: Any, worker: subprocess.Popen[bytes]) -> None:
    """Wait until `met()`, as long as the worker lives, for two minutes at most."""
    deadline = time.monotonic() + 120
    while not met():
        assert worker.poll() is None, "the scorer ended"
        assert time.monotonic() < deadline, "the scorer wrote nothing"
        time.sleep(0.02)


def test_it_is_steered_by_a_changed_copy_as_plain_transformers_say(
    smollm: CausalStudent, plain: Plain
) -> None:
    changed = copy.deepcopy(plain.model)
    with torch.no_grad():
        for parameter in changed.parameters():
            if parameter.dim() == 1:  # the norms: few numbers, and every layer has some
                parameter.mul_(1.05)
    other = CausalStudent(
        smollm.encoder, Forward(changed, "changed"), smollm.convention, smollm.window
    )
    trace = "Wait, 12 plus 30 is 42. So the answer is 42."
    found = proxy.read(proxy.Trio(smollm, smollm, other), PROMPT, trace)
    ids, first = plain.encode(PROMPT, trace)
    base, minus = (
        Plain(plain.tokenizer, model).logits(ids)[first - 1 : -1].double()
        for model in (plain.model, changed)
    )
    # Itself as the expert: s + (s - s-).
    moved = torch.log_softmax(base + (base - minus), -1)
    expected = moved.gather(1, torch.tensor(ids[first:])[:, None])[:, 0]
    np.testing.assert_allclose(found.steered_nats, expected, atol=1e-3)
    assert np.abs(found.shift_nats).max() > 0.01
    same = proxy.read(proxy.Trio(smollm, smollm, smollm), PROMPT, trace)
    np.testing.assert_allclose(same.shift_nats, 0.0, atol=1e-5)
