"""Alpaca, ShareGPT and OpenAI's formats: from decisions at the desk into what reads them.

Alpaca and ShareGPT belong to no trainer: axolotl's and LLaMA-Factory's own code reads both.
OpenAI's service cannot be asked, so its documented layout stands here as a JSON Schema.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import jsonschema
import pytest

from curation import export
from curation.export.files import FileType
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold, hold_many, prefer
from tests.test_export_axolotl import learnt, strategies, tokenizer  # noqa: F401 - fixtures
from tests.test_export_llama_factory import read, reader, said  # noqa: F401 - a fixture

TEXTS = ["<think>\nHm, 0.\n</think>\n\n0", "It is 2.", "No.", "{four} is\r\n 6 😀."]
TAUGHT = [TEXTS[0], "I think it is 2.", TEXTS[3]]
ASKED = [f"What is {i} + {i}?" for i in (0, 1, 3)]

_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "user", "assistant"]},
        "content": {"type": "string", "minLength": 1},
        "weight": {"enum": [0, 1]},
    },
    "additionalProperties": False,
}
OPENAI: dict[str, Any] = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "messages": {
            "type": "array", "minItems": 2, "items": _MESSAGE,
            "contains": {"properties": {"role": {"const": "assistant"}}},
        }
    },
}  # fmt: skip
_OUTPUT: dict[str, Any] = {
    "type": "array", "minItems": 1, "maxItems": 1,
    "items": {**_MESSAGE, "properties": {**_MESSAGE["properties"], "role": {"const": "assistant"}}},
}  # fmt: skip
OPENAI_DPO: dict[str, Any] = {
    "type": "object",
    "required": ["input", "preferred_output", "non_preferred_output"],
    "properties": {
        "input": {
            "type": "object",
            "required": ["messages"],
            "properties": {"messages": {"type": "array", "minItems": 1, "items": _MESSAGE}},
            "additionalProperties": False,
        },
        "preferred_output": _OUTPUT,
        "non_preferred_output": _OUTPUT,
    },
}
"""The vendor's fine-tuning guide; its check of chat files is
https://cookbook.openai.com/examples/chat_finetuning_data_prep."""


def at_the_desk(store: Store) -> None:
    """The second is accepted with an edit, the third rejected, the others accepted."""
    first, second, third, fourth = hold_many(store, TEXTS)
    decide(store, first)
    decide(store, second, edit={"text": TAUGHT[1]})
    decide(store, third, "reject")
    decide(store, fourth)


def loaded(folder: Path, cache: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = list(
        datasets.load_dataset(str(folder), cache_dir=str(cache))["train"]
    )
    return found


@pytest.fixture(scope="module")
def axolotl(strategies: Any, tokenizer: Any) -> Any:  # noqa: F811
    """`read(row, format)`: what axolotl trains on in a row, and all of what it reads."""
    from axolotl.prompt_tokenizers import AlpacaPromptTokenizingStrategy
    from axolotl.prompters import AlpacaPrompter
    from axolotl.utils.dict import DictDefault

    chat = {
        "type": "chat_template",
        "field_messages": "conversations",
        "message_property_mappings": {"role": "from", "content": "value"},
    }
    cfg = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "datasets": [chat]})
    made = {
        # As its own `type: alpaca` does; the other by a configuration.
        "alpaca": AlpacaPromptTokenizingStrategy(AlpacaPrompter(""), tokenizer, False, 4096),
        "sharegpt": strategies("chat_template", tokenizer, cfg, DictDefault(chat)),
    }

    def read(row: dict[str, Any], format: str) -> tuple[str, str]:
        found = made[format].tokenize_prompt(row)
        return learnt(tokenizer, found), tokenizer.decode(found["input_ids"])

    return read


