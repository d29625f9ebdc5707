"""How far reviewers agree: coefficients in words, by person, pair, reason, context, over time.

Every number comes from `agreement`; here it is named, put in a table and explained. The empty state
says how two people come to decide the same trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import polars as pl
import streamlit as st

from curation import agreement, figures, guidance, ui
from curation.agreement import Agreement
from curation.screens import agreement_closer
from curation.screens.numbers import SHOWN, ends, number
from curation.store import Store

SECOND_READING = "needs second reading"
MEANING = (
    "Alpha and kappa are agreement beyond chance: 1 = always, 0 = as often as chance would give, "
    "below 0 = less. Krippendorff's advice: rely on 0.80 and more, 0.67 for tentative conclusions. "
    "Where almost all verdicts are the same, chance is high and both fall though people rarely "
    "differ: read them beside the share of equal pairs. Cohen's kappa is the mean over pairs of "
    "people; Fleiss' takes the traces that the commonest number of people rated; the ordinal alpha "
    "counts a flag as the middle between reject and accept. Intervals are 95 %, bootstrap over "
    "traces, from 5 shared traces on."
)
PERSON_HELP = (
    "Each person on the traces that others rated too. A low share beside an alpha that is higher "
    "without them says that they read by other rules; a different share of accepts, how."
)
REASON_HELP = (
    "Positive agreement: where one of two people names the reason, how often the other does "
    "(Dice). A low one says that the reason needs a clearer guideline."
)


DISPUTES = 50
"""Disputed traces on the page at once."""
_PROMPTS = {"trace_id": pl.String(), "prompt": pl.String()}


def overview(room: ui.Room) -> None:
    """The whole page below its title."""
    with st.spinner("Reading what several people decided"):
        found = known(room)
        decisions, result = found.decisions, found.result
    if not result.n_pairable:
        _nothing_shared(result)
        if room.store.pairs().height:
            st.subheader("On pairs")
            agreement_closer.choices(room)
        return
    _coefficients(result)
    views: dict[str, Callable[[], None]] = {
        "By person": lambda: _people(found),
        "Two by two": lambda: _pairs(decisions),
        "By reason": lambda: _reasons(decisions, guidance.labels(room.store)),
        "By teacher context": lambda: _contexts(decisions),
        "On steps": lambda: agreement_closer.steps(room),
        "On spans": lambda: agreement_closer.spans(room, decisions),
        "On pairs": lambda: agreement_closer.choices(room),
        "Over time": lambda: _over_time(decisions),
    }
    tabs = st.tabs(list(views), key="agreement_tab", on_change="rerun")
    for tab, show in zip(tabs, views.values(), strict=True):
        # Of many decisions only the open tab is worked out.
        if tab.open or decisions.height <= SHOWN:
            with tab:
                show()
    _disputed(found)


class Found:
    """What is known of agreement at one moment, worked out when it is asked for; all share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.decisions, self._alone = store.shared_readings()

    @cached_property
    def result(self) -> Agreement:
        """The coefficients."""
        return agreement.between(self.decisions, alone=self._alone)

    @cached_property
    def people(self) -> list[dict[str, Any]]:
        """Each person against the rest."""
        return agreement.by_person(self.decisions, alone=self._alone)

    @cached_property
    def disputed(self) -> tuple[pl.DataFrame, int]:
        """The traces on which people differ, with the prompts of those shown; how many more did."""
        every = agreement.disputed(self.decisions)
        open_ones = self._store.open_disputes(every["trace_id"].to_list())
        differing = every.filter(pl.col("trace_id").is_in(list(open_ones)))
        shown = differing.head(DISPUTES)["trace_id"]
        prompts = [self._store.trace(i).prompt[:160] for i in shown]
        said = pl.DataFrame({"trace_id": shown, "prompt": prompts}, schema_overrides=_PROMPTS)
        differing = differing.join(said, on="trace_id", how="left", maintain_order="left")
        return differing, every.height - differing.height


