"""Frames to charts: one function per chart, each a Plotly figure with the words that describe it.

Owns how things look: one palette (`CONTEXT_COLOURS`, `VERDICT_COLOURS`; told apart by colour-blind
readers and by symbol as well), axis titles with units, the empty state. Knows nothing of stores or
pages and computes no statistic beyond a median.

Plotly reads a little HTML (and `%{…}`, and LaTeX where MathJax is loaded) in every label. Names of
teachers, problems and reviewers come from outside: all pass `plain`, and hover labels take them
from `customdata`, never by building a template. No text of a trace is ever put in a chart.

The points of the charts by context carry the raw trace_id as `customdata[0]`, so that a page can
open the trace behind a click; it is never displayed from there.
"""

from __future__ import annotations

import hashlib
import html
from typing import Any, Literal, NamedTuple

import plotly.graph_objects as go
import polars as pl

from curation.records import TEACHER_CONTEXTS, VERDICTS

# Okabe and Ito's colours without their green: green means accepted (.streamlit/config.toml).
CONTEXT_COLOURS: dict[str, str] = {
    "unguided": "#0072B2", "answer": "#E69F00", "solution": "#D55E00", "verifier": "#56B4E9",
    "hint": "#CC79A7", "feedback": "#882255", "refined": "#666666", "unknown": "#AAAAAA",
}  # fmt: skip
CONTEXT_SYMBOLS: dict[str, str] = dict(
    zip(
        CONTEXT_COLOURS,
        ("circle", "square", "diamond", "cross", "triangle-up", "star", "x", "hexagon"),
        strict=True,
    )
)
VERDICT_COLOURS: dict[str, str] = {
    "accept": "#2F6B3F", "reject": "#D55E00", "skip": "#888888", "flag": "#E69F00",
}  # fmt: skip
_DASHES = {"accept": "solid", "reject": "dash", "skip": "dot", "flag": "dashdot"}

Unit = Literal["tokens", "words"]


class Chart(NamedTuple):
    """A figure, and what it shows in a sentence for those who cannot see it."""

    figure: go.Figure
    alt: str


def plain(name: object) -> str:
    """`name` as Plotly will show it letter by letter: no markup, no template, no LaTeX."""
    text = " ".join(str(name).split())[:80]
    return html.escape(text, quote=False).replace("$", "&#36;").replace("%{", "%&#123;")


def density_by_context(traces: pl.DataFrame, unit: Unit) -> Chart:
    """Epistemic markers per 1,000 tokens or words of each trace, by teacher context, with medians.

    Takes trace_id, teacher, teacher_context, n_epistemic and n_tokens or n_words.
    """
    return _strip(
        traces.with_columns(_y=1000 * pl.col("n_epistemic") / pl.col(f"n_{unit}").replace(0, None)),
        "Epistemic density by teacher context",
        f"epistemic markers per 1,000 {unit}",
    )


def length_by_context(traces: pl.DataFrame, unit: Unit) -> Chart:
    """Length of each trace in student tokens or words (log axis), by teacher context."""
    chart = _strip(
        traces.with_columns(_y=pl.col(f"n_{unit}").replace(0, None).cast(pl.Float64)),
        "Length by teacher context",
        f"length ({'student tokens' if unit == 'tokens' else 'words'}, log scale)",
    )
    # Whole numbers: by itself a short log axis writes a bare 2 or 5 between the powers of ten.
    ticks = [figure * 10**power for power in range(8) for figure in (1, 2, 5)]
    chart.figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks])
    return chart


def nll_by_context(traces: pl.DataFrame) -> Chart:
    """The student's mean negative log-likelihood of each trace in nats a token, by context."""
    return _strip(
        traces.with_columns(_y=pl.col("mean_nll_nats").fill_nan(None)),
        "Mean NLL by teacher context",
        "mean NLL under the student (nats per token)",
    )


