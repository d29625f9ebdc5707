"""How fast the review desk is over 100,000 traces in a real browser, beside plain buttons.

The measurement is `scripts/bench_review.py`, in a process of its own: it drives Chromium through
Playwright, which only the tests need otherwise.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from curation.bench import from_script
from curation.errors import CurationError


def rows(*options: str) -> list[dict[str, Any]]:
    """The benchmark's rows; `options` are the script's (`--n 100000`, `--decisions 200`).

    Raises CurationError where it could not be run, as without Playwright or a browser.
    """
    if importlib.util.find_spec("playwright") is None:
        raise CurationError(
            "The desk is measured in a real browser: install what requirements-dev.txt names "
            "(Playwright) and Chromium (`playwright install chromium`), then try again."
        )
    return from_script("bench_review.py", *options)
