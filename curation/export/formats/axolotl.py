"""axolotl: `type: chat_template` rows whose messages say what carries loss, and DPO rows.

`train` is per turn. `train_detail` is per stretch of a turn's content, from what reviewers said of
spans; it is null where nothing is masked, and never an empty list, which axolotl takes for a turn
without loss. The export carries `axolotl.yml`, the `datasets:` part of a configuration.

Reasoning inside `content` needs `split_thinking: true` where the student's template wants it under
a key of its own. That moves the text that `train_detail` counts in, so rows with masked stretches
keep their reasoning where it is. Source: `prompt_strategies/chat_template.py`,
`prompt_strategies/dpo/chat_template.py` of https://pypi.org/project/axolotl/0.19.0/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import PAIR_PROVENANCE, Format, conversation, message
from curation.export.loss import DETAIL
from curation.export.reasoning import PLACEMENTS

CONFIGURATION = "axolotl.yml"

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_TURNS = pa.list_(
    pa.struct(
        [
            *_MESSAGE,
            ("train", pa.bool_()),
            (
                "train_detail",
                pa.list_(
                    pa.struct(
                        [
                            ("begin_offset", pa.int64()),
                            ("end_offset", pa.int64()),
                            ("train", pa.bool_()),
                        ]
                    )
                ),
            ),
        ]
    )
)


def _turn(role: str, column: str, train: pl.Expr, detail: pl.Expr) -> pl.Expr:
    return pl.struct(
        pl.lit(role).alias("role"),
        pl.col(column).alias("content"),
        train.alias("train"),
        detail.alias("train_detail"),
    )


def _configuration(kind: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in kind)


_SFT = (
    "type: chat_template",
    "field_messages: messages",
    "message_property_mappings:",
    "  role: role",
    "  content: content",
    "roles_to_train: [assistant]",
    "message_field_training: train",
    "message_field_training_detail: train_detail",
)
_DPO = (
    "type: chat_template.default",
    "field_messages: messages",
    "field_chosen: chosen",
    "field_rejected: rejected",
    "message_property_mappings:",
    "  role: role",
    "  content: content",
)

_KTO = (
    "type:",
    "  field_prompt: prompt",
    "  field_completion: completion",
    "  field_label: label",
)


def _sidecars(kind: Sequence[str], files: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """`axolotl.yml`: what a configuration says of these files, to be put in with their folder."""
    names = {"train": "datasets", "validation": "test_datasets", "test": "test_datasets"}
    said: dict[str, list[str]] = {}
    for split, paths in files.items():
        for path in paths:
            kind_of_file = "parquet" if path.endswith("parquet") else "json"
            said.setdefault(names.get(split, "datasets"), []).append(
                f"  - path: {path}\n    ds_type: {kind_of_file}\n"
                f"    split: train\n{_configuration(kind)}"
            )
    lines = [line for name, each in sorted(said.items()) for line in (f"{name}:", *each)]
    return {CONFIGURATION: "\n".join(lines) + "\n"}


FORMATS: dict[str, Format] = {
    "axolotl": Format(
        "axolotl `chat_template`: `messages` with `train` a turn and `train_detail` a stretch, so "
        "that words labelled as leaking or wrong carry no loss; with `axolotl.yml`.",
        {
            "messages": pl.concat_list(
                _turn("user", "prompt", pl.lit(False), pl.lit(None, DETAIL)),
                _turn("assistant", "text", pl.col("is_trained"), pl.col("train_detail")),
            )
        },
        {"messages": _TURNS},
        {"trace_id": "messages"},
        reasoning_in=PLACEMENTS,
        sidecars=lambda files: _sidecars(_SFT, files),
        is_masked=True,
        carries="spans",
        chats=(("messages",),),
    ),
    "axolotl-kto": Format(
        "axolotl KTO, user-defined: `prompt`, `completion` (texts) and `label`, true for an "
        "accepted trace and false for a rejected one; with `axolotl.yml`, to which the student's "
        "`prompt_format` and `completion_format` are to be added.",
        {
            "prompt": pl.col("prompt"),
            "completion": pl.col("text"),
            "label": pl.col("state") == "accepted",
        },
        {"prompt": pa.string(), "completion": pa.string(), "label": pa.bool_()},
        {"trace_id": "completion"},
        rows_of="labelled",
        sidecars=lambda files: _sidecars(_KTO, files),
    ),
    "axolotl-dpo": Format(
        "axolotl DPO `chat_template.default`: `messages`, and `chosen` and `rejected` as one "
        "message each; with `axolotl.yml`.",
        {
            "messages": conversation(message("user", "prompt")),
            "chosen": message("assistant", "text"),
            "rejected": message("assistant", "rejected_text"),
        },
        {"messages": pa.list_(_MESSAGE), "chosen": _MESSAGE, "rejected": _MESSAGE},
        {"trace_id": "chosen", "rejected_id": "rejected"},
        PAIR_PROVENANCE,
        rows_of="pairs",
        sidecars=lambda files: _sidecars(_DPO, files),
        chats=(("messages", "chosen"), ("messages", "rejected")),
    ),
}
