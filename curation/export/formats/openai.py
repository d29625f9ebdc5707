"""OpenAI fine-tuning files: supervised `messages`, and preferences.

Reasoning stays inside `content`; its messages know no other place. Supervised fine-tuning asks for
10 rows at least. Source: the vendor's fine-tuning guide; Together and Fireworks take these names.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.export.formats.layout import MESSAGES, PAIR_PROVENANCE, Format, message

LEAST_ROWS = 10

_USER, _ASSISTANT = message("user", "prompt"), message("assistant", "text")

FORMATS: dict[str, Format] = {
    "openai": Format(
        "OpenAI fine-tuning: `messages`, user then assistant; the service asks for 10 rows at "
        "least.",
        {"messages": pl.concat_list(_USER, _ASSISTANT)},
        {"messages": MESSAGES},
        {"trace_id": "messages"},
        least_rows=LEAST_ROWS,
    ),
    "openai-dpo": Format(
        "OpenAI preference fine-tuning: `input` with its `messages`, `preferred_output` and "
        "`non_preferred_output`, each a list of one message.",
        {
            "input": pl.struct(pl.concat_list(_USER).alias("messages")),
            "preferred_output": pl.concat_list(_ASSISTANT),
            "non_preferred_output": pl.concat_list(message("assistant", "rejected_text")),
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
