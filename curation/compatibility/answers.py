r"""When two final answers are one answer, as far as their spelling tells.

Owns the normal form and the comparison. It undoes notation (LaTeX wrappers, dollars, spaces,
thousands commas, a trailing dot, case) and compares plain numbers by value; it keeps units and does
no algebra: `5 cm` is not `5`, `2x` is not `x+x`. Two answers that agree here may be said to agree;
two that do not may still be equal.
"""

from __future__ import annotations

import re
from fractions import Fraction

_MOST_DIGITS = 40
"""Longer numbers are compared as they are written: exact, and no work for a hostile trace."""

_MOST_CHARS = 2000
"""In longer answers only white space and case are undone."""

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]{1,200})\}\s*\{([^{}]{1,200})\}|(\d)\s*(\d))")
_WRAPPER = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox|mathit)\s*\{([^{}]*)\}")
_NOTHING = re.compile(r"\\(?:left|right|displaystyle|[()\[\]!])|\$|\\(?=[%$#&])")
_SPACE = re.compile(r"\\[,;: ]|\\q?quad\b|~|\s+")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d,])")
_INNER_SPACE = re.compile(r" (?=[^\w\s])|(?<=[^\w\s]) |(?<=\d) (?=[^\W\d])")
_NUMBER = re.compile(r"([+-]?)(?:(\d+)(?:\.(\d+))?|\.(\d+))(?:/(\d+))?")
_SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/"})


def normalise_answer(text: str) -> str:
    r"""The normal form of a final answer; empty where there is no answer in it.

    What is inside the last `\boxed{…}`, if there is one; without dollars, `\left`, `\text{}` and
    their like; fractions as a/b; white space collapsed, and none beside a sign or between a number
    and its unit (`1 1/2` stays a mixed number); `1,234` as 1234 (so a pair written without a space,
    `(1,234)`, reads as one number); case folded; no trailing dot. Normal forms are their own.
    Of answers above 2000 characters only white space and case are undone.
    """
    found = _inside_box(text)
    if len(found) > _MOST_CHARS:
        return " ".join(found.casefold().split())
    while True:
        once = _once(found)
        if once == found:
            return once
        found = once


def answer_key(text: str | None) -> str | None:
    """What answers are grouped by: equal keys agree. None where there is no answer.

    The normal form, or for a plain number (`0.50`, `1/2`, `+.5`) its value in lowest terms.
    """
    if text is None:
        return None
    normal = normalise_answer(text)
    if not normal:
        return None
    number = _NUMBER.fullmatch(normal)
    if number is None or len(normal) > _MOST_DIGITS:
        return normal
    sign, whole, decimals, only_decimals, divisor = number.groups()
    if divisor is not None and int(divisor) == 0:
        return normal
    value = Fraction(f"{whole or 0}.{decimals or only_decimals or 0}") / int(divisor or 1)
    return str(-value if sign == "-" else value)


def answers_agree(a: str | None, b: str | None) -> bool:
    """Whether two answers are one answer by `answer_key`; False where either is missing."""
    key = answer_key(a)
    return key is not None and key == answer_key(b)


def _once(text: str) -> str:
    """One pass of the rules; repeated until nothing changes, as wrappers may be nested."""
    found = _inside_box(text).translate(_SIGNS)
    found = _NOTHING.sub("", _SPACE.sub(" ", found))
    found = _WRAPPER.sub(r"\1", found)
    found = _FRACTION.sub(_as_division, found)
    found = _THOUSANDS.sub(lambda m: re.sub(r"[{},]", "", m.group()), found)
    found = _INNER_SPACE.sub("", found.strip().casefold())
    if found.startswith("{") and found.endswith("}") and found.count("{") == 1:
        found = found[1:-1]
    return found.rstrip(".").strip()


def _as_division(match: re.Match[str]) -> str:
    """A fraction as a/b, in brackets where its parts are not single numbers or names."""
    parts = [part for part in match.groups() if part is not None]
    return "/".join(p if re.fullmatch(r"\s*\w+\s*", p) else f"({p})" for p in parts)


def _inside_box(text: str) -> str:
    r"""What stands inside the last `\boxed{…}` that is closed; the text itself without one."""
    for opening in reversed(list(_BOXED.finditer(text))):
        depth = 1
        for i in range(opening.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                return text[opening.end() : i]
        break  # an unclosed one has all the rest inside; earlier ones are no final answer
    return text