@pytest.mark.slow
@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_axolotl_learns_the_answers_of_alpaca_and_sharegpt(
    store: Store, tmp_path: Path, axolotl: Any, files: FileType
) -> None:
    at_the_desk(store)
    for format in ("alpaca", "sharegpt"):
        out = tmp_path / format
        export.write(store, format=format, out=out, files=files, splits={"train": 1})
        for row, text, prompt in zip(loaded(out, tmp_path / "cache"), TAUGHT, ASKED, strict=True):
            taught, whole = axolotl(row, format)
            assert text in taught
            assert prompt in whole
            assert prompt not in taught
        assert export.verify_export(out).broken == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "entry"),
    [
        (
            "alpaca",
            {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
        ),
        (
            "sharegpt",
            {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
        ),
        (
            "openai",
            {
                "formatting": "sharegpt",
                "columns": {"messages": "messages"},
                "tags": {
                    "role_tag": "role", "content_tag": "content", "user_tag": "user",
                    "assistant_tag": "assistant", "system_tag": "system",
                },
            },
        ),
    ],
)  # fmt: skip
def test_llama_factory_reads_them_by_the_entry_of_its_own_documents(
    store: Store,
    tmp_path: Path,
    reader: Any,  # noqa: F811
    format: str,
    entry: dict[str, Any],
) -> None:
    at_the_desk(store)
    export.write(store, format=format, out=tmp_path / "x", splits={"train": 1})
    info = {"hedgerow_train": {"file_name": "train.jsonl", **entry}}
    (tmp_path / "x" / "dataset_info.json").write_text(json.dumps(info))
    rows = read(reader, tmp_path / "x", tmp_path / "cache")
    assert [row["_prompt"] for row in rows] == [
        [{"role": "user", "content": prompt}] for prompt in ASKED
    ]
    assert [row["_response"] for row in rows] == [said(text) for text in TAUGHT]


@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_openai_s_rows_are_as_it_documents_them(
    store: Store, tmp_path: Path, files: FileType, weighs: bool
) -> None:
    at_the_desk(store)
    asked: dict[str, Any] = {"labels": {"unclear": 0.5}, "loss_from": 0.5} if weighs else {}
    export.write(
        store, format="openai", out=tmp_path / "x", files=files, splits={"train": 1}, weights=asked
    )
    rows = loaded(tmp_path / "x", tmp_path / "cache")
    for row in rows:
        jsonschema.validate(row, OPENAI)
        assert ("weight" in row["messages"][1]) is weighs
    assert [row["messages"][0]["content"] for row in rows] == ASKED
    assert [row["messages"][1]["content"] for row in rows] == TAUGHT
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"messages": rows[0]["messages"][:1]}, OPENAI)


@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_openai_s_pairs_are_as_it_documents_them(
    store: Store, tmp_path: Path, files: FileType
) -> None:
    good, bad, edited = hold(
        store,
        a_trace("I think it is 4."),
        a_trace("It is 5.", sample_index=1),
        a_trace("It is 9!", prompt="What is 3 * 3?"),
    )
    prefer(store, good, bad)
    decide(store, edited, edit={"text": "It is 9, I think."})
    export.write(store, format="openai-dpo", out=tmp_path / "x", files=files, splits={"train": 1})
    rows = loaded(tmp_path / "x", tmp_path / "cache")
    for row in rows:
        jsonschema.validate(row, OPENAI_DPO)
    told = [
        (
            row["input"]["messages"][0]["content"],
            row["preferred_output"][0]["content"],
            row["non_preferred_output"][0]["content"],
        )
        for row in rows
    ]
    assert told == [
        ("What is 2 + 2?", "I think it is 4.", "It is 5."),
        ("What is 3 * 3?", "It is 9, I think.", "It is 9!"),
    ]
    assert export.verify_export(tmp_path / "x").broken == []


def test_below_ten_rows_it_is_said_that_the_service_asks_for_ten(store: Store) -> None:
    traces = hold_many(store, [f"It is {i}." for i in range(10)])
    for trace in traces[:9]:
        decide(store, trace)

    def notes() -> list[str]:
        shown = export.preview(store, format="openai", splits={"train": 1})
        assert shown.refusal is None
        return [note for note in shown.notes if "asks for 10 at least" in note]

    (said_so,) = notes()
    assert said_so.startswith("9 rows, ")
    decide(store, traces[9])
    assert notes() == []
