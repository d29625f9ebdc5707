"""The gate: each role against each write, names that are not one's own, sessions that ended."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from curation import gate, signing_in, ui
from curation import store as stores
from curation.errors import Forbidden, SignedOut, StoreError
from curation.gate import Guarded, Warrant
from curation.identity import DEEDS, PAGES, ROLES, WRITES, Policy, Role, allows, sessions
from curation.identity.passwords import hashed
from curation.identity.roles import setting_role
from curation.settings import ROOT
from curation.signing_in import Who
from curation.store import Store
from curation.store.adjudicating import QUEUE
from tests.builders import a_batch, a_decision, a_trace

WORDS = "correct horse battery"
RULES = Policy(mode="accounts")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Store]:
    """A store with a trace, and an account for each role, named like it."""
    with stores.open(tmp_path / "hedgerow.duckdb") as store:
        store.add(a_batch(a_trace()), "in1_a")
        for role in ROLES:
            store.add_account_event(
                role, "add", made_by="root", role=role, password_hash=_hash(WORDS)
            )
        yield store


_hashes: dict[str, str] = {}


def _hash(password: str) -> str:
    return _hashes.setdefault(password, hashed(password))


def _as(held: Store, name: str) -> tuple[Guarded, Warrant, str]:
    """The store as somebody who has just signed in sees it; their warrant, and their token."""
    token = signing_in.with_password(held, name, WORDS, "10.0.0.7")
    session_id = sessions.session_id(token)
    warrant = Warrant(
        lambda: signing_in.who(held, RULES, session_id, "10.0.0.7"),
        is_named=True,
        on_refusal=gate.told_refusal(held),
    )
    return Guarded.of(held, warrant), warrant, token


def _writers() -> set[str]:
    """Public methods of the store that reach its write transaction, however far down."""
    calls: dict[str, set[str]] = {}
    for path in (ROOT / "curation" / "store").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef):
                        calls.setdefault(method.name, set()).update(
                            each.attr for each in ast.walk(method)
                            if isinstance(each, ast.Attribute)
                        )  # fmt: skip
    found = {"_writing"}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return {name for name in found if not name.startswith("_") and hasattr(Store, name)}


def test_every_write_of_the_store_has_a_role() -> None:
    writers = _writers()
    assert {"decide", "undo", "set_setting", "add"} <= writers
    assert writers - set(WRITES) - {"close"} == set()
    assert [name for name in WRITES if not hasattr(Store, name)] == []


def test_every_page_has_a_role_and_asks_for_it() -> None:
    titles = set()
    for path in [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]:
        text = path.read_text("utf-8")
        (title,) = [label for _, label, _ in ui.PAGES if f'with ui.page("{label}")' in text]
        titles.add(title)
    assert titles == set(PAGES) == {label for _, label, _ in ui.PAGES}


def _arguments(name: str, who: str) -> dict[str, Any]:
    """Arguments that bind; of the kind that says in whose name, the caller's own."""
    given: dict[str, Any] = {}
    for each in list(inspect.signature(getattr(Store, name)).parameters.values())[1:]:
        if each.default is inspect.Parameter.empty:
            given[each.name] = "view/mine" if each.name == "name" else "anything"
    if "decision" in given:
        given["decision"] = a_decision("tr1_a", reviewer=who)
    by = (WRITES[name].by or "").split(".")[0]
    if by and by != "decision":
        given[by] = who
    return given


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(set(WRITES) - {"transaction"}))
def test_each_write_is_open_to_its_role_and_closed_to_the_lesser(
    monkeypatch: pytest.MonkeyPatch, name: str, role: Role
) -> None:
    write = WRITES[name]
    warrant = Warrant(lambda: Who("ada", role, "10.0.0.7"), is_named=True)
    given = _arguments(name, "ada")
    if allows(role, write.role):
        who = warrant.check_write(name, write, {"name": "view/mine", **given})
        assert who.name == "ada"
        return
    called: list[str] = []
    view = Guarded.__new__(Guarded)
    view._warrant, view._depth = warrant, gate._Depth()
    monkeypatch.setattr(Store, "_writing", lambda *a, **k: called.append(name))
    with pytest.raises(Forbidden, match=write.role):
        getattr(view, name)(**given)
    assert called == []


