"""Charts: the right numbers in the right place, nothing from outside read as markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from curation import figures
from curation.records import TEACHER_CONTEXTS, VERDICTS

HOSTILE = '<b>bold</b><img src=x onerror=alert(1)><a href="https://e.example">$x$ %{y} & co</a>'
TRACES = {
    "trace_id": pl.String(), "teacher": pl.String(), "teacher_context": pl.String(),
    "n_epistemic": pl.Int64(), "n_tokens": pl.Int32(), "n_words": pl.Int32(),
    "mean_nll_nats": pl.Float64(),
}  # fmt: skip
PAIRS = {
    "problem_id": pl.String(), "teacher_context": pl.String(),
    "per_1k_unguided": pl.Float64(), "per_1k": pl.Float64(),
}  # fmt: skip
DECISIONS = {"verdict": pl.String(), "decided_at": pl.Datetime("us", "UTC")}
CONFUSION = {"first": pl.String(), "second": pl.String(), "n": pl.Int64()}


def traces(teacher: str = "oak", trace_id: str = "t") -> pl.DataFrame:
    rows = [
        (f"{trace_id}0", teacher, "answer", 1, 100, 80, 1.5),
        (f"{trace_id}1", teacher, "unguided", 2, 100, 90, 0.5),
        (f"{trace_id}2", teacher, "unguided", 6, 100, 90, 2.5),
        (f"{trace_id}3", teacher, "unguided", None, None, 0, None),
    ]
    return pl.DataFrame(rows, schema=TRACES, orient="row")


def a_chart_of_each(name: str) -> list[figures.Chart]:
    """Every chart, with `name` wherever a name from outside can stand."""
    frame = traces(name, name)
    pairs = pl.DataFrame([(name, "answer", 9.0, 3.0)], schema=PAIRS, orient="row")
    moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
    decided = pl.DataFrame([("accept", moment)], schema=DECISIONS, orient="row")
    table = pl.DataFrame([("accept", "reject", 2)], schema=CONFUSION, orient="row")
    return [
        figures.density_by_context(frame, "tokens"),
        figures.length_by_context(frame, "words"),
        figures.nll_by_context(frame),
        figures.matched_pairs(pairs, "tokens"),
        figures.decisions_over_time(decided),
        figures.confusion(table, name, name),
        *(figures.score_scatter(frame, "mean_nll_nats", "n_words", "x", "y", by)
          for by in ("teacher", "teacher_context")),
    ]  # fmt: skip


def shown(value: Any) -> list[str]:
    """Every string of a figure's JSON, without the raw ids (`customdata[…][0]`)."""
    if isinstance(value, dict):
        found = []
        for key, inner in value.items():
            if key == "template":
                continue
            if key == "customdata":
                inner = [row[1:] for row in inner if row]
            found += shown(inner)
        return found
    if isinstance(value, list):
        return [text for inner in value for text in shown(inner)]
    return [value] if isinstance(value, str) else []


def test_density_is_per_thousand_and_points_lead_to_their_traces() -> None:
    chart = figures.density_by_context(traces(), "tokens")
    unguided, median = chart.figure.data[0], chart.figure.data[1]
    # 2/100 and 6/100 tokens: 20 and 60 per 1,000, median 40; the unmarked trace is no point.
    assert (unguided.name, list(unguided.y)) == ("unguided", [20.0, 60.0])
    assert [row[0] for row in unguided.customdata] == ["t1", "t2"]
    assert list(median.y) == [40.0, 40.0]
    assert chart.figure.layout.yaxis.title.text == "epistemic markers per 1,000 tokens"
    assert "unguided 40.00 (2), answer 10.00 (1)" in chart.alt


def test_lengths_and_nll_carry_their_units() -> None:
    length = figures.length_by_context(traces(), "tokens").figure
    assert length.layout.yaxis.title.text == "length (student tokens, log scale)"
    assert length.layout.yaxis.type == "log"
    nll = figures.nll_by_context(traces()).figure
    assert nll.layout.yaxis.title.text == "mean NLL under the student (nats per token)"
    assert list(nll.data[0].y) == [0.5, 2.5]


def test_each_problem_is_a_row_with_its_contexts_joined_to_unguided() -> None:
    pairs = pl.DataFrame(
        [("p", "answer", 9.0, 3.0), ("q", "answer", 1.0, 2.0), ("r", "solution", 4.0, None)],
        schema=PAIRS, orient="row",
    )  # fmt: skip
    chart = figures.matched_pairs(pairs, "words")
    (lines,) = chart.figure.data
    assert list(lines.x) == [9.0, 3.0, None, 1.0, 2.0, None]
    # p is the more epistemic one unguided (9 against 1), so it stands in the upper row.
    assert list(lines.y) == [1, 1, None, 0, 0, None]
    assert [point and point[0] for point in lines.customdata] == ["p", "p", None, "q", "q", None]
    assert "answer: lower than unguided on 1 of 2 problems" in chart.alt


def test_decisions_add_up_over_time() -> None:
    at = [datetime(2026, 3, day, tzinfo=UTC) for day in (3, 1, 2)]
    rows = list(zip(["accept", "accept", "reject"], at, strict=True))
    chart = figures.decisions_over_time(pl.DataFrame(rows, schema=DECISIONS, orient="row"))
    accept = chart.figure.data[0]
    assert list(accept.x) == ["2026-03-01T00:00:00", "2026-03-03T00:00:00"]
    assert list(accept.y) == [1, 2]
    assert chart.alt == "Decisions over time: accept 2, reject 1."


