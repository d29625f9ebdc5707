"""What scoring costs, before one starts it."""

from __future__ import annotations

import polars as pl
import pytest

from curation.compatibility.cost import FAMILY_WORDS, duration, estimate
from curation.records import FAMILIES


def traces(*rows: tuple[int, int | None]) -> pl.DataFrame:
    schema = {"n_chars": pl.Int64(), "n_tokens": pl.Int32()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_students_own_ratio_counts_where_it_is_known() -> None:
    # 300 characters were 100 tokens: 1/3 a character. The traces have (300 + 500) / 2 = 400
    # characters on average, so the one that waits has about 133 tokens. IFD reads them once more:
    # 133 · 2 = 266 (133 1/3 · 2 is rounded after the tokens are). At 10 tokens/s: 13.3 s.
    cost = estimate(traces((300, 100), (500, None)), 1, ["likelihood", "ifd"], 10.0)
    assert (cost.n_traces, cost.n_tokens, cost.n_read, cost.is_counted) == (1, 133, 266, True)
    assert cost.seconds == pytest.approx(13.3)
    assert "as counted so far" in cost.in_words()
    assert "about 13 s" in cost.in_words()


def test_without_a_scored_trace_it_is_four_characters_a_token_and_no_time() -> None:
    # 2 · 400 characters / 4 = 200 tokens; steps and hedges cost no reading.
    cost = estimate(traces((400, None), (400, None)), 2, ["likelihood", "steps", "hedges"], None)
    assert (cost.n_tokens, cost.n_read, cost.seconds, cost.is_counted) == (200, 200, None, False)
    assert "four characters a token" in cost.in_words()
    assert "known once it has read the first" in cost.in_words()


def test_nothing_to_do_is_said() -> None:
    assert "Nothing waits" in estimate(traces((400, 100)), 0, ["likelihood"], 5.0).in_words()
    assert estimate(traces(), 0, ["likelihood"], 5.0).n_tokens == 0


def test_every_family_has_its_words() -> None:
    assert set(FAMILY_WORDS) == set(FAMILIES)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 minutes"), (3600, "60 minutes"), (9000, "2.5 hours")],
)
def test_durations_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
