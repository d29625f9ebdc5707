"""Who somebody is and what they may do: roles, passwords, sessions, limits, and where we listen.

    policy.py      how people are known, read from HEDGEROW_*; when the app must not start
    roles.py       the tables: page -> role, write -> role, deed -> role
    passwords.py   argon2
    sessions.py    when a session has ended, how long the next attempt waits, tokens

Pure: values in, values out. Knows neither the store nor Streamlit; `curation.gate` joins them.
"""

from __future__ import annotations

from curation.identity.policy import Policy, is_loopback, proxy_name, read, refusal
from curation.identity.roles import DEEDS, PAGES, ROLES, WRITES, Role, allows

__all__ = [
    "DEEDS",
    "PAGES",
    "ROLES",
    "WRITES",
    "Policy",
    "Role",
    "allows",
    "is_loopback",
    "proxy_name",
    "read",
    "refusal",
]