@pytest.mark.parametrize("role", ROLES)
def test_each_page_and_deed_is_open_to_its_role_and_closed_to_the_lesser(role: Role) -> None:
    warrant = Warrant(lambda: Who("ada", role, "10.0.0.7"), is_named=True)
    checks: list[tuple[Callable[[str], Who], str, Role]] = [
        *((warrant.check_page, title, needed) for title, needed in PAGES.items()),
        *((warrant.check_deed, deed, needed) for deed, needed in DEEDS.items()),
    ]
    for check, what, needed in checks:
        if allows(role, needed):
            assert check(what).name == "ada"
        else:
            with pytest.raises(Forbidden, match=needed):
                check(what)
    with pytest.raises(Forbidden):
        warrant.check_page("A page that nobody declared")


def test_what_is_not_declared_is_refused_to_everybody(held: Store) -> None:
    view, _, _ = _as(held, "admin")
    with pytest.raises(Forbidden, match="declared"), view._writing():
        pass
    with pytest.raises(Forbidden, match="declared"):
        view._note("se1_x", "admin", "opened", "here")


def test_a_decision_carries_the_name_of_who_is_signed_in(held: Store) -> None:
    view, _, _ = _as(held, "reviewer")
    trace_id = held.list_traces()["trace_id"][0]
    with pytest.raises(Forbidden, match="in the name of lead"):
        view.decide(a_decision(trace_id, reviewer="lead"))
    assert view.decide(a_decision(trace_id, reviewer="reviewer")).sequence == 1
    with pytest.raises(Forbidden, match="in the name of lead"):
        view.undo("lead")
    assert view.undo("reviewer") is not None
    told = held.audit_log(what="refused")
    assert told["who"].to_list() == ["reviewer", "reviewer"]
    assert told["address"].to_list() == ["10.0.0.7"] * 2


def test_adjudicating_takes_a_lead(held: Store) -> None:
    trace_id = held.list_traces()["trace_id"][0]
    for name, may in (("reviewer", False), ("lead", True)):
        view, _, _ = _as(held, name)
        said = a_decision(trace_id, reviewer=name, queue=QUEUE, decision_id=name)
        if may:
            assert view.decide(said).was_new
        else:
            with pytest.raises(Forbidden, match="adjudicate"):
                view.decide(said)


def test_a_setting_of_the_team_takes_a_lead_and_a_view_of_ones_own_does_not(held: Store) -> None:
    view, _, _ = _as(held, "reviewer")
    view.set_setting("view/long ones", "{}")
    for name in ("student", "scores", "span_label/x", "lexicon/en", "overlap", "store_id"):
        assert setting_role(name) == "lead"
        with pytest.raises(Forbidden):
            view.set_setting(name, "mine")
        with pytest.raises(Forbidden):
            view.forget_setting(name)


def test_a_role_that_is_taken_away_is_gone_at_the_next_deed(held: Store) -> None:
    view, warrant, _ = _as(held, "lead")
    view.set_setting("scores", "likelihood")
    held.add_account_event("lead", "role", made_by="root", role="reviewer")
    with pytest.raises(Forbidden):
        view.set_setting("scores", "ifd")
    assert warrant.who().role == "reviewer"
    held.add_account_event("lead", "disable", made_by="root")
    with pytest.raises(SignedOut, match="closed"):
        view.set_setting("view/x", "{}")


def test_a_new_password_ends_the_sessions_of_before(held: Store) -> None:
    view, _, _ = _as(held, "lead")
    other, _, _ = _as(held, "reviewer")
    held.add_account_event("lead", "password", made_by="root", password_hash=_hash("another 1234"))
    with pytest.raises(SignedOut, match="password"):
        view.set_setting("scores", "likelihood")
    other.set_setting("view/x", "{}")


