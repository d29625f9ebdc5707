"""How people are known to the app, read from the environment, and when it must not start.

    local      whoever is at this machine, under the name they type: on localhost alone
    accounts   names and passwords that `python -m curation accounts` keeps
    proxy      a reverse proxy that signs people in names them in a header
    oidc       an OpenID Connect provider, through Streamlit's own sign-in (secrets.toml)

What a proxy says is believed only beside the secret that it shares with us, which is held against
ours in constant time. Each dial is described in the README.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from curation.errors import CurationError, SignedOut

Mode = Literal["local", "accounts", "proxy", "oidc"]
MODES: tuple[Mode, ...] = ("local", "accounts", "proxy", "oidc")
SECRET_HEADER = "X-Hedgerow-Secret"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
"""Headers that a reverse proxy adds: whoever sends one is not at this machine."""
LEAST_SECRET_CHARS = 16

HeaderValues = Callable[[str], Sequence[str]]
"""All values of a request's header, by its name, in order; none where it is absent."""


@dataclass(frozen=True)
class Policy:
    """How people are known, and for how long."""

    mode: Mode = "local"
    """HEDGEROW_IDENTITY."""
    idle: timedelta = timedelta(minutes=60)
    """HEDGEROW_SESSION_IDLE_MINUTES: a session ends when nothing was done in it for so long."""
    whole: timedelta = timedelta(hours=12)
    """HEDGEROW_SESSION_HOURS: and after so long in any case."""
    newcomers: bool = False
    """HEDGEROW_NEWCOMERS: proxy and oidc let people in as reviewers who have no account."""
    user_header: str = "X-Forwarded-User"
    """HEDGEROW_PROXY_HEADER: where the proxy names the person."""
    claim: str = "email"
    """HEDGEROW_OIDC_CLAIM: which claim of the provider is the person's name."""
    secret: str | None = field(default=None, repr=False)
    """HEDGEROW_PROXY_SECRET_FILE: what the proxy sends in X-Hedgerow-Secret; never shown."""


def read(environ: Mapping[str, str] | None = None) -> Policy:
    """The policy that `environ` (default: the process's) asks for.

    Raises CurationError naming the variable and what it takes.
    """
    env = os.environ if environ is None else environ
    default = Policy()
    mode = env.get("HEDGEROW_IDENTITY") or default.mode
    if mode not in MODES:
        raise CurationError(f"HEDGEROW_IDENTITY is {mode!r}; it takes {', '.join(MODES)}.")
    newcomers = env.get("HEDGEROW_NEWCOMERS") or "refuse"
    if newcomers not in ("refuse", "reviewer"):
        raise CurationError(f"HEDGEROW_NEWCOMERS is {newcomers!r}; it takes refuse or reviewer.")
    header = env.get("HEDGEROW_PROXY_HEADER") or default.user_header
    if not re.fullmatch(r"[A-Za-z0-9-]+", header) or header.lower() == SECRET_HEADER.lower():
        raise CurationError(f"HEDGEROW_PROXY_HEADER is {header!r}; it takes a header's name.")
    secret = _secret(env.get("HEDGEROW_PROXY_SECRET_FILE"))
    if mode == "proxy" and secret is None:
        raise CurationError(
            "HEDGEROW_IDENTITY=proxy needs HEDGEROW_PROXY_SECRET_FILE: a file with what the proxy "
            f"sends in {SECRET_HEADER}. `openssl rand -hex 32` makes one."
        )
    return Policy(
        mode=mode,
        idle=timedelta(minutes=_whole(env, "HEDGEROW_SESSION_IDLE_MINUTES", default.idle, 60)),
        whole=timedelta(hours=_whole(env, "HEDGEROW_SESSION_HOURS", default.whole, 3600)),
        newcomers=newcomers == "reviewer",
        user_header=header,
        claim=env.get("HEDGEROW_OIDC_CLAIM") or default.claim,
        secret=secret,
    )


