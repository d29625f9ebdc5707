"""What each role may do, as tables: every page, every write of the store, every other deed.

A role may do what the ones before it may: reviewer, lead, admin. What is not declared here is
refused, whoever asks (`curation.gate`), and tests hold the tables against the house: a page without
a role, or a public method of the store that writes without one, fails them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Role = Literal["reviewer", "lead", "admin"]

ROLES: tuple[Role, ...] = ("reviewer", "lead", "admin")
"""From the least to the most that one may do."""


class Write(NamedTuple):
    """What a writing method of the store asks of whoever calls it in the app."""

    role: Role
    by: str | None = None
    """The argument that must be the caller's own name."""
    audited: str | None = None
    """Under which word the audit log tells of it; None where the record itself says by whom."""


PAGES: Mapping[str, Role] = {
    "Home": "reviewer",
    "Ingest": "lead",
    "Scores": "reviewer",
    "Review": "reviewer",
    "Spot check": "reviewer",
    "Agreement": "lead",
    "Export": "lead",
    "Lexicon": "lead",
    "Compare": "reviewer",
    "Accounts": "admin",
}
"""The role that a page asks for, by its title."""

WRITES: Mapping[str, Write] = {
    # What a reviewer says, under their own name.
    "decide": Write("reviewer", "decision.reviewer"),
    "undo": Write("reviewer", "reviewer"),
    "reveal": Write("reviewer", "reviewer"),
    # What the app works out when somebody looks: markers, languages, signs.
    "transaction": Write("reviewer"),
    "add_languages": Write("reviewer"),
    "add_markings": Write("reviewer"),
    "add_shortcuts": Write("reviewer"),
    "add_lexicon": Write("reviewer"),
    # By the setting's name, see `setting_role`.
    "set_setting": Write("reviewer"),
    "forget_setting": Write("reviewer"),
    # What leads arrange.
    "add": Write("lead"),
    "record_ingest": Write("lead", audited="ingest"),
    "decide_all": Write("lead", "reviewer", "bulk decision"),
    "undo_all": Write("lead", "reviewer", "bulk decision taken back"),
    "add_assignment": Write("lead", "made_by"),
    "withdraw_assignment": Write("lead", "withdrawn_by"),
    "add_spot_check": Write("lead"),
    "add_gold": Write("lead", "marked_by"),
    "mark_gold": Write("lead", "marked_by"),
    "put_in_force": Write("lead", "author"),
    "save_export_recipe": Write("lead", "author"),
    "record_export": Write("lead", audited="export"),
    "add_lexicon_change": Write("lead"),
    "use_lexicon": Write("lead"),
    "set_reader": Write("lead", audited="student"),
    "use_convention": Write("lead"),
    "use_recipe": Write("lead"),
    "add_pack": Write("lead"),
    "add_families": Write("lead"),
    "add_knowledge": Write("lead"),
    # Who may come in.
    "add_account_event": Write("admin", "made_by", "account"),
    "backup": Write("admin", audited="backup"),
    # What the door itself writes, before anybody is known; never asked of a page's store.
    "open_session": Write("admin"),
    "see_session": Write("admin"),
    "close_session": Write("admin"),
    "audit": Write("admin"),
}
"""Every public method of the store that writes."""

FOR_ALL = ("view/", "selection/", "language_detector", "shortcut_rules")
"""Settings that a reviewer may write: saved views and selections, and what looking works out."""

DEEDS: Mapping[str, Role] = {
    "adjudicate": "lead",
    "steer the scorer": "lead",
    "preview proxies": "lead",
    "write an export": "lead",
    "read files of the server": "lead",
}
"""What is done in the app beside writing to the store."""


def allows(role: Role, needed: Role) -> bool:
    """Whether somebody of `role` may do what asks for `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)


def setting_role(name: str) -> Role:
    """The role that writing this setting asks for."""
    return "reviewer" if name.startswith(FOR_ALL) else "lead"
