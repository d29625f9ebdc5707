"""The report on confidence leakage that is sent to a colleague: what stands in it, and where from.

    found = leakage_report.document(store, frame, where, dated="2026-01-02")
    reporting.write(reporting.files_of(found), folder)

A conductor: `leak_signs.report` (the command's and the page's numbers), `functions`, the spot
checks and the state of the store become a `reporting.Document`. The same store and filter give the
same document but for `dated`. The traces' texts are not in it; of the prompts only beginnings are,
as labels of the problems. The store is named by its file, without the folders above.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from curation import (
    check_report,
    figures,
    functions,
    leak_signs,
    leakage,
    leakage_tables,
    lexicons,
    reporting,
)
from curation.leakage import Report
from curation.leakage_tables import percent
from curation.records import EPISTEMIC
from curation.reporting import (
    Code,
    Document,
    Figure,
    Links,
    List,
    Paragraph,
    Section,
    Table,
    charts,
)
from curation.reporting.document import Block, Link
from curation.store import Store

MOST_CHECKS = 10
"""Spot checks that are reported, the newest; more are counted."""

SOURCES = (
    Link("Kim et al.: epistemic markers under guided teachers", "https://arxiv.org/abs/2603.24472"),
    Link("Privileged tokens of a teacher", "https://arxiv.org/abs/2605.11609"),
    Link("Uncertainty externalised in traces", "https://arxiv.org/abs/2603.15500"),
)


def document(store: Store, frame: pl.DataFrame, where: str | None, *, dated: str) -> Document:
    """The report on the traces of `frame` (`Store.list_traces(where)`), markers up to date."""
    report = leak_signs.report(store, frame)
    sections = (
        Section("What it says", tuple(_summary(report))),
        Section("What it was made from", (_origin(store, frame, report, where),)),
        Section("As they stand", tuple(_as_they_stand(frame, report))),
        Section("Matched on the problem", tuple(_matched(store, report))),
        Section("What else differs", tuple(_confounding(report))),
        Section("Where markers stand, and what they do", tuple(_functions(store, frame))),
        Section("Spot checks", tuple(_spot_checks(store))),
        Section("Limits", (Paragraph(leakage_tables.LIMITS), Links(SOURCES))),
        Section("How to repeat it", tuple(_commands(store, where))),
    )
    return Document("Confidence leakage by teacher context", f"Dated {dated}", sections)


def _summary(report: Report) -> list[Block]:
    """Each comparison in a sentence; what confounds it right behind."""
    blocks: list[Block] = [List(tuple(leakage_tables.sentences(report)))]
    if any(row.teacher == leakage_tables.DEMO_TEACHER for row in report.teachers):
        blocks.append(Paragraph(leakage_tables.DEMO_NOTE, is_note=True))
    if any(context.matched.warnings for context in report.contexts):
        blocks.append(
            Paragraph(
                "More than the context differs between the sides; see “What else differs” before "
                "reading anything into these numbers.",
                is_note=True,
            )
        )
    return blocks


def _origin(store: Store, frame: pl.DataFrame, report: Report, where: str | None) -> Table:
    status, standing = store.status(), lexicons.standing(store)
    student = store.setting("student")
    convention = store.current_convention(student) if student else None
    refused = lexicons.refused(frame)
    languages = ", ".join(f"{code} {n:,}" for code, n in refused["refused_languages"].items())
    in_use = ", ".join(f"{code}: {i}" for code, i in standing["lexicons"].items())
    rows = (
        ("Store", f"{store.path.name}: {status['traces']:,} traces, "
                  f"{status['problems']:,} problems"),
        ("Filter", where or "none: every trace"),
        ("Traces in this report", f"{report.n_traces:,}, of which {report.n_unmarked:,} have no "
                                  "count of markers and are left out"),
        ("Refused for want of a lexicon", f"{refused['n_refused']:,} ({languages})" if languages
         else "0"),
        ("Lexicon", report.lexicon or (f"several ({in_use})" if in_use else "none")),
        ("Student", student or "none: nothing is scored"),
        ("Convention of its numbers", convention or "–"),
        ("Unit of lengths", f"{report.unit}: {report.unit_reason}"),
        ("Seed of the drawn p-values", str(report.seed)),
    )  # fmt: skip
    return Table("", ("What", "Which"), rows)


def _as_they_stand(frame: pl.DataFrame, report: Report) -> list[Block]:
    unit = report.unit
    marked = frame.filter(pl.col("n_epistemic").is_not_null())
    length = pl.col(f"n_{unit}")
    density = marked.with_columns(
        density=1000 * pl.col("n_epistemic") / length.replace(0, None)
    ).drop_nulls("density")
    return [
        leakage_tables.by_context(report),
        leakage_tables.by_teacher(report),
        charts.strips(
            "density", "Epistemic density by teacher context",
            f"epistemic markers per 1,000 {unit}", _strips(density, "density"), log=False,
        ),
        charts.strips(
            "length", "Length by teacher context",
            f"length ({'student tokens' if unit == 'tokens' else 'words'})",
            _strips(marked.drop_nulls(f"n_{unit}"), f"n_{unit}"), log=True,
        ),
    ]  # fmt: skip


def _strips(frame: pl.DataFrame, column: str) -> list[charts.Strip]:
    return [
        charts.Strip(
            context,
            tuple(map(float, frame.filter(pl.col("teacher_context") == context)[column])),
            _look(context),
        )
        for context in figures.CONTEXT_COLOURS
        if context in set(frame["teacher_context"])
    ]


def _look(context: str) -> charts.Look:
    return charts.Look(figures.CONTEXT_COLOURS[context], figures.CONTEXT_SYMBOLS[context])


def _matched(store: Store, report: Report) -> list[Block]:
    blocks: list[Block] = [Paragraph(leakage_tables.METHOD)]
    contexts = leakage_tables.compared(report)
    if contexts:
        blocks += [
            leakage_tables.matched(report),
            leakage_tables.differences(report),
            Paragraph(leakage_tables.GAIN_HELP),
            *_dumbbells(store, report),
            leakage_tables.profile(report),
            _differences(report),
            Paragraph("The intervals by category are not adjusted for being eight."),
        ]
    else:
        blocks.append(
            Paragraph(
                "Nothing is matched: no problem has traces both unguided and under another "
                "context.",
                is_note=True,
            )
        )
    for context in report.contexts:
        if context.unmatched is not None:
            name = context.teacher_context
            blocks.append(
                Paragraph(
                    f"Unmatched: {name}; {report.unmatched[name]}. Over different problems, where "
                    "teachers and domains may differ too, so no comparison of contexts: "
                    f"suppression {leakage_tables.told(context.unmatched)}",
                    is_note=True,
                )
            )
    return blocks


def _dumbbells(store: Store, report: Report) -> list[Figure]:
    pairs = leakage.matched_pairs(report)
    return [
        charts.dumbbells(
            f"problems-{name}",
            name,
            [
                charts.Dumbbell(*row)
                for row in pairs.filter(pl.col("teacher_context") == name)
                .select("problem_id", "per_1k_unguided", "per_1k")
                .iter_rows()
            ],
            report.unit,
            (_look(leakage.REFERENCE), _look(name)),
            lambda problem_id: store.problem(problem_id).prompt,
        )
        for name in (context.teacher_context for context in leakage_tables.compared(report))
        if pairs.filter(pl.col("teacher_context") == name).height
    ]


def _differences(report: Report) -> Figure:
    rows = []
    for context in leakage_tables.compared(report):
        for category, part in context.matched.profile.items():
            value, interval = part.difference.value, part.difference.ci
            if value == value:
                rows.append(
                    charts.Difference(
                        context.teacher_context,
                        category,
                        value,
                        interval if interval[0] == interval[0] else None,
                        _look(context.teacher_context),
                    )  # fmt: skip
                )
    return charts.differences("categories", rows, report.unit)


def _confounding(report: Report) -> list[Block]:
    if not leakage_tables.compared(report):
        return [Paragraph("Nothing is matched, so there is no comparison to confound.")]
    warnings = tuple(
        f"{context.teacher_context}: {warning}"
        for context in leakage_tables.compared(report)
        for warning in context.matched.warnings
    )
    found: list[Block] = [List(warnings)] if warnings else []
    return [*found, leakage_tables.confounding(report), leakage_tables.by_domain(report)]


def _functions(store: Store, frame: pl.DataFrame) -> list[Block]:
    markers = store.marker_places(list(EPISTEMIC))
    placed = leakage.marker_places(
        markers.join(
            frame.select("trace_id", "teacher_context", "n_chars"), on="trace_id", how="inner"
        )
    )
    lines = []
    for name in figures.CONTEXT_COLOURS:
        own = placed.filter(pl.col("teacher_context") == name).sort("place")
        if own["n"].sum():
            shares = tuple(map(float, own["share"]))
            lines.append(charts.Line(name, shares, int(own["n"].sum()), _look(name)))
    pool = functions.pool(store, frame["trace_id"].to_list(), store.setting("student"))
    blocks: list[Block] = [charts.places("places", lines)]
    if pool.height:
        table = leakage_tables.functions(functions.by_context(pool))
        blocks += [table, Paragraph(leakage_tables.FUNCTIONS_NOTE)]
    if missing := frame.height - pool.height:
        blocks.append(
            Paragraph(f"{missing:,} traces are not counted: not marked, or no lexicon for them.")
        )
    return blocks


def _spot_checks(store: Store) -> list[Block]:
    known = store.spot_checks()
    if not known.height:
        return [Paragraph("No sample of this store was drawn to be judged by a person.")]
    blocks: list[Block] = [
        Paragraph(
            "Random samples that people judged blind. Each is of the traces of its own filter as "
            "they stood when it was drawn, whatever the filter of this report."
        )
    ]
    for check_id in known["spot_check_id"].head(MOST_CHECKS):
        blocks += _spot_check(check_report.report(store, check_id))
    if known.height > MOST_CHECKS:
        blocks.append(Paragraph(f"{known.height - MOST_CHECKS} older checks are not shown here."))
    return blocks


def _spot_check(found: dict[str, Any]) -> list[Block]:
    rows = tuple(
        (
            stratum["teacher_context"], stratum["teacher"], f"{stratum['n_population']:,}",
            f"{stratum['n_drawn']:,}", f"{stratum['judged']:,}", f"{stratum['leaking']:,}",
            percent(stratum["share"]), _percents(stratum["interval"]),
        )
        for stratum in found["by_stratum"]
    )  # fmt: skip
    columns = (
        "Context", "Teacher", "Population", "Drawn", "Judged", "Leaking", "Share", "Interval",
    )  # fmt: skip
    caption = (
        f"{found['name']} ({found['spot_check_id']}), drawn by {found['created_by']} from traces "
        f"where {found['filter'] or 'true'}, {found['allocation']} sample, seed {found['seed']}"
    )
    summary = (
        f"Leaking share {percent(found['share'])}; {percent(found['confidence'])} intervals: "
        f"Wilson {_percents(found['interval'])}, Clopper-Pearson "
        f"{_percents(found['clopper_pearson'])}. Judged {found['judged']:,} of "
        f"{found['n_drawn']:,} drawn."
    )
    return [Table(caption, columns, rows), List((summary, *found["says"]))]


def _percents(interval: Any) -> str:
    low, high = interval
    return "–" if low != low else f"{percent(low)} to {percent(high)}"


def _commands(store: Store, where: str | None) -> list[Block]:
    start = f"python -m curation --store {shlex.quote(store.path.name)}"
    asked = f" --where {shlex.quote(where)}" if where else ""
    lines = [
        f"{start} leakage{asked} --json",
        f"{start} leakage{asked} --report DIR",
        *(
            f"{start} spotcheck report {shlex.quote(check_id)} --json"
            for check_id in store.spot_checks()["spot_check_id"].head(MOST_CHECKS)
        ),
        f"{start} verify",
    ]
    return [
        Paragraph(
            "With the same store, the same lexicon and the same version of the project these "
            "commands give the same numbers."
        ),
        Code(tuple(lines)),
    ]


def files(store: Store, frame: pl.DataFrame, where: str | None, *, dated: str) -> dict[str, bytes]:
    """The report's files by their path in its folder; see `document`."""
    return reporting.files_of(document(store, frame, where, dated=dated))


def now() -> str:
    """What a report is dated unless it is said."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def check(arguments: dict[str, Any]) -> None:
    """Before any work: raises ExportError where `arguments` name a folder that cannot be used."""
    if arguments.get("report") is not None:
        reporting.check(Path(arguments["report"]))


def answer(store: Store, frame: pl.DataFrame, arguments: dict[str, Any]) -> dict[str, Any]:
    """What `leakage` answers for the traces of `frame`; with `report` it writes that folder too.

    `dated` is what the report is dated, None = now. Raises ExportError, OSError.
    """
    found = {**leak_signs.report(store, frame).to_dict(), **lexicons.refused(frame)}
    if arguments.get("report") is not None:
        dated = arguments.get("dated") or now()
        made = files(store, frame, arguments["where"], dated=dated)
        written = reporting.write(made, Path(arguments["report"]))
        found["report"] = [one._asdict() for one in written]
    return found