def known(room: ui.Room) -> Found:
    """What is known now; worked out once for what is decided."""
    return _found(room.store, str(room.store.path), room.store.n_records())


@st.cache_resource(max_entries=2, show_spinner=False)
def _found(_store: Store, path: str, n_records: int) -> Found:
    return Found(_store)


def _nothing_shared(result: Agreement) -> None:
    st.info(
        "Agreement needs two people who decide the same trace. "
        + (
            "Nobody has accepted or rejected a trace yet."
            if not result.n_items
            else f"{result.n_reviewers} accepted or rejected {result.n_items} traces, "
            "none of them together."
        ),
        icon=":material/group:",
    )
    st.text(
        "How: a second person opens this app, gives their own name under Reviewer, and takes the "
        f"queue “{SECOND_READING}”. It holds what others decided, without saying how."
        if result.n_items
        else "How: decide some traces first. Then a second person gives their own name under "
        f"Reviewer and takes the queue “{SECOND_READING}”."
    )
    st.page_link(
        "pages/3_Review.py",
        label="Give second readings" if result.n_items else "Begin to review",
        icon=":material/rate_review:",
        query_params={"queue": SECOND_READING} if result.n_items else None,
    )


def _coefficients(result: Agreement) -> None:
    shown = (
        ("Alpha", result.alpha, result.alpha_ci, "Krippendorff's, nominal: accept or reject."),
        ("Alpha, ordinal", result.alpha_ordinal, result.alpha_ordinal_ci,
         "Krippendorff's, over reject, flag, accept as an order."),
        ("Cohen's kappa", result.kappa, result.kappa_ci, "The mean over pairs of reviewers."),
        ("Fleiss' kappa", result.fleiss_kappa, result.fleiss_kappa_ci,
         f"On the {result.n_fleiss_items} traces with {result.n_fleiss_ratings} ratings each."),
        ("Equal pairs", result.percent, result.percent_ci,
         "The share of pairs of verdicts on one trace that are the same."),
    )  # fmt: skip
    with st.container(horizontal=True):
        for name, value, ci, says in shown:
            with st.container(border=True, width=160):
                st.metric(name, number(value), help=says)
                st.caption(f"95 %: {ends(ci)}")
    st.caption(
        f"{result.n_pairable} traces were accepted or rejected by two or more of "
        f"{result.n_reviewers} reviewers, {result.n_disputed} of them with both verdicts; skips "
        "and flags are no ratings."
    )
    if result.reason:
        st.info(ui.escaped(result.reason), icon=":material/info:")
    with st.expander("How to read these numbers"):
        st.text(MEANING)


def _people(found: Found) -> None:
    st.caption(PERSON_HELP)
    st.dataframe(
        [
            {
                "Reviewer": row["reviewer"], "Rated": row["n_rated"], "Shared": row["n_shared"],
                "Others said the same": _percent(row["percent"]),
                "95 % interval": _percents(row["percent_ci"]),
                "Kappa with the majority": _finite(row["kappa"]),
                "Accepts": _percent(row["accepts"]),
                "The others accept": _percent(row["others_accept"]),
                "Alpha without them": _finite(row["alpha_without"]),
            }
            for row in found.people
        ],
        hide_index=True, placeholder="–",
        alt="Each reviewer against the rest", key="agreement_people",
        column_config=_two_digits("Kappa with the majority", "Alpha without them"),
    )  # fmt: skip


def _pairs(decisions: pl.DataFrame) -> None:
    pairs = agreement.pairwise(decisions)
    st.dataframe(
        [
            {"First": p.first, "Second": p.second, "Shared": p.n_both,
             "Equal": _percent(p.percent), "Kappa": _finite(p.kappa)}
            for p in pairs
        ],
        hide_index=True, placeholder="–", alt="Each two reviewers", key="agreement_pairs",
        column_config=_two_digits("Kappa"),
    )  # fmt: skip
    names = [f"{pair.first} and {pair.second}" for pair in pairs]
    chosen = st.selectbox(
        "Reviewers", range(len(pairs)), format_func=lambda i: names[i], key="agreement_pair"
    )
    pair = pairs[chosen]
    table = agreement.confusion(decisions, pair.first, pair.second)
    figure = figures.confusion(table, pair.first, pair.second)
    st.plotly_chart(figure.figure, alt=figure.alt, key="agreement_confusion")


