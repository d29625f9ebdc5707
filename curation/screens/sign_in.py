"""Who is at this browser: the request's own words, the sign-in page, and the session's cookie.

`warrant` says who acts; where nobody does it shows the sign-in page and ends the run. Nothing of a
page runs before. The browser keeps a random token in a cookie (SameSite=Strict, Secure where the
page is https) that a script of ours sets, since Streamlit has no other way; the store keeps its
hash.

Knows nothing of pages: `ui.page` asks it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import streamlit as st

from curation import gate, identity, signing_in
from curation.errors import CurationError, Forbidden, SignedOut
from curation.gate import Warrant
from curation.identity import Policy, policy, sessions
from curation.signing_in import Who
from curation.store import Store

SESSION = "identity.session"
"""Where this tab's session stands in Streamlit's: its id, or the token of a cookie."""
SAID = "identity.said"

_cookie = st.components.v2.component(
    "hedgerow_cookie",
    js="""export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const kept = `Path=/; SameSite=Strict; Max-Age=${data.s}${secure}`;
  document.cookie = `${data.name}=${data.token}; ${kept}`;
}""",
    isolate_styles=True,
)


def check_address(rules: Policy) -> None:
    """Raises Forbidden where the app must not start on its address, or serve this request."""
    why = identity.refusal(st.get_option("server.address"), rules)
    if why is None and rules.mode == "local":
        why = policy.stranger(_ip_address(), _values)
    if why is not None:
        raise Forbidden(why)


def warrant(store: Store, rules: Policy, typed_name: str) -> Warrant:
    """Who acts at this browser. Where nobody does: the sign-in page, and the run ends.

    `typed_name` is who acts where nobody is asked (`local`). Raises CurationError.
    """
    address = policy.address_of(rules, _ip_address(), _values)
    if rules.mode == "local":
        local = Who(typed_name, "admin", address)
        return Warrant(lambda: local, is_named=False)
    try:
        session_id = _session_id(store, rules, address)
        found = Warrant(
            lambda: signing_in.who(store, rules, session_id, address),
            is_named=True,
            on_refusal=gate.told_refusal(store),
        )
        signing_in.seen(store, rules, found.who())
    except SignedOut as exc:
        st.session_state.pop(SESSION, None)
        _page(store, rules, address, str(exc))
        st.stop()
    return found


def signed_in_line(store: Store, rules: Policy, who: Who) -> None:
    """In the sidebar: who is signed in, and the way out."""
    st.caption("Signed in")
    st.text(f"{who.name} · {who.role}")
    if rules.mode == "proxy":
        return
    if st.button("Sign out", key="sign_out", icon=":material/logout:", width="stretch"):
        signing_in.sign_out(store, who)
        st.session_state.pop(SESSION, None)
        if rules.mode == "oidc":
            st.logout()
            st.stop()
        st.session_state[SAID] = "You are signed out."
        st.rerun()


def _session_id(store: Store, rules: Policy, address: str) -> str:
    """The id of this browser's session. Raises SignedOut."""
    if rules.mode == "accounts":
        name = _cookie_name(store)
        token = st.session_state.get(SESSION) or st.context.cookies.get(name)
        if not isinstance(token, str) or not token:
            raise SignedOut("")
        if st.context.cookies.get(name) != token:
            whole_s = int(rules.whole.total_seconds())
            _cookie(key="identity.cookie", data={"name": name, "token": token, "s": whole_s})
        st.session_state[SESSION] = token
        return sessions.session_id(token)
    if rules.mode == "proxy":
        # A session of ours for each connection: the proxy signs people in anew with the next.
        name, how = policy.proxy_name(rules, _values), "proxy"
        token = st.session_state.setdefault(SESSION, secrets.token_urlsafe(32))
        session_id = sessions.session_id(f"{name}\0{token}")
    else:
        if not st.user.get("is_logged_in"):
            raise SignedOut("")
        claims = dict(st.user)
        name, how = policy.claimed_name(rules, claims), "oidc"
        # One sign-in at the provider is one session: a cookie that is sent again opens no other.
        signed = [str(claims.get(claim)) for claim in ("iss", "sub", "iat", "nonce")]
        session_id = sessions.session_id("\0".join(signed))
    signing_in.vouched(store, rules, session_id, name, address, how)
    return session_id


def _page(store: Store, rules: Policy, address: str, why: str) -> None:
    """Ask who it is."""
    _, middle, _ = st.columns([1, 1.4, 1])
    with middle:
        st.title("Sign in")
        said = st.session_state.pop(SAID, None) or why
        if said:
            st.info(_escaped(said), icon=":material/lock:")
        if rules.mode == "accounts":
            _form(store, address)
        elif rules.mode == "oidc":
            st.caption("Your organisation's sign-in opens, and brings you back here.")
            if st.button("Sign in", key="sign_in", type="primary", icon=":material/login:"):
                if st.user.get("is_logged_in"):  # its session here has ended: it must begin anew
                    st.logout()
                else:
                    st.login()
        st.caption(
            "What you decided before waits in this browser, and is stored when you are back."
        )


def _form(store: Store, address: str) -> None:
    with st.form("sign_in_form"):
        name = st.text_input("Name", key="sign_in_name", max_chars=64, autocomplete="username")
        password = st.text_input(
            "Password", key="sign_in_password", type="password", max_chars=256,
            autocomplete="current-password",
        )  # fmt: skip
        sent = st.form_submit_button(
            "Sign in", type="primary", icon=":material/login:", width="stretch"
        )
    if not sent:
        return
    try:
        token = signing_in.with_password(store, name, password, address)
    except CurationError as exc:
        st.error(_escaped(str(exc)), icon=":material/error:")
        return
    st.session_state[SESSION] = token
    st.rerun()


def _cookie_name(store: Store) -> str:
    """Cookies know no port: two apps on one machine must not take each other's."""
    return f"hedgerow_{(store.setting('store_id') or 'store')[:8]}"


def _values(header: str) -> Sequence[str]:
    return st.context.headers.get_all(header)


def _ip_address() -> str | None:
    found = st.context.ip_address
    return found if isinstance(found, str) else None


def _escaped(text: str) -> str:
    from curation.ui import escaped  # which asks us who is there, so not at the top

    return escaped(text)
