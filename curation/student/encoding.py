"""From a prompt and a trace to token ids, and to where each token stands in the trace.

Owns the text side of the convention: the prefix a student reads before the trace, one tokenisation
of prefix and trace together, which tokens are the trace's, and that control tokens come from the
template alone. Knows tokenizers, no model.

Two traps it keeps out of the way:

- A tokenizer that trims offsets would say that " the" begins at the "t"; trimming is switched off,
  so that the tokens' spans tile the text.
- A template may ask for today's date (Llama 3.2's does), and every number would change overnight;
  it is told `TEMPLATE_DATE`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curation.errors import StudentError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SEPARATOR = "\n\n"
"""Between prompt and trace where the tokenizer has no chat template."""

TEMPLATE_DATE = datetime(2025, 1, 1, tzinfo=UTC)
"""The day that templates are told it is."""

THINK = "<think>"

_BACK = 200
"""Characters before a cut that are tokenised again at least."""

_RESYNC = 6
"""Tokens that must come out as before to believe that those before them would too."""

_MARK = "HEDGEROW"
"""Stands for the prompt when the template's frame is looked at."""

Span = tuple[int, int]


class Encoded(NamedTuple):
    """A text as the student reads it, and which of it is scored."""

    ids: list[int]
    first: int
    """Index of the trace's first token; everything from here on is scored. At least 1."""
    start: npt.NDArray[np.int32]
    """Of each scored token: its first character in the trace."""
    end: npt.NDArray[np.int32]

    @property
    def n_scored(self) -> int:
        """How many tokens of the trace are scored."""
        return len(self.ids) - self.first


