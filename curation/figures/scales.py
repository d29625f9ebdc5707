"""The export's scales as dots: accepted, pool and unguided of one figure on one line.

Takes what a manifest holds of the scales (`export.cautions.on_record`), so that the chart shows
what is on record. Numbers stand beside the dots; what is not known has no dot and reads "–".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from curation.figures import CONTEXT_COLOURS, VERDICT_COLOURS, Chart, _empty, _figure, plain

Record = Mapping[str, Any]

_SIDES = ("accepted", "pool", "reference")
_NAMES = {"accepted": "accepted", "pool": "pool", "reference": "unguided"}
_LOOKS: dict[str, dict[str, Any]] = {
    "pool": {"color": "#888888", "symbol": "line-ns-open", "size": 16, "line": {"width": 3}},
    "reference": {
        "color": CONTEXT_COLOURS["unguided"],
        "symbol": "diamond-open",
        "size": 14,
        "line": {"width": 2},
    },
    "accepted": {"color": VERDICT_COLOURS["accept"], "symbol": "circle", "size": 10},
}
_SHARES = (
    "is_correct", "is_privileged", "solve_rate", "frontier", "is_same_family", "privilege_phrase",
    "early_answer",
)  # fmt: skip
MOST_VALUES = 12
"""Values of a composition that are drawn, the pool's most frequent; the words say of how many."""


class _Line(NamedTuple):
    name: str
    values: dict[str, float | None]
    said: str
    """The numbers beside the dots."""
    ends: tuple[float, float] | None = None
    """An interval about the accepted dot."""


def ratios(scales: Record) -> Chart:
    """Densities and length as multiples of the pool's, on a log axis; the pool is at 1."""
    title = "Against the pool"
    lines = []
    for row in scales["rows"]:
        pool = row["pool"]["value"]
        if row["how"] != "ratio" or not pool:
            continue
        values = {
            side: None if not row[side]["value"] else row[side]["value"] / pool for side in _SIDES
        }
        shown = " · ".join(
            _number(row[side]["value"]) for side in ("accepted", "pool", "reference")
        )
        ci = row["against_pool"]["ci"]
        ends = (ci[0], ci[1]) if ci and values["accepted"] else None
        lines.append(_Line(row["title"], values, shown, ends))
    unit = scales["unit"]
    chart = _dots(title, lines, f"× the pool's (markers per 1,000 {unit}; {unit})")
    if lines:
        ticks = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
        chart.figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{t:g}" for t in ticks])
        chart.figure.add_vline(x=1, line_width=1, line_color="#888888")
    return chart


def shares(scales: Record) -> Chart:
    """The shares among the figures, in percent."""
    by_name = {row["name"]: row for row in scales["rows"]}
    lines = [
        _percents(row["title"], {side: row[side]["value"] for side in _SIDES})
        for row in (by_name[name] for name in _SHARES)
        if any(row[side]["value"] is not None for side in _SIDES)
    ]
    chart = _dots("Shares", lines, "% of the traces, or of the problems")
    chart.figure.update_xaxes(range=[-3, 103])
    return chart


def mix(found: Record) -> Chart:
    """A composition: the share of each value, in percent of the known."""
    known = found["n_known"]
    lines = [
        _percents(
            plain(each["value"]),
            {side: each[side] / known[side] if known[side] else None for side in _SIDES},
        )
        for each in found["counts"][:MOST_VALUES]
    ]
    more = found["n_values"] - len(lines)
    title = found["title"] + (f" (and {more:,} more)" if more else "")
    return _dots(title, lines, f"% of the {found['of']} of which it is known")


def _percents(name: str, values: Mapping[str, float | None]) -> _Line:
    percent = {side: None if v is None else 100 * v for side, v in values.items()}
    shown = " · ".join(
        "–" if percent[side] is None else f"{percent[side]:.0f} %" for side in _SIDES
    )
    return _Line(name, percent, shown)


def _dots(title: str, lines: Sequence[_Line], x_title: str) -> Chart:
    if not lines:
        return _empty(title, "Nothing of it is known.")
    figure = _figure(title, "")
    # Positions, not names: two values may read alike once they are made plain.
    places = list(range(len(lines)))
    for place, line in zip(places, lines, strict=True):
        spread = [v for v in (*line.values.values(), *(line.ends or ())) if v is not None]
        if spread:
            figure.add_scatter(
                x=[min(spread), max(spread)], y=[place, place], mode="lines", hoverinfo="skip",
                line={"color": "rgba(136,136,136,0.35)", "width": 2}, showlegend=False,
            )  # fmt: skip
    for side in _LOOKS:  # what goes out is drawn last, over the others
        there = [(p, line) for p, line in zip(places, lines, strict=True)
                 if line.values[side] is not None]  # fmt: skip
        figure.add_scatter(
            x=[line.values[side] for _, line in there], y=[p for p, _ in there],
            customdata=[[line.name, line.said] for _, line in there], mode="markers",
            name=_NAMES[side], marker=_LOOKS[side], cliponaxis=False,
            hovertemplate="%{customdata[0]}<br>accepted · pool · unguided: %{customdata[1]}"
            f"<extra>{_NAMES[side]}</extra>",
        )  # fmt: skip
    for place, line in zip(places, lines, strict=True):
        figure.add_annotation(
            text=line.said, x=1.01, xref="paper", xanchor="left", y=place, showarrow=False,
            font={"size": 12},
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=places, ticktext=[line.name for line in lines],
        range=[len(lines) - 0.4, -0.6], rangemode="normal", showgrid=False, automargin=True,
    )  # fmt: skip
    figure.update_xaxes(title=x_title, zeroline=False, rangemode="tozero")
    # Said in a line: a legend breaks into three where the page is narrow.
    key = " · ".join(
        f'<span style="color:{_LOOKS[side]["color"]}">{sign}</span> {_NAMES[side]}'
        for side, sign in zip(_SIDES, "●│◇", strict=True)
    )
    figure.update_layout(
        title={"text": title, "subtitle": {"text": key}}, showlegend=False,
        height=150 + 30 * len(lines), margin={"l": 20, "r": 150, "t": 80, "b": 50},
    )  # fmt: skip
    told = "; ".join(f"{line.name} {line.said}" for line in lines)
    return Chart(figure, f"{title}, accepted · pool · unguided: {told}.")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"
