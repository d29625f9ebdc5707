"""The word diff of the desk, asked in the browser that runs it; no server, no page of ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from curation import desk

pytestmark = pytest.mark.browser

Pieces = list[tuple[str, str]]
SOURCE = (Path(desk.__file__).parent / "diff.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def word_diffs(chromium: Browser) -> Iterator[Callable[[list[tuple[str, str]]], list[Pieces]]]:
    """`wordDiff` of each of some pairs of texts."""
    page = chromium.new_page()

    def ask(pairs: list[tuple[str, str]]) -> list[Pieces]:
        found = page.evaluate(
            f"(pairs) => {{ {SOURCE}; return pairs.map((p) => wordDiff(...p)) }}", pairs
        )
        return [[(kind, text) for kind, text in pieces] for pieces in found]

    yield ask
    page.close()


def test_the_diff_names_the_words_that_changed(word_diffs: Callable[..., list[Pieces]]) -> None:
    said = {
        ("The cat sat on the mat.", "The dog sat on a mat."): [
            ("same", "The "), ("gone", "cat"), ("new", "dog"), ("same", " sat on "),
            ("gone", "the"), ("new", "a"), ("same", " mat."),
        ],
        # White space alone may differ; the words around it are the same.
        ("a b  c", "a b c"): [("same", "a b "), ("gone", " "), ("same", "c")],
        # One sign between two changed numbers would only break up the change.
        ("5 + 3 = 8", "5 + 4 = 9"): [("same", "5 + "), ("gone", "3 = 8"), ("new", "4 = 9")],
        # A script without spaces is compared sign by sign, a joined emoji is one sign.
        ("一二三", "一四三"): [("same", "一"), ("gone", "二"), ("new", "四"), ("same", "三")],
        ("so 👩‍🚀 flies on", "so 👩‍🔬 flies on"): [
            ("same", "so "), ("gone", "👩‍🚀"), ("new", "👩‍🔬"), ("same", " flies on"),
        ],
        ("", "x y"): [("new", "x y")],
        ("", ""): [],
    }  # fmt: skip
    assert dict(zip(said, word_diffs(list(said)), strict=True)) == said


def test_the_pieces_of_a_diff_are_the_two_texts(word_diffs: Callable[..., list[Pieces]]) -> None:
    rng = random.Random(7)
    signs = [
        "a",
        "b",
        "the ",
        "x = 3",
        " ",
        "\n\n",
        ".",
        ",",
        "é",
        "e\u0301",
        "👩‍🚀",
        "\u202e",
        "王",
    ]

    def text() -> str:
        return "".join(rng.choice(signs) for _ in range(rng.randrange(30)))

    pairs = [(text(), text()) for _ in range(2000)]
    pairs += [("word " * 40_000, "other " * 30_000), ("a b " * 3000, "b a c " * 2000)]
    for (left, right), pieces in zip(pairs, word_diffs(pairs), strict=True):
        assert "".join(text for kind, text in pieces if kind != "new") == left
        assert "".join(text for kind, text in pieces if kind != "gone") == right
        kinds = [kind for kind, _ in pieces]
        assert all(a != b for a, b in zip(kinds, kinds[1:], strict=False))
