"""The report as a document: escaped for where it stands, self-contained, the same bytes, sealed."""

from __future__ import annotations

import hashlib
import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from curation import reporting
from curation.errors import ExportError
from curation.reporting import (
    Code,
    Document,
    Links,
    List,
    Paragraph,
    Section,
    Table,
    charts,
    hypertext,
    plaintext,
    svg,
)
from curation.reporting.document import Block, Link, plain

HOSTILE = (
    "<script>alert(1)</script>",
    "a & b < c > d \"quoted\" 'single'",
    "# *bold* _it_ `code` [x](https://evil.example) ![y](//evil.example/i.png) | cell",
    "https://evil.example/a www.evil.example",
    "\u202eright to left\u2066",
    "- item\n\n1. item\r\n> quote\u2028line",
    "]]> --> </svg></table><img src=x onerror=alert(1)>",
    "$x$ \\( y \\) {z} ~~no~~ nul\x00 \ud800",
)
LOOK = charts.Look("#0072B2", "circle")
OTHER = charts.Look("#D55E00", "diamond")
VOID = {"meta", "link", "br", "hr", "img", "input"}


def a_document(*texts: str, dated: str = "2026-01-02") -> Document:
    """Every block, filled with these texts."""
    rows = tuple((text, "1.5", "–") for text in texts)
    label = texts[0] if texts else "a problem"
    pairs = [charts.Dumbbell("p1", 4.0, 2.0), charts.Dumbbell("p2", 1.0, 3.0)]
    blocks: tuple[Block, ...] = (
        *(Paragraph(text) for text in texts),
        Paragraph("note", is_note=True),
        List(texts or ("nothing",)),
        Table(label, ("Name", "Number", "None"), rows),
        Code(texts or ("python -m curation",)),
        Links((Link("a paper", "https://arxiv.org/abs/2603.24472"),)),
        charts.dumbbells("pairs", label, pairs, "words", (LOOK, OTHER), lambda _: label),
        charts.strips("strip", label, "length", [charts.Strip(label, (1, 9), LOOK)], log=True),
        charts.places("places", [charts.Line(label, (0.1,) * 10, 20, LOOK)]),
        charts.differences(
            "categories", [charts.Difference(label, "hedge", -1.0, (-2.0, 0.5), LOOK)], "words"
        ),
    )
    return Document(label, f"Dated {dated}", (Section(label, blocks),))


class Elements(HTMLParser):
    """Every element with its attributes; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _requests(found: list[tuple[str, dict[str, str | None]]]) -> list[str]:
    """What would leave the machine, or run, when the page is opened."""
    caught = []
    for tag, attributes in found:
        if tag in ("script", "link", "iframe", "object", "embed", "img", "image", "use", "base"):
            caught.append(tag)
        for name, value in attributes.items():
            is_link = tag == "a" and name == "href"
            if name.startswith("on") or (
                name in ("src", "srcset", "href", "xlink:href", "action", "data") and not is_link
            ):
                caught.append(f"{tag} {name}")
            if name == "style" or (value and "url(" in value):
                caught.append(f"{tag} {name}={value}")
    return caught


def test_the_html_is_well_formed_and_asks_for_nothing_whatever_the_names_are() -> None:
    text = hypertext.render(a_document(*HOSTILE))
    found = Elements(text).found
    assert _requests(found) == []
    links = {attributes["href"] for tag, attributes in found if tag == "a"}
    assert links == {"https://arxiv.org/abs/2603.24472"}
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(a["content"] for t, a in found if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_each_figure_is_well_formed_xml_and_refers_to_nothing_outside() -> None:
    for path, content in reporting.files_of(a_document(*HOSTILE)).items():
        if path.endswith(".svg"):
            root = ElementTree.fromstring(content)  # ours, not a stranger's file
            tags = {element.tag.rpartition("}")[2] for element in root.iter()}
            assert tags <= {"svg", "title", "desc", "style", "rect", "text", "line", "path",
                            "polyline"}  # fmt: skip
            assert not re.search(rb"url\(|href|@import|\son\w+=", content)
            assert root.findtext("{http://www.w3.org/2000/svg}desc")


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_a_hostile_text_letter_by_letter(text: str) -> None:
    class Words(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    reader = Words()
    reader.feed(hypertext.escaped(text))
    reader.close()
    assert reader.said == plain(text)


def _shown(markdown: str) -> tuple[str, set[str]]:
    """What a reader of Markdown with tables and links makes of it: its words, its elements."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [child for token in tokens for child in (token.children or [])]
    words = "".join(child.content for child in inline)
    return words, {token.type for token in [*tokens, *inline]}


@given(st.text(min_size=1) | st.sampled_from(HOSTILE))
def test_markdown_shows_any_text_letter_by_letter(text: str) -> None:
    if plain(text):
        words, kinds = _shown(plaintext.escaped(text))
        assert words == plain(text)
        assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}