def _reasons(decisions: pl.DataFrame, labels: dict[str, str]) -> None:
    rows = agreement.by_reason(decisions)
    if not rows:
        st.text("Nobody gave a reason on a trace that two people rated.")
        return
    st.caption(REASON_HELP)
    st.dataframe(
        [
            {
                "Reason": labels.get(row["reason"], row["reason"]), "Traces": row["n_traces"],
                "Positive agreement": _percent(row["positive"]), "Alpha": _finite(row["alpha"]),
                "95 % interval": ends(row["alpha_ci"]),
            }
            for row in rows
        ],
        hide_index=True, placeholder="–", alt="Agreement on each reason", key="agreement_reasons",
        column_config=_two_digits("Alpha"),
    )  # fmt: skip


def _contexts(decisions: pl.DataFrame) -> None:
    st.dataframe(
        [
            {
                "Teacher saw": row["teacher_context"], "Shared": row["n_pairable"],
                "Both verdicts": row["n_disputed"], "Equal pairs": _percent(row["percent"]),
                "Alpha": _finite(row["alpha"]), "95 % interval": ends(row["alpha_ci"]),
                "Kappa": _finite(row["kappa"]), "Why not": row["reason"] or "",
            }
            for row in agreement.by_group(decisions, "teacher_context")
        ],
        hide_index=True, placeholder="–",
        alt="Agreement by teacher context", key="agreement_contexts",
        column_config=_two_digits("Alpha", "Kappa"),
    )  # fmt: skip


def _over_time(decisions: pl.DataFrame) -> None:
    left, right = st.columns([2, 1])
    by = left.radio(
        "Periods", ["weeks", "blocks"], key="agreement_by", horizontal=True,
        format_func={"weeks": "calendar weeks", "blocks": "blocks of shared traces"}.__getitem__,
    )  # fmt: skip
    size = 25
    if by == "blocks":
        size = int(right.number_input("Traces a block", 5, 1000, 25, key="agreement_block"))
        chart = figures.agreement_over_time(
            agreement.drift(decisions, "block", size), f"block of {size} shared traces"
        )
    else:
        chart = figures.agreement_over_time(
            agreement.drift(decisions), "week that begins on (UTC)", dated=True
        )
    st.plotly_chart(chart.figure, alt=chart.alt, key="agreement_drift")
    st.caption("Each point rests on few traces: a fall over several of them is drift, one is not.")


def _disputed(found: Found) -> None:
    differing, n_settled = found.disputed
    st.subheader("On these they differ")
    if n_settled:
        st.caption(
            f"{n_settled} more {'is' if n_settled == 1 else 'are'} settled: somebody who did not "
            "vote decided, and that verdict stands. It is not counted as a reading above."
        )
    if not differing.height:
        st.text("Nowhere, so far.")
        return
    st.page_link(
        "pages/3_Review.py",
        label="Settle them: whoever did not vote decides",
        icon=":material/gavel:",
        query_params={"queue": "needs adjudication"},
    )
    for row in differing.head(DISPUTES).to_dicts():
        left, right = st.columns([1, 3])
        left.page_link(
            "pages/3_Review.py", label="Open", icon=":material/rate_review:",
            query_params={"trace": row["trace_id"]},
        )  # fmt: skip
        right.text(row["prompt"])
        right.text(", ".join(row["verdicts"]))
    if differing.height > DISPUTES:
        st.caption(f"and {differing.height - DISPUTES} more")


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _percents(ci: Any) -> str:
    return "–" if math.isnan(ci[0]) else f"{100 * ci[0]:.0f} to {100 * ci[1]:.0f} %"


def _two_digits(*names: str) -> dict[str, Any]:
    return {name: st.column_config.NumberColumn(name, format="%.2f") for name in names}
