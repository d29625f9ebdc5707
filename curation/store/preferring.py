"""What the store knows of pairs: which could be made, what was chosen, what an export takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from curation.records import MAX_AT_ONCE, PREFER
from curation.store import pair_choices
from curation.store.reading import Reading

_SAID = """
    select d.decision_id, d.sequence, d.trace_id, d.question, d.verdict, d.note, d.decided_at,
        d.revealed, d.reviewer, d.extra, t.problem_id, left(t.prompt, 120) as prompt
"""
_OF_A_SIDE = ("position", "prompt", "text_hash", "teacher", "teacher_context", "source", "licence")

_ALIKE = {"any": "problem_id", "contexts": "problem_id, teacher", "teachers": "problem_id",
          "refined": "problem_id"}  # fmt: skip
_MAY_PAIR = {
    "any": "count(*) > 1",
    "contexts": "bool_or(teacher_context = 'unguided') and bool_or(teacher_context <> 'unguided')",
    "teachers": "min(teacher) <> max(teacher)",
    "refined": "count(*) > 1 and count(refined_from) > 0",
}
"""Of which traces of a problem a pair of each kind is made, and what there has to be among them."""


class Preferring(Reading):
    """The part of a store that answers for pairs."""

    def pairs(self) -> pl.DataFrame:
        """What each reviewer says now of each pair (`pair_choices.SCHEMA`), oldest first."""
        rows = self._frame(
            f"{_SAID} from current_decision d join trace t using (trace_id) "
            "where starts_with(d.question, $prefer) order by d.sequence",
            prefer=PREFER,
        )
        return pair_choices.frame(rows.to_dicts())

    def pairs_chosen_by(self, reviewer: str) -> dict[tuple[str, str], str]:
        """The pairs that the reviewer has decided: the two ids -> id of the current decision."""
        rows = self._frame(
            "select trace_id, question, decision_id from current_decision "
            "where reviewer = $reviewer and starts_with(question, $prefer)",
            reviewer=reviewer,
            prefer=PREFER,
        )
        return {
            (trace_id, question.removeprefix(PREFER)): decision_id
            for trace_id, question, decision_id in rows.iter_rows()
        }

    def recent_choices(self, reviewer: str, limit: int = 10) -> list[dict[str, Any]]:
        """The reviewer's newest live choices of pairs, newest first; `left` = who stood left."""
        rows = self._frame(
            f"{_SAID} from live_decision d join trace t using (trace_id) "
            "where d.reviewer = $reviewer and starts_with(d.question, $prefer) "
            "order by d.sequence desc limit $limit",
            reviewer=reviewer,
            prefer=PREFER,
            limit=limit,
        ).to_dicts()
        return [_shown(row) for row in rows]

    def recent_choices_among(self, reviewer: str, limit: int = 10) -> list[dict[str, Any]]:
        """The reviewer's newest live choices among several, newest first (`pair_choices.among`)."""
        rows = self._frame(
            f"{_SAID} from live_decision d join trace t using (trace_id) "
            "where d.reviewer = $reviewer and starts_with(d.question, $prefer) "
            "and json_extract_string(d.extra, '$.choice') is not null "
            "order by d.sequence desc limit $limit",
            reviewer=reviewer,
            prefer=PREFER,
            # A choice is a decision for each two of those it is among, at most.
            limit=limit * MAX_AT_ONCE * (MAX_AT_ONCE - 1) // 2,
        ).sort("sequence")
        return pair_choices.among(rows.to_dicts())[::-1][:limit]

    def chosen_among_by(self, reviewer: str) -> dict[tuple[str, ...], str]:
        """What the reviewer has chosen among: the ids, sorted -> id of the current choice.

        A pair chosen by itself is one among two.
        """
        rows = self._frame(
            f"{_SAID} from current_decision d join trace t using (trace_id) "
            "where d.reviewer = $reviewer and starts_with(d.question, $prefer) "
            "order by d.sequence",
            reviewer=reviewer,
            prefer=PREFER,
        )
        return {
            tuple(sorted(row["among"])): row["choice"]
            for row in pair_choices.among(rows.to_dicts())
        }

    def choice_among(self, ids: Sequence[str], reviewer: str) -> dict[str, Any] | None:
        """The reviewer's newest live choice among exactly these, or None."""
        rows = self._frame(
            f"{_SAID} from live_decision d join trace t using (trace_id) "
            "where d.reviewer = $reviewer and starts_with(d.question, $prefer) "
            "and d.trace_id in (select unnest($ids::varchar[])) order by d.sequence",
            reviewer=reviewer,
            prefer=PREFER,
            ids=list(ids),
        )
        mine = [
            row
            for row in pair_choices.among(rows.to_dicts())
            if sorted(row["among"]) == sorted(ids)
        ]
        return mine[-1] if mine else None

    def choice_of(self, pair: tuple[str, str], reviewer: str) -> dict[str, Any] | None:
        """The reviewer's current choice on a pair (as in `recent_choices`), or None."""
        row = self._one(
            f"{_SAID} from current_decision d join trace t using (trace_id) "
            "where d.trace_id = $one and d.question = $question and d.reviewer = $reviewer",
            one=pair[0],
            question=PREFER + pair[1],
            reviewer=reviewer,
        )
        return None if row is None else _shown(row)

    def was_pair_revealed(self, pair: tuple[str, str], reviewer: str) -> bool:
        """Whether a choice of this reviewer on the pair, withdrawn or not, was not blind."""
        row = self._one(
            "select 1 as n from decision where trace_id = $one and question = $question "
            "and reviewer = $reviewer and revealed limit 1",
            one=pair[0],
            question=PREFER + pair[1],
            reviewer=reviewer,
        )
        return row is not None

    def pairable(self, problem_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """Traces of problems that have several, in order of arrival, with what makes a pair.

        trace_id, problem_id, position, teacher, teacher_context, text_hash, and `original_id`: the
        trace of the same problem that this one was refined from, null where there is none. Traces
        that a reviewer's edit made are not among them. `problem_ids` = of these problems alone.
        """
        asked = (
            "" if problem_ids is None else "where problem_id in (select unnest($ids::varchar[]))"
        )
        return self._frame(
            f"""
            with several as (
                select t.* from (select * from trace {asked}) t
                anti join edited_trace e using (trace_id)
                qualify count(*) over (partition by problem_id) > 1
            ), refined as (
                select t.trace_id, min_by(o.trace_id, o.position) as original_id
                from several t join several o
                    on o.problem_id = t.problem_id and o.trace_id <> t.trace_id
                    and (o.trace_id = t.refined_from
                        or (o.external_id = t.refined_from and o.source = t.source))
                where t.refined_from is not null
                group by t.trace_id
            )
            select t.trace_id, t.problem_id, t.position, t.teacher, t.teacher_context,
                t.text_hash, r.original_id
            from several t left join refined r using (trace_id)
            order by t.position, t.trace_id
            """,
            **({} if problem_ids is None else {"ids": list(problem_ids)}),
        )

    def pairable_problems(self, kind: str) -> list[str]:
        """The problems that can have a pair of this kind (`pairing.KINDS`), by id.

        None that has one is missing; of a few, whose texts are alike, there may be none after all.
        """
        frame = self._frame(
            "select distinct problem_id from (select problem_id from trace "
            f"anti join edited_trace using (trace_id) group by {_ALIKE[kind]} "
            f"having {_MAY_PAIR[kind]}) order by problem_id"
        )
        ids: list[str] = frame["problem_id"].to_list()
        return ids

    def traces_of(self, problem_id: str) -> list[str]:
        """The ids of a problem's traces, in order of arrival; none that an edit made."""
        found = self._frame(
            "select trace_id from trace anti join edited_trace using (trace_id) "
            "where problem_id = $id order by position, trace_id",
            id=problem_id,
        )
        ids: list[str] = found["trace_id"].to_list()
        return ids

    def export_pairs(
        self, where: str | None = None, *, choices: bool = True, edits: bool = True
    ) -> pl.DataFrame:
        """Every pair that somebody decided and both of whose traces `where` keeps.

        `choices` of two side by side count as votes, and so do `edits`: an edit of an accepted
        trace is a vote for what it became over the original; there `where` looks at the original.

        Columns: `export.PAIR_SCHEMA`. Raises FilterError.
        """
        votes = self._frame(
            """
            with said as (
                select trace_id as first_id, substr(question, length($prefer) + 1) as second_id,
                    verdict, decision_id, reviewer, sequence, 0 as is_edit
                from current_decision where $choices and starts_with(question, $prefer)
                union all
                select least(e.trace_id, e.original_trace_id),
                    greatest(e.trace_id, e.original_trace_id),
                    case when e.trace_id < e.original_trace_id then 'accept' else 'reject' end,
                    e.decision_id, e.reviewer, e.sequence, 1
                from decision_edit e
                semi join current_decision c on c.decision_id = e.decision_id
                join trace_state s on s.trace_id = e.original_trace_id and s.state = 'accepted'
                where $edits
            )
            select first_id, second_id, count(*) filter (verdict = 'accept') as n_first,
                count(*) filter (verdict = 'reject') as n_second,
                count(*) filter (verdict = 'skip') as n_tie,
                count(*) filter (verdict = 'flag') as n_flag,
                sum(is_edit)::bigint as n_edits,
                list(decision_id order by sequence) as decision_ids,
                list(reviewer order by sequence) as reviewers
            from said
            group by all
            """,
            prefer=PREFER,
            choices=choices,
            edits=edits,
        )
        traces = self._filtered(
            f"select trace_id, problem_id, domain, {', '.join(_OF_A_SIDE)} from "
            "trace_overview join (select unnest($ids::varchar[]) as trace_id) using (trace_id)",
            where,
            "order by position",
            ids=pl.concat([votes["first_id"], votes["second_id"]]).unique().to_list(),
        )
        edited = self._frame(
            f"select trace_id, problem_id, domain, {', '.join(_OF_A_SIDE)} "
            "from trace_overview semi join edited_trace using (trace_id)"
        )
        traces = pl.concat([traces.join(edited, on="trace_id", how="anti"), edited])

        def side(name: str) -> pl.DataFrame:
            return (
                traces.select("trace_id", *_OF_A_SIDE)
                .rename(lambda c: f"{name}_{c}")
                .rename({f"{name}_trace_id": f"{name}_id"})
            )

        return (
            votes.join(
                traces.select("problem_id", "domain", first_id="trace_id"),
                on="first_id",
            )
            .join(side("first"), on="first_id")
            .join(side("second"), on="second_id")
            .sort("first_position", "first_id", "second_id")
        )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A choice to show: which trace stood left, in place of `extra`."""
    return {**row, "left": pair_choices.left(row.pop("extra"))}
