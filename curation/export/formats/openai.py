"""OpenAI fine-tuning files: supervised `messages`, and preferences.

Reasoning stays inside `content`; its messages know no other place. Supervised fine-tuning asks for
10 rows at least. A message may carry a `weight` of 0 or 1, 0 for no loss; it stands in every
message where weights are asked for, and that of the user's is 0.

Source: the vendor's fine-tuning guide and its check of chat files
(https://cookbook.openai.com/examples/chat_finetuning_data_prep); Together and Fireworks take these
names.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import (
    MESSAGES,
    PAIR_PROVENANCE,
    Format,
    conversation,
    message,
)

LEAST_ROWS = 10

_USER, _ASSISTANT = message("user", "prompt"), message("assistant", "text")
_WEIGHED = pl.concat_list(
    _USER.struct.with_fields(pl.lit(0, pl.Int64()).alias("weight")),
    _ASSISTANT.struct.with_fields(pl.col("message_weight").alias("weight")),
)

FORMATS: dict[str, Format] = {
    "openai": Format(
        "OpenAI fine-tuning: `messages`, user then assistant; the service asks for 10 rows at "
        "least.",
        {"messages": conversation(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
        least_rows=LEAST_ROWS,
        carries="messages",
        weighed={
            "messages": (
                _WEIGHED,
                pa.list_(pa.struct([*MESSAGES.value_type, ("weight", pa.int64())])),
            )
        },
    ),
    "openai-dpo": Format(
        "OpenAI preference fine-tuning: `input` with its `messages`, `preferred_output` and "
        "`non_preferred_output`, each a list of one message.",
        {
            "input": pl.struct(conversation(_USER).alias("messages")),
            "preferred_output": conversation(_ASSISTANT),
            "non_preferred_output": conversation(message("assistant", "rejected_text")),
        },
        {
            "input": pa.struct([("messages", MESSAGES)]),
            "preferred_output": MESSAGES,
            "non_preferred_output": MESSAGES,
        },
        {"trace_id": "preferred_output", "rejected_id": "non_preferred_output"},
        PAIR_PROVENANCE,
        rows_of="pairs",
        least_rows=LEAST_ROWS,
    ),
}
