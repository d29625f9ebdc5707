"""The Accounts page: who may come in and as what, and the audit log.

What is done goes through the gate like any write, and stands in the log with who did it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

import polars as pl
import streamlit as st

from curation import account_commands, identity, ui
from curation.errors import CurationError
from curation.identity import ROLES
from curation.identity.passwords import checked_name, hashed

SAID = "accounts_said"
ROLE_WORDS = {
    "reviewer": "reviewer: reviews, compares, spot-checks",
    "lead": "lead: also ingests, assigns, adjudicates, guides, decides in bulk, exports",
    "admin": "admin: also accounts and the audit log",
}
SHOWN = 1000
"""Entries of the log that are shown at once."""


def chosen(room: ui.Room) -> None:
    """The view that is chosen; its name stands in the link."""
    view = st.segmented_control(
        "View", ["People", "Audit log"], default="People", key="accounts_view", required=True,
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    if view == "Audit log":
        _log(room)
    else:
        _people(room)


def _people(room: ui.Room) -> None:
    kind, said = st.session_state.pop(SAID, (None, ""))
    if kind is not None:
        show = st.error if kind == "error" else st.success
        show(ui.escaped(said), icon=f":material/{'error' if kind == 'error' else 'check'}:")
    held = room.store.accounts()
    st.dataframe(
        held.select(
            Name="name", Role="role", Open="is_enabled", Password="has_password",
            **{"Last changed by": "made_by", "Changed at": "made_at"},
        ),
        hide_index=True, placeholder="–", alt="The accounts with their roles",
    )  # fmt: skip
    names = held["name"].to_list()
    left, right = st.columns(2, gap="large")
    with left:
        _change(room, held, names)
    with right:
        _add(room)


def _add(room: ui.Room) -> None:
    is_local = identity.read().mode in ("local", "accounts")
    st.subheader("Add an account")
    with st.form("account_add", border=True):
        name = st.text_input("Name", key="account_name", max_chars=64)
        role = st.selectbox("Role", ROLES, key="account_role", format_func=ROLE_WORDS.__getitem__)
        password = st.text_input(
            "First password", type="password", key="account_password", max_chars=256,
            autocomplete="new-password", disabled=not is_local,
            help="Tell it to them in person." if is_local else "They sign in elsewhere.",
        )  # fmt: skip
        sent = st.form_submit_button("Add", icon=":material/person_add:")
    if sent:

        def add() -> None:
            room.store.add_account_event(
                checked_name(name.strip()), "add", made_by=room.reviewer, role=role,
                password_hash=hashed(password) if is_local else None,
            )  # fmt: skip

        _told(add, f"{name.strip()} may come in as {role}.")


def _change(room: ui.Room, held: pl.DataFrame, names: list[str]) -> None:
    st.subheader("Change one")
    if not names:
        st.caption("There is no account yet.")
        return
    name = st.selectbox("Whose", names, key="account_whose")
    row = held.row(by_predicate=pl.col("name") == name, named=True)
    role = st.selectbox(
        "Their role", ROLES, ROLES.index(row["role"]), key=f"account_role_of.{name}",
        format_func=ROLE_WORDS.__getitem__,
    )  # fmt: skip
    buttons = st.container(horizontal=True)

    def event(what: str, done: str, **said: str) -> Callable[[], None]:
        def do() -> None:
            room.store.add_account_event(name, what, made_by=room.reviewer, **said)

        return lambda: _told(do, done)

    if buttons.button("Give this role", key="account_give", disabled=role == row["role"]):
        event("role", f"{name} is {role} from now on.", role=role)()
    if row["is_enabled"]:
        if buttons.button("Close the account", key="account_close", icon=":material/person_off:"):
            event("disable", f"{name} is signed out, and cannot come in any more.")()
    elif buttons.button("Open it again", key="account_open", icon=":material/person:"):
        event("enable", f"{name} may come in again.")()
    if identity.read().mode not in ("local", "accounts"):
        return
    with st.form("account_reset", border=True, clear_on_submit=True):
        password = st.text_input(
            "New password", type="password", key="account_new_password", max_chars=256,
            autocomplete="new-password", help="It ends the sessions that they have open.",
        )  # fmt: skip
        if st.form_submit_button("Set the password", icon=":material/key:"):

            def reset() -> None:
                room.store.add_account_event(
                    name, "password", made_by=room.reviewer, password_hash=hashed(password)
                )

            _told(reset, f"{name} has a new password and is signed out.")


def _told(change: Callable[[], None], done: str) -> None:
    """Run a change and say on the next run what became of it."""
    try:
        change()
    except CurationError as exc:
        st.session_state[SAID] = ("error", str(exc))
    else:
        st.session_state[SAID] = ("success", done)
    st.rerun()


def _log(room: ui.Room) -> None:
    one, two, three = st.columns(3)
    who = one.text_input("Who", key="audit_who")
    what = two.text_input("What", key="audit_what", placeholder="sign-in refused")
    day = three.date_input("Since", None, key="audit_since")
    since = None
    if day is not None:
        since = datetime.combine(day, time(), UTC)
    log = room.store.audit_log(who=who.strip() or None, what=what.strip() or None, since=since)
    st.caption(
        f"{log.height:,} entries, times in UTC. Nothing in here can be changed: each entry carries "
        "the hash of the one before it, and `python -m curation verify` follows the chain."
    )
    st.dataframe(
        log.head(SHOWN).select(
            "made_at", "who", "what", "subject", "detail", "address", "sequence", "content_hash"
        ),
        hide_index=True, placeholder="–", alt="The audit log, newest first",
    )  # fmt: skip
    st.download_button(
        "Download as CSV", lambda: account_commands.csv_of(log).encode(), "audit.csv", "text/csv",
        key="audit_csv", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