class Encoder:
    """A tokenizer under our convention."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, name: str) -> None:
        """Take over `tokenizer` (it is set up for this use); `name` is the student's, for messages.

        Raises StudentError where the tokenizer cannot give offsets, or its template no prefix.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise StudentError(
                f"The tokenizer of {name} does not say where its tokens stand in the text; "
                "a fast one is needed (a folder with tokenizer.json)."
            )
        self.name = name
        self._tokenizer = tokenizer
        self._backend: Any = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self._do_not_trim_offsets()
        self.control_ids: frozenset[int] = frozenset(
            i for i, token in tokenizer.added_tokens_decoder.items() if token.special
        )
        has_any = tokenizer.chat_template is not None
        self.template: str | None = tokenizer.get_chat_template() if has_any else None
        self._template = _on_a_fixed_day(self.template)
        self.has_template = self.template is not None
        self._bos: int | None = None if self.has_template else tokenizer.bos_token_id
        self.head, self.tail = self._frame()
        self._neutral: bool | None = None

    @property
    def bos(self) -> str:
        """Where the BOS token comes from: "template", "prepended" or "none"."""
        if self._bos is not None:
            return "prepended"
        ids = self._backend.encode(self.head, add_special_tokens=False).ids
        is_bos = bool(ids) and ids[0] == self._tokenizer.bos_token_id
        return "template" if self.has_template and is_bos else "none"

    def token_text(self, token_id: int) -> str:
        """What one token says; the bytes of half a character are shown as a replacement."""
        return str(self._backend.decode([token_id], skip_special_tokens=False))

    def encode(self, prompt: str, trace: str) -> Encoded:
        """The ids of prefix and trace, tokenised as one text, and the spans of the trace's tokens.

        Raises StudentError for an empty trace, one whose every token begins in the prefix, text
        that is no valid Unicode, and a control token spelt out where it cannot be read as text.
        """
        if not trace:
            raise StudentError("The trace is empty; there is no token to score.")
        for what, text in (("prompt", prompt), ("trace", trace)):
            if not _is_unicode(text):
                raise StudentError(f"The {what} has half of a surrogate pair; it is not Unicode.")
        prefix = self.prefix(prompt, trace)
        ids, offsets = self._tokenise(prefix, trace, self._prompt_span(prefix, prompt, trace))
        starts = np.array([a for a, _ in offsets], dtype=np.int32) - len(prefix)
        ends = np.array([b for _, b in offsets], dtype=np.int32) - len(prefix)
        first = int(np.searchsorted(starts, 0, side="left"))
        if first == len(ids):
            raise StudentError(
                f"No token of {self.name} begins inside the trace ({trace[:20]!r}); "
                "there is none to score."
            )
        if self._bos is not None:
            return Encoded([self._bos, *ids], first + 1, starts[first:], ends[first:])
        return Encoded(ids, first, starts[first:], ends[first:])

    def encode_alone(self, text: str) -> Encoded:
        """`text` as the student reads it where nobody asked for it: behind `header` alone.

        Raises StudentError as `encode` does, and where the tokenizer has nothing to begin with.
        """
        if not text:
            raise StudentError("The text is empty; there is no token to score.")
        header = self.header
        if header:
            ids, offsets = self._tokenise(header, text, (0, 0))
            starts = np.array([a for a, _ in offsets], dtype=np.int32) - len(header)
            ends = np.array([b for _, b in offsets], dtype=np.int32) - len(header)
            first = int(np.searchsorted(starts, 0, side="left"))
            if 0 < first < len(ids):
                return Encoded(ids, first, starts[first:], ends[first:])
        token = self._tokenizer.bos_token_id
        begin = self._tokenizer.eos_token_id if token is None else token
        if begin is None:
            raise StudentError(
                f"The tokenizer of {self.name} has neither a chat template nor a BOS or EOS token: "
                "there is nothing a text alone could stand behind."
            )
        ids, offsets = self._tokenise("", text, (0, 0))
        starts, ends = (np.array(side, dtype=np.int32) for side in zip(*offsets, strict=True))
        return Encoded([begin, *ids], 1, starts, ends)

    @cached_property
    def header(self) -> str:
        """What the template puts before an answer, without a question: "" where there is none."""
        if not self.has_template:
            return ""
        message = [{"role": "user", "content": _MARK}]
        bare = self._tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=False, chat_template=self._template
        )
        text = self._render(_MARK)
        return _without_think(text[len(bare) :]) if text.startswith(bare) else ""

    def continued(
        self, encoded: Encoded, prompt: str, trace: str, cut: int, tail: str, last: str
    ) -> tuple[list[int], int]:
        """The ids of prefix, `trace[:cut]`, `tail` and `last` as one text; where `last` begins.

        `encoded` is the same prompt with the whole trace. Only the end is tokenised again where
        that is enough: where a word begins in `trace`, and the tokens from there on come out as
        before, all before it stays as it was too. Raises StudentError as `encode` does.
        """
        keep = int(np.searchsorted(encoded.start, cut - _BACK, side="right")) - 1
        while keep > 0 and not _begins_a_word(trace, int(encoded.start[keep])):
            keep -= 1
        if keep > 0 and not self._spells_control(trace, tail, last):
            text = trace[int(encoded.start[keep]) : cut] + tail
            encoding = self._backend.encode(text + last, add_special_tokens=False)
            ids: list[int] = encoding.ids
            n_before = encoded.first + keep
            if ids[:_RESYNC] == encoded.ids[n_before : n_before + _RESYNC]:
                starts = [a for a, _ in encoding.offsets]
                return encoded.ids[:n_before] + ids, n_before + bisect_left(starts, len(text))
        whole = self.encode(prompt, trace[:cut] + tail + last)
        return whole.ids, whole.first + int(np.searchsorted(whole.start, cut + len(tail)))

    def _spells_control(self, *texts: str) -> bool:
        tokens = [self._tokenizer.added_tokens_decoder[i].content for i in self.control_ids]
        return any(token in text for token in tokens for text in texts)

    def prefix(self, prompt: str, trace: str = "") -> str:
        """What the student reads before the trace.

        A template that opens the think block itself and a trace that does so too would open it
        twice; then the template's is left out, so that the trace stays as it is.
        """
        text = self._render(prompt) if self.has_template else prompt + SEPARATOR
        return _without_think(text) if _opens_think(trace) else text

    def plain_ids(self, text: str) -> list[int]:
        """The ids of a piece of text as it stands inside others."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of some ids; control tokens have none."""
        return str(self._backend.decode(list(ids), skip_special_tokens=True))

    @property
    def end_ids(self) -> frozenset[int]:
        """The tokens that end an answer: EOS, and what the template puts behind a turn."""
        ends = {self._tokenizer.eos_token_id}
        turn = [i for i in self.plain_ids(self.tail) if i in self.control_ids]
        ends.update(turn[:1] if self.has_template else [])
        return frozenset(i for i in ends if i is not None)

    def probe(self) -> list[int]:
        """A few ids of plain text, to try the model with."""
        ids = self._backend.encode("One and two make three.", add_special_tokens=False).ids
        return ids if self._bos is None else [self._bos, *ids]

    def _render(self, prompt: str) -> str:
        try:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}],
                tokenize=False,
                add_generation_prompt=True,
                chat_template=self._template,
            )
        except Exception as exc:  # a template is a program: it may fail in any way
            raise StudentError(
                f"The chat template of {self.name} cannot render a plain user message: "
                f"{first_line(exc)}"
            ) from exc
        return str(text)

    def _frame(self) -> tuple[str, str]:
        """What the prefix puts before the prompt and after it."""
        if not self.has_template:
            return "", SEPARATOR
        head, mark, tail = self._render(_MARK).partition(_MARK)
        if not mark:
            raise StudentError(
                f"The chat template of {self.name} leaves out the user's message; "
                "a template that shows it is needed."
            )
        return head, tail

    def _prompt_span(self, prefix: str, prompt: str, trace: str) -> Span:
        """Where the prompt stands in the prefix."""
        tail = _without_think(self.tail) if _opens_think(trace) else self.tail
        if prefix.startswith(self.head) and prefix.endswith(tail):
            return len(self.head), max(len(self.head), len(prefix) - len(tail))
        # A template that treats this prompt unlike others: harmless, unless it spells a token.
        for i in self.control_ids:
            if self._tokenizer.added_tokens_decoder[i].content in prompt:
                raise self._cannot_neutralise(self._tokenizer.added_tokens_decoder[i].content)
        return len(prefix), len(prefix)

    def _tokenise(self, prefix: str, trace: str, prompt_span: Span) -> tuple[list[int], list[Span]]:
        """Ids and spans of the text, with no control token made of the prompt's or trace's own."""
        text = prefix + trace
        encoding = self._backend.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        offsets: list[Span] = encoding.offsets
        control = [
            (a, b, i) for i, (a, b) in zip(ids, offsets, strict=True) if i in self.control_ids
        ]
        foreign = (prompt_span, (len(prefix), len(text)))
        ours = [c for c in control if not any(a < c[1] and c[0] < b for a, b in foreign)]
        if len(ours) == len(control):
            return ids, offsets
        if not self._can_neutralise():
            a, b, _ = next(c for c in control if c not in ours)
            raise self._cannot_neutralise(text[a:b])
        return self._in_pieces(text, ours)

    def _cannot_neutralise(self, token: str) -> StudentError:
        return StudentError(
            f"The text spells the control token {token}, and the tokenizer of {self.name} "
            "cannot read it as plain characters."
        )

    def _in_pieces(
        self, text: str, control: Sequence[tuple[int, int, int]]
    ) -> tuple[list[int], list[Span]]:
        """The text between the given control tokens, tokenised as if no others existed.

        Control tokens part the text before anything else does, so for byte-level tokenizers the
        pieces are tokenised as they would be in the whole.
        """
        ids: list[int] = []
        offsets: list[Span] = []
        at = 0
        self._backend.encode_special_tokens = True
        try:
            for a, b, control_id in (*control, (len(text), len(text), None)):
                piece = self._backend.encode(text[at:a], add_special_tokens=False)
                ids += piece.ids
                offsets += [(at + x, at + y) for x, y in piece.offsets]
                if control_id is not None:
                    ids.append(control_id)
                    offsets.append((a, b))
                at = b
        finally:
            self._backend.encode_special_tokens = False
        return ids, offsets

    def _can_neutralise(self) -> bool:
        """Whether tokenising in pieces gives what tokenising at once does (SentencePiece: no)."""
        if self._neutral is None:
            text = self.head + "a 12" + self.tail + " b,\n\n 3 c"
            encoding = self._backend.encode(text, add_special_tokens=False)
            at_once = (encoding.ids, encoding.offsets)
            control = [
                (a, b, i) for i, (a, b) in zip(*at_once, strict=True) if i in self.control_ids
            ]
            self._neutral = self._in_pieces(text, control) == at_once
        return self._neutral

    def _do_not_trim_offsets(self) -> None:
        """Replace the post-processor, which adds special tokens and trims, by one that does not."""
        from tokenizers import processors

        self._backend.post_processor = processors.TemplateProcessing(
            single="$A", pair="$A $B", special_tokens=[]
        )


