"""A small writer of static SVG: elements with escaped text, axes, and the marks of the charts.

Colours of text, grid and ground are variables that follow light, dark and print; marks have the
colour they are given and are lightened in the dark. Coordinates are written with one decimal, so
that the same numbers give the same bytes. Each figure has a title and a description for those who
cannot see it. Nothing in a figure refers to anything outside it. Plotly writes no static image
without a browser, and matplotlib would add 77 MB to the installation (measured) for four charts.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

from curation.reporting.document import plain

STYLE = """
.hr-chart { --hr-ink: #1b1f24; --hr-soft: #57606a; --hr-grid: #d8dde3; --hr-paper: #ffffff;
  max-width: 100%; height: auto; font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
.hr-chart text { fill: var(--hr-ink); font-size: 12px; }
.hr-chart .soft { fill: var(--hr-soft); }
.hr-chart .title { font-size: 14px; font-weight: 600; }
.hr-chart .grid { stroke: var(--hr-grid); stroke-width: 1; }
.hr-chart .zero { stroke: var(--hr-soft); stroke-width: 1; }
.hr-chart .median { stroke: var(--hr-ink); stroke-width: 3; }
.hr-chart .ground { fill: var(--hr-paper); }
@media screen and (prefers-color-scheme: dark) {
  .hr-chart { --hr-ink: #e6e9ec; --hr-soft: #a4adb6; --hr-grid: #3a4149; --hr-paper: #16181c; }
  .hr-chart .mark { filter: brightness(1.35); }
}
"""

WIDTH = 760.0
Scale = Callable[[float], float]


def text(
    x: float, y: float, words: str, *, anchor: str = "start", kind: str = "", turn: float = 0
) -> str:
    """Words at a place; `anchor` is start, middle or end, `turn` in degrees about the place."""
    turned = f' transform="rotate({_n(turn)} {_n(x)} {_n(y)})"' if turn else ""
    named = f' class="{kind}"' if kind else ""
    shown = html.escape(plain(words))
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{named}{turned}>{shown}</text>'


def line(
    x1: float, y1: float, x2: float, y2: float, *, kind: str = "grid", colour: str = "",
    width: float = 1,
) -> str:  # fmt: skip
    """A straight line, by class or in a colour of its own."""
    drawn = f' stroke="{colour}" stroke-width="{_n(width)}"' if colour else ""
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{kind}"{drawn}/>'


def polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    """Straight lines through the points."""
    places = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" class="mark"/>'
    )


def mark(x: float, y: float, symbol: str, colour: str, size: float = 4.5, told: str = "") -> str:
    """A symbol about a place; `told` is shown when pointed at. Symbols as in `SYMBOLS`."""
    path = _path(symbol, x, y, size)
    title = f"<title>{html.escape(plain(told))}</title>" if told else ""
    return f'<path d="{path}" fill="{colour}" fill-opacity=".85" class="mark">{title}</path>'


def legend(entries: Sequence[tuple[str, str, str]], x: float, y: float) -> list[str]:
    """Name, colour and symbol of each series, side by side."""
    found = []
    for name, colour, symbol in entries:
        shown = plain(name)[:30]
        found += [mark(x, y - 4, symbol, colour), text(x + 9, y, shown)]
        x += 30 + 7.2 * len(shown)
    return found


def figure(name: str, title: str, alt: str, height: float, parts: Sequence[str]) -> str:
    """The whole SVG element, `WIDTH` wide."""
    size = f"{_n(WIDTH)} {_n(height)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="hr-chart" viewBox="0 0 {size}" '
            f'width="{_n(WIDTH)}" height="{_n(height)}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{html.escape(plain(title))}</title>',
            f'<desc id="{name}-desc">{html.escape(plain(alt))}</desc>',
            text(0, 18, title, kind="title"),
            *parts,
            "</svg>",
        ]
    )


def standalone(svg: str) -> str:
    """An SVG of `figure` as a file of its own: with the style and a ground to stand on."""
    head, _, rest = svg.partition("\n")
    ground = '<rect x="0" y="0" width="100%" height="100%" class="ground"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n<style>{STYLE}</style>\n{ground}\n{rest}\n'  # noqa: E501


def ticks(low: float, high: float, wished: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, steps of 1, 2 or 5 · 10^k."""
    if high <= low:
        high = low + 1
    rough = (high - low) / wished
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 10) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 · 10^k that hold two positive numbers between them."""
    from_, to = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [m * 10.0**k for k in range(from_, to + 1) for m in (1, 2, 5)]
    below = max((t for t in every if t <= low), default=every[0])
    above = min((t for t in every if t >= high), default=every[-1])
    return [t for t in every if below <= t <= above]


def scale(low: float, high: float, start: float, end: float, *, log: bool = False) -> Scale:
    """A linear map of [low, high] to [start, end], or of the logarithms of positive numbers."""
    if log:
        linear = scale(math.log(low), math.log(high), start, end)
        return lambda value: linear(math.log(value))
    width = (high - low) or 1.0
    return lambda value: start + (value - low) / width * (end - start)


def short(value: float) -> str:
    """A tick's label."""
    return f"{value:,.6g}".replace("-", "−")


def _n(value: float) -> str:
    return f"{value + 0.0:.1f}".removesuffix(".0")


_STAR = [(math.sin(math.pi * i / 5), -math.cos(math.pi * i / 5)) for i in range(10)]
SYMBOLS: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
    "triangle-up": [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    "star": [(x * (1.35 if i % 2 == 0 else 0.55), y * (1.35 if i % 2 == 0 else 0.55))
             for i, (x, y) in enumerate(_STAR)],
    "hexagon": [(math.sin(math.pi * i / 3), -math.cos(math.pi * i / 3)) for i in range(6)],
    "cross": [(-0.35, -1.1), (0.35, -1.1), (0.35, -0.35), (1.1, -0.35), (1.1, 0.35), (0.35, 0.35),
              (0.35, 1.1), (-0.35, 1.1), (-0.35, 0.35), (-1.1, 0.35), (-1.1, -0.35),
              (-0.35, -0.35)],
}  # fmt: skip
"""Corners of each symbol about 0, one unit its size. "x" is a turned cross; all else a circle."""


def _path(symbol: str, x: float, y: float, size: float) -> str:
    corners = SYMBOLS.get("cross" if symbol == "x" else symbol)
    if corners is None:
        return f"M{_n(x - size)} {_n(y)}a{_n(size)} {_n(size)} 0 1 0 {_n(2 * size)} 0a{_n(size)} {_n(size)} 0 1 0 {_n(-2 * size)} 0z"  # noqa: E501
    if symbol == "x":
        corners = [((a - b) * 0.707, (a + b) * 0.707) for a, b in corners]
    first, *rest = [f"{_n(x + a * size)} {_n(y + b * size)}" for a, b in corners]
    return f"M{first}L{' '.join(rest)}z"