def test_a_token_opens_nothing_after_signing_out_or_when_its_time_is_over(held: Store) -> None:
    _, warrant, token = _as(held, "reviewer")
    session_id = sessions.session_id(token)
    for rules in (Policy("accounts", idle=timedelta(0)), Policy("accounts", whole=timedelta(0))):
        with pytest.raises(SignedOut, match="ended"):
            signing_in.who(held, rules, session_id, "10.0.0.7")
    signing_in.sign_out(held, warrant.who())
    with pytest.raises(SignedOut, match="signed out"):
        warrant.who()
    for made_up in ("", token + "x", session_id, "' or 1=1 --"):
        with pytest.raises(SignedOut):
            signing_in.who(held, RULES, sessions.session_id(made_up), "10.0.0.7")
    assert token not in str(held._frame("select * from identity_session").to_dicts())


def test_attempts_wait_longer_and_longer_whoever_asks_from_wherever(held: Store) -> None:
    for n in range(sessions.PER_NAME):
        with pytest.raises(SignedOut, match="do not fit"):
            signing_in.with_password(held, "lead", f"wrong password {n}", f"10.0.0.{n}")
    with pytest.raises(SignedOut, match="too many"):
        signing_in.with_password(held, "LEAD", WORDS, "10.9.9.9")  # the right one waits too
    for n in range(sessions.PER_ADDRESS - 1):
        held.audit(f"guess {n}", "sign-in refused", address="10.0.0.1")
    with pytest.raises(SignedOut, match="too many"):
        signing_in.with_password(held, "reviewer", WORDS, "10.0.0.1")
    assert signing_in.with_password(held, "reviewer", WORDS, "10.0.0.2")
    assert held.verify().broken == []


def test_a_failure_tells_neither_names_nor_accounts(held: Store) -> None:
    held.add_account_event("lead", "disable", made_by="root")
    held.add_account_event("mai", "add", made_by="root", role="reviewer")  # somebody else signs in
    said = set()
    for name, password in (
        ("nobody", WORDS), ("reviewer", "not this one at all"), ("lead", WORDS), ("mai", WORDS),
        ("", WORDS), ("x" * 5000, WORDS), ("<script>alert(1)</script>", "'; drop table trace"),
    ):  # fmt: skip
        with pytest.raises(SignedOut) as refused:
            signing_in.with_password(held, name, password, "10.0.0.7")
        said.add(str(refused.value))
    assert said == {signing_in.ANSWER}


def test_whom_a_proxy_names_comes_in_with_their_account_or_not_at_all(held: Store) -> None:
    rules = Policy(mode="proxy")
    with pytest.raises(SignedOut, match="no open account"):
        signing_in.vouched(held, rules, "se1_a", "mai", "10.0.0.7", "proxy")
    signing_in.vouched(held, rules, "se1_b", "Lead", "10.0.0.7", "proxy")
    assert signing_in.who(held, rules, "se1_b", "10.0.0.7")[:2] == ("lead", "lead")
    open_to_all = Policy(mode="proxy", newcomers=True)
    signing_in.vouched(held, open_to_all, "se1_c", "mai", "10.0.0.7", "proxy")
    assert signing_in.who(held, open_to_all, "se1_c", "10.0.0.7").role == "reviewer"
    with pytest.raises(SignedOut, match="no account"):
        signing_in.who(held, rules, "se1_c", "10.0.0.7")


def test_a_job_ends_as_who_began_it(held: Store) -> None:
    view, warrant, _ = _as(held, "lead")
    job = view.of_job("write an export")
    signing_in.sign_out(held, warrant.who())
    job.record_export("ex1_a", "sft-messages", "/tmp/x", 3, "{}")
    assert held.audit_log(what="export")["who"].to_list() == ["lead"]
    reviewer, _, _ = _as(held, "reviewer")
    with pytest.raises(Forbidden):
        reviewer.of_job("write an export")


def test_the_last_admin_stays_one(held: Store) -> None:
    view, _, _ = _as(held, "admin")
    for what, role in (("role", "lead"), ("disable", None)):
        with pytest.raises(StoreError, match="only admin"):
            view.add_account_event("admin", what, made_by="admin", role=role)