def test_a_hostile_cell_stays_one_cell_of_a_pipe_table() -> None:
    table = Table("", ("Name | head", "N"), tuple((text, "1") for text in HOSTILE))
    markdown = plaintext.render(Document("t", "d", (Section("s", (table,)),)))
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    n_cells = sum(token.type == "td_open" for token in tokens)
    assert n_cells == 2 * len(HOSTILE)
    assert not {"link_open", "image", "html_inline"} & {
        child.type for token in tokens for child in (token.children or [])
    }


def test_code_with_fences_in_it_stays_inside_its_own() -> None:
    markdown = plaintext.render(
        Document("t", "d", (Section("s", (Code(("a ``` b", "````", "c")), Paragraph("after"))),))
    )
    (fence,) = [t for t in MarkdownIt("commonmark").parse(markdown) if t.type == "fence"]
    assert fence.content == "a ``` b\n````\nc\n"


def test_writing_direction_and_control_characters_are_shown_by_code_point() -> None:
    assert plain("a\u202eb\x00c\ud800\nd") == "a\\u202eb\\u0000c\\ud800 d"


def test_a_link_that_is_no_plain_https_address_is_refused() -> None:
    for address in ("javascript:alert(1)", "http://a.example", "https://a.example/<b>", "//a"):
        with pytest.raises(ValueError, match="no plain https address"):
            Links((Link("x", address),))


def test_the_same_document_gives_the_same_bytes_and_the_date_changes_one_line() -> None:
    first, again = (reporting.files_of(a_document(*HOSTILE)) for _ in range(2))
    assert first == again
    assert reporting.zipped(first) == reporting.zipped(again)
    other = reporting.files_of(a_document(*HOSTILE, dated="2027-01-02"))
    for path in ("report.html", "report.md"):
        lines = zip(first[path].splitlines(), other[path].splitlines(), strict=True)
        changed = [one for one, two in lines if one != two]
        assert len(changed) == 2  # the date, and the seal
        assert b"Dated 2026-01-02" in changed[0]


def test_the_zip_holds_every_file_under_one_folder() -> None:
    files = reporting.files_of(a_document("a"))
    with zipfile.ZipFile(io.BytesIO(reporting.zipped(files))) as archive:
        assert archive.namelist() == [f"report/{path}" for path in files]
        assert archive.read("report/report.html") == files["report.html"]


def test_a_report_is_written_over_an_earlier_one_and_old_figures_go(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    reporting.write(reporting.files_of(a_document("a")), folder)
    (folder / "notes.txt").write_text("mine")
    bare = Document("b", "d", (Section("s", (Paragraph("p"),)),))
    written = reporting.write(reporting.files_of(bare), folder)
    assert [Path(one.path).name for one in written] == ["report.html", "report.md"]
    assert list((folder / "figures").iterdir()) == []
    assert (folder / "notes.txt").read_text() == "mine"
    for one in written:
        content = Path(one.path).read_bytes()
        assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("name", ["report.html", "report.md", "figures/strip.svg"])
def test_a_file_of_somebody_else_or_one_that_was_changed_is_never_written_over(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "r"
    files = reporting.files_of(a_document("a"))
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(ExportError, match="Name another folder"):
        reporting.write(files, folder)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [Path(name).name]
    (folder / name).unlink()
    reporting.write(files, folder)
    (folder / name).write_bytes((folder / name).read_bytes().replace(b"a", b"A", 1))
    with pytest.raises(ExportError, match="changed since"):
        reporting.write(files, folder)


def test_a_link_in_the_place_of_a_report_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "report.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportError, match="report.md"):
        reporting.write(reporting.files_of(a_document("a")), tmp_path / "r")
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_more_problems_than_a_page_holds_are_an_even_choice_and_the_words_say_so() -> None:
    rows = [charts.Dumbbell(f"p{i:03}", 10.0, i / 10) for i in range(200)]
    asked: list[str] = []

    def label_of(problem_id: str) -> str:
        asked.append(problem_id)
        return problem_id

    found = charts.dumbbells("d", "answer", rows, "words", (LOOK, OTHER), label_of)
    # Differences run from -10 (p000) to 9.9 (p199); lower for i < 100, equal at 100, higher above.
    assert "lower than unguided on 100, higher on 99, the same on 1 of 200" in found.alt
    assert f"Drawn are {charts.MOST_ROWS} of them" in found.alt
    assert (asked[0], asked[-1], len(asked)) == ("p000", "p199", charts.MOST_ROWS)


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_ticks_are_few_and_hold_both_ends(low: float, width: float) -> None:
    found = svg.ticks(low, low + width)
    assert found == sorted(found)
    assert found[0] <= low + 1e-6 * width
    assert found[-1] >= low + width - 1e-6 * width
    assert 2 <= len(found) <= 8


def test_ticks_by_hand() -> None:
    # 0 to 40 in about 5 steps: 8 a step, the next of 1, 2, 5 · 10^k is 10.
    assert svg.ticks(0, 40) == [0, 10, 20, 30, 40]
    # 28 to 396: 20 is the last at or below, 500 the first at or above.
    assert svg.log_ticks(28, 396) == [20, 50, 100, 200, 500]
