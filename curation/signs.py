"""Signs of shortcuts, found for every trace and kept in the store, as markers are.

A conductor: reads traces from the store, asks `curation.compatibility` and stores what it finds
under the id of the rules. New rules find anew; what old ones found stays.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from curation import compatibility
from curation.store import SHORTCUT_SCHEMA, Store

RULES_ID = f"shortcuts-{compatibility.SHORTCUT_RULES}"


def search_pending(
    store: Store, progress: Callable[[int], object] | None = None, limit: int | None = None
) -> int:
    """Search every trace that these rules have not searched yet; how many were.

    `limit` is how many to search at most; `progress` is told "n more done".
    """
    store.set_setting("shortcut_rules", RULES_ID)
    n = 0
    while limit is None or n < limit:
        frame = store.unsearched(RULES_ID, 1000 if limit is None else limit - n)
        if not frame.height:
            break
        rows = [_row(**row) for row in frame.iter_rows(named=True)]
        store.add_shortcuts(pl.DataFrame(rows, SHORTCUT_SCHEMA))
        n += frame.height
        if progress is not None:
            progress(frame.height)
    return n


def _row(
    trace_id: str,
    prompt: str,
    text: str,
    step_start: list[int],
    step_end: list[int],
    answer: str | None,
) -> dict[str, object]:
    found = compatibility.find_shortcuts(
        text, prompt=prompt, answer=answer, step_start=step_start, step_end=step_end
    )
    return {
        "trace_id": trace_id,
        "rules_id": RULES_ID,
        "repeated_share": found.repeated_share,
        "has_loop": found.loop is not None,
        "n_answer_repetitions": found.n_answer_repetitions,
        "is_truncated": found.is_truncated,
        "n_skipped_computations": len(found.skipped_steps),
        "early_answer": found.early_answer,
    }
