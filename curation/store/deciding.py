"""Decisions: appended, never edited, taken back only by a newer record.

The client makes `decision_id`, so a decision that is sent twice is stored once. The store gives
each record the next `sequence`, without gaps: a missing number would mean a lost record, which
`verify` looks for.
"""

from __future__ import annotations

import uuid
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import PREFER, QUESTION, VERDICTS, Decision, Stored
from curation.store import edits, extras, pair_choices, span_verdicts, step_verdicts
from curation.store.connection import now
from curation.store.decision_rows import (
    KNOWN,
    acknowledged,
    check_question,
    check_withdrawal,
    decision_hash,
    decision_row,
    speaks_of_words,
    tied,
)
from curation.store.edits import Edited, Edits
from curation.store.profiling import Profiling
from curation.store.scoring import unknown_trace

SAID_NOW = """
    select d.trace_id, t.problem_id, t.teacher, t.teacher_context, d.reviewer, d.verdict,
        d.reasons, d.note, d.decided_at, d.active_s, d.sequence, d.decision_id
    from current_decision d join trace t using (trace_id)
"""


_TOLD = """
    select d.decision_id, d.sequence, d.trace_id, d.verdict, d.reasons, d.note, d.directive,
        d.decided_at, d.revealed, d.extra, left(t.prompt, 120) as prompt, t.teacher
"""
"""What is shown of a person's own decision."""


