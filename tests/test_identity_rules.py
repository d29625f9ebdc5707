"""Who is believed, where we may listen, when sessions end and how long attempts wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import identity
from curation.errors import CurationError, SignedOut
from curation.identity import Policy, allows, is_loopback, passwords, policy, proxy_name, sessions

SECRET = "0123456789abcdef-the-secret"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _headers(*pairs: tuple[str, str]) -> Callable[[str], Sequence[str]]:
    return lambda name: [value for key, value in pairs if key.lower() == name.lower()]


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True),
        ("[::1]", True), ("LOCALHOST.", True), ("0.0.0.0", False), ("::", False), ("", False),
        (None, False), ("192.168.1.4", False), ("hedgerow.example", False),
        ("localhost.example", False), ("127.0.0.1.example", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_local(address: str | None, is_local: bool) -> None:
    assert is_loopback(address) is is_local
    assert (identity.refusal(address, Policy()) is None) is is_local
    assert identity.refusal(address, Policy(mode="accounts")) is None


def test_a_request_from_elsewhere_is_no_request_from_this_machine() -> None:
    assert policy.stranger(None, _headers(("Host", "localhost:8501"))) is None
    assert policy.stranger(None, _headers(("Host", "[::1]:8501"))) is None
    assert policy.stranger("127.0.0.1", _headers()) is None
    for ip, pairs in (
        (None, [("Host", "hedgerow.example")]),
        ("10.0.0.7", [("Host", "localhost")]),
        (None, [("Host", "localhost"), ("X-Forwarded-For", "10.0.0.7")]),
    ):
        said = policy.stranger(ip, _headers(*pairs))
        assert said is not None
        assert "HEDGEROW_IDENTITY" in said


def test_a_name_in_a_header_counts_beside_the_secret_alone() -> None:
    rules = Policy(mode="proxy", secret=SECRET)
    user, secret = ("X-Forwarded-User", "ada"), (policy.SECRET_HEADER, SECRET)
    assert proxy_name(rules, _headers(user, secret)) == "ada"
    forged = [
        [user], [user, (policy.SECRET_HEADER, "")], [user, (policy.SECRET_HEADER, SECRET + "x")],
        [user, (policy.SECRET_HEADER, SECRET[:-1])], [user, secret, secret],
        [user, ("X-Forwarded-User", "root"), secret], [secret], [("X-Forwarded-User", " "), secret],
        [user, (policy.SECRET_HEADER, "é" * 30)],
    ]  # fmt: skip
    for pairs in forged:
        with pytest.raises(SignedOut):
            proxy_name(rules, _headers(*pairs))
    with pytest.raises(SignedOut):
        proxy_name(Policy(mode="proxy"), _headers(user, (policy.SECRET_HEADER, "")))


def test_only_the_proxy_is_believed_about_where_a_request_comes_from() -> None:
    rules = Policy(mode="accounts", secret=SECRET)
    said = ("X-Forwarded-For", "1.2.3.4, 5.6.7.8")
    assert policy.address_of(rules, "10.0.0.7", _headers(said)) == "10.0.0.7"
    proxied = _headers(said, (policy.SECRET_HEADER, SECRET))
    assert policy.address_of(rules, "10.0.0.7", proxied) == "5.6.7.8"
    assert policy.address_of(rules, None, _headers()) == "this machine"


def test_a_provider_that_has_not_verified_an_address_names_nobody() -> None:
    rules = Policy(mode="oidc")
    assert policy.claimed_name(rules, {"email": "ada@example.org"}) == "ada@example.org"
    for claims in ({}, {"email": ""}, {"email": 3}, {"email": "a@b.c", "email_verified": False}):
        with pytest.raises(SignedOut):
            policy.claimed_name(rules, claims)


def test_the_dials_are_read_and_checked(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    read = identity.read(
        {
            "HEDGEROW_IDENTITY": "proxy", "HEDGEROW_PROXY_SECRET_FILE": str(secret),
            "HEDGEROW_SESSION_HOURS": "8", "HEDGEROW_SESSION_IDLE_MINUTES": "15",
            "HEDGEROW_NEWCOMERS": "reviewer",
        }
    )  # fmt: skip
    assert (read.whole, read.idle) == (timedelta(hours=8), timedelta(minutes=15))
    assert (read.secret, read.newcomers) == (SECRET, True)
    assert SECRET not in repr(read)
    secret.write_text("short")
    for name, value in (
        ("HEDGEROW_IDENTITY", "ldap"), ("HEDGEROW_SESSION_HOURS", "0"),
        ("HEDGEROW_SESSION_IDLE_MINUTES", "-5"), ("HEDGEROW_NEWCOMERS", "admin"),
        ("HEDGEROW_PROXY_HEADER", "a b"), ("HEDGEROW_PROXY_HEADER", "x-hedgerow-secret"),
        ("HEDGEROW_PROXY_SECRET_FILE", str(secret)),
        ("HEDGEROW_PROXY_SECRET_FILE", str(tmp_path / "none")),
    ):  # fmt: skip
        with pytest.raises(CurationError, match=name):
            identity.read({name: value})
    with pytest.raises(CurationError, match="HEDGEROW_PROXY_SECRET_FILE"):
        identity.read({"HEDGEROW_IDENTITY": "proxy"})


def test_a_password_is_kept_as_argon2id_and_fits_itself_alone() -> None:
    kept = passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert passwords.fits("correct horse battery", kept)
    assert not passwords.fits("correct horse batterz", kept)
    assert not passwords.fits("the password of nobody", None)
    assert not passwords.fits("anything at all", "no hash")
    for bad in ("short", "x" * 257):
        with pytest.raises(CurationError):
            passwords.hashed(bad)


@pytest.mark.parametrize("name", ["", " ada", "ada ", "a\nb", "a\u202eb", "x" * 65, "\x1b[2J"])
def test_what_cannot_be_shown_is_no_name(name: str) -> None:
    with pytest.raises(CurationError):
        passwords.checked_name(name)


def test_a_session_ends_when_nobody_is_there_and_in_any_case() -> None:
    idle, whole = timedelta(minutes=60), timedelta(hours=12)

    def ended(opened_min: float, seen_min: float, is_closed: bool = False) -> bool:
        session = sessions.Session(
            "se1_x", "ada", AT - timedelta(minutes=opened_min), AT - timedelta(minutes=seen_min),
            is_closed,
        )  # fmt: skip
        return sessions.ended(session, AT, idle, whole) is not None

    assert not ended(180, 59)  # hour three, a minute before the hour without a deed is full
    assert ended(180, 60)
    assert not ended(719, 1)
    assert ended(720, 1)  # 12 h are 720 min
    assert ended(1, 0, is_closed=True)
    assert sessions.ended(None, AT, idle, whole) is not None


def test_the_wait_grows_with_each_failure() -> None:
    # Five are free; then 2^0, 2^1, 2^2 … s from the last one on, at most 900 s.
    waits = [sessions.wait_s(n, 0.0, 5) for n in range(9)]
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8]
    assert sessions.wait_s(8, 3.0, 5) == 5.0
    assert sessions.wait_s(8, 8.0, 5) == 0.0
    assert sessions.wait_s(10**6, 0.0, 5) == 900.0


@given(st.integers(0, 100), st.floats(-1e6, 1e6), st.integers(1, 20))
def test_a_clock_that_is_set_back_never_makes_a_wait_longer_than_the_longest(
    n: int, since_s: float, free: int
) -> None:
    assert 0.0 <= sessions.wait_s(n, since_s, free) <= sessions.MOST_WAIT_S


def test_a_role_may_what_the_lesser_ones_may() -> None:
    table = [[allows(role, needed) for needed in identity.ROLES] for role in identity.ROLES]
    assert table == [[True, False, False], [True, True, False], [True, True, True]]
