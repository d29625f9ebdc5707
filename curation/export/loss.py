"""Which characters of a trace carry no loss, and how trainers are told.

A reviewer labels stretches of words; a trainer masks tokens, and a token may hold the end of one
word and the space before the next. So a labelled stretch is widened to whole words, with the white
space before it: no token of a byte-level or SentencePiece tokenizer crosses from a word over white
space into the next word, hence none that holds a labelled character is trained on, whatever the
student. (What joins words over spaces, as SuperBPE does, is not covered.)

Offsets are code points, end exclusive; axolotl's are not (`train_detail`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import polars as pl

Span = tuple[int, int]

NO_LOSS: tuple[str, ...] = ("leaks", "wrong")
"""The labels whose words carry no loss unless the recipe says otherwise."""


def widened(text: str, spans: Iterable[Span]) -> list[Span]:
    """`spans` of `text`, widened to whole words, in order and apart.

    A span takes in the white space before its first word, and behind its last word the white space
    up to the last line break, which tokens join to the word before it.
    """
    wide = sorted(_wide(text, start, end) for start, end in spans if start < end)
    found: list[Span] = []
    for start, end in wide:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _wide(text: str, start: int, end: int) -> Span:
    while start and not text[start - 1].isspace():
        start -= 1
    while start and text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    behind = end
    while behind < len(text) and text[behind].isspace():
        behind += 1
        if text[behind - 1] in "\r\n":
            end = behind
    return start, end


def stretches(n_chars: int, masked: Sequence[Span]) -> list[tuple[int, int, bool]]:
    """The text in stretches, and whether each is trained on; they tile its `n_chars` characters.

    `masked` is in order and apart, as `widened` gives it.
    """
    found: list[tuple[int, int, bool]] = []
    at = 0
    for start, end in masked:
        if at < start:
            found.append((at, start, True))
        found.append((start, end, False))
        at = end
    if at < n_chars:
        found.append((at, n_chars, True))
    return found


def train_detail(text: str, masked: Sequence[Span]) -> list[dict[str, int | bool]]:
    """The `train_detail` of axolotl for a content: stretches that cover it, `end_offset` inclusive.

    Axolotl trains on what a stretch with `train: true` holds and on nothing else. It takes a token
    to end where the next one starts, less 1, and trains on those whose end is at most the
    stretch's, and also on one that reaches over the stretch's end by more than its first character.
    Tokenizers that trim offsets (Llama 3's) start " The" at the "T", so the token before it seems
    to hold the space: therefore a lone space before a masked word goes to the stretch before. It
    trains on no token of the word either way.

    Source: `ChatTemplatePrompter.get_offsets_for_train_detail` and `adjust_train_details` of
    https://pypi.org/project/axolotl/0.19.0/ (`axolotl/prompt_strategies/chat_template.py`); its own
    `_convert_content_parts` ends a part at `offset + len(text) - 1`.
    """
    lent = [
        (start + (start > 0 and re.match(r"\s\S", text[start:end]) is not None), end)
        for start, end in masked
    ]
    return [
        {"begin_offset": start, "end_offset": end - 1, "train": train}
        for start, end, train in stretches(len(text), lent)
    ]


DETAIL = pl.List(
    pl.Struct({"begin_offset": pl.Int64(), "end_offset": pl.Int64(), "train": pl.Boolean()})
)
"""The type of axolotl's `train_detail`."""
