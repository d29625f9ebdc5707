"""Taking records in: what is new is stored, what is known is counted, what conflicts is refused."""

from __future__ import annotations

import json
from typing import NamedTuple

import polars as pl

from curation.records import PROBLEM_SCHEMA, TRACE_SCHEMA, Batch, Refusal
from curation.store.connection import Connection, now


class Added(NamedTuple):
    """What became of a batch."""

    n_new: int
    n_duplicate: int
    refusals: list[Refusal]
    """Rows that contradict what is stored (or an earlier row): nothing stored was changed."""


_REFUSED = """
-- Each row of the batch that contradicts what is stored or stands earlier in the batch.
with incoming as (select * from batch_trace),
known as (
    select trace_id, external_id, source, final_answer, is_correct, origin, line, 0 as n from trace
    union all
    select trace_id, external_id, source, final_answer, is_correct, origin, line, n from incoming
)
select i.n, 'id' as field,
    'id ' || i.external_id || ' already names another trace of this source ('
        || first(k.origin order by k.n) || ':' || first(k.line order by k.n)
        || '); give one of them an id of its own' as reason
from incoming i join known k
    on k.external_id = i.external_id and k.source = i.source
    and k.trace_id <> i.trace_id and k.n < i.n
group by i.n, i.external_id
union all
select i.n, 'correct' as field,
    'the same trace stands at ' || first(k.origin order by k.n) || ':'
        || first(k.line order by k.n)
        || ' with another final_answer or correct; mend one of them' as reason
from incoming i join known k
    on k.trace_id = i.trace_id and k.n < i.n
    and (k.final_answer is distinct from i.final_answer
        or k.is_correct is distinct from i.is_correct)
group by i.n
union all
select i.n, 'reference_answer' as field,
    'its extra.problem_id is that of a problem with another prompt and the reference answer "'
        || p.reference_answer || '", and this row says "' || i.reference_answer
        || '"; mend one of the answers, or give this problem an id of its own' as reason
from incoming i
join problem p using (problem_id)
where i.prompt <> p.prompt and trim(i.reference_answer) <> trim(p.reference_answer)
order by n
"""


class Intake(Connection):
    """The part of a store that takes records in."""

    def add(self, batch: Batch, ingest_id: str) -> Added:
        """Store what is new of `batch`, in one transaction; idempotent by id.

        A problem that is stored keeps its first wording; an answer or solution that was missing is
        filled in from a later mention. Rows that contradict what is stored come back as refusals.
        """
        traces = batch.traces.select(list(TRACE_SCHEMA)).with_row_index("n", offset=1)
        problems = batch.problems.select(list(PROBLEM_SCHEMA)).with_row_index("n")
        with self._writing() as cursor:
            cursor.register("batch_problem", problems)
            cursor.register("batch_trace", traces)
            cursor.execute(
                "insert into problem by name "
                "select distinct on (problem_id) * exclude (n), $at::timestamptz as added_at "
                "from batch_problem order by problem_id, n on conflict do nothing",
                {"at": now()},
            )
            cursor.execute(
                """
                update problem set
                    reference_answer = coalesce(problem.reference_answer, b.reference_answer),
                    reference_solution = coalesce(problem.reference_solution, b.reference_solution)
                from (
                    select problem_id,
                        first(reference_answer order by n)
                            filter (reference_answer is not null) as reference_answer,
                        first(reference_solution order by n)
                            filter (reference_solution is not null) as reference_solution
                    from batch_problem
                    group by problem_id
                ) b
                where b.problem_id = problem.problem_id
                    and ((problem.reference_answer is null and b.reference_answer is not null)
                        or (problem.reference_solution is null
                            and b.reference_solution is not null))
                """
            )
            conflicts = cursor.execute(_REFUSED).pl().unique("n", keep="first", maintain_order=True)
            taken = traces.filter(~pl.col("n").is_in(conflicts["n"].to_list()))
            first_ones = taken.unique("trace_id", keep="first", maintain_order=True)
            cursor.register("taken_trace", first_ones)
            before = cursor.execute("select count(*), max(position) from trace").fetchall()[0]
            cursor.execute(
                """
                insert into trace by name
                select * exclude (n),
                    $ingest_id as ingest_id, $at::timestamptz as added_at, $first + n as position
                from taken_trace
                on conflict do nothing
                """,
                {
                    "ingest_id": ingest_id,
                    "at": now(),
                    "first": -1 if before[1] is None else before[1],
                },
            )
            n_after = cursor.execute("select count(*) from trace").fetchall()[0][0]
            for view in ("batch_problem", "batch_trace", "taken_trace"):
                cursor.unregister(view)
        refused = traces[[n - 1 for n in conflicts["n"].to_list()]].drop("n")
        refusals = [
            Refusal(
                row["origin"],
                row["line"],
                conflict["field"],
                conflict["reason"],
                json.dumps(_native(row), ensure_ascii=False),
            )
            for row, conflict in zip(refused.to_dicts(), conflicts.to_dicts(), strict=True)
        ]
        n_new = n_after - before[0]
        return Added(n_new, taken.height - n_new, refusals)

    def record_ingest(
        self,
        ingest_id: str,
        *,
        origin: str,
        format: str,
        n_read: int,
        n_new: int,
        n_duplicate: int,
        n_rejected: int,
        quarantine: str | None,
    ) -> None:
        """Note that a source was read, and what came of it."""
        with self._writing() as cursor:
            cursor.execute(
                "insert into ingest by name select $ingest_id as ingest_id, $origin as origin, "
                "$format as format, $at::timestamptz as started_at, $n_read as n_read, "
                "$n_new as n_new, $n_duplicate as n_duplicate, $n_rejected as n_rejected, "
                "$quarantine as quarantine",
                {
                    "ingest_id": ingest_id,
                    "origin": origin,
                    "format": format,
                    "at": now(),
                    "n_read": n_read,
                    "n_new": n_new,
                    "n_duplicate": n_duplicate,
                    "n_rejected": n_rejected,
                    "quarantine": quarantine,
                },
            )

    def ingests(self) -> pl.DataFrame:
        """What was read so far, newest first."""
        return self._frame("select * from ingest order by started_at desc")


def _native(row: dict[str, object]) -> dict[str, object]:
    """A refused trace as a native record again, so that it can be mended and ingested."""
    return {
        "id": row["external_id"],
        "source": row["source"],
        "licence": row["licence"],
        "prompt": row["prompt"],
        "reference_answer": row["reference_answer"],
        "teacher": row["teacher"],
        "teacher_context": row["teacher_context_raw"],
        "context_text": row["context_text"],
        "trace": row["text"],
        "final_answer": row["final_answer"],
        "correct": row["is_correct"],
        "refined_from": row["refined_from"],
        "extra": json.loads(str(row["extra"])),
    }
