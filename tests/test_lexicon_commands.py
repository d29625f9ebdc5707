"""`lexicon` and `remark` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import lexicons
from tests.said import Said

Curate = Callable[..., Said]
BY = ("--reviewer", "ada", "--why", "a habit here")
GERMAN = "Vielleicht sind es vier Kugeln, aber ich bin mir nicht sicher. Ich prüfe es nochmal."


@pytest.fixture
def rows(curate: Curate, tmp_path: Path) -> None:
    """The store of the settings, with one trace in English and one in German."""
    file = tmp_path / "rows.jsonl"
    lines = [
        {"prompt": "2 + 2?", "trace": text, "teacher": "t", "teacher_context": "unguided"}
        for text in ("Maybe 4, maybe 5.", GERMAN)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert curate("ingest", file, "--json").json["new"] == 2


@pytest.mark.usefixtures("rows")
def test_remark_says_what_is_marked_and_what_is_refused(curate: Curate) -> None:
    said = curate("remark", "--json").json
    assert {name: said[name] for name in ("marked", "counted", "refused", "waiting")} == {
        "marked": 1, "counted": 1, "refused": 1, "waiting": 0,
    }  # fmt: skip
    assert said["refused_languages"] == {"de": 1}
    assert said["lexicon_id"] == said["lexicons"]["en"]
    assert "1 are not: no lexicon for their language (de 1)" in curate("remark").out
    assert "no lexicon for language 'fr'" in curate("remark", "--language", "fr").error
    assert curate("status", "--json").json["marking"]["refused"] == 1
    leakage = curate("leakage", "--json").json
    assert (leakage["n_refused"], leakage["refused_languages"]) == (1, {"de": 1})


@pytest.mark.usefixtures("rows")
def test_a_refused_trace_is_shown_without_a_count_and_with_the_reason(curate: Curate) -> None:
    (item,) = curate("list", "--where", "language = 'de'", "--json").json["items"]
    assert (item["n_epistemic"], item["n_words"]) == (None, None)
    assert item["marking_refusal"] == lexicons.refusal("de")
    shown = curate("show", item["trace_id"], "--json").json
    assert shown["markers"] is None
    assert shown["marking"] == {
        "language": "de", "refusal": lexicons.refusal("de"), "lexicon_id": None,
    }  # fmt: skip
    assert "not counted. The text is in language de" in curate("show", item["trace_id"]).out


@pytest.mark.usefixtures("rows")
def test_a_change_is_previewed_stored_listed_and_withdrawn(curate: Curate) -> None:
    shipped = curate("remark", "--json").json["lexicon_id"]
    seen = curate("lexicon", "silence", "maybe", *BY, "--preview", "--json").json
    # "Maybe 4, maybe 5.": both go.
    assert (seen["effect"]["n_traces"], seen["effect"]["n_go"], seen["stored"]) == (1, 2, False)
    assert seen["lexicon_id"] == shipped
    said = curate("lexicon", "silence", "maybe", *BY, "--json").json
    assert said["lexicon_id"] == seen["effect"]["lexicon_id"] != shipped
    assert said["waiting"] == 1
    listed = curate("lexicon", "list", "--search", "perhaps", "--json").json
    assert listed["in_use"][0]["lexicon_id"] == said["lexicon_id"]
    assert "perhaps" in {entry["phrase"] for entry in listed["entries"]}
    (change,) = listed["changes"]
    assert (change["who"], change["why"], change["phrase"]) == ("ada", "a habit here", "maybe")
    assert "a habit here" in curate("lexicon", "list").out
    taken_back = curate("lexicon", "withdraw", change["change_id"][:8], *BY, "--json").json
    assert taken_back["lexicon_id"] == shipped
    again = curate("lexicon", "use", said["lexicon_id"], *BY, "--json").json
    assert again["lexicon_id"] == said["lexicon_id"]
    assert curate("lexicon", "use", "shipped", *BY, "--json").json["lexicon_id"] == shipped
    assert curate("verify", "--json").json["broken"] == []


@pytest.mark.usefixtures("rows")
def test_a_lexicon_goes_out_and_another_language_comes_in(curate: Curate, tmp_path: Path) -> None:
    out, de = tmp_path / "out" / "en.tsv", tmp_path / "de.tsv"
    out.parent.mkdir()
    curate("lexicon", "add", "a wild stab", "--category", "hedge", *BY)
    exported = curate("lexicon", "export", out, "--json").json
    assert "a wild stab\thedge\tstrong\t\ta team's entry\tteam\n" in out.read_text("utf-8")
    assert "exists already" in curate("lexicon", "export", out).error
    assert (
        curate("lexicon", "import", out, *BY, "--json").json["lexicon_id"]
        == (exported["lexicon_id"])
    )
    header = out.read_text("utf-8").split("\nphrase\t")[1].splitlines()[0]
    de.write_text(f"phrase\t{header}\nvielleicht\thedge\tstrong\t\tZweifel\town\n", "utf-8")
    said = curate("lexicon", "import", de, *BY, "--json").json
    assert (said["language"], said["waiting"]) == ("de", 2)
    assert curate("remark", "--language", "de", "--json").json["marked"] == 1
    (item,) = curate("list", "--where", "language = 'de'", "--json").json["items"]
    assert (item["n_hedge"], item["marking_refusal"]) == (1, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("silence", "mayby", *BY), "near it: maybe"),
        (("add", "perhaps", "--category", "hedge", *BY), "is hedge already"),
        (("withdraw", "nothing", *BY), "names no live changes"),
        (("use", "lx1_x", *BY), "knows no lexicon lx1_x"),
        (("use", "shipped", "--language", "fr", *BY), "No lexicon is shipped for language 'fr'"),
        (("import", "none.tsv", *BY), "cannot be read"),
        (("add", "perhaps", "--category", "doubt", *BY), "invalid choice: 'doubt'"),
        (("silence", "perhaps", "--reviewer", "ada"), "--why"),
        (("list", "--language", "fr"), "There is no lexicon for language 'fr'"),
    ],
)
@pytest.mark.usefixtures("rows")
def test_what_cannot_be_done_is_said_in_one_line(
    curate: Curate, words: tuple[str, ...], said: str
) -> None:
    assert said in curate("lexicon", *words).error
    assert curate("lexicon", "list", "--json").json["changes"] == []
