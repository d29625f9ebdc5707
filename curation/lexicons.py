"""The lexicons in use, and every trace marked by the one for its language.

    in_use(store)["en"]              what marks: a shipped or stored table with the team's changes
    change(store, "en", [...])       append to the team's changes
    mark_pending(store)              read languages, mark what is not marked

A conductor: reads the store's log of changes, lets `curation.hedging` make a lexicon of it, and
keeps what that finds. A lexicon in use follows from the log and the shipped files alone, so a
release with a better lexicon keeps the team's changes: those that no longer fit are left out and
named (`State.idle`). Another lexicon has another id, and what has no marking under it is pending:
marking anew needs no order, and going back to an earlier version finds its markings there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curation import hedging
from curation.errors import CurationError
from curation.hedging import changes as changing
from curation.hedging import language as languages
from curation.hedging import versions
from curation.hedging.changes import Change, Idle
from curation.hedging.lexicon import Lexicon
from curation.store import LANGUAGE_SCHEMA, Store

DEFAULT = languages.DEFAULT
UNDETERMINED = languages.UNDETERMINED


class State(NamedTuple):
    """What marks the traces of a language, and where it comes from."""

    lexicon: Lexicon
    base_id: str | None
    """The stored version that the changes stand on; None = the shipped one."""
    changes: tuple[Change, ...]
    """The team's live changes on that base, oldest first."""
    idle: tuple[Idle, ...]
    """Those of them that have no effect, and why."""


class Marked(NamedTuple):
    """What a round of marking did."""

    n_marked: int
    n_refused: int
    """Traces found to be in a language for which there is no lexicon."""


def states(store: Store) -> dict[str, State]:
    """Every language that has a lexicon, English first; raises CurationError as `in_use` does."""
    logs: dict[str, list[dict[str, Any]]] = {}
    for record in store.lexicon_changes():
        if record["is_live"]:
            logs.setdefault(record["language"], []).append(record)
    shipped = versions.shipped_languages()
    found = {}
    for language in sorted({*shipped, *logs}, key=lambda code: (code != DEFAULT, code)):
        log = logs.get(language, [])
        used = [i for i, record in enumerate(log) if record["action"] == "use"]
        base_id = log[used[-1]]["lexicon_id"] if used else None
        if base_id is None and language not in shipped:
            continue  # what was imported has been withdrawn
        wished = tuple(_change(record) for record in log[used[-1] + 1 if used else 0 :])
        if base_id is None:
            base = hedging.load_lexicon(language)
        else:
            base = _stored(language, store.lexicon(base_id)["content"], base_id)
        lexicon, idle = _changed(base.content, language, wished) if wished else (base, ())
        found[language] = State(lexicon, base_id, wished, idle)
    return found


def in_use(store: Store) -> dict[str, Lexicon]:
    """The lexicon that marks each language, English first.

    Raises CurationError where a stored version cannot be read any more.
    """
    return {language: state.lexicon for language, state in states(store).items()}


def state_of(store: Store, language: str) -> State:
    """What marks a language. Raises CurationError where nothing does."""
    known = states(store)
    if language not in known:
        raise CurationError(
            f"There is no lexicon for language {language!r}; there is: {', '.join(known)}. "
            "`python -m curation lexicon import FILE` brings one in."
        )
    return known[language]


def _change(record: dict[str, Any]) -> Change:
    return Change(
        record["action"], record["phrase"], record["category"], record["strength"],
        record["why"], record["who"], record["changed_at"],
    )  # fmt: skip


@lru_cache(maxsize=8)
def _stored(language: str, content: str, lexicon_id: str) -> Lexicon:
    """A stored version under the context rules of today."""
    try:
        lexicon = hedging.read_lexicon(content, language, f"lexicon {lexicon_id}")
    except CurationError as exc:
        raise CurationError(
            f"{exc} It was made by another version of Hedgerow. `python -m curation lexicon use "
            f"shipped --language {language}`, or `lexicon withdraw`, leaves it."
        ) from exc
    return versions.for_these_rules(lexicon)


@lru_cache(maxsize=8)
def _changed(
    content: str, language: str, wished: tuple[Change, ...]
) -> tuple[Lexicon, tuple[Idle, ...]]:
    """A lexicon with the team's changes; those that do not fit are returned."""
    lexicon, idle = changing.rebase(hedging.read_lexicon(content, language), wished)
    return lexicon, tuple(idle)


