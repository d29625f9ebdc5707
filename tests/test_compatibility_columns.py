from __future__ import annotations

import math

import pytest

from curation.compatibility import columns as room
from curation.records import COMPATIBILITY_COLUMNS

CONDITIONAL = [-0.5, -0.1, -1.2, -0.2]
ALONE = [-2.0, -0.4, -1.6, -0.8]

ROWS = {
    "steps": room.steps_columns(CONDITIONAL, [1, 1, 5, 2], [0.4, 0.2, 2.0, 0.6], [0, 0, 1, 1]),
    "ifd": room.ifd_columns(CONDITIONAL, ALONE, [False, False, True, True]),
    "rifd": room.rifd_columns([-0.3, -0.2], [-0.4, -0.6]),
    "belief": room.belief_columns([0, 1, 2], [-6.0, -1.0, -0.1], 2, [-2.0, -3.0, -4.0]),
    "privilege": room.privilege_columns(CONDITIONAL, ALONE),
    "hedges": room.hedges_columns([0.5, 0.1], [False, True], [0, 0]),
    "lalp": room.lalp_columns([-2.0, math.nan, -4.0]),
}


@pytest.mark.parametrize(("family", "names"), COMPATIBILITY_COLUMNS.items())
def test_a_family_gives_exactly_its_columns(family: str, names: tuple[str, ...]) -> None:
    assert tuple(ROWS[family]) == names
    assert all(isinstance(value, float) for value in ROWS[family].values())


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        # steps -.6 / 2, -1.4 / 2: mean -.5; without first tokens (-.1 - .2) / 2; 2 of 4; 2
        ("steps", [-0.5, -0.15, 0.5, 2.0]),
        # means .5, 1.2; all four are among the first 256; the last two: .7, 1.2
        ("ifd", [1.2, 0.5 / 1.2, math.exp(-0.7), 0.5 / 1.2, math.exp(-0.7), 0.7 / 1.2,
                 math.exp(-0.5)]),
        ("rifd", [0.25, 0.5, 0.5, math.exp(-0.25)]),
        # total -2 + 4.8 = 2.8 over 4 tokens
        ("privilege", [2.8, 0.7]),
        # .6 expected, 1 observed; at the step's start .5 and 0
        ("hedges", [0.6, 1.0, -0.4, 0.5]),
        ("lalp", [-3.0]),
    ],
)  # fmt: skip
def test_the_columns_hold_what_they_are_called(family: str, expected: list[float]) -> None:
    assert list(ROWS[family].values()) == pytest.approx(expected)


def test_the_belief_columns_by_hand() -> None:
    row = dict(ROWS["belief"])
    # KL of (e^-.1, e^-4, rest) from (e^-6, e^-2, rest)
    p, q = [math.exp(-0.1), math.exp(-4)], [math.exp(-6), math.exp(-2)]
    p, q = [*p, 1 - sum(p)], [*q, 1 - sum(q)]
    shift = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert row.pop("answer_shift_nats") == pytest.approx(shift)
    # gain 5.9; largest increment 5 with the first step; won after two; -.1 + 4
    assert list(row.values()) == pytest.approx([2, -6, -0.1, 5.9, 5 / 5.9, 1, 2, 3.9])


def test_what_does_not_exist_is_none() -> None:
    assert room.lalp_columns([]) == {"lalp_nats": None}
    assert set(room.ifd_columns([], [], []).values()) == {None}
    assert room.ifd_columns(CONDITIONAL, ALONE, [False] * 4)["ifd_loss_answer"] is None
    falls = room.belief_columns([0, 1], [-1.0, -2.0], 1)
    assert [k for k, v in falls.items() if v is None] == [
        "belief_jump_share", "belief_jump_step", "belief_win_step", "rival_margin_nats",
    ]  # fmt: skip
