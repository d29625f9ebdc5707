"""LLaMA-Factory's own parser and converters on what the desk's decisions become."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest

from curation import export
from curation.errors import ExportError
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold, hold_many, prefer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader() -> Iterator[Any]:
    """`get_dataset_list` and `get_dataset_converter` of LLaMA-Factory.

    Its `data` package and its constants import what trains and what plays audio; both are left
    out, so that the two modules that read datasets are imported as they are.
    """
    if importlib.util.find_spec("llamafactory") is None:
        pytest.skip("LLaMA-Factory is not installed (requirements-peers.txt)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISABLE_VERSION_CHECK", "1")
        if importlib.util.find_spec("peft") is None:
            names: Any = types.ModuleType("peft.utils")
            names.SAFETENSORS_WEIGHTS_NAME = names.WEIGHTS_NAME = "unused"
            patch.setitem(sys.modules, "peft", types.ModuleType("peft"))
            patch.setitem(sys.modules, "peft.utils", names)
        package = types.ModuleType("llamafactory.data")
        found = importlib.util.find_spec("llamafactory")
        assert found is not None
        package.__path__ = [f"{place}/data" for place in found.submodule_search_locations or ()]
        patch.setitem(sys.modules, "llamafactory.data", package)
        yield SimpleNamespace(
            listed=importlib.import_module("llamafactory.data.parser").get_dataset_list,
            converter=importlib.import_module("llamafactory.data.converter").get_dataset_converter,
        )
        for name in [name for name in sys.modules if name.startswith("llamafactory")]:
            del sys.modules[name]


def read(reader: Any, folder: Path, cache: Path) -> list[dict[str, Any]]:
    """The rows as LLaMA-Factory aligns them: by the entry that the export wrote, and no other."""
    (attr,) = reader.listed(["hedgerow_train"], str(folder))
    assert attr.load_from == "file"
    rows = datasets.load_dataset(
        "json", data_files=str(folder / attr.dataset_name), split="train", cache_dir=str(cache)
    )
    convert = reader.converter(attr.formatting, attr, SimpleNamespace(media_dir=""))
    return [convert(row) for row in rows]


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text} for text in texts]


@pytest.mark.parametrize("format", ["llama-factory", "llama-factory-alpaca"])
def test_llama_factory_reads_the_accepted_traces(
    store: Store, tmp_path: Path, reader: Any, format: str
) -> None:
    texts = ["<think>\nHm, 0.\n</think>\n\n0", "It is 2.", "No."]
    one, other, rejected = hold_many(store, texts)
    decide(store, one)
    decide(store, other, edit={"text": "I think it is 2."})
    decide(store, rejected, "reject")
    export.write(store, format=format, out=tmp_path / "x", splits={"train": 1})
    rows = read(reader, tmp_path / "x", tmp_path / "cache")
    assert [row["_prompt"] for row in rows] == [
        [{"role": "user", "content": f"What is {i} + {i}?"}] for i in (0, 1)
    ]
    assert [row["_response"] for row in rows] == [said(texts[0]), said("I think it is 2.")]
    assert {row["_system"] for row in rows} == {""}
    assert export.verify_export(tmp_path / "x").broken == []


def test_llama_factory_reads_choices_as_ranked_pairs(
    store: Store, tmp_path: Path, reader: Any
) -> None:
    good, bad = hold(store, a_trace("I think it is 4."), a_trace("It is 5.", sample_index=1))
    prefer(store, good, bad)
    export.write(store, format="llama-factory-dpo", out=tmp_path / "x", splits={"train": 1})
    (row,) = read(reader, tmp_path / "x", tmp_path / "cache")
    assert row["_prompt"] == [{"role": "user", "content": "What is 2 + 2?"}]
    assert row["_response"] == said("I think it is 4.", "It is 5.")
    assert export.verify_export(tmp_path / "x").broken == []


def test_llama_factory_is_given_no_compressed_lines(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="opens no compressed JSON Lines"):
        export.write(store, format="llama-factory", out=tmp_path / "x", writing={"zstd": True})


def test_llama_factory_reads_labels_as_kto_tags(store: Store, tmp_path: Path, reader: Any) -> None:
    good, bad = hold_many(store, ["It is 0.", "It is 5."])
    decide(store, good)
    decide(store, bad, "reject")
    export.write(store, format="llama-factory-kto", out=tmp_path / "x", splits={"train": 1})
    rows = read(reader, tmp_path / "x", tmp_path / "cache")
    # Its converter writes the desired answer first: a good one before "", a bad one behind.
    assert [row["_response"] for row in rows] == [said("It is 0.", ""), said("", "It is 5.")]
    assert export.verify_export(tmp_path / "x").broken == []


def test_each_file_has_an_entry_of_its_own(store: Store, tmp_path: Path) -> None:
    for trace in hold_many(store, [f"It is {i}." for i in range(4)]):
        decide(store, trace)
    export.write(
        store, format="llama-factory", out=tmp_path / "x", splits={"train": 0.5, "test": 0.5}
    )
    info = json.loads((tmp_path / "x/dataset_info.json").read_text())
    assert {name: each["file_name"] for name, each in info.items()} == {
        "hedgerow_train": "train.jsonl", "hedgerow_test": "test.jsonl",
    }  # fmt: skip
    (tmp_path / "x/dataset_info.json").write_text("{}")
    (broken,) = export.verify_export(tmp_path / "x").broken
    assert "dataset_info.json has 2 bytes" in broken