def test_confusion_counts_stand_in_their_cells() -> None:
    table = pl.DataFrame(
        [("accept", "reject", 2), ("accept", "accept", 3)], schema=CONFUSION, orient="row"
    )
    chart = figures.confusion(table, "ann", "bob")
    (cells,) = chart.figure.data
    assert list(cells.z[0][:2]) == [3, 2]
    assert chart.figure.layout.xaxis.title.text == "bob said"
    assert chart.alt.endswith("the same verdict on 3 of 5 traces.")


def test_names_from_outside_are_never_markup() -> None:
    for chart in a_chart_of_each(HOSTILE):
        for text in shown(json.loads(chart.figure.to_json())):
            rest = text.replace("<br>", "").replace("<extra></extra>", "")
            assert "<" not in rest
            assert "$" not in rest
            if "&lt;b&gt;" in rest:
                assert "%{" not in rest


def test_raw_ids_are_kept_for_the_click_only() -> None:
    chart = figures.density_by_context(traces(trace_id=HOSTILE), "tokens")
    assert chart.figure.data[0].customdata[0][0] == HOSTILE + "1"
    assert "customdata[0]" not in chart.figure.data[0].hovertemplate


def test_plain_shows_letter_by_letter() -> None:
    assert figures.plain("a <b>\n& $y$ %{z}") == "a &lt;b&gt; &amp; &#36;y&#36; %&#123;z}"


@pytest.mark.parametrize(
    "chart",
    [
        figures.density_by_context(pl.DataFrame(schema=TRACES), "words"),
        figures.length_by_context(pl.DataFrame(schema=TRACES), "words"),
        figures.nll_by_context(pl.DataFrame(schema=TRACES)),
        figures.matched_pairs(pl.DataFrame(schema=PAIRS), "words"),
        figures.decisions_over_time(pl.DataFrame(schema=DECISIONS)),
        figures.confusion(pl.DataFrame(schema=CONFUSION), "ann", "bob"),
        figures.agreement_over_time(pl.DataFrame(schema={"reviewer": pl.String()}), "week"),
        figures.score_scatter(
            pl.DataFrame(schema=TRACES), "n_tokens", "mean_nll_nats", "x", "y", "teacher"
        ),
    ],
    ids=lambda chart: chart.alt.split(":")[0],
)
def test_empty_frames_say_that_there_is_nothing(chart: figures.Chart) -> None:
    assert len(chart.figure.data) == 0
    assert chart.figure.layout.annotations[0].text in chart.alt


def test_agreement_over_time_is_a_line_a_person_at_dates_or_in_blocks() -> None:
    rows = pl.DataFrame(
        {
            "reviewer": ["ann", "ann", "<b>"],
            "period": [0, 1, 0],
            "start": [datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 19, tzinfo=UTC)]
            + [datetime(2026, 1, 5, tzinfo=UTC)],
            "n_shared": [4, 2, 6],
            "percent": [0.75, 0.5, 1.0],
        }
    )
    blocks = figures.agreement_over_time(rows, "block")
    assert [(t.name, list(t.x), list(t.y)) for t in blocks.figure.data] == [
        ("&lt;b&gt;", [1], [100.0]),
        ("ann", [1, 2], [75.0, 50.0]),
    ]
    assert "ann 75 % to 50 % in 2" in blocks.alt
    weeks = figures.agreement_over_time(rows, "week", dated=True)
    assert list(weeks.figure.data[1].x) == ["2026-01-05", "2026-01-19"]


def test_the_same_frame_draws_the_same_chart() -> None:
    one, two = (figures.density_by_context(traces(), "tokens").figure.to_json() for _ in "ab")
    assert one == two


def test_every_context_and_verdict_has_a_colour_of_its_own() -> None:
    assert list(figures.CONTEXT_COLOURS) == list(TEACHER_CONTEXTS)
    assert len(set(figures.CONTEXT_COLOURS.values())) == len(TEACHER_CONTEXTS)
    assert len(set(figures.CONTEXT_SYMBOLS.values())) == len(TEACHER_CONTEXTS)
    assert list(figures.VERDICT_COLOURS) == list(VERDICTS)
    assert len(set(figures.VERDICT_COLOURS.values())) == len(VERDICTS)


def test_two_scores_are_points_of_traces_that_have_both() -> None:
    frame = traces().with_columns(rsr=pl.Series([3.0, float("inf"), 4.0, None]))
    chart = figures.score_scatter(
        frame, "mean_nll_nats", "rsr", "Surprise (nats)", "RSR (ranks per nat)", "teacher_context"
    )
    # t1's RSR is infinite and t3 has neither number: two of the four are points.
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in chart.figure.data] == [
        ("unguided", [2.5], [4.0]),
        ("answer", [1.5], [3.0]),
    ]
    assert chart.figure.data[0].customdata[0][0] == "t2"
    assert chart.figure.data[0].marker.color == figures.CONTEXT_COLOURS["unguided"]
    assert chart.alt.endswith("2 traces. 2 traces lack one of the numbers.")


def test_many_teachers_are_told_apart_by_colour_and_symbol() -> None:
    frame = pl.concat([traces(f"oak{i}", f"t{i}").head(1) for i in range(20)])
    chart = figures.score_scatter(frame, "mean_nll_nats", "n_tokens", "x", "y", "teacher")
    looks = {(trace.marker.color, trace.marker.symbol) for trace in chart.figure.data}
    assert len(looks) == 20