def use_what_follows(store: Store) -> dict[str, Lexicon]:
    """Tell the store which lexicons are in use, where it does not know yet; those lexicons.

    Two threads that read the log around a change may tell it in the wrong order; the next round of
    marking tells it again.
    """
    lexicons = in_use(store)
    store.set_setting("language_detector", languages.DETECTOR)
    for language, lexicon in lexicons.items():
        store.use_lexicon(lexicon.lexicon_id, language, lexicon.content)
    for language in store.current_lexicons():
        if language not in lexicons:
            store.set_setting("lexicon/" + language, "")
    return lexicons


def mark_pending(
    store: Store,
    progress: Callable[[int], object] | None = None,
    limit: int | None = None,
    language: str | None = None,
) -> int:
    """Bring the markers of every trace up to the lexicon of its language; how many traces got one.

    Traces whose language is not known yet are read first. `limit` is how many to read, and to mark,
    at most; `progress` is told "n more marked"; `language` None = all.
    """
    lexicons = use_what_follows(store)
    n = 0
    while limit is None or n < limit:
        at_once = 1000 if limit is None else limit - n
        n_read = _read_languages(store, at_once)
        n_marked = 0
        for code, lexicon in lexicons.items():
            if language in (None, code):
                n_marked += _mark(store, lexicon, at_once - n_marked)
        if n_marked and progress is not None:
            progress(n_marked)
        n += n_marked
        if not n_marked and (not n_read or limit is not None):
            break
    return n


def _read_languages(store: Store, limit: int) -> int:
    frame = store.unread(languages.DETECTOR, limit)
    if frame.height:
        found = [languages.read_language(text) for text in frame["text"]]
        store.add_languages(
            pl.DataFrame(
                {
                    "trace_id": frame["trace_id"],
                    "detector": [languages.DETECTOR] * frame.height,
                    "language": [reading.language for reading in found],
                    "probability": [reading.probability for reading in found],
                    "n_letters": [reading.n_letters for reading in found],
                },
                schema=LANGUAGE_SCHEMA,
            )
        )
    return frame.height


def _mark(store: Store, lexicon: Lexicon, limit: int) -> int:
    frame = store.unmarked(lexicon.lexicon_id, limit, lexicon.language) if limit else None
    if frame is None or not frame.height:
        return 0
    store.add_markings(
        hedging.mark_many(
            frame["trace_id"].to_list(), frame["text"].to_list(), frame["prompt"].to_list(), lexicon
        )
    )
    return frame.height


def all_are_marked(store: Store) -> bool:
    """Whether every trace is marked by the lexicon in use for its language, or refused."""
    lexicons = in_use(store)
    return (
        store.current_lexicons() == {code: one.lexicon_id for code, one in lexicons.items()}
        and not store.unread(languages.DETECTOR, 1).height
        and not any(store.unmarked(one.lexicon_id, 1, code).height
                    for code, one in lexicons.items())
    )  # fmt: skip


