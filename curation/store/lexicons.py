"""Which lexicon marks what: the log of a team's changes, versions, languages, markings.

The log is appended to and never edited. What follows from it (which phrases a lexicon has, which
version is in use) is worked out elsewhere and told to `use_lexicon`; a version's text is stored
once and stays. The setting `lexicon/LANGUAGE` names the version in use, so that an earlier one can
be it again. A trace in a language for which no lexicon is in use has no count; `refusal` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import MARKING_SCHEMA, content_id
from curation.store.connection import now
from curation.store.scoring import Scoring

LANGUAGE_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "detector": pl.String(),
    "language": pl.String(),
    "probability": pl.Float64(),
    "n_letters": pl.Int32(),
}
"""What a detector says of a trace's language; 'und' where it cannot tell."""

_SAID = (
    "change_id", "language", "action", "phrase", "category", "strength", "lexicon_id", "withdraws",
    "why", "who",
)  # fmt: skip
"""What a record of the log says, apart from when and in which place."""


class Lexicons(Scoring):
    """The part of a store that keeps lexicons, languages and markings."""

    def use_lexicon(self, lexicon_id: str, language: str, content: str) -> None:
        """Make this lexicon the one in use for its language; its text is stored once.

        Raises StoreError where this text is stored as another language's.
        """
        name = "lexicon/" + language
        if self.setting(name) == lexicon_id:
            return
        with self.transaction():
            self.add_lexicon(lexicon_id, language, content)
            self.set_setting(name, lexicon_id)

    def add_lexicon(self, lexicon_id: str, language: str, content: str) -> None:
        """Store a version, whether or not it comes into use. Raises StoreError as above."""
        with self._writing() as cursor:
            cursor.execute(
                "insert into lexicon values ($id, $language, $content, $at) on conflict do nothing",
                {"id": lexicon_id, "language": language, "content": content, "at": now()},
            )
            known = cursor.execute(
                "select language from lexicon where lexicon_id = $id", {"id": lexicon_id}
            ).fetchall()[0][0]
        if known != language:
            raise StoreError(
                f"Lexicon {lexicon_id} is stored as language {known}, not {language}; the same "
                "table cannot serve two."
            )

    def lexicon(self, lexicon_id: str) -> dict[str, Any]:
        """A stored version: language, content, added_at. Raises StoreError for an unknown id."""
        row = self._one("select * from lexicon where lexicon_id = $id", id=lexicon_id)
        if row is None:
            raise StoreError(
                f"The store knows no lexicon {lexicon_id}. `python -m curation lexicon list` shows "
                "the versions."
            )
        return row

    def lexicon_versions(self) -> pl.DataFrame:
        """Every version of every language: lexicon_id, added_at, is_in_use, n_marked (traces)."""
        return self._frame(
            """
            select l.language, l.lexicon_id, l.added_at, c.lexicon_id is not null as is_in_use,
                coalesce(m.n_marked, 0) as n_marked
            from lexicon l left join current_lexicon c using (lexicon_id) left join (
                select lexicon_id, count(*) as n_marked from marking group by lexicon_id
            ) m using (lexicon_id)
            order by l.language, l.added_at desc, l.lexicon_id
            """
        )

    def add_lexicon_change(self, said: Mapping[str, Any]) -> int:
        """Append a record to the log; its number. A record that is there already stays.

        Keys: change_id, language, action, why, who; phrase, category and strength as the action
        asks; lexicon_id of `use` (None = the shipped one); withdraws. Raises StoreError where it
        withdraws what is no live record of the language.
        """
        row = {name: said.get(name) for name in _SAID}
        row["content_hash"] = change_hash(row)
        with self._writing() as cursor:
            known = cursor.execute(
                "select sequence, content_hash from lexicon_change where change_id = $id",
                {"id": row["change_id"]},
            ).fetchall()
            if known:
                if known[0][1] != row["content_hash"]:
                    raise StoreError(
                        f"Change {row['change_id']} is stored and says something else; it stays."
                    )
                return int(known[0][0])
            if (
                row["withdraws"] is not None
                and not cursor.execute(
                    "select 1 from live_lexicon_change "
                    "where change_id = $id and language = $language",
                    {"id": row["withdraws"], "language": row["language"]},
                ).fetchall()
            ):
                raise StoreError(
                    f"There is no change {row['withdraws']} to withdraw, or it is withdrawn "
                    "already. `python -m curation lexicon list` shows the changes."
                )
            number = cursor.execute(
                "select coalesce(max(sequence), 0) + 1 from lexicon_change"
            ).fetchall()[0][0]
            row |= {"sequence": number, "changed_at": now()}
            names, values = ", ".join(row), ", ".join(f"${name}" for name in row)
            cursor.execute(f"insert into lexicon_change ({names}) values ({values})", row)
        return int(number)

    def lexicon_changes(self, language: str | None = None) -> list[dict[str, Any]]:
        """The log, oldest first, each record with `is_live`; of one language where it is named."""
        return self._frame(
            "select c.* exclude (content_hash), l.change_id is not null as is_live "
            "from lexicon_change c left join live_lexicon_change l using (change_id) "
            "where $language is null or c.language = $language order by c.sequence",
            language=language,
        ).to_dicts()

    def current_lexicons(self) -> dict[str, str]:
        """The id of the lexicon in use for each language that has one."""
        frame = self._frame("select language, lexicon_id from current_lexicon order by language")
        return dict(frame.iter_rows())

    def unread(self, detector: str, limit: int = 1000) -> pl.DataFrame:
        """Traces whose language this detector has not looked for: trace_id, text."""
        return self._frame(
            # Which they are first: texts are read of no others.
            "select trace_id, text from trace semi join (select trace_id, position from trace "
            "anti join (select trace_id from trace_language where detector = $detector) d "
            "using (trace_id) order by position limit $limit) using (trace_id) order by position",
            detector=detector,
            limit=limit,
        )

    def add_languages(self, frame: pl.DataFrame) -> None:
        """Store which languages a detector found (`LANGUAGE_SCHEMA`)."""
        with self._writing() as cursor:
            cursor.register("found_language", frame.select(list(LANGUAGE_SCHEMA)))
            cursor.execute(
                "insert into trace_language by name select * from found_language "
                "on conflict do nothing"
            )
            cursor.unregister("found_language")

    def unmarked(self, lexicon_id: str, limit: int = 1000, language: str = "en") -> pl.DataFrame:
        """Traces of this language that this lexicon has not marked: trace_id, prompt, text.

        Where the language of a trace cannot be told it counts as English; a trace of which it was
        not looked for yet is not among them (`unread`).
        """
        return self._frame(
            # As above.
            "select trace_id, prompt, text from trace semi join (select trace_id, position "
            "from trace anti join "
            "(select trace_id from marking where lexicon_id = $lexicon_id) m using (trace_id) "
            "join current_language c using (trace_id) "
            "where coalesce(nullif(c.language, 'und'), 'en') = $language "
            "order by position limit $limit) using (trace_id) order by position",
            lexicon_id=lexicon_id,
            limit=limit,
            language=language,
        )

    def add_markings(self, frame: pl.DataFrame) -> None:
        """Store what a lexicon found (`MARKING_SCHEMA`); a marking that is there stays."""
        with self._writing() as cursor:
            cursor.register("batch_marking", frame.select(list(MARKING_SCHEMA)))
            cursor.execute(
                "insert into marking by name select * from batch_marking on conflict do nothing"
            )
            cursor.unregister("batch_marking")

    def marking(self, trace_id: str) -> dict[str, Any] | None:
        """A trace's markers under the lexicon in use: lists start_char, end_char, category."""
        return self._one(
            "select m.* from marking m join current_lexicon l using (lexicon_id) "
            "where m.trace_id = $trace_id and l.language = coalesce(nullif("
            "(select language from current_language where trace_id = $trace_id), 'und'), 'en')",
            trace_id=trace_id,
        )

    def marking_under(self, lexicon_id: str, trace_id: str) -> dict[str, Any] | None:
        """What a lexicon found in a trace, whether it is the one in use or not; as `marking`."""
        return self._one(
            "select * from marking where trace_id = $trace_id and lexicon_id = $lexicon_id",
            trace_id=trace_id,
            lexicon_id=lexicon_id,
        )

    def language(self, trace_id: str) -> str | None:
        """The language a trace is written in; 'und' = cannot be told, None = not looked for yet."""
        row = self._one("select language from current_language where trace_id = $id", id=trace_id)
        return row["language"] if row else None

    def refusal(self, trace_id: str) -> str | None:
        """Why a trace has no count, or None where it has, or will have, one."""
        row = self._one("select reason from refused_trace where trace_id = $id", id=trace_id)
        return row["reason"] if row else None

    def marking_state(self) -> list[dict[str, Any]]:
        """By language ('und' = cannot be told, None = not looked for): n_traces, n_marked,
        n_refused. What is neither marked nor refused waits. No decision changes it.
        """
        return self._remembered("marking_state", self._how_often_changed(), self._marking_state)

    def _marking_state(self) -> list[dict[str, Any]]:
        return self._frame(
            """
            select c.language, count(*) as n_traces, count(m.trace_id) as n_marked,
                count(r.trace_id) as n_refused
            from trace t left join current_language c using (trace_id)
            left join marker_count m using (trace_id) left join refused_trace r using (trace_id)
            group by c.language order by n_traces desc, c.language
            """
        ).to_dicts()

    def marked_texts(self, lexicon_id: str, limit: int) -> pl.DataFrame:
        """The first `limit` traces that a lexicon marked: text, start_char, end_char, category."""
        return self._frame(
            "select t.text, m.start_char, m.end_char, m.category "
            "from marking m join trace t using (trace_id) "
            "where m.lexicon_id = $lexicon_id order by t.position limit $limit",
            lexicon_id=lexicon_id,
            limit=limit,
        )

    def holding(self, word: str, language: str, limit: int) -> tuple[pl.DataFrame, int]:
        """Traces of a language whose text may hold a (lower-case) word: trace_id, prompt, text.

        The first `limit` of them, and how many there are in all.
        """
        rows = """
            from trace t left join current_language c using (trace_id)
            where coalesce(nullif(c.language, 'und'), 'en') = $language
              and (contains(lower(t.text), $word) or regexp_matches(t.text, '[ſＡ-Ｚａ-ｚ]'))
            """
        frame = self._frame(
            f"select t.trace_id, t.prompt, t.text {rows} order by t.position limit $limit",
            word=word,
            language=language,
            limit=limit,
        )
        n = self._value(f"select count(*) {rows}", word=word, language=language)
        return frame, int(n)


def change_hash(row: Mapping[str, Any]) -> str:
    """The id of what a record of the log says."""
    return content_id("lc1", *(row[name] for name in _SAID))


def change_findings(store: Lexicons) -> tuple[int, list[str]]:
    """For `verify`: how many records of the log were looked at, and what does not hold."""
    rows = store._frame("select * from lexicon_change order by sequence").to_dicts()
    known = {row["change_id"] for row in rows}
    versions = set(store._frame("select lexicon_id from lexicon")["lexicon_id"])
    broken = []
    for n, row in enumerate(rows, start=1):
        name = f"change of a lexicon {row['change_id']} (no. {row['sequence']})"
        if row["sequence"] != n:
            broken.append(f"{name}: number {n} is missing before it")
            break
        if row["content_hash"] != change_hash(row):
            broken.append(f"{name}: it does not say what was stored")
        if row["withdraws"] is not None and row["withdraws"] not in known:
            broken.append(f"{name}: it withdraws {row['withdraws']}, which is missing")
        if row["lexicon_id"] is not None and row["lexicon_id"] not in versions:
            broken.append(f"{name}: it uses {row['lexicon_id']}, which is missing")
    return len(rows), broken
