"""The figures of a leakage report as static SVG: numbers and names in, a `Figure` out.

Computes no statistic beyond a median and an order. Where there is more than a page can show, an
even choice is drawn and the words under the figure say of how many. Names are text and escaped.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from curation.reporting import svg
from curation.reporting.document import Figure, plain

MOST_ROWS = 60
"""Problems that one dumbbell chart shows."""
MOST_POINTS = 400
"""Points that one strip shows."""
_LABEL_CHARS = 40
_PHI = 0.6180339887498949

T = TypeVar("T")


class Look(NamedTuple):
    """How a series is told apart: a colour and a symbol of `svg.SYMBOLS`."""

    colour: str
    symbol: str


class Dumbbell(NamedTuple):
    """One problem: its density unguided and under the context."""

    problem_id: str
    unguided: float
    context: float


class Strip(NamedTuple):
    """One context's values, one a trace."""

    name: str
    values: tuple[float, ...]
    look: Look


class Line(NamedTuple):
    """One context's share in each of ten places, with how many markers it is of."""

    name: str
    shares: tuple[float, ...]
    n_markers: int
    look: Look


class Difference(NamedTuple):
    """One context's difference in one category; no interval = None."""

    name: str
    category: str
    value: float
    interval: tuple[float, float] | None
    look: Look


def dumbbells(
    name: str,
    context: str,
    rows: Sequence[Dumbbell],
    unit: str,
    looks: tuple[Look, Look],
    label_of: Callable[[str], str],
) -> Figure:
    """A row a problem, from its unguided density to that under `context`, largest fall first.

    `looks` are those of unguided and of the context; `label_of` is asked for the problems drawn.
    """
    unguided, own = looks
    ordered = sorted(rows, key=lambda row: (row.context - row.unguided, row.problem_id))
    shown = _evenly(ordered, MOST_ROWS)
    n_lower = sum(row.context < row.unguided for row in rows)
    n_higher = sum(row.context > row.unguided for row in rows)
    alt = (
        f"Epistemic markers per 1,000 {unit} of each matched problem: lower than unguided on "
        f"{n_lower}, higher on {n_higher}, the same on {len(rows) - n_lower - n_higher} of "
        f"{len(rows)} problems."
    )
    if len(shown) < len(rows):
        alt += f" Drawn are {len(shown)} of them, evenly spaced in the order of the difference."
    title = f"The same problem, unguided and under {plain(context)}"
    left, top, step = 300.0, 64.0, 16.0
    bottom = top + step * len(shown)
    marks = svg.ticks(0, max((max(r.unguided, r.context) for r in shown), default=1))
    x = svg.scale(marks[0], marks[-1], left, svg.WIDTH - 16)
    parts = svg.legend(
        [("unguided", *unguided), (context, *own)], left, 42,
    )  # fmt: skip
    parts += _across(marks, x, top - 6, bottom, f"epistemic markers per 1,000 {unit}")
    for place, row in enumerate(shown):
        y = top + step * (place + 0.5)
        before, after = x(row.unguided), x(row.context)
        told = f"{row.unguided:.1f} to {row.context:.1f}"
        parts += [
            svg.text(left - 10, y + 4, _cut(label_of(row.problem_id)), anchor="end", kind="soft"),
            svg.line(before, y, after, y, kind="mark", colour=own.colour, width=1.5),
            svg.mark(before, y, unguided.symbol, unguided.colour, 4, told),
            svg.mark(after, y, own.symbol, own.colour, 4, told),
        ]
    return Figure(name, title, alt, svg.figure(name, title, alt, bottom + 44, parts))


def strips(name: str, title: str, y_title: str, groups: Sequence[Strip], *, log: bool) -> Figure:
    """A point a trace by context, spread sideways, and a bar at each median."""
    groups = [
        group._replace(values=tuple(v for v in sorted(group.values) if v > 0 or not log))
        for group in groups
    ]
    groups = [group for group in groups if group.values]
    medians = [statistics.median(group.values) for group in groups]
    told = ", ".join(
        f"{plain(g.name)} {m:,.2f} ({len(g.values):,} traces)"
        for g, m in zip(groups, medians, strict=True)
    )
    alt = f"{title}: {y_title}. Medians: {told or 'there is nothing to show'}."
    if any(len(group.values) > MOST_POINTS for group in groups):
        alt += f" Of more than {MOST_POINTS} traces, {MOST_POINTS} evenly spaced ones are drawn."
    every = [value for group in groups for value in group.values] or [1.0]
    marks = svg.log_ticks(min(every), max(every)) if log else svg.ticks(0, max(every))
    left, top, bottom = 80.0, 44.0, 300.0
    y = svg.scale(marks[0], marks[-1], bottom, top, log=log)
    parts = _up(marks, y, left, f"{y_title}{' (log scale)' if log else ''}")
    width = (svg.WIDTH - left - 16) / max(1, len(groups))
    for place, (group, median) in enumerate(zip(groups, medians, strict=True)):
        middle = left + width * (place + 0.5)
        reach = min(0.32 * width, 90)
        for i, value in enumerate(_evenly(group.values, MOST_POINTS)):
            sideways = ((i * _PHI) % 1 - 0.5) * 2 * reach
            parts.append(svg.mark(middle + sideways, y(value), group.look.symbol,
                                  group.look.colour, 3))  # fmt: skip
        parts += [
            svg.line(middle - reach - 8, y(median), middle + reach + 8, y(median), kind="median"),
            svg.text(middle, bottom + 20, _cut(group.name), anchor="middle"),
            svg.text(middle, bottom + 36, f"median {median:,.1f}", anchor="middle", kind="soft"),
        ]  # fmt: skip
    return Figure(name, title, alt, svg.figure(name, title, alt, bottom + 48, parts))