def remark(
    store: Store,
    language: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Mark everything that is pending, and say where marking stands (`remark --json`).

    `language` None = all. `marked` are those marked now, `refused` all that have no count.
    """
    started = time.monotonic()
    shown = language or DEFAULT
    lexicon_id = state_of(store, shown).lexicon.lexicon_id
    marked = mark_pending(store, progress, language=language)
    return {
        "marked": marked,
        **standing(store),
        "language": shown,
        "lexicon_id": lexicon_id,
        "seconds": time.monotonic() - started,
    }


def refusal(language: str) -> str:
    """Why a trace in this language has no count: the words of the view `refused_trace`."""
    return f"The text is in language {language}, and no lexicon in use is for it."


def refused(traces: pl.DataFrame) -> dict[str, Any]:
    """Of `Store.list_traces`: `n_refused`, how many have no count, and `refused_languages`."""
    found = traces.filter(pl.col("marking_refusal").is_not_null())["language"].value_counts()
    by_language = {str(code): int(n) for code, n in found.sort("language").iter_rows()}
    return {"n_refused": sum(by_language.values()), "refused_languages": by_language}


def standing(store: Store) -> dict[str, Any]:
    """How many traces are counted, refused (by language) and waiting, and by which lexicons."""
    rows = store.marking_state()
    total = sum(row["n_traces"] for row in rows)
    counted = sum(row["n_marked"] for row in rows)
    refused = {row["language"]: row["n_refused"] for row in rows if row["n_refused"]}
    return {
        "counted": counted,
        "refused": sum(refused.values()),
        "refused_languages": refused,
        "undetermined": sum(r["n_traces"] for r in rows if r["language"] == UNDETERMINED),
        "waiting": total - counted - sum(refused.values()),
        "lexicons": store.current_lexicons(),
    }


def change(
    store: Store, language: str, wished: Sequence[Change], change_ids: Sequence[str] | None = None
) -> Lexicon:
    """Append changes to the log, all or none; the lexicon that is in use then.

    The log is on disk first: whoever is killed before the store is told what follows from it is
    made up for by the next round of marking.

    `change_ids` come from where the wish was made, so that sending it twice stores it once. Raises
    CurationError for a change that does not fit the lexicon in use, or says not who or why.
    """
    ids = list(change_ids or (str(uuid.uuid4()) for _ in wished))
    with store.transaction():
        known = {record["change_id"] for record in store.lexicon_changes(language)}
        new = [(i, c) for i, c in zip(ids, wished, strict=True) if i not in known]
        changing.apply(state_of(store, language).lexicon, [c for _, c in new])
        for change_id, one in new:
            _append(
                store, one.why, one.who, change_id=change_id, language=language, action=one.action,
                phrase=changing.key_of(one.phrase), category=one.category, strength=one.strength,
            )  # fmt: skip
    return use_what_follows(store)[language]


def withdraw(store: Store, change_id: str, *, why: str, who: str) -> str:
    """Take a record of the log back, by a new one; the language that it was about.

    Raises CurationError where there is no such live record.
    """
    with store.transaction():
        record = _record(store, change_id)
        _append(store, why, who, language=record["language"], action="withdraw",
                withdraws=record["change_id"])  # fmt: skip
    use_what_follows(store)
    return str(record["language"])


def use(store: Store, lexicon_id: str, *, why: str, who: str, language: str = DEFAULT) -> Lexicon:
    """Go (back) to a stored version as it is, or with "shipped" to the one that Hedgerow brings.

    Later changes stand on it. The log keeps what was before; withdrawing this record returns to it.
    Raises CurationError for an unknown version or language.
    """
    stored: str | None = None
    if lexicon_id == "shipped":
        if language not in versions.shipped_languages():
            raise CurationError(f"No lexicon is shipped for language {language!r}.")
    else:
        row = store.lexicon(lexicon_id)
        stored, language = row["lexicon_id"], row["language"]
        _stored(language, row["content"], lexicon_id)  # raises where it cannot be read
    _append(store, why, who, language=language, action="use", lexicon_id=stored)
    return use_what_follows(store)[language]


def take_in(store: Store, lexicon: Lexicon, *, why: str, who: str) -> Lexicon:
    """Store a lexicon that came from a file (`hedging.versions.read_file`) and use it."""
    store.add_lexicon(lexicon.lexicon_id, lexicon.language, lexicon.content)
    return use(store, lexicon.lexicon_id, why=why, who=who)


def write(lexicon: Lexicon, path: Path) -> None:
    """Write a lexicon's table to a new file. Raises CurationError where there is one already."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(lexicon.content)
    except FileExistsError as exc:
        raise CurationError(f"{path} exists already; name a new file.") from exc
    except OSError as exc:
        raise CurationError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


def _record(store: Store, change_id: str) -> dict[str, Any]:
    """The live record with this id, or whose id begins so. Raises CurationError."""
    live = [record for record in store.lexicon_changes() if record["is_live"]]
    found = [r for r in live if change_id and r["change_id"].startswith(change_id)]
    if len(found) == 1:
        return found[0]
    raise CurationError(
        f"{change_id!r} names {len(found) or 'no'} live changes; "
        "`python -m curation lexicon list` shows them with their ids."
    )


def _append(store: Store, why: str, who: str, **said: Any) -> None:
    """Add a record to the log. Raises CurationError where nobody says who or why."""
    for name, value in (("who makes the change", who), ("why", why)):
        if not value.strip():
            raise CurationError(f"A change of a lexicon says {name}; nothing was changed.")
    said.setdefault("change_id", str(uuid.uuid4()))
    store.add_lexicon_change({**said, "why": why.strip(), "who": who.strip()})
