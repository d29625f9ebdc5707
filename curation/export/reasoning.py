"""Where a row's reasoning stands: inside the answer's text, or under a key of its own.

A trace is one text. Chat templates take reasoning in one of three places, and one that does not
know the key drops what stands there without a word: `inline` is `<think>…</think>` inside
`content`, as it was written; `reasoning_content` (Qwen, GLM, DeepSeek) and `thinking` (gpt-oss)
are keys of the assistant's message.

Nothing is lost or made up: a trace is `think_open + reasoning + think_close + answer`, always, and
the first and third travel in columns of their own where the reasoning was moved. They hold the tags
and the line breaks beside them, which templates write themselves. A trace without a think block has
no reasoning (null, which is not ""), and its whole text is the answer.

Knows nothing of trainers, templates or stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import polars as pl

Placement = Literal["inline", "reasoning_content", "thinking"]
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)

OPEN, CLOSE = "<think>", "</think>"

SHAPES: tuple[str, ...] = ("block", "headless", "unclosed", "none")
"""What a trace looks like: a think block at its beginning; one that was opened by the template, so
that only its end stands in the text; one that never ends (all of it is reasoning and the answer is
empty); none."""

_BREAKS = "\r\n"


def parts(text: pl.Expr) -> pl.Expr:
    """A struct of `think_shape`, `think_open`, `reasoning`, `think_close`, `answer` of each text.

    `reasoning` is null where there is no think block; the four texts in a row are the text.
    """
    cut = text.str.splitn(CLOSE, 2)
    head, tail = cut.struct.field("field_0"), cut.struct.field("field_1")
    opening = head.str.extract(r"\A(\s*<think>[\r\n]*)", 1)
    is_closed = tail.is_not_null()
    shape = (
        pl.when(is_closed & opening.is_not_null())
        .then(pl.lit("block"))
        .when(is_closed & ~head.str.contains(OPEN, literal=True))
        .then(pl.lit("headless"))
        .when(~is_closed & opening.is_not_null())
        .then(pl.lit("unclosed"))
        .otherwise(pl.lit("none"))
    )
    inside = pl.when(opening.is_not_null()).then(
        head.str.slice(opening.fill_null("").str.len_chars())
    ).otherwise(head)  # fmt: skip
    reasoning = pl.when(is_closed).then(inside.str.strip_chars_end(_BREAKS)).otherwise(inside)
    answer = tail.str.strip_chars_start(_BREAKS)
    before = inside.str.slice(reasoning.str.len_chars())
    after = tail.str.head(tail.str.len_chars() - answer.str.len_chars())
    is_none = shape == "none"
    return pl.struct(
        shape.alias("think_shape"),
        pl.when(is_none).then(pl.lit("")).otherwise(opening.fill_null("")).alias("think_open"),
        pl.when(~is_none).then(reasoning).alias("reasoning"),
        pl.when(is_none | ~is_closed)
        .then(pl.lit(""))
        .otherwise(pl.concat_str(before, pl.lit(CLOSE), after))
        .alias("think_close"),
        pl.when(is_none).then(text).otherwise(answer.fill_null("")).alias("answer"),
    )


def placed(messages: pl.Expr, place: Placement) -> pl.Expr:
    """`messages` (lists of role and content) with the assistants' reasoning under the key `place`.

    Other messages, and those without a think block, have null there.
    """
    if place == "inline":
        return messages
    one = pl.element()
    content = one.struct.field("content")
    is_answer = one.struct.field("role") == "assistant"
    split = parts(content)
    return messages.list.eval(
        one.struct.with_fields(
            pl.when(is_answer)
            .then(split.struct.field("answer"))
            .otherwise(content)
            .alias("content"),
            pl.when(is_answer).then(split.struct.field("reasoning")).alias(place),
        )
    )


def seams(column: str, prefix: str = "") -> list[pl.Expr]:
    """What stood around the reasoning of the texts in `column`: two columns, `prefix` first."""
    split = parts(pl.col(column)).struct
    return [split.field(name).alias(prefix + name) for name in ("think_open", "think_close")]


def joined(message: Mapping[str, object], place: Placement, opening: str, closing: str) -> str:
    """The trace that an assistant's message was made of. Raises ValueError where it is none."""
    content = message.get("content")
    reasoning = None if place == "inline" else message.get(place)
    if not isinstance(content, str) or not isinstance(reasoning, str | None):
        raise ValueError("the assistant's message is no text")
    return content if reasoning is None else opening + reasoning + closing + content


def shapes(texts: pl.Series) -> list[str]:
    """The shape of each text (`SHAPES`)."""
    frame = texts.to_frame("text").select(parts(pl.col("text")).struct.field("think_shape"))
    return frame.to_series().to_list()


def notes(counted: Mapping[str, int], place: Placement) -> list[str]:
    """What is worth knowing of traces of these shapes, whose reasoning goes to `place`."""
    said = {
        "none": "no think block at the beginning, so their whole text stands in `content` and "
        f"`{place}` is null: nothing was made up",
        "headless": f"only the end of a think block ({CLOSE}), so what stands before it is taken "
        "as reasoning",
        "unclosed": "a think block that never ends, so their answer is empty",
    }
    return [
        f"Traces with {words}: {n:,} of {sum(counted.values()):,}."
        for shape, words in said.items()
        if (n := counted.get(shape, 0))
    ]
