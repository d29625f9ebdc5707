"""The sent report has the command's numbers, says what it is of, and takes hostile stores."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from curation import check_report, checks, leakage_report, lexicons
from curation.checks import Request
from curation.leakage_tables import number, percent
from curation.store import Store
from tests.builders import a_batch, a_trace
from tests.said import Said
from tests.test_reporting import HOSTILE, Elements, _requests

Curate = Callable[..., Said]
WHEN = "2026-01-02"


def fill(store: Store, n: int = 14, **changes: Any) -> None:
    """`n` problems, each with a trace unguided and one with the solution; and an unmatched hint."""
    traces = []
    for i in range(n):
        prompt = f"{changes.get('prompt', 'What is')} {i} + {i}?"
        rest = {**changes, "prompt": prompt}
        hedged = f"Maybe it is {i}. Wait, perhaps I should check. " + "It is so. " * (i % 5)
        plain = "The sum is known and stated at once. " + "Perhaps. " * (i % 3)
        traces.append(a_trace(hedged, **rest))
        traces.append(a_trace(plain, **{**rest, "teacher_context": "solution"}))
    traces.append(a_trace("Perhaps so.", **{**changes, "prompt": "?", "teacher_context": "hint"}))
    store.add(a_batch(*traces), "i")
    lexicons.mark_pending(store)


class Tables(HTMLParser):
    """The cells of every table by its caption: rows of texts, the head first."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._in: str | None = None
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "caption"):
            self._in = tag
            if tag != "caption":
                self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "caption"):
            self._in = None
        elif tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if self._in == "caption":
            self._caption += data
        elif self._in is not None:
            self._rows[-1][-1] += data

    def columns(self, caption: str) -> dict[str, dict[str, str]]:
        """Column -> name of the row -> cell."""
        head, *rows = self.tables[caption]
        return {
            name: {row[0]: row[place] for row in rows} for place, name in enumerate(head) if place
        }


def _pipes(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell) for cell in row] for row in rows]


def _numbers(value: float | None, digits: int = 3) -> str:
    """As the report writes a number of the JSON, which has null for nan."""
    return number(value, digits)


def test_every_number_of_the_report_is_the_commands(curate: Curate, store: Store) -> None:
    fill(store)
    path, folder = store.path, store.path.parent / "sent"
    store.close()
    words = ("--store", path, "leakage", "--report", folder, "--dated", WHEN, "--json")
    answer = curate(*words).json
    plain = curate("--store", path, "leakage", "--json").json
    written = answer.pop("report")
    assert answer == plain
    assert [Path(one["path"]).name for one in written][:2] == ["report.html", "report.md"]
    html = Path(written[0]["path"]).read_text("utf-8")
    tables = Tables(html)
    stand = tables.columns("By teacher context")
    contexts = {context["teacher_context"]: context for context in plain["contexts"]}
    assert sorted(contexts) == ["hint", "solution", "unguided"]
    for name, context in contexts.items():
        shown = {column: cells[name] for column, cells in stand.items()}
        assert shown["Traces"] == str(context["n_traces"])
        assert shown["Markers per 1,000 words"] == _numbers(context["epistemic_per_1k"])
        assert shown["Kim count, mean"] == _numbers(context["kim_count_mean"])
        assert shown["Words, mean"] == _numbers(context["n_words_mean"])
        assert shown["Correct"] == percent(context["share_correct"])
    context = contexts["solution"]
    matched = tables.columns("Suppression, matched on the problem")["solution"]
    low, high = context["suppression_ci"]
    assert matched == {
        "Problems": str(context["n_problems_matched"]),
        "Markers per 1,000 words": _numbers(context["matched_epistemic_per_1k"]),
        "The same, unguided": _numbers(context["matched_epistemic_per_1k_unguided"]),
        "Suppression": _numbers(context["suppression"]),
        "95 % interval": f"{_numbers(low)} to {_numbers(high)}",
        "p": _numbers(context["p_value"], 4),
        "p (Holm)": _numbers(context["p_holm"], 4),
        "Raw fall": _numbers(context["raw_fall"]),
        "Length fall": _numbers(context["length_fall"]),
        "Density fall": _numbers(context["density_fall"]),
        "Length share": _numbers(context["length_share"]),
        "Kim fall": _numbers(context["kim_fall"]),
    }
    pipes = _pipes(Path(written[1]["path"]).read_text("utf-8"))
    for caption, rows in tables.tables.items():
        for row in rows:
            assert row in pipes, caption


