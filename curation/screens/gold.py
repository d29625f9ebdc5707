"""Gold: traces whose right verdict is known, how they are mixed in, how often people are right."""

from __future__ import annotations

import json
from collections.abc import Callable

import streamlit as st

from curation import gold_items, guidance, people_commands, ui
from curation import reasons as reason_sets
from curation.desk.messages import VERDICT_WORDS
from curation.errors import CurationError
from curation.records import Decision
from curation.store import Store

HELP = (
    "Gold items come once to everybody, among the cards of every queue but those for second "
    "readings, adjudication, flags and selections; nothing on the card tells them apart, and "
    "where they come nobody can foresee. Whoever marks a trace does not get it. The verdicts "
    "count as any others do, also in the export, which may leave gold items out."
)
ACCURACY_HELP = (
    "The first accept or reject of each person on each gold item, also where it was taken back "
    "later. Skips and flags are left out. Intervals are 95 %, Wilson's; people whose intervals "
    "overlap are not told apart."
)
SAID = "gold_said"


def told(store: Store) -> Callable[[Decision], str | None]:
    """What the desk may say of a decision once it is stored, for `desk.mount`."""

    def says(decision: Decision) -> str | None:
        right = gold_items.right_verdict(store, decision)
        if right is None:
            return None
        labels = guidance.labels(store)
        reasons = ", ".join(labels.get(reason, reason) for reason in right["reasons"])
        word = VERDICT_WORDS[right["verdict"]][0].lower()
        agrees = "you agree" if right["agrees"] else "you do not"
        return f"that was a gold item: {word}{f' ({reasons})' if reasons else ''}, {agrees}"

    return says


def section(room: ui.Room) -> None:
    """Accuracy by person, the mixing, the items, and a form to mark more."""
    st.caption(HELP)
    if said := st.session_state.pop(SAID, None):
        st.success(said, icon=":material/check:")
    items = room.store.gold_items().to_dicts()
    if items:
        _accuracy(room)
        _mixing(room)
    _form(room)
    if items:
        _items(room, items)


def _accuracy(room: ui.Room) -> None:
    st.subheader("How often people are right")
    rows = gold_items.accuracy(room.store.gold_answers())
    if not rows:
        st.text("Nobody has accepted or rejected a gold item yet.")
        return
    st.dataframe(
        [
            {
                "Reviewer": row["reviewer"], "Gold items": row["n"], "Right": row["n_right"],
                "Accuracy": f"{100 * row['accuracy']:.0f} %",
                "95 % interval": "{:.0f} to {:.0f} %".format(
                    *(100 * end for end in row["accuracy_ci"])
                ),
                "Wrongly accepted": row["n_wrongly_accepted"],
                "Wrongly rejected": row["n_wrongly_rejected"], "Which is": row["says"],
            }
            for row in rows
        ],
        hide_index=True, alt="How often each person was right on gold items", key="gold_accuracy",
    )  # fmt: skip
    st.caption(ACCURACY_HELP)


def _mixing(room: ui.Room) -> None:
    st.subheader("How they are mixed in")
    held = gold_items.Mixing.read(room.store)
    left, right = st.columns(2, vertical_alignment="bottom")
    one_in = left.number_input(
        "One card in", 0, 1000, held.one_in, key="gold_one_in", help="0 = none is mixed in."
    )
    feedback = st.toggle(
        "Say after the verdict what was right", held.feedback, key="gold_feedback",
        help="Quietly, beside the receipt. The card itself never carries it.",
    )  # fmt: skip
    is_new = (int(one_in), feedback) != (held.one_in, held.feedback)
    if right.button("Use this from now on", key="gold_mix", disabled=not is_new):
        gold_items.mix_in(room.store, int(one_in), feedback=feedback)
        st.rerun()


def _form(room: ui.Room) -> None:
    st.subheader("Mark as gold")
    left, right = st.columns(2)
    trace_id = left.text_input("One trace", key="gold_trace", bind="query-params",
                               placeholder="tr1_…")  # fmt: skip
    where = right.text_input(
        "Or all traces where", key="gold_where", bind="query-params", help=ui.FILTER_HELP
    )
    text = right.text_input("that hold the text", key="gold_text", bind="query-params")
    views = room.store.settings(people_commands.VIEW)
    view = left.selectbox(
        "Or a saved view", list(views), index=None, key="gold_view", disabled=not views,
        placeholder="None" if views else "None is saved (Review, Filter)",
    )  # fmt: skip
    if view is not None:
        held = json.loads(views[view])
        where, text = held["where"] or "", held["text"] or ""
    try:
        ids = [trace_id.strip()] if trace_id.strip() else []
        if not ids and (where.strip() or text.strip()):
            ids = room.store.find(where, text)
        if trace_id.strip():
            room.store.trace(trace_id.strip())
    except CurationError as exc:
        st.error(ui.escaped(str(exc)), icon=":material/error:")
        return
    verdict = left.radio("What is right", ["accept", "reject"], key="gold_verdict", horizontal=True)
    usable = reason_sets.in_use(guidance.in_force(room.store).reasons)
    reasons = right.multiselect(
        "Why", list(usable), format_func=lambda code: usable.get(code, code), key="gold_reasons",
        placeholder="Reasons, if any",
    )  # fmt: skip
    if st.button(
        f"Mark {len(ids):,} traces", key="gold_mark", disabled=not ids, icon=":material/verified:"
    ):
        gold_items.mark(
            room.store, ids, verdict, marked_by=room.reviewer, reasons=reasons
        )  # fmt: skip
        st.session_state[SAID] = f"{len(ids):,} traces are gold items: {verdict}."
        st.rerun()


def _items(room: ui.Room, items: list[dict[str, object]]) -> None:
    with st.expander(f"The {len(items):,} gold items: whoever reads on has seen what is right"):
        st.dataframe(
            [
                {
                    "Trace": row["trace_id"], "Right": row["verdict"], "Why": row["reasons"],
                    "By": row["marked_by"], "Teacher": row["teacher"], "Prompt": row["prompt"],
                }
                for row in items
            ],
            hide_index=True, alt="The gold items", key="gold_items",
        )  # fmt: skip
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        gone = left.multiselect("Take the mark back", [row["trace_id"] for row in items],
                                key="gold_gone", placeholder="Choose traces")  # fmt: skip
        if right.button("Take back", key="gold_withdraw", disabled=not gone):
            gold_items.mark(room.store, [str(i) for i in gone], None, marked_by=room.reviewer)
            st.session_state[SAID] = f"{len(gone):,} traces are no gold items any more."
            st.rerun()
