"""The rendered view of a card: its prompt and its steps, one by one, only where it is asked for."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from curation import rendering
from curation.desk import cards, outbox, rendered
from curation.desk.messages import to_utf16
from curation.store import Store
from tests.builders import a_batch, a_trace


def _card(text: str, steps: list[tuple[int, int]], prompt: str = "p") -> dict[str, Any]:
    starts, ends = (to_utf16(text, [pair[i] for pair in steps]) for i in (0, 1))
    return {
        "prompt": prompt,
        "text": text,
        "steps": [list(pair) for pair in zip(starts, ends, strict=True)],
    }


def test_each_step_is_rendered_by_itself_and_in_order() -> None:
    text = "First **one**.\n\n$x$ second"
    found = rendered.of_card(_card(text, [(0, 14), (16, 26)], "*why*?"))
    assert found["prompt"] == "<p><em>why</em>?</p>\n"
    assert found["steps"] == [rendering.render(text[:14]), rendering.render(text[16:])]
    assert found["why_not"] is None


def test_what_stands_before_the_first_step_is_shown_with_it() -> None:
    found = rendered.of_card(_card("- a\n- b", [(2, 3), (6, 7)]))
    assert found["steps"][0] == "<ul>\n<li>a</li>\n</ul>\n"  # type: ignore[index]


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab😀é𝒳 ", min_size=1, max_size=6), min_size=1, max_size=5))
def test_steps_are_cut_where_the_exact_view_cuts_them(pieces: list[str]) -> None:
    text = "".join(pieces)
    ends = [sum(map(len, pieces[: n + 1])) for n in range(len(pieces))]
    steps = list(zip([0, *ends], ends, strict=False))
    found = rendered.of_card(_card(text, steps))
    assert found["steps"] == [rendering.render(piece) for piece in pieces]


def test_what_is_too_long_is_not_rendered_and_says_so() -> None:
    text = "x" * 60_001
    found = rendered.of_card(_card(text, [(0, len(text))]))
    assert found["steps"] is None
    assert found["prompt"] == "<p>p</p>\n"
    assert found["why_not"] == "The trace has 60,001 characters; up to 60,000 are rendered."
    both = rendered.of_card(_card(text, [(0, len(text))], text))
    assert both["why_not"] == (
        "The trace has 60,001 characters and the prompt has 60,001 characters; "
        "up to 60,000 are rendered."
    )


def test_a_browser_that_does_not_ask_gets_no_rendering() -> None:
    assert outbox.wish(None).rendered == ()
    assert outbox.wish({"rendered": True}).rendered == ()
    assert outbox.wish({"rendered": ["tr1_a", 3, "", "x" * 201]}).rendered == ("tr1_a",)
    assert len(outbox.wish({"rendered": [f"tr1_{n}" for n in range(50)]}).rendered) == 8


def test_the_browser_copies_what_the_sanitiser_lets_through_and_no_more() -> None:
    allowed: dict[str, Any] = rendered.ALLOWED
    assert set(allowed["html"]) | set(allowed["math"]) == rendering.TAGS
    assert not set(allowed["html"]) & set(allowed["math"])
    assert not {"a", "img", "script", "style", "svg", "iframe", "maction", "annotation-xml"} & (
        rendering.TAGS
    )
    names = {name for listed in allowed["attributes"].values() for name in listed}
    assert not {"href", "src", "style", "id", "class"} & names


def test_a_held_card_is_rendered_from_its_text_alone(store: Store) -> None:
    text = "🙂 *one*\nand **two**."
    trace = a_trace(text, prompt="Add $1$.", step_start=[0, 8], step_end=[7, 20])
    store.add(a_batch(trace, a_trace("No steps at all.")), "i")
    for row in store.list_traces().iter_rows(named=True):
        name = row["trace_id"]
        alone = cards.text_of(store, name)
        whole = cards.build_blind(store, "ada", name, None, "train")
        assert alone == {part: whole[part] for part in alone}
        assert rendered.of_card(alone) == rendered.of_card(whole)
