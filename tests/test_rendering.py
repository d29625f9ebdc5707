"""Markdown and LaTeX are shown; whatever else stands in them is text."""

from __future__ import annotations

from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import rendering
from curation.rendering import formulas
from tests.hostile import HOSTILE, MARKDOWN

SHORT = [text for text in HOSTILE if len(text) < 400]


class _Read(HTMLParser):
    """The elements, attributes and text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")


def _assert_only_shows(html: str) -> None:
    for tag, attributes in _Read(html).elements:
        assert tag in rendering.TAGS
        for name, value in attributes.items():
            if name == "class":
                assert set((value or "").split()) <= rendering.CLASSES
            else:
                assert name in rendering.ATTRIBUTES.get(tag, ())
                assert value is not None
                assert len(value) <= 12
                assert value.replace(".", "").isalnum()


@pytest.mark.parametrize("text", HOSTILE, ids=[f"{n}" for n in range(len(HOSTILE))])
def test_hostile_text_becomes_listed_elements_and_text(text: str) -> None:
    html = rendering.render(text)
    _assert_only_shows(html)
    _assert_only_shows(rendering.render(f"- a\n\n  > {text}\n\n1. {text} $x$"))


def test_the_hostile_list_is_long_enough_to_mean_something() -> None:
    assert len(HOSTILE) >= 50
    assert len(set(HOSTILE)) == len(HOSTILE)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*SHORT, "$", "$$", "\\(", "\\[", "\\]", "\n", "\n\n", "|", "`", "<",
                             "\\)", ">", "&", "**", "[", "](", ")", "\\frac{", "{", "}", "    ",
                             "- "]),
            st.text(max_size=8),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_is_put_together_only_shows_and_parses_the_same_again(pieces: list[str]) -> None:
    html = rendering.render("".join(pieces)[: rendering.MAX_CHARS])
    _assert_only_shows(html)
    # What a second parser makes of it is what the first made: nothing mutates on the way.
    again = nh3.clean(
        html, tags=set(rendering.TAGS), link_rel=None,
        attributes={tag: {"class", *rendering.ATTRIBUTES.get(tag, ())} for tag in rendering.TAGS},
    )  # fmt: skip
    assert _Read(again).text == _Read(html).text
    assert _Read(again).elements == _Read(html).elements


@pytest.mark.parametrize(
    "text",
    [
        "costs $5 and $6",
        "between $5 and 10$ a day",
        "from $20k to $30k, or $5-$10",
        "a $5 coin",
        "$3 per map and $4 per plan$",
    ],
)
def test_money_is_no_formula(text: str) -> None:
    html = rendering.render(text)
    assert "<math" not in html
    assert _Read(html).text.strip() == text


@pytest.mark.parametrize(
    "text",
    ["$x$", "$5x + 3$", "$5$", "$2 + 3$", "\\(x\\)", "so \\[x\\] holds", "$$x$$", "\\[\nx\n\\]",
     "$$\nx\n$$", "\\begin{align}x&=1\\\\y&=2\\end{align}",
     "$\\begin{cases}1&x>0\\\\2\\end{cases}$"],
)  # fmt: skip
def test_formulas_are_found_between_all_their_delimiters(text: str) -> None:
    html = rendering.render(text)
    assert html.count("<math") == 1
    assert not set("$\\") & set(_Read(html).text)


def test_a_formula_is_mathml() -> None:
    assert formulas.to_mathml(r"\frac{1}{x}", display=False) == (
        '<math display="inline"><mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mi>x</mi></mrow></mfrac>'
        "</mrow></math>"
    )


def test_lines_of_an_aligned_formula_are_rows_without_numbers_of_our_own() -> None:
    for name in ("aligned", "align", "align*", "split"):
        found = formulas.to_mathml(rf"\begin{{{name}}}a&=b\\c&=d\end{{{name}}}", display=True)
        assert found is not None
        assert found.count("<mtr>") == 2
        assert "(1)" not in found


@pytest.mark.parametrize(
    "source",
    ["\\foo x", "\\url{x}", "\\includegraphics{x}", "x_{", "\\newcommand{\\a}{b}\\a", "a & b"],
)
def test_a_formula_that_cannot_be_converted_is_its_source(source: str) -> None:
    read = _Read(rendering.render(f"so ${source}$ it is"))
    assert ("code", {"class": "source"}) in read.elements
    assert read.text.strip() == f"so ${source}$ it is"


def test_what_is_very_long_or_deep_is_its_source() -> None:
    assert formulas.to_mathml("x+" * 2_001, display=False) is None  # 4,002 characters of 4,000
    assert formulas.to_mathml("{" * 61 + "x" + "}" * 61, display=False) is None
    assert formulas.to_mathml("{" * 60 + "x" + "}" * 60, display=False) is not None


def test_an_image_is_its_alt_text_and_a_link_its_text_with_the_address() -> None:
    read = _Read(
        rendering.render("![a map](http://a.example/m.png) [here](http://b.example/ 'why')")
    )
    assert read.text.strip() == "a map here (http://b.example/, why)"
    assert [tag for tag, _ in read.elements] == ["p", "span", "span"]


def test_nothing_that_stands_in_the_text_is_left_out() -> None:
    for text, word in (
        (">" * 3_000 + " buried", "buried"),
        ("[x]: http://a.example 'hidden words'", "hidden words"),
        ("<!-- a remark -->", "a remark"),
        ("$\\phantom{answer}$", "answer"),
        ("$\\textcolor{white}{answer}$", "answer"),
        ("<think>hm</think>", "<think>hm</think>"),
    ):
        assert word in _Read(rendering.render(text)).text.replace("\u00a0", " ")


def test_markdown_is_rendered_and_line_ends_stay() -> None:
    html = rendering.render(
        "# Plan\n**first**\nthen ~~not~~ `x<y`\n\n3. three\n\n|a|\n|-|\n|1|\n\n---"
    )
    assert '<p class="heading">Plan</p>' in html
    assert "<strong>first</strong><br>" in html
    assert "<s>not</s> <code>x&lt;y</code>" in html
    assert '<ol start="3">' in html
    assert "<td>1</td>" in html
    assert "<hr>" in html


def test_a_text_above_the_limit_is_refused() -> None:
    assert "xx" in rendering.render("x" * 60_000)
    with pytest.raises(ValueError, match="60,001 characters"):
        rendering.render("x" * 60_001)


def test_half_characters_do_not_stop_it() -> None:
    assert "a\ufffdb" in rendering.render("a\ud800b")


def test_every_piece_of_markdown_that_is_hostile_keeps_its_words() -> None:
    assert "beacon" in _Read(rendering.render(MARKDOWN[0])).text
    assert "go" in _Read(rendering.render(MARKDOWN[2])).text