def _on_a_fixed_day(template: str | None) -> str | None:
    """The template with `strftime_now` of its own, which knows one day only.

    A function cannot be handed in: transformers lets templates see plain data alone.
    """
    if template is None or "strftime_now" not in template:
        return template
    replacements = "".join(
        f"|replace('{code}', '{TEMPLATE_DATE.strftime(code)}')"
        for code in ("%-d", "%d", "%j", "%a", "%A", "%-m", "%m", "%b", "%B", "%y", "%Y",
                     "%H", "%I", "%M", "%S", "%p", "%Z")
    )  # fmt: skip
    # The empty expression keeps a line break at the template's beginning from being trimmed.
    macro = f"{{% macro strftime_now(f) %}}{{{{ f{replacements} }}}}{{% endmacro %}}{{{{ '' }}}}"
    return macro + template


def _begins_a_word(text: str, at: int) -> bool:
    """Whether a word and the one space before it begin here, where every splitter splits."""
    return (
        0 < at < len(text) - 1
        and text[at] == " "
        and text[at - 1].isalpha()
        and text[at + 1].isalpha()
        and text[at - 1 : at + 2].isascii()
    )


def _opens_think(trace: str) -> bool:
    return trace.lstrip().startswith(THINK)


def _without_think(text: str) -> str:
    """`text` without the think opener it ends in, if it does."""
    bare = text.rstrip()
    return bare.removesuffix(THINK) if bare.endswith(THINK) else text


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
