"""What a lexicon's text says of itself: its language, and the rules that it was written for.

Owns the two comment lines that are read, `# language: de` and `# rules: 2`, and which languages are
shipped. The context rules are code: an older table cannot bring back older rules, so before it is
used again its line is set to today's and it becomes a version of its own (`for_these_rules`).
"""

from __future__ import annotations

import re
from pathlib import Path

from curation.errors import CurationError
from curation.hedging import lexicon as tables
from curation.hedging.lexicon import Lexicon, read_lexicon
from curation.hedging.rules import VERSION

_CODE = re.compile(r"[a-z]{2,3}")
_LANGUAGE_LINE = re.compile(r"^# language: *(\S+)", re.MULTILINE)
_RULES_LINE = re.compile(r"^# rules: *(\d+)", re.MULTILINE)


def shipped_languages() -> list[str]:
    """The languages that come with a lexicon: the files of `curation/lexicon/`."""
    return sorted(path.stem for path in tables.LEXICON_FOLDER.glob("*.tsv"))


def for_these_rules(lexicon: Lexicon) -> Lexicon:
    """The lexicon as it is under the context rules of this version; itself where it is for them."""
    content = _RULES_LINE.sub(f"# rules: {VERSION}", lexicon.content)
    return lexicon if content == lexicon.content else read_lexicon(content, lexicon.language)


def read_file(path: Path, language: str | None = None) -> Lexicon:
    """The lexicon of a file that a person names.

    `language` None = what its line `# language: de` says, else its name (`de.tsv`). Raises
    CurationError where the file cannot be read, is no lexicon, or names no language.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise CurationError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except UnicodeDecodeError as exc:
        raise CurationError(f"{path} is not UTF-8 (byte {exc.start}); convert it first.") from exc
    return read_content(content, language, path.name)


def read_content(content: str, language: str | None, name: str) -> Lexicon:
    """As `read_file`, of a text that came from a file of this name."""
    said = _LANGUAGE_LINE.search(content)
    code = language or (said[1] if said else Path(name).stem)
    if not _CODE.fullmatch(code):
        raise CurationError(
            f"{name}: {code!r} is no language. Name one by its ISO 639 code: in a line "
            "`# language: de`, as the file's name (de.tsv), or with --language de."
        )
    return read_lexicon(content, code, name)