def places(name: str, lines: Sequence[Line]) -> Figure:
    """Where epistemic markers begin along the trace, in tenths of its characters, a line a context.

    Shares are from 0 to 1 and add up to 1.
    """
    title = "Where the epistemic markers stand"
    told = "; ".join(
        f"{plain(one.name)}: {sum(one.shares[:2]):.0%} of {one.n_markers:,} in the first fifth"
        for one in lines
    )
    alt = f"{title}: {told or 'there is no epistemic marker'}."
    left, top, bottom = 80.0, 66.0, 300.0
    marks = svg.ticks(0, 100 * max((max(one.shares) for one in lines), default=0.1))
    x, y = (
        svg.scale(0, 100, left, svg.WIDTH - 16), svg.scale(marks[0], marks[-1], bottom, top),
    )  # fmt: skip
    parts = svg.legend([(one.name, *one.look) for one in lines], left, 42)
    parts += _up(marks, y, left, "share of the context's markers (%)")
    parts += [
        svg.text(x(10 * i), bottom + 18, str(10 * i), anchor="middle", kind="soft")
        for i in range(0, 11, 2)
    ]
    title_x = "place in the trace (% of its characters)"
    parts.append(svg.text((left + svg.WIDTH) / 2, bottom + 38, title_x, anchor="middle"))
    for one in lines:
        points = [(x(10 * i + 5), y(100 * share)) for i, share in enumerate(one.shares)]
        parts.append(svg.polyline(points, one.look.colour))
        parts += [
            svg.mark(a, b, one.look.symbol, one.look.colour, 4, f"{100 * share:.0f} %")
            for (a, b), share in zip(points, one.shares, strict=True)
        ]
    return Figure(name, title, alt, svg.figure(name, title, alt, bottom + 50, parts))


def differences(name: str, rows: Sequence[Difference], unit: str) -> Figure:
    """Markers of each category per 1,000: context minus unguided, with its interval."""
    title = "Categories, context minus unguided"
    categories = list(dict.fromkeys(row.category for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    clear = [
        f"{plain(row.name)} {row.category} {row.value:+.1f}".replace("-", "−")
        for row in rows
        if row.interval is not None and (row.interval[0] > 0 or row.interval[1] < 0)
    ]
    alt = (
        f"{title}, per 1,000 {unit}. Intervals that leave out 0 (not adjusted for being eight): "
        f"{', '.join(clear) or 'none'}."
    )
    left, top = 130.0, 66.0
    height = 14.0 * len(names) + 10
    bottom = top + height * len(categories)
    ends = [0.0] + [v for row in rows for v in (row.value, *(row.interval or ()))]
    marks = svg.ticks(min(ends), max(ends))
    x = svg.scale(marks[0], marks[-1], left, svg.WIDTH - 16)
    looks = {row.name: row.look for row in rows}
    parts = svg.legend([(each, *looks[each]) for each in names], left, 42)
    axis = f"markers per 1,000 {unit}, context − unguided (95 % intervals)"
    parts += [*_across(marks, x, top, bottom, axis), svg.line(x(0), top, x(0), bottom, kind="zero")]
    for i, category in enumerate(categories):
        y = top + height * (i + 0.5)
        parts.append(svg.text(left - 10, y + 4, category, anchor="end"))
    for row in rows:
        at = categories.index(row.category) * height + 14 * (names.index(row.name) + 0.5) + 5
        y = top + at
        if row.interval is not None:
            low, high = row.interval
            parts.append(svg.line(x(low), y, x(high), y, kind="mark", colour=row.look.colour,
                                  width=1.5))  # fmt: skip
        parts.append(svg.mark(x(row.value), y, row.look.symbol, row.look.colour, 4))
    return Figure(name, title, alt, svg.figure(name, title, alt, bottom + 44, parts))


def _across(
    marks: Sequence[float], x: svg.Scale, top: float, bottom: float, title: str
) -> list[str]:
    """A horizontal axis below, with its grid."""
    lines = [svg.line(x(m), top, x(m), bottom) for m in marks]
    labels = [
        svg.text(x(m), bottom + 16, svg.short(m), anchor="middle", kind="soft") for m in marks
    ]
    middle = (x(marks[0]) + x(marks[-1])) / 2
    return [*lines, *labels, svg.text(middle, bottom + 36, title, anchor="middle")]


def _up(marks: Sequence[float], y: svg.Scale, left: float, title: str) -> list[str]:
    """A vertical axis at the left, with its grid."""
    lines = [svg.line(left, y(m), svg.WIDTH - 16, y(m)) for m in marks]
    labels = [svg.text(left - 8, y(m) + 4, svg.short(m), anchor="end", kind="soft") for m in marks]
    middle = (y(marks[0]) + y(marks[-1])) / 2
    return [*lines, *labels, svg.text(16, middle, title, anchor="middle", turn=-90)]


def _evenly(rows: Sequence[T], most: int) -> list[T]:
    """At most `most` of the rows, evenly spaced, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i * (len(rows) - 1) // (most - 1)] for i in range(most)]


def _cut(label: str) -> str:
    shown = plain(label)
    return shown if len(shown) <= _LABEL_CHARS else f"{shown[: _LABEL_CHARS - 1]}…"
