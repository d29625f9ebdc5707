"""Everything that is known of each trace, in a typed file, whatever was decided of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import datasets
import polars as pl
import pytest

from curation import export
from curation.errors import ExportError, FilterError
from curation.export.formats import parquet_schema
from curation.records import MARKING_SCHEMA
from curation.store import Store
from tests.builders import a_batch, a_pack, a_trace
from tests.export_desk import decide, hold, hold_many

TEXT = "I think it is 4. The key says 4."


def test_a_row_holds_what_was_written_scored_and_said(store: Store, tmp_path: Path) -> None:
    row = a_trace(TEXT, step_start=[0, 17], step_end=[16, 32], context_text=None)
    other = a_trace("It is 5.", sample_index=1)
    hold(store, row, other)
    said = decide(
        store, row["trace_id"], "reject", spans=[[17, 32, "leaks"]], steps=[[0, 1], [1, -1]],
        note="It knows.", directive="Do not look it up.", reasons=["leaks"], confidence=2,
    )  # fmt: skip
    again = decide(store, row["trace_id"], "accept", "bob")
    manifest = export.write(
        store, format="everything", out=tmp_path / "x", files="parquet", splits={"all_of_it": 1}
    )
    assert manifest.rows == {"all_of_it": 2}
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
    found, undecided = loaded["all_of_it"]
    assert (found["text"], found["prompt"], found["state"]) == (TEXT, "What is 2 + 2?", "disputed")
    assert (found["n_accept"], found["n_reject"], found["reference_answer"]) == (1, 1, "4")
    assert found["steps"] == [{"start": 0, "end": 16}, {"start": 17, "end": 32}]
    first, second = found["decisions"]
    assert first == {
        "decision_id": said, "reviewer": "ada", "verdict": "reject",
        "decided_at": datetime(2026, 1, 2, 12, tzinfo=UTC), "reasons": ["leaks"],
        "note": "It knows.", "directive": "Do not look it up.", "confidence": 2,
        "active_s": None, "revealed": None, "queue": None, "origin": "desk",
    }  # fmt: skip
    assert (second["decision_id"], second["verdict"], second["note"]) == (again, "accept", None)
    assert [(s["step"], s["verdict"], s["start"]) for s in found["step_verdicts"]] == [
        (0, 1, 0), (1, -1, 17),
    ]  # fmt: skip
    assert found["span_verdicts"] == [
        {"decision_id": said, "reviewer": "ada", "start": 17, "end": 32, "label": "leaks"}
    ]
    # Nobody said anything, and nothing was scored: an empty list is not null.
    assert (undecided["state"], undecided["decisions"], undecided["mean_nll_nats"]) == (
        "undecided", [], None,
    )  # fmt: skip
    assert export.verify_export(tmp_path / "x").broken == []


def test_scores_and_markers_stand_beside_the_text(store: Store, tmp_path: Path) -> None:
    row = a_trace(TEXT)
    hold(store, row)
    store.add_pack(a_pack([row]), "cv1_a", "tiny", {"dtype": "float32"}, "p1")
    store.use_convention("cv1_a", "tiny", {"dtype": "float32"})
    store.use_lexicon("lx1_a", "en", "{}")
    marked = [(row["trace_id"], "lx1_a", [2], [7], ["hedge"], 8, 1)]
    store.add_markings(pl.DataFrame(marked, MARKING_SCHEMA, orient="row"))
    export.write(store, format="everything", out=tmp_path / "x", files="parquet")
    found = pl.read_parquet(tmp_path / "x/train.parquet")
    assert found["mean_nll_nats"].to_list() == [2.0]
    assert found["markers"].to_list() == [[{"start": 2, "end": 7, "category": "hedge"}]]


def test_a_split_with_nothing_known_has_the_same_types(store: Store, tmp_path: Path) -> None:
    hold_many(store, ["It is 0.", "It is 2."])
    export.write(
        store, format="everything", out=tmp_path / "x", files="parquet",
        splits={"train": 0.5, "test": 0.5},
    )  # fmt: skip
    import pyarrow.parquet as pq

    for name in ("train", "test"):
        assert pq.read_schema(tmp_path / f"x/{name}.parquet") == parquet_schema("everything")


def test_the_filter_of_everything_is_the_filter_of_every_export(
    store: Store, tmp_path: Path
) -> None:
    one, _ = hold_many(store, ["It is 0.", "It is 2."])
    where = f"trace_id = '{one}'"
    assert sum(export.preview(store, format="everything", where=where).rows.values()) == 1
    assert export.preview(store, format="everything").left_out == {}
    with pytest.raises(FilterError):
        export.preview(store, format="everything", where="no_such_column = 1")
    with pytest.raises(ExportError, match="no trace passes the filter"):
        export.write(store, format="everything", where="n_chars < 0", out=tmp_path / "x")


def test_an_empty_store_has_nothing_to_tell(store: Store, tmp_path: Path) -> None:
    store.add(a_batch(), "i")
    with pytest.raises(ExportError, match="holds no traces"):
        export.write(store, format="everything", out=tmp_path / "x")
