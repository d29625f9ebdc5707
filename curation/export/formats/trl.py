"""The formats of Hugging Face TRL (its `docs/source/dataset_formats.md`)."""

from __future__ import annotations

import polars as pl

from curation.export.formats.layout import MESSAGES, PAIR_PROVENANCE, Format, message

_USER, _ASSISTANT = message("user", "prompt"), message("assistant", "text")

FORMATS: dict[str, Format] = {
    "sft-messages": Format(
        "TRL SFT, conversational: one `messages` list a row, user then assistant. The loss covers "
        "the whole conversation unless the trainer is told `assistant_only_loss=True`.",
        {"messages": pl.concat_list(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
    ),
    "sft-prompt-completion": Format(
        "TRL SFT, prompt and completion: each a list of one message, so that the student's chat "
        "template applies. The loss covers the completion only.",
        {"prompt": pl.concat_list(_USER), "completion": pl.concat_list(_ASSISTANT)},
        {"prompt": MESSAGES, "completion": MESSAGES},
        {"trace_id": "completion"},
    ),
    "preference": Format(
        "TRL DPO, conversational: `prompt`, `chosen` and `rejected`, each a list of one message. A "
        "row is a pair that people compared, by majority; the traces need not be accepted.",
        {
            "prompt": pl.concat_list(_USER),
            "chosen": pl.concat_list(_ASSISTANT),
            "rejected": pl.concat_list(message("assistant", "rejected_text")),
        },
        dict.fromkeys(("prompt", "chosen", "rejected"), MESSAGES),
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_PROVENANCE,
        rows_of="pairs",
    ),
}