def matched_pairs(pairs: pl.DataFrame, unit: Unit) -> Chart:
    """A dumbbell a problem: its unguided density, and those under other contexts, on one row.

    Takes problem_id, teacher_context, per_1k_unguided, per_1k (`leakage.matched_pairs`). Rows are
    ordered by the unguided density, highest at the top. Points carry the problem_id as
    `customdata[0]`.
    """
    title = "The same problem, unguided and guided"
    pairs = pairs.drop_nulls(["per_1k_unguided", "per_1k"])
    if not pairs.height:
        return _empty(title, "No problem has traces under two contexts.")
    contexts = _present(pairs)
    first = pairs.group_by("problem_id").agg(pl.col("per_1k_unguided").mean())
    order = first.sort("per_1k_unguided", "problem_id")["problem_id"].to_list()
    row_of = {problem: row for row, problem in enumerate(order)}
    figure = _figure(title, "problems, most epistemic unguided at the top")
    told = []
    for place, context in enumerate(contexts):
        rows = pairs.filter(pl.col("teacher_context") == context)
        # Contexts of one problem lie a little above each other, so that none hides another.
        lift = 0.6 * (place - (len(contexts) - 1) / 2) / max(1, len(contexts))
        x: list[float | None] = []
        y: list[float | None] = []
        data: list[list[str] | None] = []
        columns = ("problem_id", "per_1k_unguided", "per_1k")
        for problem, before, after in rows.select(columns).iter_rows():
            x += [before, after, None]
            y += [row_of[problem] + lift] * 2 + [None]
            data += [[problem, plain(problem)], [problem, plain(problem)], None]
        symbols = ["circle-open", CONTEXT_SYMBOLS[context], "circle-open"] * rows.height
        figure.add_scatter(
            x=x, y=y, customdata=data, mode="lines+markers", name=f"unguided ○ to {context}",
            line={"color": CONTEXT_COLOURS[context], "width": 1},
            marker={"symbol": symbols, "size": 7, "color": CONTEXT_COLOURS[context]},
            hovertemplate="%{customdata[1]}<br>%{x:.1f}<extra></extra>",
        )  # fmt: skip
        n_lower = rows.filter(pl.col("per_1k") < pl.col("per_1k_unguided")).height
        told.append(f"{context}: lower than unguided on {n_lower} of {rows.height} problems")
    figure.update_xaxes(title=f"epistemic markers per 1,000 {unit}", rangemode="tozero")
    figure.update_yaxes(showticklabels=False, range=[-0.8, len(order) - 0.2])
    figure.update_layout(height=min(1200, 160 + 12 * len(order)))
    return Chart(figure, f"{title}. {'; '.join(told)}.")


def marker_places(places: pl.DataFrame) -> Chart:
    """Where epistemic markers stand along the trace, in tenths of its length, a line a context.

    Takes teacher_context, place (0 to 9), n, share (`leakage.marker_places`).
    """
    title = "Where the epistemic markers stand"
    rows = places.filter(pl.col("n").sum().over("teacher_context") > 0)
    if not rows.height:
        return _empty(title, "There is no epistemic marker.")
    figure = _figure(title, "share of the context's markers (%)")
    told = []
    for context in _present(rows):
        here = rows.filter(pl.col("teacher_context") == context).sort("place")
        figure.add_scatter(
            x=[10 * place + 5 for place in here["place"]], y=(100 * here["share"]).to_list(),
            customdata=[[n] for n in here["n"]], mode="lines+markers", name=context,
            line={"color": CONTEXT_COLOURS[context]},
            marker={"symbol": CONTEXT_SYMBOLS[context], "size": 8},
            hovertemplate="%{y:.0f} % (%{customdata[0]} markers)<extra></extra>",
        )  # fmt: skip
        first = 100 * float(here["share"][:2].sum())
        told.append(f"{context}: {first:.0f} % of {here['n'].sum()} in the first fifth")
    figure.update_xaxes(title="place in the trace (% of its characters)", range=[0, 100])
    return Chart(figure, f"{title}: {'; '.join(told)}.")


def category_profile(rows: pl.DataFrame, unit: Unit) -> Chart:
    """Markers of each category per 1,000, context minus unguided on the matched problems.

    Takes teacher_context, category, difference, low, high (the ends null where there is no
    interval). A point right of 0 = more under the context.
    """
    title = "Categories, context minus unguided"
    rows = rows.drop_nulls("difference")
    if not rows.height:
        return _empty(title, "Nothing is matched.")
    figure = _figure(title, "category")
    contexts, told = _present(rows), []
    categories = list(dict.fromkeys(rows["category"]))
    for place, context in enumerate(contexts):
        here = rows.filter(pl.col("teacher_context") == context)
        middle, ends = here["difference"], (here["low"], here["high"])
        figure.add_scatter(
            x=middle.to_list(),
            y=[categories.index(c) + 0.16 * (place - (len(contexts) - 1) / 2)
               for c in here["category"]],
            error_x={"type": "data", "symmetric": False,
                     "array": (ends[1] - middle).fill_null(0).to_list(),
                     "arrayminus": (middle - ends[0]).fill_null(0).to_list()},
            mode="markers", name=context,
            marker={"color": CONTEXT_COLOURS[context], "symbol": CONTEXT_SYMBOLS[context],
                    "size": 9},
            hovertemplate="%{x:+.2f}<extra></extra>",
        )  # fmt: skip
        clear = here.filter((pl.col("low") > 0) | (pl.col("high") < 0))
        told.append(f"{context}: " + (", ".join(
            f"{c} {d:+.1f}" for c, d in clear.select("category", "difference").iter_rows()
        ) or "no interval leaves out 0"))  # fmt: skip
    figure.add_vline(x=0, line_width=1, line_color="#888888")
    figure.update_xaxes(title=f"markers per 1,000 {unit}, context − unguided (95 % intervals)")
    figure.update_yaxes(
        tickvals=list(range(len(categories))), ticktext=categories, autorange="reversed",
        rangemode="normal",
    )  # fmt: skip
    return Chart(figure, f"{title}, per 1,000 {unit}; {'; '.join(told)}.")


