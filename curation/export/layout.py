"""What a row is made of where a format leaves a choice: the recipe's `layout`.

Every default is what the format does anyway, and a choice that a format has no use for changes
nothing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PairSource = Literal["choices", "edits", "verdicts"]
Privileged = Literal["directive", "answer", "solution"]


class Layout(BaseModel):
    """Which rows a format takes and what stands in them. An unknown option is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pairs_from: tuple[PairSource, ...] = ()
    """Where pairs come from: `choices` between two traces side by side, `edits` (the edit over what
    it edited), `verdicts` (accepted over rejected traces of one problem). Empty: all that the
    format names (`preference`: choices and edits; `dpo`: all three)."""
    pairs_per_problem: int = Field(default=4, ge=1)
    """At most so many pairs of a problem from `verdicts`; what people compared is never capped."""
    neutral_steps: Literal["true", "drop"] = "true"
    """A step judged neither good nor bad is labelled true, or leaves the row with its label."""
    unlabelled_steps: Literal["cut", "leave-out"] = "cut"
    """Where a step has no label the row ends before it, or the whole trace stays out."""
    unmarked_steps: Literal["unlabelled", "good"] = "unlabelled"
    """A step that stood on the screen of a reviewer who judged others of the trace, but not this
    one, has no label, or counts as good. One that nobody saw never has a label."""
    privileged: tuple[Privileged, ...] = Field(default=("directive",), min_length=1)
    """What SDPO's teacher is shown beyond the prompt, in this order: the reviewers' directives, the
    problem's reference answer, its reference solution."""
