"""The dataset card: what a stranger should know before training on the set.

Teachers, sources, licences, domains and filters come from files that others wrote: they enter the
card inside code spans, on one line and cut short, so that no markup of theirs is rendered. The
scales stand in it as tables: there is no kept-up way to draw a chart without a browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from curation.export import scale_words as words
from curation.export.formats import FORMATS, RowsOf, format_of, rows_of
from curation.export.weighted import KINDS

_LISTED = 12
_SHOWN_CHARS = 80


class _Kind(NamedTuple):
    """What the rows of a kind are, how people made them so, what it means, what is counted."""

    rows: str
    how: str
    means: str
    length: str = "a trace"


_ACCEPTED = (
    "Accepted means that everyone who gave a verdict on the trace accepted it, or, where they "
    "differed, an adjudicator did."
)
_KINDS: dict[RowsOf, _Kind] = {
    "accepted": _Kind("traces", "accepted by the people who reviewed it", _ACCEPTED),
    "rejected": _Kind(
        "traces",
        "rejected by the people who reviewed it",
        "Rejected means that everyone who gave a verdict on the trace rejected it, or, where they "
        "differed, an adjudicator did. The set is for an antiexpert, whose influence is taken "
        "away; a student that is trained on it for itself learns what people rejected.",
    ),
    "labelled": _Kind(
        "traces",
        "accepted or rejected by the people who reviewed it",
        f"{_ACCEPTED} Rejected means the same of rejections.",
    ),
    "pairs": _Kind(
        "pairs of traces",
        "compared by people, or an accepted trace over a rejected one",
        "Of two that people compared, chosen is the trace that more of them preferred; pairs with "
        "as many votes on both sides are disputed, ties and flags count for neither. An edit is a "
        "vote for what it made. The counts below are of both traces of each pair.",
    ),
    "stepwise": _Kind(
        "traces",
        "with its steps judged by people",
        "A step's label is what most of its reviewers said; one of which they are evenly divided, "
        "or of which nobody said anything, has none, and no row goes on beyond it. The trace as a "
        "whole may be accepted or rejected (`state`).",
        "a row's steps",
    ),
    "privileged": _Kind(
        "prompts",
        "with what a teacher may be told beyond it",
        "A directive says how a trace should have differed; the trace may be accepted or rejected "
        "(`state`).",
        "of what is told",
    ),
    "prompts": _Kind(
        "prompts", "of a problem with a trace that people accepted", _ACCEPTED, "a prompt"
    ),
    "judgements": _Kind(
        "judgements",
        "what one person said of a trace's steps",
        "People who judged the same trace have a row each; the trace as a whole may be accepted or "
        "rejected.",
    ),
    "everything": _Kind(
        "traces",
        "with what people decided of it, if anything",
        f"{_ACCEPTED} The other states are counted below, and their traces are here too.",
    ),
}


def dataset_card(
    record: Mapping[str, Any], lengths: Sequence[int], files: Mapping[str, Sequence[str]]
) -> str:
    """The card as Markdown under a YAML head that tells `datasets` which file is which split.

    `record` is the manifest without its files, `lengths` are the traces' characters and `files` the
    names of each written split's files.
    """
    rows: dict[str, int] = record["rows"]
    contents: dict[str, dict[str, int]] = record["contents"]
    options = record["options"]
    ranked = sorted(lengths)
    shares = {each["name"]: each["share"] for each in options["splits"]}
    what, how, means, counted = _KINDS[rows_of(record["format"])]
    lines = [
        "---",
        f"license: {_license(contents['licence'])}",
        *_languages(record["scales"]),
        "size_categories:",
        f"- {_size(sum(rows.values()))}",
        "task_categories:",
        "- text-generation",
        "tags:",
        "- reasoning-traces",
        "- distillation",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(
            line
            for name, of_split in files.items()
            for line in (f"  - split: {name}", *_paths(of_split))
        ),
        "---",
        "",
        "# Curated reasoning traces",
        "",
        f"{sum(rows.values()):,} {what} on {sum(record['problems'].values()):,} problems, each "
        f"{how}. Written by Hedgerow; `manifest.json` has the "
        "hashes of every file, the decisions behind the rows and the options, and "
        "`python -m curation verify FOLDER` checks them.",
        "",
        "| split | asked share | problems | rows |",
        "|---|---|---|---|",
        *(
            f"| {name} | {shares[name]:g} | {record['problems'][name]:,} | {n:,} |"
            for name, n in rows.items()
        ),
        "",
        *(f"{note}\n" for note in record["notes"]),
        f"**Rows.** `{record['format']}`: {FORMATS[record['format']]} `trace_id`, `problem_id`, "
        "`teacher` and `teacher_context` say where a row comes from; trainers ignore them. Where "
        "`is_edited`, a reviewer's edit stands in place of what the teacher wrote "
        "(`original_trace_id`), by the decision `edit_decision_id`.",
        "",
        f"**Selection.** Filter: {_code(options['where']) if options['where'] else 'none'}. "
        f"Left out: {_left_out(record['left_out'])}. {means}",
        "",
        _splits(options),
        "",
        *_weights(record),
        f"**Length.** {ranked[0]:,} to {ranked[-1]:,} characters {counted}, median "
        f"{ranked[len(ranked) // 2]:,}. TRL keeps the first 1,024 tokens of a row unless "
        "`max_length` is set: set it, or the ends of long traces are not trained on.",
        "",
    ]
    for column, title in (
        ("teacher", "Teachers"),
        ("teacher_context", "What the teacher saw beside the prompt"),
        ("domain", "Domains"),
        ("source", "Sources"),
        ("licence", "Licences"),
    ):
        lines += [f"**{title}**", "", *_listed(contents[column]), ""]
    lines += [*_scales(record), ""]
    lines += [
        "**Limits.** A verdict is a person's judgement of a trace, not a proof of it. A correct "
        "answer does not make a trace good to learn from, and neither does a likelihood. The "
        "licences are those that the sources state; check them before publishing. Traces whose "
        "teacher saw the answer or a solution can teach a confidence that the student has no "
        "grounds for: mind the contexts above.",
        "",
    ]
    return "\n".join(lines)


def _splits(options: Mapping[str, Any]) -> str:
    """Which rule parted the problems, in words."""
    selection = options["selection"]
    by_group = selection["group"] == "near"
    strata = ", ".join(_code(name) for name in selection["stratify"])
    what = "problem, or group of problems with near-duplicate prompts," if by_group else "problem"
    return (
        f"**Splits.** By problem, seed {options['seed']}: no problem"
        + (
            f" and no cluster of near-duplicate prompts (MinHash, similarity "
            f"{selection['threshold']:g} or more)"
            if by_group
            else ""
        )
        + f" stands in two splits. Each {what} falls into its split by a hash of its own"
        + (
            f", ranked within each value of {strata}: every value has the asked shares to within "
            "one group, and adding data moves few problems."
            if strata
            else ", so shares are approximate and adding data moves no problem"
            + (" unless a new prompt joins two groups" if by_group else "")
            + " (a split that would stay empty borrows one)."
        )
    )


_WEIGHED_AS = {
    "stretches": "A column `weights` holds stretches of the trace (`start`, `end`, exclusive, in "
    "code points; `weight`) that tile it; trainers ignore it unless their loss is told to read it.",
    "spans": "The format says loss or none: `train` and `train_detail`.",
    "messages": "The format says loss or none of a whole message: its `weight`.",
}


def _weights(record: Mapping[str, Any]) -> list[str]:
    """What words weigh, where the recipe asked; nothing else."""
    found = record.get("weights")
    if found is None:
        return []
    weighed_as = _WEIGHED_AS[format_of(record["format"]).carries]
    least = record["options"]["weights"]["loss_from"]
    if least is not None and not weighed_as.startswith("A column"):
        weighed_as += f" There is loss from a weight of {least:g} on."
    by = "; ".join(
        f"{KINDS[kind]} known of {each['rows_known']:,} rows, lowering {each['rows_lowered']:,}"
        for kind, each in found["evidence"].items()
    )
    mean = "unknown" if found["mean_weight"] is None else f"{found['mean_weight']:.3f}"
    return [
        f"**Weights.** Words count for 0 to 1 in the loss, by what reviewers labelled and what the "
        f"student said of tokens ({by}); without evidence for 1. A character weighs {mean} on "
        f"average, {found['share_below_1'] or 0:.1%} of them less than 1; "
        f"{found['rows_without_loss']:,} rows carry no loss at all. {weighed_as} That weights by "
        "privilege gain or missing hedges make a better student is shown nowhere.",
        "",
    ]


def _paths(names: Sequence[str]) -> list[str]:
    """A split's files in the head: one by its name, several as a list."""
    if len(names) == 1:
        return [f"    path: {names[0]}"]
    return ["    path:", *(f"    - {name}" for name in names)]


