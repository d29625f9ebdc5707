"""The gate: a page's view of the store, through which all writes of the app go.

    store = gate.Guarded.of(held, warrant)

A `Guarded` is the same store (the same connection, locks and caches) seen by somebody: each writing
method asks `Warrant.check` first, which looks up anew who acts and with which role, holds the role
against `identity.WRITES`, and the name that a record will carry against the name of who acts. A
method that writes and is not declared there is refused to everybody. Deeds that the table marks are
written to the audit log in the same transaction.

Commands of the command line work on the store itself: who can open its file, or has the key of its
door, owns it. Reads are not looked at here: pages are (`ui.page`), and filters by the store.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

from curation.errors import CurationError, Forbidden
from curation.identity import DEEDS, PAGES, WRITES, Role, allows
from curation.identity.roles import Write, setting_role
from curation.records import Decision
from curation.signing_in import Who, refused
from curation.store import Store
from curation.store.adjudicating import QUEUE

AFTERWARDS = ("backup",)
"""What cannot stand inside a transaction of ours: told to the audit log when it is done."""


class Warrant:
    """Who acts, asked anew at each deed.

    `ask` raises SignedOut where nobody is signed in any more. `is_named` says whether records must
    carry the name of who acts: not on one's own machine, where names are typed.
    """

    def __init__(
        self,
        ask: Callable[[], Who],
        *,
        is_named: bool,
        on_refusal: Callable[[Who, str], None] = lambda who, deed: None,
    ) -> None:
        self._ask, self.is_named, self._on_refusal = ask, is_named, on_refusal

    def who(self) -> Who:
        """Who acts now. Raises SignedOut."""
        return self._ask()

    def may(self, role: Role) -> bool:
        """Whether who acts has this role now."""
        return allows(self._ask().role, role)

    def check_page(self, title: str) -> Who:
        """Who opens a page. Raises Forbidden where their role is too little, or it has none."""
        return self._check(f"page {title}", PAGES.get(title))

    def check_deed(self, deed: str) -> Who:
        """Who does something beside writing to the store. Raises Forbidden."""
        return self._check(deed, DEEDS.get(deed))

    def check_write(self, name: str, write: Write, arguments: dict[str, Any]) -> Who:
        """Who calls a writing method with these arguments. Raises Forbidden."""
        role = write.role
        if name in ("set_setting", "forget_setting"):
            role = setting_role(arguments["name"])
        who = self._check(name, role)
        decision = arguments.get("decision")
        if isinstance(decision, Decision) and decision.queue == QUEUE:
            self._check("adjudicate", DEEDS["adjudicate"])
        if write.by is not None and self.is_named:
            first, _, rest = write.by.partition(".")
            given = getattr(arguments[first], rest) if rest else arguments[first]
            if given != who.name:
                self._refuse(who, f"{name} in the name of {given}", None)
        return who

    def _check(self, deed: str, role: Role | None) -> Who:
        who = self._ask()
        if role is None or not allows(who.role, role):
            self._refuse(who, deed, role)
        return who

    def _refuse(self, who: Who, deed: str, role: Role | None) -> NoReturn:
        self._on_refusal(who, deed)
        if role is None:
            raise Forbidden(f"{who.name} may not do this ({deed}). Nothing was stored.")
        raise refused(who, deed, role)


class _Depth(threading.local):
    """How deep this thread is inside writing methods that were let through."""

    n = 0


class Guarded(Store):
    """A store as somebody sees it; made by `Guarded.of`, never opened."""

    __slots__ = ("_depth", "_held", "_warrant")

    _held: Store
    _warrant: Warrant
    _depth: _Depth

    @classmethod
    def of(cls, held: Store, warrant: Warrant) -> Guarded:
        """`held` as whoever `warrant` names sees it: one store, and one state of it."""
        view = cls.__new__(cls)
        view.__dict__ = held.__dict__
        view._held, view._warrant, view._depth = held, warrant, _Depth()
        return view

    def of_job(self, deed: str) -> Guarded:
        """The store for a job that outlives the page: it ends as who began it, whatever their
        session does meanwhile. Raises Forbidden where they may not do `deed`, or SignedOut.
        """
        who = self._warrant.check_deed(deed)
        return Guarded.of(self._held, Warrant(lambda: who, is_named=self._warrant.is_named))

    @contextmanager
    def _writing(self, *, changes: bool = True) -> Iterator[Any]:
        if not self._depth.n:
            raise Forbidden("This would write without a role declared for it; it was refused.")
        with super()._writing(changes=changes) as cursor:
            yield cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside one; each of them is looked at too."""
        self._warrant.check_write("transaction", WRITES["transaction"], {})
        with self._held.transaction():
            yield

    def close(self) -> None:
        """A view is not what holds the store open."""


def _guarded(name: str, write: Write) -> Callable[..., Any]:
    """The store's method `name`, behind the gate."""
    method = getattr(Store, name)
    signature = inspect.signature(method)

    @wraps(method)
    def through(self: Guarded, *args: Any, **kwargs: Any) -> Any:
        if self._depth.n:  # called by a method that was let through
            return method(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        who = self._warrant.check_write(name, write, bound.arguments)
        self._depth.n += 1
        try:
            if write.audited is None:
                return method(self, *args, **kwargs)
            if name in AFTERWARDS:
                answer = method(self, *args, **kwargs)
                _tell(self._held, who, write.audited, bound.arguments)
                return answer
            with self._held.transaction():
                answer = method(self, *args, **kwargs)
                _tell(self._held, who, write.audited, bound.arguments)
            return answer
        finally:
            self._depth.n -= 1

    return through


for _name, _write in WRITES.items():
    if _name != "transaction":
        setattr(Guarded, _name, _guarded(_name, _write))


TOLD = (
    "format", "out", "n_rows", "origin", "n_read", "n_new", "verdict", "bulk_id", "student", "path",
    "name", "what", "role",
)  # fmt: skip
"""Arguments of a deed that the audit log keeps; never a password's hash, never a text."""


def _tell(held: Store, who: Who, what: str, arguments: dict[str, Any]) -> None:
    detail = {key: arguments[key] for key in TOLD if arguments.get(key) is not None}
    if "trace_ids" in arguments:
        detail["n_traces"] = len(arguments["trace_ids"])
    subject = str(detail.pop("name", ""))
    held.audit(who.name, what, subject, address=who.address, detail=detail)


def told_refusal(held: Store) -> Callable[[Who, str], None]:
    """Writes to the audit log what somebody was refused."""

    def tell(who: Who, deed: str) -> None:
        try:
            held.audit(who.name, "refused", deed[:200], address=who.address)
        except CurationError:
            return  # the refusal itself matters more

    return tell