class Deciding(Edits, Profiling):
    """The part of a store that keeps decisions."""

    def decide(self, decision: Decision, edited: Edited | None = None) -> Stored:
        """Append a decision; on disk when this returns. Sending it again changes nothing.

        A decision that carries an edit comes with the trace that the edit becomes, which is stored
        with it (`store.edits`). Raises UnknownTrace; StoreError where the id already stands for
        another decision, the trace's text is not the one that was shown, a step or span verdict
        does not fit it, an edit is none, the trace is itself an edit, or a withdrawal names a
        decision that is not the reviewer's own.
        """
        if not decision.reviewer.strip():
            raise StoreError("A decision needs the reviewer's name; give one, then decide again.")
        if (decision.verdict is None) == (decision.withdraws is None):
            raise StoreError("A decision gives a verdict or withdraws one: either, not both.")
        if decision.verdict is not None and decision.verdict not in VERDICTS:
            raise StoreError(f"{decision.verdict!r} is no verdict; they are {', '.join(VERDICTS)}.")
        trace, edit_of, known = self._facts(decision)
        if decision.text_hash is not None and decision.text_hash != trace["text_hash"]:
            raise StoreError(
                f"The text of {decision.trace_id} is not the one that was shown; "
                "open the card again, then decide."
            )
        if decision.verdict is not None and decision.question == QUESTION and edit_of is not None:
            raise edits.is_an_edit(decision.trace_id, edit_of)
        row = decision_row(decision, trace["text_hash"], tied(decision, edited, trace))
        row["content_hash"] = decision_hash(row)
        if known is not None:
            return acknowledged(row, known, was_new=False)
        with self._asking() as cursor:
            if decision.withdraws is not None:
                check_withdrawal(cursor, decision)
            check_question(cursor, decision)
            pair_choices.check(cursor, decision)
        row["stored_at"] = now()
        names, values = ", ".join(row), ", ".join(f"${name}" for name in row)
        insert = (
            f"insert into decision ({names}, sequence) values ({values}, "
            "(select coalesce(max(sequence), 0) + 1 from decision)) "
            "on conflict (decision_id) do nothing"
        )
        asked = {"decision_id": decision.decision_id}
        if edited is None:
            stored = self._append_row(insert, row, KNOWN, asked)
        else:
            with self._writing() as cursor:
                stored = self._append_row(insert, row, KNOWN, asked)
                edits.insert(cursor, edited)
        (said,) = stored.to_dicts()
        return acknowledged(row, said, was_new=said["stored_at"] == row["stored_at"])

    def _facts(
        self, decision: Decision
    ) -> tuple[dict[str, Any], str | None, dict[str, Any] | None]:
        """What a decision hangs on: its trace, what that edits, what is stored under its id.

        Asked at once, and before the decision's own turn: nothing of it can change, since records
        are added and never edited. The words of the trace are there where the decision speaks of
        them. Raises UnknownTrace.
        """
        words = ", text, step_start, step_end" if speaks_of_words(decision) else ""
        with self._asking() as cursor:
            found = cursor.execute(
                f"select (select struct_pack(text_hash{words}) from trace "
                "where trace_id = $trace_id) as trace, "
                "(select refined_from from edited_trace where trace_id = $trace_id) as edit_of, "
                "(select struct_pack(sequence, stored_at, content_hash) from decision "
                "where decision_id = $decision_id) as known",
                {"trace_id": decision.trace_id, "decision_id": decision.decision_id},
            ).pl()
        row = found.to_dicts()[0]
        if row["trace"] is None:
            raise unknown_trace(decision.trace_id)
        return row["trace"], row["edit_of"], row["known"]

    def undo(self, reviewer: str, *, origin: str = "library") -> dict[str, Any] | None:
        """Withdraw the reviewer's last live decision by a new record.

        The last one of all questions. Returns the withdrawn decision's decision_id, trace_id,
        verdict and question and the new record's withdrawal_id, or None where there is nothing to
        withdraw.
        """
        with self._writing(changes=False):
            last = self._one(
                "select decision_id, trace_id, verdict, question from live_decision "
                "where reviewer = $reviewer order by sequence desc limit 1",
                reviewer=reviewer,
            )
            if last is None:
                return None
            withdrawal = Decision(
                decision_id=str(uuid.uuid4()),
                trace_id=last["trace_id"],
                question=last["question"],
                reviewer=reviewer,
                verdict=None,
                withdraws=last["decision_id"],
                decided_at=now(),
                origin=origin,
            )
            self.decide(withdrawal)
        return {**last, "withdrawal_id": withdrawal.decision_id}

    def decisions(self, trace_id: str) -> list[dict[str, Any]]:
        """Every record about a trace, withdrawals and withdrawn ones too, in order of sequence.

        Choices between it and another trace are among them, on whichever of the two they are kept.
        """
        return self._frame(
            "select d.*, d.verdict is not null and not exists (select 1 from decision w "
            "where w.withdraws = d.decision_id) as is_live from decision d "
            "where d.trace_id = $trace_id or d.question = $as_other order by d.sequence",
            trace_id=trace_id,
            as_other=PREFER + trace_id,
        ).to_dicts()

    def recent_decisions(
        self, reviewer: str, limit: int = 10, question: str = QUESTION
    ) -> list[dict[str, Any]]:
        """The reviewer's newest live decisions, newest first, with what to show of each.

        `steps`, `seen`, `spans`, `confidence` and `edit` (without its text) are as `extras.shown`
        gives them.
        """
        rows = self._frame(
            # Which they are first: what is shown is read of no others.
            f"""
            with newest as materialized (
                select d.decision_id, d.trace_id, d.sequence from live_decision d
                where d.reviewer = $reviewer and d.question = $question
                order by d.sequence desc
                limit $limit
            )
            {_TOLD}
            from decision d semi join newest using (decision_id)
            join trace t on t.trace_id = d.trace_id
            order by d.sequence desc
            """,
            reviewer=reviewer,
            question=question,
            limit=limit,
        ).to_dicts()
        return [extras.shown(row) for row in rows]

    def verdict_of(
        self, trace_id: str, reviewer: str, question: str = QUESTION
    ) -> dict[str, Any] | None:
        """The reviewer's own current decision on a trace, or None.

        As in `recent_decisions`; an edit comes with its text.
        """
        row = self._one(
            f"""
            {_TOLD}
            from current_decision d join trace t using (trace_id)
            where d.trace_id = $trace_id and d.reviewer = $reviewer and d.question = $question
            """,
            trace_id=trace_id,
            reviewer=reviewer,
            question=question,
        )
        return None if row is None else extras.shown(row, with_text=True)

    def decided_by(self, reviewer: str, question: str = QUESTION) -> dict[str, str]:
        """What the reviewer has decided: trace_id -> id of their current decision on it."""
        frame = self._frame(
            "select trace_id, decision_id from current_decision "
            "where reviewer = $reviewer and question = $question",
            reviewer=reviewer,
            question=question,
        )
        return dict(frame.iter_rows())

    def acknowledgements(self, decision_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Which of these ids are stored: id -> sequence, stored_at."""
        rows = self._frame(
            "select decision_id, sequence, stored_at from decision "
            "where list_contains($ids::varchar[], decision_id)",
            ids=decision_ids,
        ).to_dicts()
        return {row.pop("decision_id"): row for row in rows}

    def current_decisions(self, question: str = QUESTION) -> pl.DataFrame:
        """What each reviewer says now: trace_id, problem_id, reviewer, verdict, and the rest."""
        return self._frame(
            f"{SAID_NOW} where d.question = $question order by d.sequence", question=question
        )

    def step_verdicts(self, question: str = QUESTION) -> pl.DataFrame:
        """What each reviewer says now of single steps, one a row (`step_verdicts.SCHEMA`).

        In order of decision, then of step. A step without a row was not judged: that is no 0.
        """
        rows = self._frame(
            "select d.trace_id, t.problem_id, d.reviewer, d.decision_id, d.extra "
            "from current_decision d join trace t using (trace_id) "
            "where d.question = $question order by d.sequence",
            question=question,
        ).to_dicts()
        return step_verdicts.frame(rows)

    def span_verdicts(self, question: str = QUESTION) -> pl.DataFrame:
        """What each reviewer says now of stretches of text, one a row (`span_verdicts.SCHEMA`).

        In order of decision, then of place. A reviewer without a row labelled nothing.
        """
        rows = self._frame(
            "select d.trace_id, t.problem_id, d.reviewer, d.decision_id, d.extra, t.text "
            "from current_decision d join trace t using (trace_id) "
            "where d.question = $question and contains(d.extra, '\"spans\":') "
            "order by d.sequence",
            question=question,
        ).to_dicts()
        return span_verdicts.frame(rows)

    def was_revealed(self, trace_id: str, reviewer: str) -> bool:
        """Whether the reviewer's own records say that they saw the trace's scores.

        A blind accept or reject counts too, since the desk shows the scores right after it;
        withdrawn ones count, since an undo takes a verdict back and not a look.
        """
        n: int = self._value(
            "select count(*) from decision where trace_id = $trace_id and reviewer = $reviewer "
            "and question = $question and verdict is not null "
            "and (coalesce(revealed, true) or verdict in ('accept', 'reject'))",
            trace_id=trace_id,
            reviewer=reviewer,
            question=QUESTION,
        )
        return n > 0

    def blind_pairs(self) -> pl.DataFrame:
        """Verdicts given blind, with the one given after the scores were shown.

        Columns trace_id, reviewer, `blind` (accept or reject), `sighted` (any verdict; null where
        there is none), `scored` (whether there were scores to show; null like `sighted`), blind_id,
        sighted_id, in order of the blind one. Withdrawn decisions make no
        pair, nor does a trace whose scores its reviewer had seen before.
        """
        return self._frame(
            """
            with said as (
                select * from live_decision where question = $question and revealed is not null
            ), first_blind as (
                select b.* from said b
                where not b.revealed and b.verdict in ('accept', 'reject') and not exists (
                    select 1 from decision s where s.trace_id = b.trace_id
                    and s.reviewer = b.reviewer and s.question = b.question
                    and s.verdict is not null and s.revealed and s.sequence < b.sequence)
                qualify row_number() over (
                    partition by b.trace_id, b.reviewer order by b.sequence) = 1
            )
            select b.trace_id, b.reviewer, b.verdict as blind, s.verdict as sighted,
                case when s.decision_id is not null then s.convention_id is not null end as scored,
                b.decision_id as blind_id, s.decision_id as sighted_id
            from first_blind b left join said s
                on s.trace_id = b.trace_id and s.reviewer = b.reviewer and s.revealed
                and s.sequence > b.sequence
            qualify row_number() over (
                partition by b.trace_id, b.reviewer order by s.sequence nulls last) = 1
            order by b.sequence
            """,
            question=QUESTION,
        )