def _scales(record: Mapping[str, Any]) -> list[str]:
    """What goes out against pool and unguided, with warnings and limits."""
    scales = record["scales"]
    lines = ["## The scales", "", words.heading(scales), ""]
    for warning in scales["warnings"]:
        named = ", ".join(map(_code, warning["names"]))
        lines += [f"> **Mind:** {warning['says']}" + (f" ({named})" if named else ""), ""]
    lines += [*_table(words.COLUMNS, words.rows(scales)), ""]
    for mix in scales["mixes"]:
        if mix["counts"]:
            shown = {**mix, "counts": mix["counts"][:_LISTED]}
            found = [(_code(name), *rest) for name, *rest in words.mix_rows(shown)]
            found += words.mix_totals(mix)
            more = mix["n_values"] - len(shown["counts"])
            title = f"**{mix['title']}**, {mix['of']}" + (f"; {more:,} more values" * bool(more))
            lines += [title, "", *_table(words.MIX_COLUMNS, found), ""]
    removed = [(_code(reason), *rest) for reason, *rest in words.removed_rows(scales)]
    if removed:
        lines += ["**What was left out**", "", *_table(words.REMOVED_COLUMNS, removed), ""]
    lines += [words.budget(record["budget"])]
    override = (record["budget"] or {}).get("override")
    if override:
        lines[-1] += (
            f" Signed by {_code(override['who'])}, down to {override['down_to']:g}: "
            f"{_code(override['why'])}"
        )
    return [*lines, "", f"**What these figures cannot say.** {scales['limits']}"]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; a bar in a cell ends no cell."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]


