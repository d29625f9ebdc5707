"""The sampling session of the Spot check page: draw a sample, judge it blind, read what it shows.

What is drawn and how it is counted is `checks`, what came of it `check_report`; here it is put on
the screen. Nothing that a judge should not know is shown before they ask to see it.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import streamlit as st

from curation import check_report, checks, spotcheck, ui
from curation.errors import CurationError

OVERVIEW, SAMPLING, REPORT = "Overview", "Sampling session", "Report to send"
VIEWS = (OVERVIEW, SAMPLING, REPORT)

ALLOCATION_WORDS = {
    "proportional": "proportional: as large as each stratum is, at least one of each",
    "equal": "equal: the same number of each stratum, weighted afterwards",
    "simple": "simple: one random sample of all",
}
STOP_WORDS = {
    "sequence": "confidence sequence: an interval that holds however often one looks",
    "sprt": "sequential test (Wald): one share against another",
}
SHOWN = (
    "place", "judgement", "is_gold", "is_leaking", "teacher_context", "teacher", "is_correct",
    "state", "n_tokens", "mean_nll_nats", "rsr", "n_epistemic", "privilege_gain_nats",
    "belief_jump_share", "hedge_deficit", "n_privilege", "note", "trace_id",
)  # fmt: skip


def view() -> str:
    """Which part of the page is asked for; the link keeps it."""
    chosen = st.segmented_control(
        "View", VIEWS, default=OVERVIEW, required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or OVERVIEW


def sampling(room: ui.Room) -> None:
    """Draw a spot check, or go on with one: the way to the blind desk, progress and report."""
    st.caption(
        "How many of the traces leak what the teacher knew? Draw a random sample, judge each trace "
        "blind to every score, and read the share with its interval."
    )
    place = st.container()
    known = room.store.spot_checks()
    new = None
    if room.may("lead"):
        with st.expander("Draw a new sample", icon=":material/casino:", expanded=not known.height):
            new = _draw(room)
    if new is not None:
        st.session_state["check"] = new
        known = room.store.spot_checks()
    if not known.height:
        return
    names = {
        row["spot_check_id"]: f"{row['name']} · {row['n_drawn']} drawn by {row['created_by']} on "
        f"{row['created_at']:%Y-%m-%d %H:%M} UTC"
        for row in known.iter_rows(named=True)
    }
    if st.query_params.get("check", next(iter(names))) not in names:
        st.warning("The link names a check that this store does not hold; the newest is shown.")
    with place:
        check_id = st.selectbox(
            "Spot check", list(names), format_func=lambda i: names[i], key="check",
            bind="query-params",
        )  # fmt: skip
        _session(room, check_id)


def _draw(room: ui.Room) -> str | None:
    """The form with its preview; the id of the check that was just drawn, else None."""
    left, right = st.columns(2)
    name = left.text_input("Name", key="check_name", placeholder="accepted, first week")
    where = right.text_input(
        "From the traces where", value=checks.ACCEPTED, key="check_where", help=ui.FILTER_HELP
    )
    first, second, third, fourth = st.columns(4)
    width = first.number_input(
        "Wished half width, in points", 1.0, 40.0, 5.0, 0.5, key="check_width",
        help="The report's interval is to be about plus or minus this many percentage points.",
    )  # fmt: skip
    p0 = second.number_input("Harmless share, %", 0.1, 98.0, 5.0, 0.5, key="check_p0")
    p1 = third.number_input("Alarming share, %", 0.2, 99.0, 10.0, 0.5, key="check_p1")
    alpha = fourth.number_input("Error rate, %", 0.1, 40.0, 5.0, 0.5, key="check_alpha")
    sizes = st.empty()
    first, second, third, fourth = st.columns(4)
    n = first.number_input("Traces to judge", 1, 100_000, 60, key="check_n")
    gold = second.number_input(
        "Known traces mixed in, %", 0, 49, 0, key="check_gold",
        help="Their true state is known. They are not counted: they tell how often a judge errs.",
    )  # fmt: skip
    seed = third.number_input(
        "Seed", 0, 2**31, 0, key="check_seed", help="The same seed draws the same traces."
    )
    beta = fourth.number_input(
        "Error rate if alarming, %", 0.1, 40.0, 5.0, 0.5, key="check_beta",
        help="Of the sequential test alone: calling the share harmless though it is alarming.",
    )  # fmt: skip
    left, right = st.columns(2)
    how = left.selectbox(
        "Sample", spotcheck.ALLOCATIONS, format_func=ALLOCATION_WORDS.__getitem__, key="check_how",
        help="A stratum is one teacher under one context.",
    )  # fmt: skip
    rule = right.selectbox(
        "Stop rule", checks.STOP_RULES, format_func=STOP_WORDS.__getitem__, key="check_rule"
    )
    request = checks.Request(
        name.strip() or "preview", int(n), where, int(seed), how, gold / 100, rule,
        p0 / 100, p1 / 100, alpha / 100, beta / 100, width / 100,
    )  # fmt: skip
    try:
        planned = checks.plan(room.store, request)
    except CurationError as exc:
        st.info(ui.escaped(str(exc)), icon=":material/info:")
        return None
    sizes.text(_sizes(request, planned.n_population))
    _preview(request, planned)
    if not name.strip():
        st.caption("Give the check a name to draw its sample.")
    if not st.button(
        "Draw the sample", key="check_draw", type="primary", disabled=not name.strip(),
    ):  # fmt: skip
        return None
    return checks.create(room.store, request, created_by=room.reviewer)


def _sizes(request: checks.Request, n_population: int) -> str:
    """How many verdicts the wished width takes, and the sequential test on average."""
    confidence, width = 1 - request.alpha, request.half_width
    share = (request.p0 + request.p1) / 2
    worst = spotcheck.widest_sample_size(width, confidence, n_population)
    expected = spotcheck.sample_size(width, share, confidence, n_population)
    words = (
        f"± {100 * width:g} points at {confidence:.0%} take {expected:,} verdicts if about "
        f"{share:.1%} leak, {worst:,} in the worst case, of {n_population:,} traces."
    )
    if request.stop_rule == "sprt":
        test = spotcheck.Sprt(request.p0, request.p1, request.alpha, request.beta)
        words += (
            f" The sequential test takes about {test.expected_n(request.p0):.0f} if "
            f"{request.p0:.1%} leak, {test.expected_n(request.p1):.0f} if {request.p1:.1%} do."
        )
    return words


def _preview(request: checks.Request, planned: checks.Plan) -> None:
    """What would be drawn, by stratum, and what one should know of it."""
    st.dataframe(
        planned.strata.rename(
            {"teacher_context": "Context", "teacher": "Teacher", "n_population": "Traces",
             "n_drawn": "Drawn"}
        ),
        hide_index=True, placeholder="–",
        alt="Traces and how many of them would be drawn, by context and teacher",
    )  # fmt: skip
    said = []
    if planned.n_gold_left_out:
        said.append(
            f"{planned.n_gold_left_out} traces of a known state are not drawn from: the result is "
            "about the others."
        )
    if planned.n_gold_wished:
        said.append(f"{planned.n_gold} of {planned.n_gold_wished} wished known traces mixed in.")
    if request.allocation != "simple" and planned.bias > checks.TOLERABLE_BIAS:
        said.append(
            "Strata are drawn in other shares than they have. The result is weighted; the stop "
            "rule looks at each stratum by itself and asks for many more verdicts."
        )
    if said:
        st.caption(" ".join(said))


def _session(room: ui.Room, check_id: str) -> None:
    """One check: judge, progress, report, reveal."""
    store, reviewer = room.store, room.reviewer
    check = store.spot_check(check_id)
    n_left = len(checks.to_judge(store, check_id, reviewer))
    n_items = check["n_drawn"]
    st.caption(
        ui.escaped(
            f"{check['n_population']:,} traces where {check['filter'] or 'true'}; "
            f"{check['allocation']} sample, seed {check['seed']}, {check_id}"
        )
    )
    st.progress(
        (n_items - n_left) / n_items, text=ui.escaped(
            f"{n_items - n_left} of {n_items} judged by {reviewer}, {n_left} left"
        ),
    )  # fmt: skip
    is_revealed = store.revealed_at(check_id, reviewer) is not None
    if not is_revealed:
        st.page_link(
            "pages/3_Review.py", icon=":material/visibility_off:",
            label="Judge blind on the desk" if n_left else "Look again on the blind desk",
            query_params={"blind": check_id},
        )  # fmt: skip
    judges = sorted(set(store.judgements(check_id)["reviewer"]))
    whose = None
    if len(judges) > 1:
        whose = st.selectbox(
            "Whose verdicts", [None, *judges], key="check_whose",
            format_func=lambda who: who or "all: the majority of each trace's judges",
        )  # fmt: skip
    answer = check_report.report(store, check_id, whose)
    _report(answer)
    _known(room, check_id, answer)
    may_end = not n_left or answer["stop"]["may_stop"]
    if is_revealed:
        _revealed(room, check_id)
    elif judges and reviewer in judges:
        st.button(
            "Show scores and contexts", key="check_reveal", icon=":material/visibility:",
            disabled=not may_end, on_click=_reveal, args=(room, check_id),
            help="Ends your judging: what you judge afterwards is kept, and not counted."
            if may_end
            else "When all is judged, or the stop rule says that you may stop.",
        )  # fmt: skip


def _reveal(room: ui.Room, check_id: str) -> None:
    room.store.reveal(check_id, room.reviewer)


def _report(answer: dict[str, Any]) -> None:
    """The share, what it rests on and whether one may stop; by stratum; by judge."""
    if answer["judged"]:
        share, level, stop = st.columns(3)
        share.metric("Leaking share", f"{answer['share']:.1%}", border=True)
        low, high = answer["interval"]
        level.metric(
            f"{answer['confidence']:.0%} interval (Wilson)", f"{low:.1%} to {high:.1%}", border=True
        )
        stop.metric("Stop rule", "May stop" if answer["stop"]["may_stop"] else "Go on", border=True)
    for line in answer["says"]:
        st.text(line)
    if not answer["judged"]:
        return
    low, high = answer["clopper_pearson"]
    st.caption(
        f"Exact interval (Clopper and Pearson): {low:.1%} to {high:.1%}. Unweighted share: "
        f"{answer['raw_share']:.1%}. Intervals take the sample as one from a finite population; "
        f"they rest on {_number(answer['n_effective'])} effective verdicts."
    )
    rows = [
        {
            "Context": row["teacher_context"],
            "Teacher": row["teacher"],
            "Traces": row["n_population"],
            "Drawn": row["n_drawn"],
            "Judged": row["judged"],
            "Leaking": row["leaking"],
            "Share": None if math.isnan(row["share"]) else f"{row['share']:.1%}",
            "Interval": None
            if math.isnan(row["share"])
            else f"{row['interval'][0]:.1%} to {row['interval'][1]:.1%}",
        }
        for row in answer["by_stratum"]
    ]
    st.dataframe(
        rows, hide_index=True, placeholder="–", alt="The leaking share by context and teacher"
    )
    if len(answer["reviewers"]) > 1:
        st.dataframe(
            [
                {
                    "Judge": row["reviewer"],
                    "Leaking": row["leaking"],
                    "Clean": row["clean"],
                    "Unsure": row["unsure"],
                    "Flagged": row["flagged"],
                    "Left": row["remaining_items"],
                    "Median time (s)": row["median_active_s"],
                    "Scores shown": row["revealed_at"],
                }
                for row in answer["reviewers"]
            ],
            hide_index=True, placeholder="–", alt="What each judge said",
        )  # fmt: skip
        found = answer["agreement"]
        st.text(
            f"Agreement on {found['n_pairable']} traces that two or more judged, known ones "
            f"included: {found['percent']:.0%} of pairs alike, alpha "
            + ("not defined." if math.isnan(found["alpha"]) else f"{found['alpha']:.2f}.")
            if found["n_pairable"]
            else "No trace was judged leaking or clean by two yet."
        )


def _number(value: float) -> str:
    return "all" if math.isinf(value) else f"{value:.0f}"


def _known(room: ui.Room, check_id: str, answer: dict[str, Any]) -> None:
    """Traces whose true state is known: how many, from where, and how to add to them."""
    store = room.store
    gold = store.gold()
    if not room.may("lead"):
        return
    with st.expander(f"{gold.height} traces of a known state", icon=":material/verified:"):
        st.caption(
            "Known traces tell how often a judge errs (sensitivity and specificity); the share is "
            "then corrected after Rogan and Gladen. A label is not held against who made it."
        )
        if gold.height:
            st.dataframe(
                gold.select("trace_id", "is_leaking", "source", "marked_by", "marked_at"),
                hide_index=True, placeholder="–",
                alt="The traces of a known state, with their sources",
            )  # fmt: skip
        left, middle, right = st.columns([2, 1, 2])
        trace_id = left.text_input("Trace", key="gold_trace", placeholder="tr1_…").strip()
        state = middle.selectbox("It is", ("leaking", "clean", "not known"), key="gold_is")
        source = right.text_input("How it is known", key="gold_source").strip()
        if st.button("Mark as known", key="gold_mark", disabled=not (trace_id and source)):
            is_leaking = {"leaking": True, "clean": False}.get(state)
            store.add_gold(trace_id, is_leaking, source=source, marked_by=room.reviewer)
            st.rerun()
        if len(answer["reviewers"]) > 1 and st.button(
            "Take what two or more judged alike as known", key="gold_consensus"
        ):
            checks.gold_from_consensus(store, check_id, marked_by=room.reviewer)
            st.rerun()


def _revealed(room: ui.Room, check_id: str) -> None:
    """What was judged, beside what the scores say; a click opens the trace."""
    st.subheader("Judged, with scores and contexts")
    frame = checks.revealed(room.store, check_id, room.reviewer)
    shown = frame.select(SHOWN).with_columns(
        open=pl.concat_str(pl.lit("Review?trace="), pl.col("trace_id"))
    )
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        column_order=["open", *SHOWN],
        column_config={"open": st.column_config.LinkColumn("Trace", display_text="Open")},
        alt="Each judged trace with its judgement, context and scores",
    )
