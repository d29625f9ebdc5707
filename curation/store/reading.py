"""What the rest of the house asks the store: one method per question."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import duckdb
import polars as pl

from curation.errors import FilterError, UnknownTrace
from curation.records import COMPATIBILITY_COLUMNS, PROFILE_COLUMNS, QUESTION, Problem, Trace
from curation.store.evidence import Evidence

LISTED = (
    "trace_id, problem_id, position, domain, teacher, teacher_family, teacher_context, "
    "teacher_context_raw, sample_index, is_correct, final_answer, reference_answer, source, "
    "external_id, n_chars, n_steps, state, verdict, n_accept, n_reject, n_flag, n_skip, student, "
    "convention_id, score_error, n_tokens, total_nll_nats, mean_nll_nats, perplexity, mean_rank, "
    "mean_clipped_rank, rsr, mean_entropy_nats, max_nll_nats, grape_nats, car, "
    + ", ".join(name for names in COMPATIBILITY_COLUMNS.values() for name in names)
    + ", privileged_by, repeated_share, has_loop, n_answer_repetitions, is_truncated, "
    "n_skipped_computations, early_answer, lexicon_id, n_words, kim_count, "
    "n_markers, n_epistemic, n_hedge, n_reflection, n_alternative, n_verification, "
    "n_retrospective, n_booster, n_evidential, n_privilege, language, marking_refusal"
)


_COLUMNS = frozenset(re.findall(r"\w+", LISTED))
_FIGURES = frozenset(
    (*PROFILE_COLUMNS, *(name for names in COMPATIBILITY_COLUMNS.values() for name in names))
)
"""What the student's scores alone say."""


class Pulse(NamedTuple):
    """How much of everything is stored, decisions left out; two are equal where nothing is new."""

    traces: int
    problems: str
    """How many, and how many of them have an answer and a solution."""
    scores: int
    families: int
    rest: str
    """Markings, languages, shortcuts, lexicons, students and settings in one word."""