def is_loopback(address: str | None) -> bool:
    """Whether a server that listens on `address` can be reached from its own machine alone.

    None and "" listen on every address.
    """
    if not address:
        return False
    if address.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def refusal(address: str | None, policy: Policy) -> str | None:
    """Why the app must not start on `address` (what the server listens on); None where it may."""
    if policy.mode != "local" or is_loopback(address):
        return None
    return (
        f"Hedgerow listens on {address or 'every address'}, beyond this machine, and nobody is "
        "asked who they are, so it does not start. Give localhost as the address, or set up who "
        "may come in: HEDGEROW_IDENTITY=accounts with `python -m curation accounts add NAME "
        "--role admin`, or proxy, or oidc (README, Letting others in). This holds in containers "
        "too."
    )


def stranger(ip_address: str | None, values: HeaderValues) -> str | None:
    """Why a request to an app without identity is none from this machine; None where it is."""
    host = next(iter(values("Host")), "localhost")
    name = re.sub(r":\d+$", "", host)
    sent = next((header for header in FORWARDED if values(header)), None)
    if sent is None and is_loopback(name) and (ip_address is None or is_loopback(ip_address)):
        return None
    how = f"through a proxy ({sent})" if sent else f"from {ip_address or 'elsewhere'} for {host}"
    return (
        f"This request came {how}, and Hedgerow is set up for this machine alone. Set up who may "
        "come in: HEDGEROW_IDENTITY=accounts, proxy or oidc (README, Letting others in)."
    )


def is_from_proxy(policy: Policy, values: HeaderValues) -> bool:
    """Whether a request carries the secret of the proxy, once."""
    sent = values(SECRET_HEADER)
    if policy.secret is None or len(sent) != 1:
        return False
    return hmac.compare_digest(sent[0].encode(), policy.secret.encode())


def proxy_name(policy: Policy, values: HeaderValues) -> str:
    """Whom the proxy names. Raises SignedOut where it is not the proxy, or names nobody or two."""
    if not is_from_proxy(policy, values):
        raise SignedOut(
            "This request does not come through the proxy that signs people in. Open Hedgerow at "
            "the proxy's address; whoever runs it finds the set-up in the README."
        )
    named = values(policy.user_header)
    if len(named) != 1 or not named[0].strip():
        raise SignedOut(
            f"The proxy named nobody in {policy.user_header}, or more than one. Sign in there; "
            "whoever runs it sees to it that it sets this header itself."
        )
    return named[0].strip()


def claimed_name(policy: Policy, claims: Mapping[str, object]) -> str:
    """Whom an identity provider's claims name. Raises SignedOut where they name nobody."""
    named = claims.get(policy.claim)
    if policy.claim == "email" and claims.get("email_verified") is False:
        raise SignedOut("Your provider has not verified your e-mail address; verify it there.")
    if not isinstance(named, str) or not named.strip():
        raise SignedOut(
            f"Your provider says no {policy.claim}. HEDGEROW_OIDC_CLAIM names another claim."
        )
    return named.strip()


def address_of(policy: Policy, ip_address: str | None, values: HeaderValues) -> str:
    """Where a request comes from, for the log and the limits: an IP address, or "this machine".

    What a proxy says of its caller is believed only of one that shows the secret.
    """
    if is_from_proxy(policy, values) and (said := values("X-Forwarded-For")):
        return said[-1].split(",")[-1].strip()[:64] or "unknown"
    return ip_address or "this machine"


def _secret(name: str | None) -> str | None:
    if not name:
        return None
    try:
        text = Path(name).expanduser().read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise CurationError(f"HEDGEROW_PROXY_SECRET_FILE ({name}) cannot be read: {exc}.") from exc
    if len(text) < LEAST_SECRET_CHARS or not text.isprintable() or " " in text:
        raise CurationError(
            f"The secret in HEDGEROW_PROXY_SECRET_FILE takes {LEAST_SECRET_CHARS} characters or "
            "more without spaces; `openssl rand -hex 32` makes one."
        )
    return text


def _whole(env: Mapping[str, str], name: str, default: timedelta, unit_s: int) -> int:
    text = env.get(name) or str(int(default.total_seconds()) // unit_s)
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) < 1:
        raise CurationError(f"{name} is {text!r}; it takes a whole number of 1 or more.")
    return int(text)
