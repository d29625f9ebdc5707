"""What a card says of the student's profile: a few chosen numbers, the belief curve, two heats.

Turns families as the store gives them (`Store.compatibility`) into the JSON of a card. Owns which
numbers the desk shows, and the marks on the belief curve; the definitions and the words are
`curation.compatibility`'s. The words are the same for every card, so they travel once, with the
code (`words`).

Two approximations are the desk's own. A step earns a jump of belief if it has a verification marker
or an equals sign. A token begins a hedge if the word that starts there is one of `HEDGE_OPENERS`:
the student's own token ids are not stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from curation import compatibility, scores
from curation.records import Trace

Json = Any
Spans = Sequence[tuple[int, int]]
Marks = Sequence[tuple[int, int, str]]

SHOWN: tuple[tuple[str, int], ...] = (
    ("n_tokens", 0),
    ("mean_nll_nats", 3),
    ("perplexity", 2),
    ("rsr", 2),
    ("top1_share", 2),
    ("ifd_ppl", 3),
    ("belief_gain_nats", 2),
    ("privilege_gain_per_token_nats", 4),
    ("hedge_deficit", 2),
)
"""The numbers of the panel, in its order, with the decimals they are shown with."""

ABOVE_ZERO = {"belief_gain_nats", "privilege_gain_per_token_nats", "hedge_deficit"}
"""Numbers whose sign says something, so a plus is written too."""

_SHOWN_WITH = {
    "context": "the student was shown what this teacher saw",
    "solution": "the student was shown the reference solution, which this teacher did not see",
    "answer": "the student was shown the reference answer, which this teacher did not see",
}
_REVISIONS = {
    "productive doubt": "belief fell here and later rose above where it was",
    "derailment": "belief fell here and did not come back",
    "decorative": "a reflection that moved no belief",
    "support": "belief rose at a reflection",
}


def words() -> dict[str, Json]:
    """Of each number of the panel: title, unit, direction, what it says, is not for, its source."""
    return {column: dict(compatibility.words_for(column)._asdict()) for column, _ in SHOWN}


def panel(
    trace: Trace,
    profile: Mapping[str, float | int | None],
    families: Mapping[str, Mapping[str, Any]],
    percentiles: Mapping[str, float],
    n_pool: int | None,
    student: str | None,
) -> dict[str, Json]:
    """The chosen numbers, each with where it stands in the pool (percent of traces below it).

    `rows` have a value as text, None where there is none for this trace; `more` a few words beside
    it. `warnings` are for a person to read, `failed` says which families could not be computed.
    """
    numbers: dict[str, Any] = dict(profile)
    for family in families.values():
        numbers.update(
            {name: value for name, value in family.items() if isinstance(value, int | float)}
        )
    rows: list[Json] = []
    for column, digits in SHOWN:
        value = numbers.get(column)
        stands = percentiles.get(column)
        rows.append(
            {
                "score": column,
                "value": _written(value, digits, column in ABOVE_ZERO),
                "more": _more(column, numbers, families),
                "percentile": None
                if stands is None or not math.isfinite(stands) or value is None
                else round(stands),
            }
        )
    warnings = [] if n_pool is None else [compatibility.too_few(n_pool)]
    if student is not None:
        kin = compatibility.same_family(student, trace.teacher, trace.teacher_family)
        warnings.append(kin.why if kin.is_same else None)
    return {
        "rows": rows,
        "n_pool": n_pool,
        "warnings": [warning for warning in warnings if warning],
        "failed": [
            f"{name}: {family['error']}" for name, family in families.items() if family.get("error")
        ],
    }


def leaks(found: Mapping[str, Any]) -> dict[str, Json]:
    """The leak signs in short: what each says, its steps (from 1), its place in the pool.

    `value` None where the sign is not known, `percentile` also while the pool's are not;
    `reason` names the parts of the order.
    """
    risk = found["leak_risk"]
    return {
        "risk": None if risk is None else round(risk),
        "reason": found["reason"],
        "n_pool": found["n_pool"],
        "rows": [
            {
                "sign": sign["name"],
                "title": sign["title"],
                "says": sign["says"],
                "unit": sign["unit"],
                "value": _written(sign["value"], 3 if sign["name"] == "privilege_gain" else 1),
                "steps": [step + 1 for step in sign["steps"]],
                "percentile": None if sign["percentile"] is None else round(sign["percentile"]),
            }
            for sign in found["signs"]
        ],
    }


def belief(
    trace: Trace,
    curve: Mapping[str, Any],
    steps: Spans,
    marks: Marks,
    tokens: Mapping[str, Any] | None,
) -> dict[str, Json] | None:
    """The belief curve of a card with its marks; None where there is none.

    `marks` are the trace's markers (start, end, category). Each mark of the curve has the index of
    its step, its kind ("unearned jump" or that of `revision_map`) and a plain sentence.
    """
    at, nats = list(curve.get("point_step") or []), list(curve.get("point_nats") or [])
    if not at or curve.get("error"):
        return None
    rival = list(curve.get("point_rival_nats") or [])
    found: list[dict[str, Json]] = [
        {
            "step": revision.step,
            "kind": revision.kind,
            "says": _REVISIONS[revision.kind]
            + (f" (of {revision.n_steps} steps together)" if revision.n_steps > 1 else ""),
        }
        for revision in compatibility.revision_map(at, nats, _marked(steps, marks, "reflection"))
        if revision.kind != "support"
    ]
    for jump in _unearned(trace, at, nats, steps, marks, tokens):
        found.append(
            {
                "step": jump.last_step,
                "kind": "unearned jump",
                "says": f"belief rose by {jump.increment_nats:.1f} nats in a surprising step "
                "without a check or an equation",
            }
        )
    found.sort(key=lambda mark: (mark["step"], mark["kind"]))
    return {
        "step": [int(step) for step in at],
        "nats": _four(nats),
        "rival": _four(rival) if rival else None,
        "marks": found,
        "says": _told(at, nats, rival, found),
    }


def heats(
    text: str, tokens: Mapping[str, Any], families: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    """Per token: `mass` (probability that a hedge begins there), `gain` (privilege gain in nats).

    `missing` has the indices of the tokens where the student would hesitate and the trace does not.
    Absent where a family was not computed for these tokens.
    """
    n = len(tokens["start_char"])
    found: dict[str, Json] = {}
    mass = _per_token(families, "hedges", n)
    if mass is not None:
        opens = [compatibility.opens_hedge(text, start) for start in tokens["start_char"]]
        clipped = np.clip(mass, 0.0, 1.0)
        found["mass"] = _four(mass)
        found["missing"] = [int(i) for i in compatibility.missing_hedges(clipped, opens)]
    privileged = _per_token(families, "privilege", n)
    if privileged is not None:
        own = np.asarray(tokens["logprob_nats"], dtype=np.float64)
        found["gain"] = _four(compatibility.gain_nats(np.minimum(privileged, 0.0), own))
    return found


def _per_token(families: Mapping[str, Mapping[str, Any]], family: str, n: int) -> np.ndarray | None:
    values = families.get(family, {}).get("per_token")
    if values is None or not n or len(values) != n:
        return None
    array = np.asarray(values, dtype=np.float64)
    return None if np.isnan(array).any() else array


def _marked(steps: Spans, marks: Marks, category: str) -> set[int]:
    """The indices of the steps that have a marker of this category."""
    starts = np.asarray([start for start, _ in steps[1:]], dtype=np.int64)
    return {
        int(np.searchsorted(starts, start, side="right"))
        for start, _, kind in marks
        if kind == category
    }


def _unearned(
    trace: Trace,
    at: Sequence[int],
    nats: Sequence[float],
    steps: Spans,
    marks: Marks,
    tokens: Mapping[str, Any] | None,
) -> list[compatibility.Jump]:
    if tokens is None or not len(tokens["start_char"]):
        return []
    step_of_token = scores.step_of_token(tokens["end_char"], [start for start, _ in steps] or [0])
    means = compatibility.step_means_nats(tokens["logprob_nats"], step_of_token)
    nll = np.full(max(len(steps), means.size), np.nan)
    nll[: means.size] = -means
    earned = _marked(steps, marks, "verification") | {
        i for i, (start, end) in enumerate(steps) if "=" in trace.text[start:end]
    }
    return compatibility.unearned_jumps(at, nats, nll, earned)


def _told(
    at: Sequence[int], nats: Sequence[float], rival: Sequence[float], found: Sequence[Json]
) -> str:
    """The curve in words, for those who cannot see it."""
    read = compatibility.read_belief(at, nats, 1, rival)
    says = [
        f"The student's belief in the reference answer: {_nats(read.before_nats)} before the "
        f"trace, {_nats(read.after_nats)} after {at[-1]} steps"
    ]
    if read.jump_step is not None:
        says.append(f"the largest rise comes with step {read.jump_step}")
    says.append(
        "it never becomes likelier than not"
        if read.win_step is None
        else f"likelier than not after {read.win_step} steps"
    )
    if rival:
        says.append(f"the most common wrong answer ends at {_nats(rival[-1])}")
    says += [f"step {mark['step'] + 1}: {mark['kind']}" for mark in found]
    return "; ".join(says) + "."


def _more(
    column: str, numbers: Mapping[str, Any], families: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """A few words beside a number of the panel."""
    if column == "privilege_gain_per_token_nats":
        by = families.get("privilege", {}).get("privileged_by")
        return _SHOWN_WITH.get(str(by)) if by else None
    if column != "belief_gain_nats" or numbers.get("belief_before_nats") is None:
        return None
    before, after = numbers["belief_before_nats"], numbers.get("belief_after_nats")
    says = [f"{_written(before, 2)} → {_written(after, 2)}"]
    share, win = numbers.get("belief_jump_share"), numbers.get("belief_win_step")
    if share is not None:
        says.append(f"{100 * share:.0f} % of it at one point")
    says.append("never wins" if win is None else f"wins after {win:.0f} steps")
    return ", ".join(says)


def _written(value: float | int | None, digits: int, signed: bool = False) -> str | None:
    """A number with a true minus; None for none, ∞ where it has no end."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def _nats(value: float) -> str:
    return f"{_written(value, 2)} nats"


def _four(values: Any) -> list[Json]:
    """Four decimals; null where not finite."""
    exact = np.round(np.asarray(values, dtype=np.float64), 4).tolist()
    return [value if math.isfinite(value) else None for value in exact]