def test_the_report_says_what_is_unmatched_and_which_filter_it_is_of(store: Store) -> None:
    fill(store)
    where = "teacher_context <> 'unguided'"
    made = leakage_report.files(store, store.list_traces(where), where, dated=WHEN)
    text = made["report.md"].decode()
    assert "Nothing is matched" in text
    assert "suppression – (" in text  # nothing unguided to hold against: undefined, with a reason
    assert "--where 'teacher_context <> '\"'\"'unguided'\"'\"''" in text
    whole = leakage_report.files(store, store.list_traces(), None, dated=WHEN)
    assert "Unmatched: hint" in whole["report.md"].decode()


def test_the_same_store_gives_the_same_bytes_but_for_the_date(store: Store) -> None:
    fill(store)
    checks.create(store, Request("c", 5, where="true", p0=0.2, p1=0.4), created_by="ada")
    first, again = (
        leakage_report.files(store, store.list_traces(), None, dated=WHEN) for _ in range(2)
    )
    assert first == again


def test_a_hostile_store_makes_a_report_that_asks_for_nothing(store: Store) -> None:
    nasty = " ".join(HOSTILE[:-1])
    fill(store, prompt=nasty, teacher=nasty, source=nasty)
    check = checks.create(
        store, Request(nasty, 5, where="true /* <script> */", p0=0.2, p1=0.4), created_by=nasty
    )
    checks.judge(
        store, check, store.spot_check_items(check)["trace_id"][0], "leaking", reviewer=nasty
    )
    made = leakage_report.files(store, store.list_traces(), "true -- <b>", dated=nasty)
    html = made["report.html"].decode()
    assert _requests(Elements(html).found) == []
    assert "<script" not in html
    assert "\u202e" not in html + made["report.md"].decode()


def test_each_spot_check_stands_in_it_with_the_numbers_of_its_own_report(store: Store) -> None:
    fill(store)
    check = checks.create(
        store, Request("first", 6, where="true", p0=0.2, p1=0.4), created_by="ada"
    )
    ids = store.spot_check_items(check)["trace_id"].to_list()
    for trace_id, word in zip(ids, ("leaking", "clean", "clean", "unsure"), strict=False):
        checks.judge(store, check, trace_id, word, reviewer="ada")
    found = check_report.report(store, check)
    made = leakage_report.files(store, store.list_traces(), None, dated=WHEN)
    tables = Tables(made["report.html"].decode())
    (caption,) = [caption for caption in tables.tables if check in caption]
    head, *rows = tables.tables[caption]
    assert [row[head.index("Judged")] for row in rows] == [
        str(stratum["judged"]) for stratum in found["by_stratum"]
    ]
    low, high = found["interval"]
    text = made["report.html"].decode()
    assert f"Leaking share {percent(found['share'])}" in text
    assert f"Wilson {percent(low)} to {percent(high)}" in text


def test_an_empty_store_has_a_report_too(store: Store) -> None:
    made = leakage_report.files(store, store.list_traces(), None, dated=WHEN)
    text = made["report.md"].decode()
    assert "no teacher context to hold against unguided" in text
    assert "nan" not in text


def test_a_folder_with_a_strangers_file_is_refused_before_any_work(
    curate: Curate, store: Store
) -> None:
    fill(store, 2)
    path, folder = store.path, store.path.parent / "sent"
    store.close()
    folder.mkdir()
    (folder / "report.md").write_text("mine")
    said = curate("--store", path, "leakage", "--report", folder)
    assert said.code == 1
    assert "was not written by a report" in said.err
    assert "Name another folder" in said.err
    assert (folder / "report.md").read_text() == "mine"
    assert [one.name for one in folder.iterdir()] == ["report.md"]
