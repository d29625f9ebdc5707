"""Who is in: opening sessions, asking who acts in one, and refusing those who may not.

    token = signing_in.with_password(store, name, password, address)
    who = signing_in.who(store, policy, session_id, address)

Conductor of `identity` and the store. Everything is looked up anew each time it is asked, so that a
role that is taken away, a closed account or an ended session holds from the next deed on. Every
opening and every refusal stands in the audit log; attempts are taken one after another, so that
many at once gain nothing.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import NamedTuple, cast

from curation.errors import Forbidden, SignedOut
from curation.identity import Policy, Role, sessions
from curation.identity.passwords import checked_name, fits
from curation.store import Store
from curation.store.auditing import FAILED
from curation.store.connection import now

ANSWER = "Name and password do not fit together, or the account is closed."
"""One answer for every failure: it tells no name."""

_ONE_AT_A_TIME = threading.Lock()


class Who(NamedTuple):
    """Somebody who acts."""

    name: str
    role: Role
    address: str
    """Where from: an IP address, "this machine", or "command line"."""
    session_id: str | None = None
    """None where nobody had to sign in."""


def with_password(store: Store, name: str, password: str, address: str) -> str:
    """A new session's token, which the browser keeps. Raises SignedOut, saying why or how long."""
    with _ONE_AT_A_TIME:
        at = now()
        tried = name.strip()[:64]
        said = store.failed_sign_ins(tried, address, at - sessions.LOOKS_BACK)
        left_s = max(
            sessions.wait_s(said["n_name"], _since(at, said["last_name"]), sessions.PER_NAME),
            sessions.wait_s(
                said["n_address"], _since(at, said["last_address"]), sessions.PER_ADDRESS
            ),
        )
        if left_s:
            raise SignedOut(f"There were too many attempts. Try again in {left_s:.0f} s.")
        account = store.account(tried) if tried else None
        good = fits(password, account.password_hash if account is not None else None)
        if not good or account is None or not account.is_enabled:
            store.audit(tried or "(no name)", FAILED, address=address)
            raise SignedOut(ANSWER)
        token = sessions.new_token()
        begin(store, sessions.session_id(token), account.name, address, "password")
        return token


def begin(store: Store, session_id: str, name: str, address: str, how: str) -> None:
    """Open a session for somebody who showed who they are. Raises StoreError where it was open."""
    with store.transaction():
        store.open_session(session_id, name, address)
        store.audit(name, "sign-in", address=address, detail={"how": how})


def vouched(
    store: Store, policy: Policy, session_id: str, name: str, address: str, how: str
) -> None:
    """See that a session that a proxy or a provider vouches for is open: open it the first time.

    Raises SignedOut where it has ended: whoever vouches must do so anew, under another id.
    """
    name = checked_name(name)
    if store.session(session_id) is None:
        account = store.account(name)
        if (account is None and not policy.newcomers) or (account and not account.is_enabled):
            store.audit(name, FAILED, address=address, detail={"how": how})
            raise SignedOut(
                f"{name} has no open account here. Ask whoever runs Hedgerow: "
                f"`python -m curation accounts add NAME --role reviewer --no-password`."
            )
        begin(store, session_id, account.name if account else name, address, how)


def who(store: Store, policy: Policy, session_id: str, address: str) -> Who:
    """Who acts in a session, with the role that they have now. Raises SignedOut."""
    row = store.session(session_id)
    session = row and sessions.Session(**row)
    why = sessions.ended(session or None, now(), policy.idle, policy.whole)
    if why is not None or not session:
        raise SignedOut(f"{why} Sign in again: what you decided waits in this browser.")
    account = store.account(session.name)
    if account is None:
        if not policy.newcomers:
            raise SignedOut(f"{session.name} has no account here any more.")
        return Who(session.name, "reviewer", address, session_id)
    if not account.is_enabled:
        raise SignedOut("Your account was closed. Ask whoever runs Hedgerow.")
    if policy.mode == "accounts" and account.valid_from > session.opened_at:
        raise SignedOut("Your password was changed since you signed in. Sign in with the new one.")
    return Who(account.name, cast(Role, account.role), address, session_id)


def seen(store: Store, policy: Policy, who: Who) -> None:
    """Note that somebody does something, where the last note is a tenth of the idle time old."""
    if who.session_id is None:
        return
    row = store.session(who.session_id)
    if row is not None and now() - row["seen_at"] > policy.idle / 10:
        store.see_session(who.session_id, who.name, who.address)


def sign_out(store: Store, who: Who) -> None:
    """End a session for good: its token opens nothing any more."""
    if who.session_id is not None:
        with store.transaction():
            store.close_session(who.session_id, who.name, who.address)
            store.audit(who.name, "sign-out", address=who.address)


def _since(at: datetime, moment: datetime | None) -> float:
    return 0.0 if moment is None else (at - moment).total_seconds()


def refused(who: Who, deed: str, needed: Role) -> Forbidden:
    """What is said to somebody who may not do something."""
    return Forbidden(
        f"{who.name} may not do this ({deed}): it takes the role {needed}, and yours is "
        f"{who.role}. Ask an admin, if you should."
    )
