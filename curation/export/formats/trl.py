"""The formats of Hugging Face TRL (its `docs/source/dataset_formats.md`).

Chats are lists of messages, so that TRL applies the student's own chat template. `sft-text` is the
exception: a `text` column is what TRL learns as it stands, for students that have no template.

Source: `huggingface/trl` @ f2cd57710, `docs/source/dataset_formats.md`; for steps its release
1.13.0, the last with a PRM trainer (`trl/experimental/prm/prm_trainer.py`).
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import (
    CONTEXT_PROVENANCE,
    MESSAGES,
    PAIR_PROVENANCE,
    PAIR_WITH_SOURCE,
    PROVENANCE_COLUMNS,
    STEPS_PROVENANCE,
    WEIGHT_COLUMN,
    Format,
    conversation,
    message,
)
from curation.export.reasoning import PLACEMENTS

_USER, _ASSISTANT = message("user", "prompt"), message("assistant", "text")
_BETWEEN = "\n\n"
_PAIR = {
    "prompt": conversation(_USER),
    "chosen": conversation(_ASSISTANT),
    "rejected": conversation(message("assistant", "rejected_text")),
}

FORMATS: dict[str, Format] = {
    "sft-messages": Format(
        "TRL SFT, conversational: one `messages` list a row, user then assistant. The loss covers "
        "the whole conversation unless the trainer is told `assistant_only_loss=True`.",
        {"messages": conversation(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
        carries="stretches",
        weighed=WEIGHT_COLUMN,
        reasoning_in=PLACEMENTS,
        chats=(("messages",),),
    ),
    "sft-prompt-completion": Format(
        "TRL SFT, prompt and completion: each a list of one message, so that the student's chat "
        "template applies. The loss covers the completion only.",
        {"prompt": conversation(_USER), "completion": conversation(_ASSISTANT)},
        {"prompt": MESSAGES, "completion": MESSAGES},
        {"trace_id": "completion"},
        carries="stretches",
        weighed=WEIGHT_COLUMN,
        reasoning_in=PLACEMENTS,
        chats=(("prompt", "completion"),),
    ),
    "sft-text": Format(
        "TRL SFT, plain `text`: the prompt, a blank line, the trace. No chat template is applied, "
        "TRL adds the end token; the loss covers all of it. For base models.",
        {
            "text": pl.concat_str("prompt", pl.lit(_BETWEEN), "text"),
            "trace_start": pl.col("prompt").str.len_chars().cast(pl.Int64) + len(_BETWEEN),
        },
        {"text": pa.string(), "trace_start": pa.int64()},
        {"trace_id": "text"},
        carries="stretches",
        weighed=WEIGHT_COLUMN,
    ),
    "preference": Format(
        "TRL DPO, conversational: `prompt`, `chosen` and `rejected`, each a list of one message. A "
        "row is a pair that people compared, by majority; the traces need not be accepted.",
        _PAIR,
        dict.fromkeys(_PAIR, MESSAGES),
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_PROVENANCE,
        rows_of="pairs",
        reasoning_in=PLACEMENTS,
        chats=(("prompt", "chosen"), ("prompt", "rejected")),
    ),
    "dpo": Format(
        "TRL DPO, conversational, as `preference`, from more sources: pairs that people compared, "
        "an edit over what it edited, and accepted over rejected traces of one problem; "
        "`pair_source` says which.",
        _PAIR,
        dict.fromkeys(_PAIR, MESSAGES),
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_WITH_SOURCE,
        rows_of="pairs",
        reasoning_in=PLACEMENTS,
        chats=(("prompt", "chosen"), ("prompt", "rejected")),
    ),
    "kto": Format(
        "TRL KTO, conversational: `prompt`, `completion` and `label`, true for an accepted trace "
        "and false for a rejected one.",
        {
            "prompt": conversation(_USER),
            "completion": conversation(_ASSISTANT),
            "label": pl.col("state") == "accepted",
        },
        {"prompt": MESSAGES, "completion": MESSAGES, "label": pa.bool_()},
        {"trace_id": "completion"},
        PROVENANCE_COLUMNS,
        rows_of="labelled",
        reasoning_in=PLACEMENTS,
        chats=(("prompt", "completion"),),
    ),
    "proxy-expert": Format(
        "Proxy-tuning, the expert's set: accepted traces as `messages`, as in `sft-messages`. A "
        "small student is trained on it, and a copy of it on `proxy-antiexpert`.",
        {"messages": conversation(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
        reasoning_in=PLACEMENTS,
        chats=(("messages",),),
    ),
    "proxy-antiexpert": Format(
        "Proxy-tuning, the antiexpert's set: rejected traces as `messages`, as their teachers "
        "wrote them. Not to be trained on for its own sake.",
        {"messages": conversation(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
        rows_of="rejected",
        reasoning_in=PLACEMENTS,
        chats=(("messages",),),
    ),
    "stepwise": Format(
        "TRL stepwise supervision, for process reward models: `prompt`, `completions` (the steps, "
        "without white space at their ends) and `labels`, true for a good step. TRL has a trainer "
        "for it up to 1.13.0.",
        {name: pl.col(name) for name in ("prompt", "completions", "labels")},
        {
            "prompt": pa.string(),
            "completions": pa.list_(pa.string()),
            "labels": pa.list_(pa.bool_()),
        },
        {"trace_id": "completions"},
        STEPS_PROVENANCE,
        rows_of="stepwise",
    ),
    "sdpo": Format(
        "TRL SDPO: `prompt`, a list of one message, and `privileged_context`, what the reviewers "
        "directed. TRL ignores it unless told `include_environment_feedback=True`.",
        {
            "prompt": conversation(_USER),
            "privileged_context": pl.col("privileged_context"),
        },
        {"prompt": MESSAGES, "privileged_context": pa.string()},
        {"trace_id": "privileged_context"},
        CONTEXT_PROVENANCE,
        rows_of="privileged",
    ),
    "distillation": Format(
        "TRL distillation, on-policy: `prompt` alone, a list of one message; each problem with an "
        "accepted trace once, in the wording of the first.",
        {"prompt": conversation(_USER)},
        {"prompt": MESSAGES},
        {"trace_id": "prompt"},
        rows_of="prompts",
    ),
}
