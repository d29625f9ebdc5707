"""What the student can absorb: families of numbers under recipes, shortcuts, knowledge of problems.

A family's numbers belong to a recipe as well as to a convention. The setting
`recipe/CONVENTION/FAMILY` names the one in use; numbers of others stay stored and are never shown
beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from curation.errors import StoreError
from curation.records import COMPATIBILITY_COLUMNS, COMPATIBILITY_SCHEMA, STANDARD
from curation.store.connection import now
from curation.store.lexicons import Lexicons

SHORTCUT_SCHEMA: dict[str, pl.DataType] = {
    "trace_id": pl.String(),
    "rules_id": pl.String(),
    "repeated_share": pl.Float64(),
    "has_loop": pl.Boolean(),
    "n_answer_repetitions": pl.Int32(),
    "is_truncated": pl.Boolean(),
    "n_skipped_computations": pl.Int32(),
    "early_answer": pl.String(),
}

_PRIVILEGED = """
-- What the teacher saw where that is known; else what it might have seen: the reference's.
case
    when nullif(trim(t.context_text), '') is not null and t.teacher_context <> 'unguided'
        then struct_pack(kind := case when t.teacher_context in ('solution', 'answer')
            then t.teacher_context else 'other' end, text := t.context_text, source := 'context')
    when t.teacher_context = 'answer' and nullif(trim(p.reference_answer), '') is not null
        then struct_pack(kind := 'answer', text := p.reference_answer, source := 'context')
    when t.teacher_context = 'solution' and nullif(trim(p.reference_solution), '') is not null
        then struct_pack(kind := 'solution', text := p.reference_solution, source := 'context')
    when nullif(trim(p.reference_solution), '') is not null
        then struct_pack(kind := 'solution', text := p.reference_solution, source := 'solution')
    when nullif(trim(p.reference_answer), '') is not null
        then struct_pack(kind := 'answer', text := p.reference_answer, source := 'answer')
