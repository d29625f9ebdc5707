"""Coefficients and intervals as people read them, and how many rows a browser is given."""

from __future__ import annotations

import math
from typing import Any

SHOWN = 5_000
"""A list of more traces is cut to the first in the chosen order: a browser holds no million."""


def number(value: float) -> str:
    """A coefficient with two digits; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def ends(ci: Any) -> str:
    """An interval with two digits; a dash where there is none."""
    return "–" if math.isnan(ci[0]) else f"{ci[0]:.2f} to {ci[1]:.2f}"
