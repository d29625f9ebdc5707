"""Native records: the short road agrees with the careful one; the words of sources."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.ingest.frames import checked
from curation.ingest.native import NATIVE_COLUMNS, native_draft, quick_draft
from curation.ingest.rows import from_json
from curation.ingest.texts import RowError
from curation.ingest.vocabulary import teacher_context, teacher_family

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**70), st.lists(TEXT, max_size=2), TEXT, st.just("")
)
EXTRA = st.dictionaries(
    st.sampled_from(
        ["problem_id", "dataset", "sample", "context_text", "context_prompt", "reference_solution"]
    )
    | TEXT,
    st.one_of(TEXT, st.integers(-5, 2**70), st.floats(allow_nan=False), st.none(), st.booleans()),
    max_size=5,
)
PLAIN = st.fixed_dictionaries(
    {"prompt": TEXT, "trace": TEXT},
    optional={name: TEXT for name in NATIVE_COLUMNS if name not in ("prompt", "trace", "extra")}
    | {"extra": EXTRA, "correct": st.none() | st.booleans()},
)
MESSY = st.dictionaries(st.sampled_from([*NATIVE_COLUMNS, "license", "votes"]), ODD | EXTRA)


@given(st.one_of(PLAIN, MESSY))
def test_the_short_road_agrees_with_the_careful_one(row: Any) -> None:
    raw = orjson.dumps(row) if all(_fits_64_bits(v) for v in row.values()) else None
    if raw is None:
        return
    quick = quick_draft(orjson.loads(raw), 10)
    if quick is None:
        return
    assert quick == checked(native_draft(from_json(raw.decode())), 10)


def _fits_64_bits(value: object) -> bool:
    if isinstance(value, dict):
        return all(_fits_64_bits(item) for item in value.values())
    return not isinstance(value, int) or value < 2**63


def test_the_short_road_is_taken_by_plain_records() -> None:
    row = {"id": "a", "prompt": "p", "trace": "t", "correct": True, "extra": {"sample": 2}}
    draft = quick_draft(row, 10)
    assert draft == checked(native_draft(row), 10)
    assert draft is not None
    assert draft.sample_index == 2


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "p", "trace": "t" * 11, "extra": {}},
        {"prompt": " ", "trace": "t", "extra": {}},
        {"prompt": "p", "trace": "", "extra": {}},
        {"prompt": "p", "trace": "t", "extra": {}, "correct": 1},
        {"prompt": "p", "trace": "t", "extra": {}, "teacher": 1},
        {"prompt": "p", "trace": "t", "extra": {}, "other": 1},
        {"prompt": "p", "trace": "t", "extra": []},
        ["prompt", "trace"],
    ],
)
def test_the_short_road_leaves_anything_odd_to_the_careful_one(row: Any) -> None:
    assert quick_draft(row, 10) is None


def test_a_number_is_missing_where_it_is_none() -> None:
    draft = native_draft({"prompt": "p", "trace": "t", "domain": float("nan")})
    assert draft.domain is None
    with pytest.raises(RowError):
        native_draft({"prompt": "p", "trace": "t", "domain": 1.5})


@pytest.mark.parametrize(
    ("word", "context"),
    [
        ("unguided", "unguided"),
        ("none", "unguided"),
        ("base", "unguided"),
        ("no_hint", "unguided"),
        ("without answer", "unguided"),
        ("Answer-conditioned", "answer"),
        ("gold_answer", "answer"),
        ("solution_conditioned", "solution"),
        ("reference_solution", "solution"),
        ("authority_cue_wrong", "hint"),
        ("hint_strong", "hint"),
        ("cued", "hint"),
        ("verifier_guided", "verifier"),
        ("critique", "feedback"),
        ("self-refined", "refined"),
        ("unknown", "unknown"),
        ("professor", "unknown"),
        ("", "unknown"),
    ],
)
def test_words_for_what_the_teacher_saw(word: str, context: str) -> None:
    assert teacher_context(word) == context


@pytest.mark.parametrize(
    ("teacher", "family"),
    [
        ("Qwen2.5-14B-Instruct", "Qwen"),
        ("QwQ-32B", "Qwen"),
        ("DeepSeek-R1-Distill-Qwen-14B", "Qwen"),
        ("DeepSeek-R1-Distill-Llama-8B", "Llama"),
        ("DeepSeek-R1", "DeepSeek"),
        ("meta-llama/Llama-3.1-8B", "Llama"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM"),
        ("Mixtral-8x7B", "Mistral"),
        ("gemma-2-9b", "Gemma"),
        ("gemini-2.0-flash-thinking", "Gemini"),
        ("claude-opus-4", "Claude"),
        ("GPT-3 (davinci)", "GPT"),
        ("gpt-oss-120b", "GPT"),
        ("o3-mini", "GPT"),
        ("Phi-4-reasoning", "Phi"),
        ("EleutherAI/gpt-j-6b", "EleutherAI"),
        ("hedgerow-demo-teacher", None),
        ("delphi", None),
        ("unknown", None),
    ],
)
def test_families_of_teachers(teacher: str, family: str | None) -> None:
    assert teacher_family(teacher) == family
