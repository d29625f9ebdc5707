"""Which traces a person looks for: by a condition, and by what stands in them.

A search reads every text from end to end. DuckDB's full-text index is no help here: it is built
anew for each change of the table, knows stems of words and no formulas, and its extension would
have to be loaded from outside, which a store never does.
"""

from __future__ import annotations

import duckdb
import polars as pl

from curation.errors import FilterError
from curation.store.reading import Reading

_LITERAL = "contains(lower(text), lower($sought)) or contains(lower(prompt), lower($sought))"
_PATTERN = "regexp_matches(text, $sought, 'i') or regexp_matches(prompt, $sought, 'i')"


class Finding(Reading):
    """The part of a store that finds traces."""

    def find(self, where: str | None = None, text: str | None = None) -> list[str]:
        """The ids of the traces that meet a condition and hold a text, in order of arrival.

        Of those that one decides on: what an edit made is found by its original.
        `where` is a DuckDB condition over the columns of view `trace_overview`. `text` is looked
        for in prompt and trace, letter case aside; between slashes (`/so|hence/`) it is a regular
        expression as RE2 reads it. None or blank asks for nothing. Raises FilterError.
        """
        sought, condition = (text or "").strip(), "$sought = ''"
        if len(sought) > 2 and sought.startswith("/") and sought.endswith("/"):
            sought, condition = sought[1:-1], _PATTERN
            self._check_pattern(sought)
        elif sought:
            condition = _LITERAL
        frame = self._filtered(
            "select trace_id from (select trace_id, position from trace "
            f"anti join edited_trace using (trace_id) where {condition})",
            where,
            "order by position",
            sought=sought,
        )
        return frame["trace_id"].to_list()

    def solutions(self, teacher_context: str) -> pl.DataFrame:
        """What the traces of a context answer: problem_id, is_correct, final_answer, by arrival."""
        return self._frame(
            "select problem_id, is_correct, final_answer from trace "
            "where teacher_context = $context order by position",
            context=teacher_context,
        )

    def settings(self, prefix: str) -> dict[str, str]:
        """The settings whose names begin with `prefix`: the rest of the name -> value, by name."""
        frame = self._frame(
            "select name, value from setting where starts_with(name, $prefix) order by name",
            prefix=prefix,
        )
        return {name[len(prefix) :]: value for name, value in frame.iter_rows()}

    def forget_setting(self, name: str) -> None:
        """Forget a setting; nothing happens where there is none."""
        with self._writing() as cursor:
            cursor.execute("delete from setting where name = $name", {"name": name})

    def _check_pattern(self, pattern: str) -> None:
        try:
            with self._reading() as cursor:
                cursor.execute("select regexp_matches('', $p)", {"p": pattern}).fetchall()
        except duckdb.Error as exc:
            raise FilterError(
                f"/{pattern}/ is no regular expression: {str(exc).strip().splitlines()[0]} "
                "Leave out the slashes to look for the text as it stands."
            ) from exc
