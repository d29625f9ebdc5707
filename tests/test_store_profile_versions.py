"""Whether a card must be painted anew: the store's word for which families a trace has."""

from __future__ import annotations

from typing import Any

import polars as pl

from curation.records import COMPATIBILITY_SCHEMA, text_hash
from curation.store import Store
from tests.builders import a_batch, a_pack, a_trace


def families(trace: dict[str, Any], family: str, recipe: str) -> pl.DataFrame:
    """One family of one trace, without numbers."""
    row = {
        **dict.fromkeys(COMPATIBILITY_SCHEMA), "trace_id": trace["trace_id"],
        "convention_id": "cv1_a", "family": family, "recipe_id": recipe,
        "text_hash": trace["text_hash"], "prompt_hash": text_hash(trace["prompt"]),
        "per_token": [], "point_step": [], "point_nats": [], "point_rival_nats": [],
    }  # fmt: skip
    return pl.DataFrame([row], schema=COMPATIBILITY_SCHEMA)


def test_a_version_changes_when_a_family_comes_or_its_recipe_changes(store: Store) -> None:
    scored, other = a_trace("It is four."), a_trace("It is five.")
    store.add(a_batch(scored, other), "i")
    store.add_pack(a_pack([scored, other]), "cv1_a", "fake", {"dtype": "float32"}, "p")
    ids = [scored["trace_id"], other["trace_id"]]
    assert store.profile_versions(ids, "fake") == {}
    seen = []
    for family, recipe in (("ifd", "rc1_a"), ("belief", "rc1_b"), ("ifd", "rc1_c")):
        frame = families(scored, family, recipe)
        store.add_families(frame, {recipe: {"family": family}}, "p")
        versions = store.profile_versions(ids, "fake")
        assert list(versions) == [scored["trace_id"]]
        seen.append(versions[scored["trace_id"]])
    assert len(set(seen)) == 3
    assert store.profile_versions(ids, "nobody") == {}