def _languages(scales: Mapping[str, Any]) -> list[str]:
    """The head's languages: those that were recognised in what goes out; no line without any."""
    (mix,) = (each for each in scales["mixes"] if each["name"] == "language")
    found = [each["value"] for each in mix["counts"] if each["accepted"]]
    codes = sorted(code for code in found if re.fullmatch(r"[a-z]{2,3}", code))
    return ["language:", *(f"- {code}" for code in codes)] if codes else []


def _size(n_rows: int) -> str:
    """The size category of a data set, as its hub has them."""
    bounds = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    if n_rows < 1_000:
        return "n<1K"
    power = min(len(str(n_rows)) - 4, len(bounds) - 1)
    return f"{bounds[power]}<n<{bounds[power + 1]}" if power + 1 < len(bounds) else "n>1T"


def _license(licences: Mapping[str, int]) -> str:
    """The head's licence: the one that all rows share where it looks like an id, else a word."""
    if set(licences) == {"unknown"}:
        return "unknown"
    only = next(iter(licences)).lower()
    return only if len(licences) == 1 and re.fullmatch(r"[a-z0-9.-]{2,40}", only) else "other"


def _left_out(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in left_out.items()) or "nothing"


def _listed(counts: Mapping[str, int]) -> list[str]:
    """The most frequent values, one a line, and how many more there are."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"- {_code(value)}: {n:,}" for value, n in ranked[:_LISTED]]
    if len(ranked) > _LISTED:
        rest = sum(n for _, n in ranked[_LISTED:])
        lines.append(f"- {len(ranked) - _LISTED:,} more: {rest:,}")
    return lines


def _code(value: str) -> str:
    """`value` as a Markdown code span that it cannot leave: escaped, one line, cut short."""
    shown = value if len(value) <= _SHOWN_CHARS else value[: _SHOWN_CHARS - 1] + "…"
    return "`" + json.dumps(shown, ensure_ascii=False)[1:-1].replace("`", "'") + "`"