end
"""


_EDIT_PAIR = """
-- Edits and what they are edits of.
select trace_id from edited_trace union select refined_from from edited_trace
"""


class Profiling(Lexicons):
    """The part of a store that keeps the students' profiles of traces."""

    def families_wanted(self) -> tuple[str, ...]:
        """The families that the app computes by itself (the setting `scores`)."""
        return tuple((self.setting("scores") or ",".join(STANDARD)).split(","))

    def unscored(
        self,
        student: str,
        limit: int | None = None,
        convention_id: str | None = None,
        families: Sequence[str] = ("likelihood",),
        recipes: Mapping[str, str] | None = None,
        for_edits: Sequence[str] = (),
    ) -> pl.DataFrame:
        """Traces that lack one of `families` under a convention, in order of arrival.

        Of edits and their originals `for_edits` are asked too. `convention_id` None = the one in
        use for `student`; `recipes` maps families to the recipe that counts, those it does not name
        to the one in use. Columns: those of a score job, with
        `families` those that are missing. Problems come in order, the traces of one problem
        together: the order in which a curator first sees them, and what they share is computed
        once. The rival answer is the wrong answer that most traces of the problem give.
        """
        convention = convention_id or self.current_convention(student)
        asked = [f for f in dict.fromkeys([*families, *for_edits]) if f != "likelihood"]
        ids = [self._recipe_id(convention, family, recipes) for family in asked]
        return self._frame(
            f"""
            with edit_pair as ({_EDIT_PAIR}), done as (
                select trace_id, family from compatibility
                where convention_id = $convention_id and list_contains($ids::varchar[], recipe_id)
                union all
                select trace_id, 'likelihood' from score where convention_id = $convention_id
            ),
            had as (select trace_id, list(family) as families from done group by trace_id),
            wrong as (
                select problem_id, trim(final_answer) as answer, count(*) as n from trace
                where is_correct = false and nullif(trim(final_answer), '') is not null
                group by problem_id, trim(final_answer)
            ),
            rival as (
                select problem_id, answer from wrong
                qualify row_number() over (partition by problem_id order by n desc, answer) = 1
            )
            select trace_id, prompt, text, text_hash, families, step_start, step_end,
                reference_answer, rival_answer, saw.kind as privileged_kind,
                saw.text as privileged_text, saw.source as privileged_by
            from (
                select t.trace_id, t.problem_id, t.prompt, t.text, t.text_hash, t.step_start,
                    t.step_end, t.position, rival.answer as rival_answer,
                    coalesce(t.reference_answer, p.reference_answer) as reference_answer,
                    list_filter(
                        case when t.trace_id in (select trace_id from edit_pair)
                            then $with_edits::varchar[] else $families::varchar[] end,
                        lambda f: not list_contains(coalesce(had.families, []), f)) as families,
                    {_PRIVILEGED} as saw,
                    min(t.position) over (partition by t.problem_id) as problem_position
                from trace t join problem p using (problem_id)
                left join had on had.trace_id = t.trace_id
                left join rival on rival.problem_id = t.problem_id
            )
            where len(families) > 0
            order by problem_position, position limit $limit
            """,
            convention_id=convention,
            families=list(families),
            with_edits=list(dict.fromkeys([*families, *for_edits])),
            ids=[recipe_id for recipe_id in ids if recipe_id],
            limit=limit,
        )

    def _recipe_id(
        self, convention_id: str | None, family: str, recipes: Mapping[str, str] | None
    ) -> str | None:
        if recipes is not None and family in recipes:
            return recipes[family]
        return self.setting(f"recipe/{convention_id}/{family}")

    def add_families(
        self, frame: pl.DataFrame, recipes: Mapping[str, Mapping[str, Any]], pack: str
    ) -> int:
        """Store the families of a score pack; how many were new. What is there already stays.

        A recipe that the store has not seen before comes into use with its first pack. Raises
        StoreError where the frame is not of `COMPATIBILITY_SCHEMA`.
        """
        if dict(frame.schema) != COMPATIBILITY_SCHEMA:
            raise StoreError(f"Score pack {pack} has families of columns {frame.schema}.")
        if not frame.height:
            return 0
        for convention_id, recipe_id in frame.select("convention_id", "recipe_id").unique().rows():
            known = self._one("select 1 as n from recipe where recipe_id = $id", id=recipe_id)
            in_use = self.setting(f"recipe/{convention_id}/{recipes[recipe_id]['family']}")
            if known is None or in_use is None:
                self.use_recipe(convention_id, recipe_id, recipes[recipe_id])
        with self._writing() as cursor:
            cursor.register("families", frame)
            row = cursor.execute(
                """
                insert into compatibility by name
                select f.*, $pack as pack, $at::timestamptz as scored_at
                from families f semi join trace t using (trace_id, text_hash)
                on conflict do nothing
                """,
                {"pack": pack, "at": now()},
            ).fetchone()
            cursor.unregister("families")
        return int(row[0]) if row else 0

    def use_recipe(self, convention_id: str, recipe_id: str, record: Mapping[str, Any]) -> None:
        """Make this recipe the one in use for its family under a convention."""
        family = str(record["family"])
        text = json.dumps(dict(record), sort_keys=True, ensure_ascii=False)
        with self._writing() as cursor:
            cursor.execute(
                "insert into recipe values ($id, $family, $record, $at) on conflict do nothing",
                {"id": recipe_id, "family": family, "record": text, "at": now()},
            )
            cursor.execute(
                "insert or replace into setting values ($name, $value)",
                {"name": f"recipe/{convention_id}/{family}", "value": recipe_id},
            )

    def recipes(self) -> list[dict[str, Any]]:
        """Every recipe record with its id, oldest first."""
        rows = self._frame("select recipe_id, record from recipe order by added_at, recipe_id")
        return [{"recipe_id": i, **json.loads(record)} for i, record in rows.iter_rows()]

    def compatibility(self, trace_id: str, student: str) -> dict[str, dict[str, Any]]:
        """By family, what a student's profile of a trace holds: numbers, lists, recipe and error.

        Families that were not computed are absent.
        """
        rows = self._frame(
            "select * from latest_compatibility where trace_id = $id and student = $student",
            id=trace_id,
            student=student,
        ).to_dicts()
        lists = ("per_token", "point_step", "point_nats", "point_rival_nats", "privileged_by")
        return {
            row["family"]: {
                **{name: row[name] for name in COMPATIBILITY_COLUMNS[row["family"]]},
                **{name: row[name] for name in lists},
                "recipe_id": row["recipe_id"],
                "error": row["error"],
            }
            for row in rows
        }

    def profile_versions(self, trace_ids: Sequence[str], student: str) -> dict[str, str]:
        """For those of `trace_ids` with families: a text that changes when one comes or goes."""
        frame = self._frame(
            "select trace_id, string_agg(recipe_id, ' ' order by recipe_id) as version "
            "from latest_compatibility "
            "where student = $student and trace_id in (select unnest($ids::varchar[])) "
            "group by trace_id",
            student=student,
            ids=list(trace_ids),
        )
        return dict(frame.iter_rows())

    def original_of(self, trace_id: str) -> str | None:
        """The trace that this one was refined from: named by its id, or by that of its source.

        None where the trace names none, or one that the store does not hold.
        """
        row = self._one(
            "select o.trace_id from trace t join trace o on o.trace_id <> t.trace_id and ("
            "o.trace_id = t.refined_from "
            "or (o.external_id = t.refined_from and o.source = t.source)) "
            "where t.trace_id = $id order by o.position limit 1",
            id=trace_id,
        )
        return row["trace_id"] if row else None

    def add_shortcuts(self, frame: pl.DataFrame) -> None:
        """Store the shortcuts found by some rules (`SHORTCUT_SCHEMA`) and use those rules."""
        with self._writing() as cursor:
            cursor.register("found", frame.select(list(SHORTCUT_SCHEMA)))
            cursor.execute(
                "insert into shortcut by name select * from found on conflict do nothing"
            )
            cursor.unregister("found")

    def unsearched(self, rules_id: str, limit: int = 1000) -> pl.DataFrame:
        """Traces that these rules have not searched for shortcuts."""
        return self._frame(
            "select t.trace_id, t.prompt, t.text, t.step_start, t.step_end, "
            "coalesce(t.final_answer, t.reference_answer, p.reference_answer) as answer "
            "from trace t join problem p using (problem_id) anti join "
            "(select trace_id from shortcut where rules_id = $rules_id) s using (trace_id) "
            "order by t.position limit $limit",
            rules_id=rules_id,
            limit=limit,
        )

    def add_knowledge(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store how well a student knows some problems; what was found by one recipe stays."""
        with self._writing() as cursor:
            for row in rows:
                cursor.execute(
                    "insert into knowledge values ($problem_id, $convention_id, "
                    "$recipe_id, $class, $n_samples, $is_greedy_correct, $n_correct, $answers, "
                    "$at) "
                    "on conflict do nothing",
                    {**row, "at": now()},
                )

    def unasked(self, convention_id: str, recipe_id: str, limit: int | None = None) -> pl.DataFrame:
        """Problems with a reference answer that have no finding under convention and recipe."""
        return self._frame(
            "select p.problem_id, p.prompt, trim(p.reference_answer) as reference_answer "
            "from problem p anti join (select problem_id from knowledge "
            "where convention_id = $convention_id and recipe_id = $recipe_id) k "
            "using (problem_id) where nullif(trim(p.reference_answer), '') is not null "
            "order by p.added_at, p.problem_id limit $limit",
            convention_id=convention_id,
            recipe_id=recipe_id,
            limit=limit,
        )

    def knowledge(self, student: str) -> pl.DataFrame:
        """The newest finding for each problem that the student was asked."""
        return self._frame(
            "select * from latest_knowledge where student = $student order by problem_id",
            student=student,
        )

    def failures(self, student: str) -> pl.DataFrame:
        """Every family of a trace that could not be computed: trace_id, external_id, why."""
        return self._frame(
            """
            select t.trace_id, t.external_id, 'likelihood' as family, s.error, t.position
            from latest_score s join trace t using (trace_id)
            where s.student = $student and s.error is not null
            union all
            select t.trace_id, t.external_id, c.family, c.error, t.position
            from latest_compatibility c join trace t using (trace_id)
            join latest_score s on s.trace_id = c.trace_id and s.student = c.student
            where c.student = $student and c.error is not null and s.error is null
            order by position, family
            """,
            student=student,
        )

    def profile_state(
        self, student: str, families: Sequence[str], for_edits: Sequence[str] = ()
    ) -> dict[str, int]:
        """How many traces have all of `families`, and how many wait for one.

        Of edits and their originals `for_edits` are asked too.
        """
        asked = student, tuple(families), tuple(for_edits)
        version = self._how_often_changed()
        return dict(self._remembered(asked, version, lambda: self._profile_state(*asked)))

    def _profile_state(
        self, student: str, families: Sequence[str], for_edits: Sequence[str]
    ) -> dict[str, int]:
        row = self._one(
            f"""
            with edit_pair as ({_EDIT_PAIR}), n as (
                select trace_id, count(*) filter (list_contains($families::varchar[], family)) as n,
                    count(*) filter (list_contains($for_edits::varchar[], family)) as n_edit
                from latest_compatibility where student = $student
                group by trace_id
            )
            select count(*) as total, count(*) filter (
                s.trace_id is not null and coalesce(n.n, 0) >= $asked
                and (coalesce(n.n_edit, 0) >= $asked_of_edits
                    or t.trace_id not in (select trace_id from edit_pair))) as complete
            from trace t left join n using (trace_id)
            left join (select trace_id from latest_score where student = $student) s
                on s.trace_id = t.trace_id
            """,
            student=student,
            families=list(families),
            asked=len([family for family in families if family != "likelihood"]),
            for_edits=list(for_edits),
            asked_of_edits=len(for_edits),
        )
        assert row is not None
        return {**row, "waiting": row["total"] - row["complete"]}