def decisions_over_time(decisions: pl.DataFrame) -> Chart:
    """How many decisions stand, by verdict, as time went on. Takes verdict and decided_at."""
    title = "Decisions over time"
    rows = decisions.filter(pl.col("verdict").is_in(list(VERDICTS))).sort("decided_at")
    if not rows.height:
        return _empty(title, "There is no decision yet.")
    figure = _figure(title, "decisions (cumulative)")
    told = []
    for verdict in VERDICTS:
        times = rows.filter(pl.col("verdict") == verdict)["decided_at"]
        if len(times):
            told.append(f"{verdict} {len(times)}")
            figure.add_scatter(
                x=times.dt.strftime("%Y-%m-%dT%H:%M:%S").to_list(),
                y=list(range(1, len(times) + 1)), mode="lines+markers", name=verdict,
                line={"color": VERDICT_COLOURS[verdict], "dash": _DASHES[verdict], "shape": "hv"},
                marker={"size": 4}, hovertemplate="%{y} by %{x}<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(title="time (UTC)", type="date")
    return Chart(figure, f"{title}: {', '.join(told)}.")


def confusion(table: pl.DataFrame, first: str, second: str) -> Chart:
    """A heatmap of what `second` said where `first` said what. Takes first, second, n."""
    title = "What two reviewers said of the same traces"
    if not table.height or not table["n"].sum():
        return _empty(title, "These two have decided no trace in common.")
    said = {(a, b): n for a, b, n in table.select("first", "second", "n").iter_rows()}
    counts = [[said.get((a, b), 0) for b in VERDICTS] for a in VERDICTS]
    figure = _figure(title, f"{plain(first)} said")
    figure.add_heatmap(
        z=counts, x=list(VERDICTS), y=list(VERDICTS), text=counts, texttemplate="%{text}",
        colorscale="Blues", zmin=0, colorbar={"title": "traces"},
        hovertemplate="%{y} / %{x}: %{z} traces<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=f"{plain(second)} said")
    figure.update_yaxes(autorange="reversed")
    n_same = sum(counts[i][i] for i in range(len(VERDICTS)))
    return Chart(
        figure, f"{title}: the same verdict on {n_same} of {sum(map(sum, counts))} traces."
    )


def agreement_over_time(rows: pl.DataFrame, x_title: str, *, dated: bool = False) -> Chart:
    """Agreement with the others (%), a line a reviewer, over periods: `agreement.drift`.

    Takes reviewer, period, start, n_shared, percent. `x_title` says what a period is; `dated` puts
    each at the day on which it begins, so that pauses show.
    """
    title = "Agreement with the others over time"
    if not rows.height:
        return _empty(title, "No trace was rated by two people yet.")
    figure = _figure(title, "the others who said the same (%)")
    told = []
    for nth, name in enumerate(sorted(rows["reviewer"].unique())):
        here = rows.filter(pl.col("reviewer") == name).sort("period")
        figure.add_scatter(
            x=here["start"].dt.strftime("%Y-%m-%d").to_list() if dated
            else [period + 1 for period in here["period"]],
            y=(100 * here["percent"]).to_list(),
            customdata=[
                [n, start.strftime("%Y-%m-%d")]
                for n, start in here.select("n_shared", "start").iter_rows()
            ],
            mode="lines+markers", name=plain(name),
            line={"color": list(CONTEXT_COLOURS.values())[nth % 8]},
            marker={"symbol": list(CONTEXT_SYMBOLS.values())[(nth + nth // 8) % 8], "size": 9},
            hovertemplate="%{y:.0f} % of %{customdata[0]} shared traces, from %{customdata[1]}"
            "<extra></extra>",
        )  # fmt: skip
        first, last = here["percent"][0], here["percent"][-1]
        told.append(f"{name} {100 * first:.0f} % to {100 * last:.0f} % in {here.height}")
    figure.update_xaxes(title=x_title, type="date" if dated else "linear")
    if not dated and rows["period"].n_unique() < 20:
        figure.update_xaxes(dtick=1)
    figure.update_yaxes(range=[0, 105])
    return Chart(figure, f"{title} ({x_title}): {'; '.join(told)}.")


def score_scatter(
    traces: pl.DataFrame, x: str, y: str, x_title: str, y_title: str, colour_by: str
) -> Chart:
    """A point a trace: score `x` against score `y`, coloured by "teacher_context" or "teacher".

    Takes trace_id, teacher, teacher_context, n_tokens and the two columns; titles carry the units.
    Traces without one of the two numbers, or with an infinite one, are no points; the words say
    how many.
    """
    title = "Two scores of each trace"
    columns = list(dict.fromkeys(["trace_id", "teacher", "teacher_context", "n_tokens", x, y]))
    rows = traces.select(columns).filter(
        pl.all_horizontal(pl.col([x, y]).cast(pl.Float64).is_finite().fill_null(False))
    )
    if not rows.height:
        return _empty(title, "No trace has both numbers.")
    figure = _figure(title, y_title)
    groups = _present(rows) if colour_by == "teacher_context" else sorted(set(rows["teacher"]))
    colours, symbols = list(CONTEXT_COLOURS.values()), list(CONTEXT_SYMBOLS.values())
    for place, group in enumerate(groups):
        here = rows.filter(pl.col(colour_by) == group)
        # Contexts keep their own colour; the many teachers share eight, and differ by symbol too.
        nth = list(CONTEXT_COLOURS).index(group) if colour_by == "teacher_context" else place
        figure.add_scatter(
            x=here[x].to_list(), y=here[y].to_list(), mode="markers", name=plain(group),
            marker={
                "color": colours[nth % 8], "symbol": symbols[(nth + nth // 8) % 8], "size": 8,
            },
            opacity=0.75,
            customdata=[
                [i, plain(teacher), plain(context), n]
                for i, teacher, context, n in here.select(columns[:4]).iter_rows()
            ],
            hovertemplate="%{customdata[1]}, %{customdata[2]}<br>%{customdata[3]} tokens<br>"
            "%{x:.3f} / %{y:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(rangemode="normal")
    figure.update_layout(dragmode="select", legend={"title": colour_by.replace("_", " ")})
    left_out = traces.height - rows.height
    missing = f" {left_out} traces lack one of the numbers." if left_out else ""
    return Chart(figure, f"{title}: {y_title} against {x_title}, {rows.height} traces.{missing}")


def _strip(traces: pl.DataFrame, title: str, y_title: str) -> Chart:
    """A point a trace by context, spread sideways by its id, and a bar at each median."""
    rows = traces.drop_nulls(["_y", "teacher_context"])
    if not rows.height:
        return _empty(title, "There is nothing to show yet.")
    figure = _figure(title, y_title)
    contexts = _present(rows)
    told = []
    for place, context in enumerate(contexts):
        here = rows.filter(pl.col("teacher_context") == context)
        ids, teachers = here["trace_id"].to_list(), here["teacher"].to_list()
        figure.add_scatter(
            x=[place + _sideways(trace_id) for trace_id in ids], y=here["_y"].to_list(),
            customdata=[[i, plain(t)] for i, t in zip(ids, teachers, strict=True)],
            mode="markers", name=context, opacity=0.65,
            marker={"color": CONTEXT_COLOURS[context], "symbol": CONTEXT_SYMBOLS[context]},
            hovertemplate="%{customdata[1]}<br>%{y:.2f}<extra></extra>",
        )  # fmt: skip
        median = float(here["_y"].median())  # type: ignore[arg-type]
        figure.add_scatter(
            x=[place - 0.35, place + 0.35], y=[median, median], mode="lines", showlegend=False,
            line={"color": CONTEXT_COLOURS[context], "width": 4},
            hovertemplate="median %{y:.2f}<extra></extra>",
        )  # fmt: skip
        told.append(f"{context} {median:.2f} ({here.height})")
    figure.update_xaxes(
        tickvals=list(range(len(contexts))), ticktext=contexts, title="teacher context",
        range=[-0.6, len(contexts) - 0.4],
    )  # fmt: skip
    return Chart(figure, f"{title}: {y_title}; medians (traces): {', '.join(told)}.")


def _sideways(trace_id: str) -> float:
    """A place in [-0.25, 0.25] that depends on the id alone: a chart drawn twice is the same."""
    return hashlib.sha256(trace_id.encode()).digest()[0] / 510 - 0.25


def _present(rows: pl.DataFrame) -> list[str]:
    """The contexts that occur, in the vocabulary's order."""
    found = set(rows["teacher_context"])
    return [context for context in TEACHER_CONTEXTS if context in found]


def _figure(title: str, y_title: str) -> Any:
    figure = go.Figure()
    figure.update_layout(
        title=title, template="plotly_white", margin={"l": 60, "r": 20, "t": 50, "b": 50},
        yaxis={"title": y_title, "rangemode": "tozero"}, hovermode="closest",
    )  # fmt: skip
    return figure


def _empty(title: str, why: str) -> Chart:
    figure = _figure(title, "")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text=why, showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5)
    return Chart(figure, f"{title}: {why}")
