"""The scoring benchmark: its arithmetic by hand, and a small run of all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.bench import score
from curation.errors import CurationError
from tests import tiny

KEYS = {"name", "value", "unit", "ratio", "bar", "met"}


def test_necessary_arithmetic_by_hand() -> None:
    # 3 tokens, of which 2 are scored, seeing 1 + 2 + 3 = 6 tokens: body 2·100·3 = 600,
    # head 2·50·2 = 200, attention 4·8·6·2 layers = 384.
    shape = score.Shape(n_body=100, n_head=50, d_attention=8, n_layers=2)
    assert score.necessary_flops(shape, n_tokens=3, n_pairs=6, n_scored=2) == 600 + 200 + 384


def test_growth_by_hand() -> None:
    # Twice the length, four times the seconds: length^2; three times both: length^1.
    assert score.exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)
    assert score.exponent([100, 300], [0.1, 0.3]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("value", "ratio", "bar", "at_most", "met"),
    [
        (5.0, 1.2, 1.1, False, True),
        (5.0, 1.0, 1.1, False, False),
        (5.0, None, None, False, True),
        (0.5, None, 1.0, True, True),
        (5.0, 1.2, 1.15, True, False),
    ],
)
def test_a_bar_is_held_against_the_ratio_else_the_value(
    value: float, ratio: float | None, bar: float | None, at_most: bool, met: bool
) -> None:
    found = score.row("x", value, "s", ratio=ratio, bar=bar, at_most=at_most)
    assert found == {
        "name": "x", "value": value, "unit": "s", "ratio": ratio, "bar": bar, "met": met,
    }  # fmt: skip


def test_ours_is_held_against_the_fastest_peer_round_by_round() -> None:
    seconds = {"ours": [1.0, 2.0, 1.0], "quick": [2.0, 3.0, 1.2], "slow": [9.0, 1.0, 9.0]}
    ours, quick, slow = score.speed_rows("likelihoods", seconds, n_tokens=10, bar=1.1)
    # Medians: ours 1, quick 2, slow 9; so against quick: 2, 1.5, 1.2, of which the median is 1.5.
    assert (ours["name"], ours["value"], ours["ratio"]) == ("likelihoods, against quick", 10, 1.5)
    assert ours["met"]
    assert (quick["value"], slow["value"]) == (5, pytest.approx(10 / 9))
    assert quick["bar"] is quick["ratio"] is None


def test_the_share_of_the_ceiling_by_hand() -> None:
    rounds = [
        score.Timed(flops=6e9, seconds=1.0, best=10e9),
        score.Timed(flops=12e9, seconds=3.0, best=9e9),
        score.Timed(flops=6e9, seconds=1.0, best=8e9),
    ]
    # The third product did 8 of the best 10 Gflop/s, below .85, and is left out. The others:
    # (6 + 12) / (1·10 + 3·9) = 18/37 of what could be, at 18/4 = 4.5 Gflop/s.
    found = score.share_row("float32", rounds, bar=0.4)
    assert found["name"] == (
        "share of the best matrix product (10 Gflop/s), float32 (1 of 3 rounds disturbed)"
    )
    assert (found["value"], found["ratio"]) == (pytest.approx(4.5), pytest.approx(18 / 37))
    assert found["met"]
    assert "disturbed" not in score.share_row("float32", rounds[:2], bar=0.5)["name"]


@pytest.mark.slow
def test_a_small_run_measures_everything(tmp_path: Path) -> None:
    tokenizer = tiny.a_tokenizer(
        chat_template=tiny.CHATML, bos_token="<|bos|>", eos_token="<|im_end|>"
    )
    folder = tiny.a_folder(tmp_path, tokenizer, tiny.a_config(max_position_embeddings=8192))
    rows = score.rows("--quick", "--n", "3", "--rounds", "1", "--student", str(folder))
    assert all(row.keys() == KEYS for row in rows)
    said = {row["name"]: row for row in rows}
    likelihoods = [row for name, row in said.items() if "likelihoods of" in name and row["bar"]]
    assert [row["bar"] for row in likelihoods] == [1.1, 1.4]
    for peer in ("a plain loop", "minicons", "lm-eval"):
        assert any(f": {peer}" in name for name in said)
    together = [row for name, row in said.items() if "belief" in name and row["unit"] == "tokens/s"]
    assert [row["bar"] for row in together] == [4, None, 10, None]
    shares = [row for name, row in said.items() if name.startswith("share of the best")]
    assert [(row["bar"], row["unit"]) for row in shares] == [(0.7, "Gflop/s"), (0.6, "Gflop/s")]
    assert sum("seconds a token" in name or "growth" in name for name in said) == 2
    assert sum("peak memory" in name for name in said) == 1
    # Exact against each of them, whatever the speed.
    differences = {name: row for name, row in said.items() if "largest difference" in name}
    assert {name.removeprefix("largest difference from ") for name in differences} == {
        "a plain loop", "minicons", "lm-eval", "a plain loop (likelihood)", "a plain loop (ifd)",
        "a plain loop (belief)", "a plain loop (privilege)",
    }  # fmt: skip
    assert {name: row["value"] for name, row in differences.items() if not row["met"]} == {}
    assert json.dumps(rows)


def test_a_measurement_that_fails_is_explained() -> None:
    with pytest.raises(CurationError, match="could not measure"):
        score.rows("--no-such-option")
