"""Stores on a server, for tests: the server and its client in this process, on a free port."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from curation import store as stores
from curation.store import Address, Store
from curation.store.serving import Listener

TOKEN = "a-token-for-tests-only"

ON_BOTH = {
    "test_adjudicating", "test_assigning", "test_bulk", "test_checks", "test_edits",
    "test_export_everything", "test_export_weights", "test_finding", "test_gold_items",
    "test_grouping", "test_guidance", "test_lexicons", "test_pair_choices", "test_progress",
    "test_reasons", "test_recipe_versions", "test_span_verdicts", "test_step_verdicts",
    "test_store", "test_store_profile", "test_store_profile_versions", "test_trace_state",
}  # fmt: skip
"""Modules whose tests of the fixture `store` run on a file and on a server."""


def of_the_file(test: Any) -> Any:
    """Mark a test as being about the file itself, which a server's client does not have."""
    test.is_of_the_file = True
    return test


def is_of_the_file(test: Any) -> bool:
    """Whether a test is marked so."""
    return getattr(test, "is_of_the_file", False)


def a_free_address() -> Address:
    """An address on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", probe.getsockname()[1])


@contextmanager
def listening(path: Path, address: Address | None = None) -> Iterator[Listener]:
    """A server of the store at `path`."""
    with stores.open(path, serves=True) as held:
        listener = Listener(held, address or a_free_address(), TOKEN)
        try:
            yield listener
        finally:
            listener.close()


@contextmanager
def store_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store at `path` as a client of its server sees it."""
    monkeypatch.setenv("HEDGEROW_TOKEN", TOKEN)
    monkeypatch.setattr(Address, "beside", property(lambda _: path.with_name("client")))
    with listening(path) as listener, stores.open(str(listener.address)) as opened:
        yield opened
