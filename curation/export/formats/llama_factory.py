"""LLaMA-Factory: its ShareGPT and Alpaca layouts, with the `dataset_info.json` that names them.

Without an entry in `dataset_info.json` nothing loads. Point `dataset_dir` at the export's folder
and name `hedgerow_train` as the `dataset`. Reasoning stays inside the answer: its templates split
`<think>…</think>` themselves, and put an empty block before an answer that has none.

Its own `openai` layout is not used: its converter adds "detailed thinking off" as a system message.
Source: `llamafactory/data/converter.py`, `parser.py` of
https://pypi.org/project/llamafactory/0.9.5/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from curation.export.formats import alpaca, sharegpt
from curation.export.formats.layout import PAIR_PROVENANCE, Format, Sidecars, conversation

DATASET_INFO = "dataset_info.json"

_SHAREGPT: dict[str, Any] = {
    "formatting": "sharegpt",
    "columns": {"messages": "conversations"},
    "tags": {
        "role_tag": "from", "content_tag": "value",
        "user_tag": "human", "assistant_tag": "gpt", "system_tag": "system",
    },
}  # fmt: skip
_ALPACA: dict[str, Any] = {
    "formatting": "alpaca",
    "columns": {"prompt": "instruction", "query": "input", "response": "output"},
}
_KTO: dict[str, Any] = {
    **_SHAREGPT,
    "columns": {"messages": "conversations", "kto_tag": "kto_tag"},
}
_PAIRS: dict[str, Any] = {
    **_SHAREGPT,
    "ranking": True,
    "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
}


def _entries(layout: Mapping[str, Any]) -> Sidecars:
    """Writes `dataset_info.json`: an entry a file, `hedgerow_SPLIT` (with a number where several).

    LLaMA-Factory takes several as `dataset: hedgerow_train_0,hedgerow_train_1`.
    """

    def written(files: Mapping[str, Sequence[str]]) -> dict[str, str]:
        info = {
            f"hedgerow_{split}" + (f"_{number}" if len(names) > 1 else ""): {
                "file_name": name,
                **layout,
            }
            for split, names in files.items()
            for number, name in enumerate(names)
        }
        return {DATASET_INFO: json.dumps(info, indent=2, sort_keys=True) + "\n"}

    return written


FORMATS: dict[str, Format] = {
    "llama-factory": Format(
        "LLaMA-Factory SFT, its ShareGPT layout, with `dataset_info.json`: train on the dataset "
        "`hedgerow_train`.",
        {"conversations": conversation(sharegpt.HUMAN, sharegpt.GPT)},
        {"conversations": sharegpt.CONVERSATIONS},
        {"trace_id": "conversations"},
        sidecars=_entries(_SHAREGPT),
        takes_zstd=False,
    ),
    "llama-factory-alpaca": Format(
        "LLaMA-Factory SFT, its Alpaca layout, with `dataset_info.json`.",
        alpaca.COLUMNS,
        alpaca.TYPES,
        {"trace_id": "output"},
        sidecars=_entries(_ALPACA),
        takes_zstd=False,
    ),
    "llama-factory-kto": Format(
        "LLaMA-Factory KTO, with `dataset_info.json`: a conversation and `kto_tag`, true for an "
        "accepted trace and false for a rejected one.",
        {
            "conversations": conversation(sharegpt.HUMAN, sharegpt.GPT),
            "kto_tag": pl.col("state") == "accepted",
        },
        {"conversations": sharegpt.CONVERSATIONS, "kto_tag": pa.bool_()},
        {"trace_id": "conversations"},
        rows_of="labelled",
        sidecars=_entries(_KTO),
        takes_zstd=False,
    ),
    "llama-factory-dpo": Format(
        "LLaMA-Factory DPO (`ranking`), with `dataset_info.json`: the human's turn, and `chosen` "
        "and `rejected` as one turn each.",
        {
            "conversations": conversation(sharegpt.HUMAN),
            "chosen": sharegpt.GPT,
            "rejected": sharegpt.turn("gpt", "rejected_text"),
        },
        {
            "conversations": sharegpt.CONVERSATIONS,
            "chosen": sharegpt.TURN,
            "rejected": sharegpt.TURN,
        },
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_PROVENANCE,
        rows_of="pairs",
        sidecars=_entries(_PAIRS),
        takes_zstd=False,
    ),
}
