"""What words weigh in a training set: from decisions at the desk and a student's numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import export, export_reading
from curation.errors import ExportError
from curation.export import weights
from curation.export.formats import FORMATS, format_of
from curation.export.planning import plan
from curation.export.weights import PrivilegeRule
from curation.records import COMPATIBILITY_SCHEMA
from curation.store import Store
from tests.builders import a_pack, a_trace
from tests.export_desk import decide, hold, hold_many

TEXT = "So it is 60. Done."
# Tokens of it: "So", " it", " is", " 60", ".", " Done", ".".
STARTS, ENDS = [0, 2, 5, 8, 11, 12, 17], [2, 5, 8, 11, 12, 17, 18]
OWN = [-1.0, -1.0, -1.0, -3.0, -1.0, -1.0, -1.0]
SEEN = [-1.0, -1.0, -0.6, -0.5, -1.0, -2.0, -1.0]
# Gains (seen less own): 0, 0, 0.4, 2.5, 0, -1, 0 nats.
MASS = [0.3, 0.0, 0.0, 0.05, 0.0, 0.1, 0.0]
# The student would hedge in the place of "So" (0.3) and of " Done" (0.1, which is enough).


def score(
    store: Store,
    *rows: dict[str, Any],
    privileged_by: str = "context",
    families: tuple[str, ...] = ("privilege", "hedges"),
) -> None:
    """The numbers above for each of the traces, whose text is TEXT."""
    pack = a_pack(
        list(rows), token_id=list(range(7)), start_char=STARTS, end_char=ENDS, logprob_nats=OWN,
        rank=[1] * 7, entropy_nats=[0.5] * 7, n_tokens=7,
    )  # fmt: skip
    store.add_pack(pack, "cv1_a", "tiny", {"dtype": "float32"}, "p1")
    store.use_convention("cv1_a", "tiny", {"dtype": "float32"})
    store.set_setting("student", "tiny")
    told = [
        {
            **dict.fromkeys(COMPATIBILITY_SCHEMA),
            "trace_id": row["trace_id"], "text_hash": row["text_hash"], "prompt_hash": "tx1_p",
            "convention_id": "cv1_a", "family": family, "recipe_id": f"rc1_{family}",
            "per_token": SEEN if family == "privilege" else MASS,
            "privileged_by": privileged_by if family == "privilege" else None,
            "point_step": [], "point_nats": [], "point_rival_nats": [],
        }
        for row in rows
        for family in families
    ]  # fmt: skip
    recipes = {f"rc1_{family}": {"family": family} for family in families}
    store.add_families(pl.DataFrame(told, schema=COMPATIBILITY_SCHEMA), recipes, "p1")


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def as_tuples(row: dict[str, Any]) -> list[tuple[int, int, float]]:
    return [(each["start"], each["end"], each["weight"]) for each in row["weights"]]


@pytest.mark.parametrize("format", ["sft-messages", "sft-prompt-completion", "sft-text"])
def test_labels_gain_and_missing_hedges_make_one_weight(
    store: Store, tmp_path: Path, format: str
) -> None:
    row = a_trace(TEXT, teacher_context="answer", context_text="60")
    (one,) = hold(store, row)
    score(store, row)
    decide(store, one, spans=[[9, 11, "unclear"]])
    asked: dict[str, Any] = {
        "labels": {"unclear": 0.5},
        "privilege": {"above_nats": 0.5, "scale_nats": 1.0},
        "missing_hedges": {"weight": 0.8},
    }

    def weighed(how: str) -> list[tuple[int, int, float]]:
        out = tmp_path / how
        export.write(
            store, format=format, out=out, splits={"train": 1}, weights={**asked, "combine": how}
        )
        assert export.verify_export(out).broken == []
        return as_tuples(written(out)[0])

    # "So" 0.8 for the hedge; " it is" 1 (a gain of 0.4 is not above 0.5); the label is widened to
    # the word " 60." (8..12): 0.5, on " 60" (8..11) the gain says exp(-(2.5 - 0.5)) = 0.1353;
    # " Done" 0.8; "." 1.
    low = [(0, 2, 0.8), (2, 8, 1.0), (8, 11, 0.1353), (11, 12, 0.5), (12, 17, 0.8)]
    assert weighed("min") == [*low, (17, 18, 1.0)]
    # As a product " 60" is 0.5 · 0.135335 = 0.067668.
    assert weighed("product")[2] == (8, 11, 0.0677)


def test_the_default_weighs_nothing_and_writes_no_column(store: Store, tmp_path: Path) -> None:
    row = a_trace(TEXT)
    (one,) = hold(store, row)
    score(store, row)
    decide(store, one, spans=[[9, 11, "leaks"]])
    manifest = export.write(store, format="sft-messages", out=tmp_path / "x", splits={"train": 1})
    assert "weights" not in written(tmp_path / "x")[0]
    assert "weights" not in manifest.record
    assert "**Weights.**" not in (tmp_path / "x/README.md").read_text()


def test_manifest_and_card_say_how_much_weight_was_taken(store: Store, tmp_path: Path) -> None:
    seen = a_trace(TEXT, teacher_context="answer", context_text="60")
    unseen = a_trace(TEXT, prompt="What is 5 * 12?")
    bare = a_trace("It is 4!", prompt="What is 3 + 1?")
    first, _, third = hold(store, seen, unseen, bare)
    score(store, seen)
    score(store, unseen, privileged_by="solution")
    for trace in (first, unseen["trace_id"], third):
        decide(store, trace)
    asked = {"privilege": {"curve": "step", "least": 0.25}}
    shown = export.preview(store, format="sft-messages", weights=asked)
    assert "Weights by privilege gain: known of 1 of 3 rows; the others weigh 1 in this." in (
        shown.notes
    )
    manifest = export.write(
        store, format="sft-messages", out=tmp_path / "x", files="parquet", splits={"train": 1},
        weights=asked,
    )  # fmt: skip
    rows = pl.read_parquet(tmp_path / "x/train.parquet").to_dicts()
    # Only " 60" of the first: what the second's teacher did not see is no evidence of a leak.
    assert [as_tuples(row) for row in rows] == [
        [(0, 8, 1.0), (8, 11, 0.25), (11, 18, 1.0)], [(0, 18, 1.0)], [(0, 8, 1.0)],
    ]  # fmt: skip
    # 18 + 18 + 8 = 44 characters, 3 of them at 0.25: (41 + 0.75) / 44 = 0.948864; 3 / 44 = 0.068182
    assert manifest.record["weights"] == {
        "rows": 3, "rows_without_loss": 0, "mean_weight": 0.948864, "share_below_1": 0.068182,
        "evidence": {
            "labels": {"rows_known": 3, "rows_lowered": 0},
            "privilege": {"rows_known": 1, "rows_lowered": 1},
        },
        "read_by": [{"student": "tiny", "convention_id": "cv1_a"}],
    }  # fmt: skip
    assert "privilege gain known of 1 rows, lowering 1" in (tmp_path / "x/README.md").read_text()
    also = {"privilege": {**asked["privilege"], "shown": "any"}}
    assert "known of 2 of 3" in str(export.preview(store, format="sft-text", weights=also).notes)


def test_a_format_without_room_for_weights_refuses_them(store: Store, tmp_path: Path) -> None:
    (one,) = hold_many(store, [TEXT])
    decide(store, one)
    asked = {"labels": {"leaks": 0.5}}
    for format in FORMATS:
        if format_of(format).carries == "nothing":
            with pytest.raises(ExportError, match="has no place for the weight of a word"):
                export.write(store, format=format, out=tmp_path / "x", weights=asked)
    for format, says in (
        ("axolotl", "loss or no loss and nothing between"),
        ("openai", "one weight for a whole message"),
    ):
        with pytest.raises(ExportError, match=says):
            export.write(store, format=format, out=tmp_path / "x", weights=asked)
    with pytest.raises(ExportError, match="Keep it inline"):
        export.write(
            store, format="sft-messages", out=tmp_path / "x", weights=asked,
            teaching={"reasoning": "thinking"},
        )  # fmt: skip
    with pytest.raises(ExportError, match=r"weights\.labels .*from 0 to 1; 'leaks' has 1\.5"):
        export.write(store, out=tmp_path / "x", weights={"labels": {"leaks": 1.5}})
    with pytest.raises(ExportError, match="known of none of the 1 row. Score them"):
        export.write(store, out=tmp_path / "x", weights={"missing_hedges": {}})
    assert not (tmp_path / "x").exists()


def test_axolotl_and_openai_say_loss_or_none_from_a_weight_on(store: Store, tmp_path: Path) -> None:
    row = a_trace(TEXT, teacher_context="answer", context_text="60")
    plain = a_trace("It is 4!", prompt="What is 3 + 1?")
    one, other = hold(store, row, plain)
    score(store, row)
    decide(store, one, spans=[[9, 11, "unclear"]])
    decide(store, other)
    asked = {"labels": {"unclear": 0.6}, "privilege": {}, "loss_from": 0.5}
    export.write(store, format="axolotl", out=tmp_path / "a", splits={"train": 1}, weights=asked)
    turns = [each["messages"][1] for each in written(tmp_path / "a")]
    # " 60" weighs 0.1353, which is below 0.5; the rest of the label's word 0.6, which is not. Its
    # lone space is lent to the stretch before, and axolotl's ends are inclusive.
    assert turns[0]["train_detail"] == [
        {"begin_offset": 0, "end_offset": 8, "train": True},
        {"begin_offset": 9, "end_offset": 10, "train": False},
        {"begin_offset": 11, "end_offset": 17, "train": True},
    ]
    assert (turns[1]["train"], turns[1]["train_detail"]) == (True, None)
    # The mean of the first: (14 · 1 + 1 · 0.6 + 3 · 0.1353) / 18 = 0.833661.
    for least, expected in ((0.83, 1), (0.84, 0)):
        out = tmp_path / f"o{least}"
        export.write(
            store, format="openai", out=out, splits={"train": 1},
            weights={**asked, "loss_from": least},
        )  # fmt: skip
        first, second = written(out)
        assert [message["weight"] for message in first["messages"]] == [0, expected]
        assert [message["weight"] for message in second["messages"]] == [0, 1]


def test_labels_of_a_trace_that_was_edited_weigh_nothing_of_the_edit(
    store: Store, tmp_path: Path
) -> None:
    (one,) = hold_many(store, [TEXT])
    decide(store, one, spans=[[9, 11, "leaks"]], edit={"text": "So it is 61, I think."})
    asked = {"labels": {"leaks": 0.0}}
    assert any(
        "which the labels are not about: 1" in note
        for note in export.preview(store, weights=asked).notes
    )
    export.write(store, out=tmp_path / "x", splits={"train": 1}, weights=asked)
    assert as_tuples(written(tmp_path / "x")[0]) == [(0, 21, 1.0)]


def test_the_preview_hands_out_the_weights_of_its_row(store: Store) -> None:
    (one,) = hold_many(store, [TEXT])
    decide(store, one, spans=[[9, 11, "leaks"]])
    asked = export.recipe_from({"format": "sft-messages", "weights": {"labels": {"leaks": 0.5}}})
    row = export_reading.row_of(store, plan(store, asked), 0)
    assert row.weights == [(0, 8, 1.0), (8, 12, 0.5), (12, 18, 1.0)]
    bare = export.recipe_from({"format": "sft-messages"})
    assert export_reading.row_of(store, plan(store, bare), 0).weights is None


def test_the_smooth_weight_is_the_ratio_of_the_likelihoods_and_never_above_1() -> None:
    rule = PrivilegeRule(above_nats=0.0)
    own, seen = np.array([0.5, 0.2, 0.1]), np.array([0.25, 0.4, 0.8])
    # p(y | x) / p(y | x, r), at most 1: 0.5 / 0.25 -> 1; 0.2 / 0.4 = 0.5; 0.1 / 0.8 = 0.125.
    found = weights.of_gains(np.log(seen) - np.log(own), rule)
    np.testing.assert_allclose(found, [1.0, 0.5, 0.125])
    floor = PrivilegeRule(above_nats=0.0, least=0.3)
    np.testing.assert_allclose(weights.of_gains(np.log([2.0, 8.0]), floor), [0.5, 0.3])
    step = PrivilegeRule(curve="step", above_nats=1.0, least=0.1)
    np.testing.assert_allclose(weights.of_gains([1.0, 1.001, -5.0], step), [1.0, 0.1, 1.0])


KIND = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0, 1)).map(
        lambda s: (min(s[:2]), max(s[:2]), s[2])
    ),
    max_size=6,
)


@given(
    n_chars=st.integers(30, 40),
    kinds=st.lists(KIND, max_size=3),
    how=st.sampled_from(["min", "product"]),
)
def test_stretches_tile_the_text_and_no_weight_is_lost_without_evidence(
    n_chars: int, kinds: list[list[weights.Weighed]], how: Any
) -> None:
    found = weights.combined(n_chars, kinds, how)
    assert [each.start for each in found] == [0, *(each.end for each in found[:-1])]
    assert found[-1].end == n_chars
    assert all(each.start < each.end and 0 <= each.weight <= 1 for each in found)
    assert all(a.weight != b.weight for a, b in zip(found, found[1:], strict=False))
    for each in found:
        for at in range(each.start, each.end):
            own = [
                min((w for start, end, w in kind if start <= at < end), default=1.0)
                for kind in kinds
            ]
            expected = min(own, default=1.0) if how == "min" else float(np.prod(own))
            assert each.weight == pytest.approx(expected, abs=5.1e-5)
    # A token of the trainer's counts for the least of its characters, so none gains by a seam.
    assert weights.mean(found) == pytest.approx(
        sum((each.end - each.start) * each.weight for each in found) / n_chars
    )
    silent = {at for start, end in weights.silent(found, None) for at in range(start, end)}
    assert silent == {
        at for each in found for at in range(each.start, each.end) if each.weight == 0
    }


def test_places_outside_the_text_and_weights_outside_0_to_1_are_refused() -> None:
    for wrong in ((0, 6, 0.5), (-1, 2, 0.5), (3, 2, 0.5), (0, 1, 1.5), (0, 1, float("nan"))):
        with pytest.raises(ValueError, match="of 5 characters"):
            weights.combined(5, [[wrong]], "min")
    assert weights.combined(0, [], "min") == []
    assert np.isnan(weights.mean([]))
