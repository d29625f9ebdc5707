"""The scales in words: their rows as people read them, the same on the page, in the card, printed.

Takes what `cautions.on_record` gives, as a manifest holds it, so that what is shown is what is on
record. A number that is not known is "–", and an interval that does not exist gives its reason.
Names that others gave are returned as they are; who shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

COLUMNS = ("Figure", "Unit", "Accepted", "Pool", "Unguided", "Against pool", "Against unguided")
MIX_COLUMNS = ("Value", "Accepted", "Pool", "Unguided")
REMOVED_COLUMNS = (
    "Left out as", "Traces", "Problems", "Epistemic markers", "Length", "Correct",
    "Teacher saw something", "Density with them", "… over unguided",
)  # fmt: skip
_SIDES = ("accepted", "pool", "reference")


def rows(scales: Record) -> list[tuple[str, ...]]:
    """One figure a row, as `COLUMNS`; the unknown are counted beside the number."""
    return [
        (
            row["title"], row["unit"],
            *(side(row[name], row["unit"]) for name in _SIDES),
            compared(row["against_pool"], row["how"], row["unit"]),
            compared(row["against_reference"], row["how"], row["unit"]),
        )
        for row in scales["rows"]
    ]  # fmt: skip


def side(number: Record, unit: str) -> str:
    """A figure of one set, with how many traces it is not known of."""
    shown = value(number["value"], unit)
    return f"{shown} ({number['n_unknown']:,} unknown)" if number["n_unknown"] else shown


def value(number: float | None, unit: str) -> str:
    """A number in its unit, without it; shares as percent."""
    if number is None:
        return "–"
    if unit == "share":
        return f"{100 * number:.1f} %".replace("-", "−")
    digits = 1 if abs(number) >= 100 else 3 if "nats" in unit else 2
    return f"{number:,.{digits}f}".replace("-", "−")


def compared(found: Record, how: str, unit: str) -> str:
    """A ratio ("× 0.71") or a difference ("+3.0 points") with its interval, or why it has none."""
    if found["value"] is None:
        return f"– ({found['why']})" if found["why"] else "–"
    shown = _relation(found["value"], how, unit)
    if found["ci"] is None:
        return f"{shown} ({found['why']})"
    low, high = (_relation(end, how, unit, is_end=True) for end in found["ci"])
    return f"{shown} ({low} to {high})"


def _relation(number: float, how: str, unit: str, *, is_end: bool = False) -> str:
    if how == "ratio":
        return f"{number:.2f}" if is_end else f"× {number:.2f}"
    scaled, digits = (100 * number, 1) if unit == "share" else (number, 3)
    points = " points" if unit == "share" and not is_end else ""
    return (f"{scaled:+.{digits}f}".replace("-", "−")) + points


def mix_rows(mix: Record) -> list[tuple[str, ...]]:
    """The values of a composition with count and share of the known, as `MIX_COLUMNS`."""
    known = mix["n_known"]
    return [
        (str(each["value"]), *(_part(each[name], known[name]) for name in _SIDES))
        for each in mix["counts"]
    ]


def mix_totals(mix: Record) -> list[tuple[str, ...]]:
    """What stands under `mix_rows`: how many are unknown, and the entropy."""
    entropies = (value(mix["entropy_nats"][name], "nats") for name in _SIDES)
    unknown = ("(unknown)", *(f"{mix['n_unknown'][name]:,}" for name in _SIDES))
    return [unknown, ("(entropy, nats)", *entropies)]


def _part(n: int, known: int) -> str:
    return f"{n:,} ({100 * n / known:.0f} %)" if known else f"{n:,}"


def removed_rows(scales: Record) -> list[tuple[str, ...]]:
    """What each rule left out and what the set would be with it, as `REMOVED_COLUMNS`."""
    units = {row["name"]: row["unit"] for row in scales["rows"]}
    return [
        (
            each["reason"], f"{each['n_traces']:,}", f"{each['n_problems']:,}",
            *(
                side(each["figures"][name], units[name])
                for name in ("epistemic_per_1k", "length", "is_correct", "is_privileged")
            ),
            value(each["density_if_added"], ""),
            "–" if each["ratio_if_added"] is None else f"× {each['ratio_if_added']:.2f}",
        )
        for each in scales["removed"]
    ]  # fmt: skip


def heading(scales: Record) -> str:
    """What was weighed, in a sentence or three."""
    traces, problems = scales["n_traces"], scales["n_problems"]
    counted = ", ".join(
        f"{name} {traces[key]:,} traces of {problems[key]:,} problems"
        for name, key in (("accepted", "accepted"), ("pool", "pool"), ("unguided", "reference"))
    )
    return (
        f"{counted[0].upper()}{counted[1:]}. Unguided: {scales['reference']['says']}. "
        f"Densities are per 1,000 {scales['unit']} ({scales['unit_reason']}), each problem counted "
        "once; other figures are over traces, or problems where they are a property of these. "
        "Intervals are 95 %, leaving out one problem at a time."
    )


def budget(told: Record | None) -> str:
    """How the set stands to its hedging budget, in a sentence."""
    if told is None:
        return "No hedging budget was asked for."
    said = (
        f"Hedging budget: at least {told['share']:g} of the unguided density; the set has "
        f"{told['ratio']:.3f}."
    )
    if told["is_overridden"]:
        return f"{said} It is below, by a signed override."
    return said if told["is_kept"] else f"{said} It is below."
