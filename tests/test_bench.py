from __future__ import annotations

from collections.abc import Callable

import pytest

from curation import bench
from curation.bench import ingest
from curation.errors import CurationError
from tests.said import Said

KEYS = {"name", "value", "unit", "ratio", "bar", "met"}


def test_the_ingest_is_measured_beside_its_peer() -> None:
    rows = ingest.rows("--n", "200", "--rounds", "1")
    assert all(row.keys() == KEYS for row in rows)
    ours, peer, memory = rows
    assert (ours["unit"], ours["bar"], memory["unit"], memory["bar"]) == (
        "records/s", 0.2, "MB", 2048,
    )  # fmt: skip
    # The ratio of speeds is that of the two values.
    assert ours["ratio"] == pytest.approx(ours["value"] / peer["value"])
    assert ours["met"] == (ours["ratio"] >= 0.2)
    assert "200 native records" in ours["name"]


def test_a_measurement_that_fails_is_explained() -> None:
    with pytest.raises(CurationError, match="could not measure"):
        ingest.rows("no-such-file.jsonl")


def test_a_benchmark_is_asked_for_by_name(
    curate: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"name": "x against y", "value": 3.0, "unit": "MB/s", "ratio": float("nan"), "bar": 2,
           "met": True}  # fmt: skip
    monkeypatch.setattr(ingest, "rows", lambda: [row, {**row, "ratio": 1.5, "bar": None}])
    assert curate("bench", "ingest", "--json").json == {
        "rows": [{**row, "ratio": None}, {**row, "ratio": 1.5, "bar": None}]
    }
    assert curate("bench", "ingest").out.splitlines() == [
        "what         value  unit  the peer's  asked  met",
        "x against y  3      MB/s  –           2      yes",
        "x against y  3      MB/s  1.5 times   –      –",
    ]


@pytest.mark.parametrize("name", bench.NAMES)
def test_every_benchmark_that_is_named_is_there(name: str) -> None:
    module = __import__(f"curation.bench.{name}", fromlist=["rows"])
    assert callable(module.rows)
