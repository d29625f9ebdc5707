"""What a text must not hold to be kept, and how one that cannot be kept is shown to a person."""

from __future__ import annotations


class RowError(Exception):
    """A row, or one trace of it, cannot be taken in: which field, and why."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def check_text(field: str, text: str) -> None:
    """Raise RowError where `text` holds a NUL or half a surrogate pair."""
    at = text.find("\0")
    if at >= 0:
        raise RowError(field, f"holds a NUL (character {at + 1}); take it out")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            code = ord(text[exc.start])
            what = f"half a surrogate pair (\\u{code:04x})"
            if 0xDC80 <= code <= 0xDCFF:  # how Python decodes a byte that is not UTF-8
                what += f" or a byte that is not valid UTF-8 (0x{code - 0xDC00:02x})"
            raise RowError(
                field, f"holds {what}, character {exc.start + 1}; mend the text"
            ) from exc


def shown(text: str) -> str:
    r"""`text` as UTF-8 can hold it: halves of surrogate pairs are spelt out, so `\ud800`."""
    return text.encode(errors="backslashreplace").decode()