class Reading(Evidence):
    """The part of a store that answers questions."""

    _felt: tuple[int, Pulse] | None = None
    """The last pulse, and how many changes there had been when it was asked for."""
    _counted: tuple[tuple[int, int], dict[str, Any]] | None = None
    """The last status, and what it was asked at."""

    def n_records(self) -> int:
        """How many decisions and withdrawals are stored."""
        n: int = self._value("select count(*) from decision")
        return n

    def pulse(self) -> Pulse:
        """What changes whenever anything but decisions is stored; cheap, whatever the size.

        Nothing that is stored changes, but for settings, students and what a problem lacked: so
        counts tell, and those of whole tables are read off, not counted. Asked of the file only
        where somebody has written since.
        """
        n_changes = (
            self._how_often_changed()
        )  # read first: what is written meanwhile is asked for next time
        if self._felt is None or self._felt[0] != n_changes:
            self._felt = n_changes, self._feel()
        return self._felt[1]

    def _feel(self) -> Pulse:
        row = self._one(
            """
            select (select count(*) from trace) as traces,
                (select count(*) || ' ' || count(reference_answer) || ' ' ||
                    count(reference_solution) from problem) as problems,
                (select count(*) from score) as scores,
                (select count(*) from compatibility) as families,
                concat_ws(' ', (select count(*) from marking),
                    (select count(*) from trace_language), (select count(*) from shortcut),
                    (select count(*) from knowledge), (select count(*) from lexicon),
                    (select count(*) from lexicon_change), (select count(*) from ingest),
                    (select md5(string_agg(name || '=' || value, ' ' order by name)) from setting),
                    (select string_agg(s::varchar, ' ' order by student) from student s)) as rest
            """
        )
        assert row is not None
        return Pulse(**row)

    def status(self) -> dict[str, Any]:
        """Where the curation stands: counts of what is stored, by state, and who takes part.

        `traces` are those that one decides on; those that edits made are counted in `edits` alone.
        Counted anew where something was written since.
        """
        version = self._n_changes, self.n_records()  # read first, as in `pulse`
        if self._counted is None or self._counted[0] != version:
            self._counted = version, self._count()
        return copy.deepcopy(self._counted[1])

    def _count(self) -> dict[str, Any]:
        row = self._one(
            """
            select (select count(*) from problem) as problems,
                (select coalesce(max(sequence), 0) from decision) as records,
                count(*) as traces,
                (select count(*) from edited_trace) as edits,
                (select count(distinct trace_id) from latest_score
                    anti join edited_trace using (trace_id) where error is null) as scored,
                count(*) filter (state <> 'undecided') as decided,
                count(*) filter (state = 'accepted') as accepted,
                count(*) filter (state = 'rejected') as rejected,
                count(*) filter (state = 'disputed') as disputed,
                count(*) filter (state = 'flagged') as flagged,
                count(*) filter (state = 'skipped') as skipped
            from trace_state anti join edited_trace using (trace_id)
            """
        )
        assert row is not None
        row["reviewers"] = self._frame(
            "select distinct reviewer from live_decision order by reviewer"
        )["reviewer"].to_list()
        row["students"] = self.students()
        return row

    def students(self) -> list[str]:
        """Whose numbers are stored, by name."""
        found = self._frame("select distinct student from convention order by student")
        names: list[str] = found["student"].to_list()
        return names

    def trace(self, trace_id: str) -> Trace:
        """One trace. Raises UnknownTrace."""
        row = self._one(
            "select trace_id, problem_id, prompt, teacher, teacher_family, teacher_context, "
            "teacher_context_raw, context_text, sample_index, text, text_hash, final_answer, "
            "is_correct, refined_from, source, licence, external_id, extra, reference_answer "
            "from trace "
            "where trace_id = $id",
            id=trace_id,
        )
        if row is None:
            raise UnknownTrace(
                f"The store holds no trace {trace_id}. `python -m curation list` shows the ids."
            )
        return Trace(**row)

    def problem(self, problem_id: str) -> Problem:
        """One problem. Raises UnknownTrace (no trace can name it then)."""
        row = self._one(
            "select problem_id, prompt, domain, reference_answer, reference_solution, source, "
            "licence from problem where problem_id = $id",
            id=problem_id,
        )
        if row is None:
            raise UnknownTrace(f"The store holds no problem {problem_id}.")
        return Problem(**row)

    def steps(self, trace_id: str) -> tuple[list[int], list[int]]:
        """Where a trace's steps start and end (code points, end exclusive). Raises UnknownTrace."""
        row = self._one("select step_start, step_end from trace where trace_id = $id", id=trace_id)
        if row is None:
            raise UnknownTrace(f"The store holds no trace {trace_id}.")
        return row["step_start"], row["step_end"]

    def candidates(
        self,
        reviewer: str | None,
        question: str = QUESTION,
        columns: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """What a queue chooses from: every trace with the reviewer's own verdict and others'.

        Traces that edits made are nobody's task and left out. Without a reviewer nobody's verdict
        is looked at: `my_verdict` is null and `n_others` 0 everywhere.

        `columns` names what of a trace is asked for (None = everything that `list_traces` has,
        which takes several times as long); the ids, `added_order`, `my_verdict` and `n_others` are
        always there.
        """
        kept = ["trace_id", "problem_id", "position"]
        kept += sorted(set(columns or ()) & (_COLUMNS - {*kept}))
        listed = LISTED if columns is None else ", ".join(kept)
        # The view joins whatever it is asked for.
        view = "trace" if columns is not None and len(kept) == 3 else "trace_overview"
        if reviewer is None:
            return self._frame(
                f"select {listed}, position as added_order, null::varchar as my_verdict, "
                f"0::bigint as n_others from {view} anti join edited_trace using (trace_id) "
                "order by position"
            )
        return self._frame(
            f"""
            select o.*, o.position as added_order, mine.my_verdict,
                coalesce(others.n_others, 0) as n_others
            from (select {listed} from {view}) o
            left join (
                select trace_id, verdict as my_verdict from current_decision
                where reviewer = $reviewer and question = $question
            ) mine using (trace_id)
            left join (
                select trace_id, count(*) as n_others from current_decision
                where reviewer <> $reviewer and question = $question
                    and verdict in ('accept', 'reject')
                group by trace_id
            ) others using (trace_id)
            anti join edited_trace using (trace_id)
            order by o.position
            """,
            reviewer=reviewer,
            question=question,
        )

    def numbers(self, columns: Collection[str]) -> pl.DataFrame:
        """These numbers of every trace that the student shown has scored, in no order."""
        unknown = set(columns) - _COLUMNS
        if unknown:
            raise ValueError(f"{sorted(unknown)} are no columns of a list of traces")
        # The overview joins all that it knows, which over a million traces takes seconds.
        tables = (
            "latest_score s left join trace_compatibility c "
            "on c.trace_id = s.trace_id and c.student = s.student "
            "where s.student = (select value from setting where name = 'student') and"
            if set(columns) <= _FIGURES
            else "trace_overview where"
        )
        return self._frame(f"select {', '.join(columns)} from {tables} mean_nll_nats is not null")

    def lengths(self, limit: int = 10_000) -> pl.DataFrame:
        """n_chars and n_tokens (null = not scored) of the first `limit` traces of teachers.

        What reading the others costs is guessed from these.
        """
        version = self._how_often_changed()
        return self._remembered(("lengths", limit), version, lambda: self._lengths(limit))

    def _lengths(self, limit: int) -> pl.DataFrame:
        return self._frame(
            """
            with first as (
                select trace_id, position from trace anti join edited_trace using (trace_id)
                order by position limit $limit
            )
            -- By position, since an order over the texts themselves reads all of them.
            select length(t.text) as n_chars, s.n_tokens
            from (
                select trace_id, text from trace semi join first using (trace_id)
                where position <= (select max(position) from first)
            ) t
            left join latest_score s
                on s.trace_id = t.trace_id
                and s.student = (select value from setting where name = 'student')
            """,
            limit=limit,
        )

    def export_context(self) -> dict[str, Any]:
        """What a manifest records of the store: schema, conventions, lexicons, guidelines.

        `decided_under` counts the decisions that stand on accepted traces, by the versions of
        guidelines and reasons that their reviewers had.
        """
        return {
            "schema": self._frame("select name from migration order by name")["name"].to_list(),
            "conventions": self._frame(
                "select student, convention_id from current_convention order by student"
            ).to_dicts(),
            "lexicons": self._frame(
                "select language, lexicon_id from current_lexicon order by language"
            ).to_dicts(),
            "guidelines": self._frame(
                "select kind, guideline_id from current_guideline order by kind"
            ).to_dicts(),
            "decided_under": self._frame(
                "select json_extract_string(d.extra, '$.guidelines_id') as guidelines_id, "
                "json_extract_string(d.extra, '$.reasons_id') as reasons_id, "
                "count(*) as n_decisions "
                "from current_decision d join trace_state t using (trace_id) "
                "where d.question = $question and t.state = 'accepted' "
                "group by all order by guidelines_id nulls first, reasons_id nulls first",
                question=QUESTION,
            ).to_dicts(),
        }

    def holds_trace(self, trace_id: str) -> bool:
        """Whether the store holds this trace."""
        return self._one("select 1 as n from trace where trace_id = $id", id=trace_id) is not None

    def holds_teacher(self, teacher: str) -> bool:
        """Whether any trace is by `teacher`."""
        row = self._one("select 1 as n from trace where teacher = $t limit 1", t=teacher)
        return row is not None

    def overview_columns(self) -> list[tuple[str, str]]:
        """The columns that a filter may name, with their types."""
        rows = self._frame(
            "select column_name, data_type from duckdb_columns() "
            "where table_name = 'trace_overview' order by column_index"
        )
        return list(rows.iter_rows())

    def _check_tables(self, where: str) -> None:
        """Raises FilterError where a filter reads accounts, sessions or the audit log.

        Nor may it make the text of a query by itself, which could name them.
        """
        parsed = self._value(
            "select json_serialize_sql($text::varchar)::varchar",
            text=f"select 1 where (\n{where}\n)",
        )
        for name in _named(json.loads(parsed)):
            if name.startswith("identity_") or name in ("query", "query_table"):
                raise FilterError(
                    f"The filter `{where}` names {name}, which no filter may read. It is a DuckDB "
                    "condition over the columns of trace_overview."
                )

    def _filtered(
        self, select: str, where: str | None, tail: str, **parameters: Any
    ) -> pl.DataFrame:
        """A query over `trace_overview` with a person's condition, which can only read."""
        if where is None or not where.strip():
            return self._frame(f"{select} {tail}", **parameters)
        _check_condition(where)
        self._check_tables(where)
        condition = f"where trace_id in (select trace_id from trace_overview where (\n{where}\n))"
        with self._reading() as cursor:
            cursor.execute("begin transaction read only")
            try:
                return cursor.execute(f"{select} {condition} {tail}", parameters).pl()
            except (duckdb.IOException, duckdb.SerializationException):
                raise  # the file, not the filter
            except duckdb.Error as exc:
                raise FilterError(
                    f"The filter `{where}` cannot be run: {str(exc).strip().splitlines()[0]} "
                    "It is a DuckDB condition over the columns of trace_overview, "
                    "for instance: teacher_context = 'unguided' and n_tokens < 2000. The columns: "
                    f"{', '.join(name for name, _ in self.overview_columns())}."
                ) from exc
            finally:
                cursor.execute("rollback")


def _named(tree: object) -> Iterator[str]:
    """The tables and functions that a parsed statement names."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("table_name", "function_name") and isinstance(value, str):
                yield value.lower()
            yield from _named(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _named(value)


def _check_condition(where: str) -> None:
    """A filter is one condition: it cannot close our parentheses and go on to say more."""
    if "quack_" in where.lower():
        raise FilterError(f"The filter `{where}` names a function of the store server (quack_…).")
    for probe in (f"select 1 where (\n{where}\n)", f"select (\n{where}\n)"):
        try:
            statements = duckdb.extract_statements(probe)
        except duckdb.Error as exc:
            raise FilterError(
                f"The filter `{where}` is no SQL condition: {str(exc).strip().splitlines()[0]}"
            ) from exc
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise FilterError(f"The filter `{where}` is more than one condition.")
