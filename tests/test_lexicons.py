"""The lexicons in use: a log that is only added to, versions to return to, languages refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import hedging, lexicon_effects, lexicons, signs
from curation import store as stores
from curation.errors import CurationError
from curation.hedging import lexicon as tables
from curation.hedging import versions
from curation.hedging.changes import Change
from curation.settings import ROOT
from curation.store import Store
from curation.store.connection import MIGRATIONS, Connection
from tests.builders import a_batch, a_trace

DE = "Vielleicht sind es vier Kugeln, aber ich bin mir nicht sicher. Ich prüfe es nochmal."
GERMAN_TABLE = (
    "phrase\tcategory\tstrength\trule\twhy\tsource\n"
    "vielleicht\thedge\tstrong\t\tZweifel\town\n"
    "ich prüfe\tverification\tstrong\t\trechnet nach\town\n"
)
NO_MAYBE = Change("silence", "maybe", why="a habit here", who="ada")


@pytest.fixture
def traces(store: Store) -> list[dict[str, Any]]:
    """Two traces in English and one in German, marked."""
    rows = [a_trace(text) for text in ("Maybe 4, maybe 5.", "Perhaps it is 4.", DE)]
    store.add(a_batch(*rows), "i")
    lexicons.mark_pending(store)
    return rows


def hedges(store: Store) -> list[int | None]:
    return store.list_traces()["n_hedge"].to_list()


def test_a_change_marks_anew_and_every_count_names_its_version(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    assert hedges(store) == [2, 1, None]
    before = store.current_lexicons()["en"]
    after = lexicons.change(store, "en", [NO_MAYBE]).lexicon_id
    assert store.current_lexicons() == {"en": after}
    assert not lexicons.all_are_marked(store)
    assert hedges(store) == [None, None, None], "no count of one version passes for another's"
    said = lexicons.remark(store)
    assert (said["marked"], said["refused"], said["waiting"]) == (2, 1, 0)
    assert said["lexicon_id"] == after != before
    assert hedges(store) == [0, 1, None]
    assert store.list_traces()["lexicon_id"].to_list() == [after, after, None]
    assert lexicons.remark(store)["marked"] == 0


def test_an_earlier_version_comes_back_with_its_counts(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    before = store.current_lexicons()["en"]
    lexicons.change(store, "en", [NO_MAYBE])
    lexicons.remark(store)
    lexicons.use(store, before, why="as published", who="bo")
    assert lexicons.all_are_marked(store)
    assert hedges(store) == [2, 1, None]
    # A change that comes after it stands on it; the change before it is over.
    lexicons.change(store, "en", [Change("silence", "perhaps", why="w", who="bo")])
    lexicons.remark(store)
    assert hedges(store) == [2, 0, None]
    assert lexicons.state_of(store, "en").base_id == before


def test_a_withdrawal_is_a_record_and_leads_back(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    before = store.current_lexicons()["en"]
    lexicons.change(store, "en", [NO_MAYBE])
    (record,) = store.lexicon_changes()
    lexicons.withdraw(store, record["change_id"][:8], why="it is none", who="bo")
    assert store.current_lexicons()["en"] == before
    log = store.lexicon_changes()
    assert [(r["sequence"], r["action"], r["who"], r["is_live"]) for r in log] == [
        (1, "silence", "ada", False),
        (2, "withdraw", "bo", False),
    ]
    assert {name: log[0][name] for name in ("phrase", "why")} == {
        "phrase": "maybe",
        "why": "a habit here",
    }
    with pytest.raises(CurationError, match="names no live changes"):
        lexicons.withdraw(store, record["change_id"], why="again", who="bo")
    assert store.verify().broken == []


def test_changes_come_all_or_none_and_once(store: Store) -> None:
    with pytest.raises(CurationError, match="no phrase 'zebra'"):
        lexicons.change(store, "en", [NO_MAYBE, Change("silence", "zebra", why="w", who="ada")])
    assert store.lexicon_changes() == []
    for _ in range(2):
        lexicons.change(store, "en", [NO_MAYBE], ["an id of the page"])
    assert [record["change_id"] for record in store.lexicon_changes()] == ["an id of the page"]


def test_a_change_that_cannot_be_stored_leaves_none_of_those_beside_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Store.add_lexicon_change

    def full(self: Store, said: Any) -> int:
        if said["phrase"] == "perhaps":
            raise OSError("the disk is full")
        return append(self, said)

    monkeypatch.setattr(Store, "add_lexicon_change", full)
    with pytest.raises(OSError, match="disk is full"):
        lexicons.change(store, "en", [NO_MAYBE, NO_MAYBE._replace(phrase="perhaps")])
    assert store.lexicon_changes() == []


@pytest.mark.parametrize(("why", "who"), [(" ", "ada"), ("noise", "")])
def test_a_change_says_who_and_why(store: Store, why: str, who: str) -> None:
    with pytest.raises(CurationError, match="A change of a lexicon says"):
        lexicons.change(store, "en", [NO_MAYBE._replace(why=why, who=who)])
    assert store.lexicon_changes() == []


def test_whoever_is_killed_after_the_log_is_made_up_for(
    store: Store, traces: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(store: Store) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lexicons, "use_what_follows", killed)
        with pytest.raises(KeyboardInterrupt):
            lexicons.change(store, "en", [NO_MAYBE])
    assert not lexicons.all_are_marked(store)
    assert lexicons.mark_pending(store) == 2
    assert hedges(store) == [0, 1, None]


def test_a_newer_shipped_lexicon_keeps_the_changes_and_names_those_that_are_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Change("add", "a wild stab", "hedge", why="ours", who="ada")
    lexicons.change(store, "en", [NO_MAYBE, added])
    shipped = hedging.load_lexicon()
    newer = hedging.read_lexicon(shipped.content + "a wild stab\thedge\tweak\t\tx\town\n")
    monkeypatch.setattr(hedging, "load_lexicon", lambda language: newer)
    state = lexicons.state_of(store, "en")
    assert [(idle.place, idle.reason) for idle in state.idle] == [
        (1, "'a wild stab' is hedge already; `reclassify` changes it.")
    ]
    assert "maybe" not in {entry.phrase for entry in state.lexicon.entries}


def test_a_trace_in_a_language_without_a_lexicon_has_no_count_and_says_why(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    (row,) = store.list_traces("marking_refusal is not null").to_dicts()
    assert row["trace_id"] == traces[2]["trace_id"]
    assert row["language"] == "de"
    assert row["marking_refusal"] == lexicons.refusal("de")
    for name in ("n_markers", "n_epistemic", "n_hedge", "n_words", "kim_count", "lexicon_id"):
        assert row[name] is None
    of = signs.marking_of(store, store.trace(row["trace_id"]))
    assert (of.markers, of.lexicon, of.refusal) == (None, None, lexicons.refusal("de"))
    assert store.refusal(row["trace_id"]) == lexicons.refusal("de")
    assert store.refusal(traces[0]["trace_id"]) is None
    assert store.marking_state() == [
        {"language": "und", "n_traces": 2, "n_marked": 2, "n_refused": 0},
        {"language": "de", "n_traces": 1, "n_marked": 0, "n_refused": 1},
    ]
    assert lexicons.refused(store.list_traces()) == {
        "n_refused": 1,
        "refused_languages": {"de": 1},
    }


def test_a_language_is_one_file_more(
    store: Store, traces: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lexicon"
    folder.mkdir()
    (folder / "en.tsv").write_bytes((ROOT / "curation/lexicon/en.tsv").read_bytes())
    (folder / "de.tsv").write_text(GERMAN_TABLE, "utf-8")
    monkeypatch.setattr(tables, "LEXICON_FOLDER", folder)
    tables._shipped.cache_clear()
    assert lexicons.remark(store, "de")["marked"] == 1
    # DE: "Vielleicht" doubts, "Ich prüfe" checks.
    row = store.list_traces("language = 'de'").to_dicts()[0]
    assert (row["n_hedge"], row["n_verification"], row["n_markers"]) == (1, 1, 2)
    assert row["marking_refusal"] is None
    assert hedges(store) == [2, 1, 1]
    markers = signs.markers_of(store, store.trace(row["trace_id"]))
    assert [marker.text for marker in markers] == ["Vielleicht", "Ich prüfe"]
    tables._shipped.cache_clear()


def test_an_imported_language_counts_until_it_is_withdrawn(
    store: Store, traces: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "de.tsv").write_text(GERMAN_TABLE, "utf-8")
    read = versions.read_file(tmp_path / "de.tsv")
    lexicons.take_in(store, read, why="we need it", who="ada")
    assert list(lexicons.in_use(store)) == ["en", "de"]
    lexicons.remark(store)
    assert hedges(store) == [2, 1, 1]
    lexicons.change(store, "de", [Change("silence", "Vielleicht", why="w", who="ada")])
    lexicons.remark(store)
    assert hedges(store) == [2, 1, 0]
    used, changed = store.lexicon_changes("de")
    lexicons.withdraw(store, changed["change_id"], why="w", who="ada")
    lexicons.withdraw(store, used["change_id"], why="w", who="ada")
    assert store.current_lexicons().keys() == {"en"}
    assert hedges(store) == [2, 1, None]
    with pytest.raises(CurationError, match="There is no lexicon for language 'de'"):
        lexicons.remark(store, "de")


def test_what_is_exported_is_taken_up_elsewhere_under_the_same_id(
    store: Store, tmp_path: Path
) -> None:
    ours = lexicons.change(store, "en", [NO_MAYBE])
    lexicons.write(ours, tmp_path / "en.tsv")
    with stores.open(tmp_path / "theirs.duckdb") as theirs:
        read = versions.read_file(tmp_path / "en.tsv")
        assert lexicons.take_in(theirs, read, why="as they do", who="bo") == ours
        assert theirs.current_lexicons() == store.current_lexicons()
    with pytest.raises(CurationError, match="exists already"):
        lexicons.write(ours, tmp_path / "en.tsv")


def test_the_effect_of_a_change_is_told_before_it_is_stored(
    store: Store, traces: list[dict[str, Any]]
) -> None:
    effect = lexicon_effects.preview(store, "en", NO_MAYBE)
    assert (effect.n_traces, effect.n_come, effect.n_go) == (1, 0, 2)
    assert effect.by_category == {"hedge": (2, 0)}
    (example,) = effect.examples
    assert (example.before, example.surface, example.after) == ("", "Maybe", " 4, maybe 5.")
    assert (example.was, example.becomes) == ("hedge", None)
    assert effect.lexicon_id == lexicons.change(store, "en", [NO_MAYBE]).lexicon_id
    moved = Change("reclassify", "perhaps", "booster")
    (example,) = lexicon_effects.preview(store, "en", moved).examples
    assert (example.was, example.becomes) == ("hedge", "booster")


def test_an_older_store_keeps_its_markings_and_learns_its_languages(tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for name in ("0001_core.sql", "0002_compatibility.sql"):
        (older / name).write_bytes((MIGRATIONS / name).read_bytes())
    path = tmp_path / "s.duckdb"
    rows = [a_trace("Maybe 4, maybe 5."), a_trace(DE)]
    shipped = hedging.load_lexicon()
    ids = [row["trace_id"] for row in rows]
    with stores.open(tmp_path / "newer.duckdb") as newer:
        newer.add(a_batch(*rows), "i")
        problem = newer._frame("select * from problem")
        trace = newer._frame("select * from trace")
    marking = hedging.mark_many(ids, [row["text"] for row in rows])
    with Connection(path, older) as before, before._writing() as cursor:
        for name, frame in (("problem", problem), ("trace", trace), ("marking", marking)):
            cursor.register("rows", frame)
            cursor.execute(f"insert into {name} by name select * from rows")
            cursor.unregister("rows")
        cursor.execute(
            "insert into lexicon values ($id, 'en', $content, now())",
            {"id": shipped.lexicon_id, "content": shipped.content},
        )
    with stores.open(path) as store:
        assert store.current_lexicons() == {"en": shipped.lexicon_id}
        assert store._value("select count(*) from marking") == 2
        # What English made of the German text counts until its language is known, then no more.
        assert hedges(store) == [2, 0]
        assert lexicons.mark_pending(store) == 0
        assert hedges(store) == [2, None]
        assert store._value("select count(*) from marking") == 2
        assert store.verify().broken == []


def test_verify_notices_a_log_that_was_tampered_with(store: Store) -> None:
    lexicons.change(store, "en", [NO_MAYBE])
    with store._writing() as cursor:
        cursor.execute("update lexicon_change set phrase = 'perhaps'")
    (broken,) = store.verify().broken
    assert "does not say what was stored" in broken
