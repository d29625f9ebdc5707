"""Native records: the short road agrees with the careful one; the words of sources."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.ingest import reading
from curation.ingest.drafts import Draft, checked
from curation.ingest.native import NATIVE_COLUMNS, native_draft, plain_columns
from curation.ingest.rows import from_json
from curation.ingest.texts import RowError
from curation.ingest.vocabulary import teacher_context, teacher_family

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-5, 2**63 - 1)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**63 - 1),
    st.lists(TEXT, max_size=2),
    TEXT,
    st.just(""),
)
EXTRA = st.dictionaries(
    st.sampled_from(
        ["problem_id", "dataset", "sample", "context_text", "context_prompt", "reference_solution"]
    )
    | TEXT,
    st.one_of(
        TEXT, st.integers(-5, 2**63 - 1), st.floats(allow_nan=False), st.none(), st.booleans()
    ),
    max_size=5,
)
PLAIN = st.fixed_dictionaries(
    {"prompt": TEXT, "trace": TEXT},
    optional={name: TEXT for name in NATIVE_COLUMNS if name not in ("prompt", "trace", "extra")}
    | {"extra": EXTRA, "correct": st.none() | st.booleans()},
)
MESSY = st.dictionaries(st.sampled_from([*NATIVE_COLUMNS, "license", "votes"]), ODD | EXTRA)


def short(*rows: Any) -> dict[str, list[Any]] | None:
    """What the short road makes of rows."""
    return plain_columns([orjson.dumps(row) for row in rows], 10)


def careful(*rows: dict[str, Any]) -> dict[str, list[Any]]:
    """What the careful road makes of rows."""
    drafts = [checked(native_draft(from_json(orjson.dumps(row).decode())), 10) for row in rows]
    fields = [field for field in Draft._fields if field != "extra"]
    return {field: [getattr(draft, field) for draft in drafts] for field in fields}


@settings(deadline=None)
@given(st.lists(PLAIN | MESSY, min_size=1, max_size=3))
def test_the_short_road_agrees_with_the_careful_one(rows: list[dict[str, Any]]) -> None:
    quick = short(*rows)
    if quick is not None:
        assert quick == careful(*rows)


@settings(deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=3))
def test_the_short_road_is_taken_by_plain_records(rows: list[dict[str, Any]]) -> None:
    visible = all(row[name].strip() for row in rows for name in ("prompt", "trace"))
    is_short = all(len(row["trace"]) <= 10 for row in rows)
    is_plain = all("sample_index" not in row and "extra" in row for row in rows)
    has_power = any("e" in orjson.dumps(row.get("extra")).decode() for row in rows)
    if visible and is_short and is_plain and not has_power:
        assert short(*rows) == careful(*rows)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "p", "trace": "t" * 11, "extra": {}},
        {"prompt": " ", "trace": "t", "extra": {}},
        {"prompt": "p", "trace": "", "extra": {}},
        {"prompt": "p", "trace": "t", "extra": {}, "correct": 1},
        {"prompt": "p", "trace": "t", "extra": {}, "teacher": 1},
        {"prompt": "p", "trace": "t", "extra": {}, "id": True},
        {"prompt": "p", "trace": "t", "extra": {}, "other": 1},
        {"prompt": "p", "trace": "t", "extra": []},
        ["prompt", "trace"],
    ],
)
def test_the_short_road_leaves_anything_odd_to_the_careful_one(row: Any) -> None:
    plain = {"prompt": "p", "trace": "t", "extra": {}}
    assert short(plain, plain) is not None
    assert short(plain, row) is None


@settings(deadline=None)
@given(
    st.integers(0, 5),
    st.sampled_from([b"{", b"[]", b"", b'{"prompt": "p", "trace": "odd"}']),
    st.integers(1, 4),
)
def test_an_odd_row_changes_nothing_for_its_neighbours(at: int, odd: bytes, n_rows: int) -> None:
    rows = [{"prompt": "p", "trace": f"t{i}", "id": i, "extra": {"n": i}} for i in range(5)]
    lines = [orjson.dumps(row) for row in rows]
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(reading, "_PLAIN_ROWS", n_rows)
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"\n".join([*lines[:at], odd, *lines[at:]]) + b"\n")
        (batch,) = reading.read(path)
    plain = batch.traces.filter(batch.traces["text"] != "odd")
    assert plain["text"].to_list() == ["t0", "t1", "t2", "t3", "t4"]
    assert plain["line"].to_list() == [i + 1 + (i >= at) for i in range(5)]
    assert [refusal.line for refusal in batch.refusals] == (
        [at + 1] if odd in (b"{", b"[]") else []
    )


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
