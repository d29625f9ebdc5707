"""Reason sets change without a code ever coming to mean something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import reasons
from curation.errors import CurationError
from curation.reasons import DEFAULT, Reason


def test_the_first_set_has_a_reason_for_every_digit() -> None:
    assert len(DEFAULT) == reasons.MAX_IN_USE == 9
    assert reasons.in_use(DEFAULT) == reasons.REASONS
    assert reasons.from_text(reasons.to_text(DEFAULT)) == DEFAULT


def test_a_retired_reason_leaves_the_keys_and_keeps_its_label() -> None:
    wished = [reason._replace(is_retired=reason.code == "leak") for reason in DEFAULT]
    after = reasons.changed(DEFAULT, wished)
    assert "leak" not in reasons.in_use(after)
    assert reasons.labels(after)["leak"] == "Leaks privilege"
    assert after[-1] == Reason("leak", "Leaks privilege", True)  # behind those in use


def test_order_and_labels_change_and_codes_stay() -> None:
    wished = [DEFAULT[1]._replace(label="A  step is wrong"), DEFAULT[0], *DEFAULT[2:]]
    after = reasons.changed(DEFAULT, wished)
    assert list(reasons.in_use(after).items())[:2] == [
        ("wrong_step", "A step is wrong"),
        ("wrong_answer", "Wrong answer"),
    ]


def test_a_new_reason_gets_a_code_that_no_other_ever_had() -> None:
    eight = [reason._replace(is_retired=reason.code == "leak") for reason in DEFAULT]
    after = reasons.changed(DEFAULT, eight, ["Leak"])
    assert reasons.in_use(after)["leak_2"] == "Leak"
    assert reasons.labels(after)["leak"] == "Leaks privilege"
    none_latin = reasons.changed(eight, eight, ["Утечка"])
    assert "reason" in reasons.in_use(none_latin)


@pytest.mark.parametrize(
    ("wished", "added", "what"),
    [
        (DEFAULT, ["a tenth"], "10 reasons would be in use"),
        ([r._replace(is_retired=True) for r in DEFAULT], [], "0 reasons would be in use"),
        ([DEFAULT[0]._replace(label=" "), *DEFAULT[1:]], [], "wrong_answer has 0 characters"),
        ([DEFAULT[0]._replace(label="x" * 61), *DEFAULT[1:]], [], "61 characters"),
        ([DEFAULT[0]._replace(label="wrong STEP"), *DEFAULT[1:]], [], "same label"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused(
    wished: list[Reason], added: list[str], what: str
) -> None:
    with pytest.raises(CurationError, match=what):
        reasons.changed(DEFAULT, wished, added)


def test_leaving_a_code_out_is_a_mistake_of_the_code() -> None:
    with pytest.raises(ValueError, match="keeps every code"):
        reasons.changed(DEFAULT, DEFAULT[1:])


@settings(deadline=None)
@given(st.data())
def test_whatever_changes_no_code_is_lost_or_given_twice(data: st.DataObject) -> None:
    present: tuple[Reason, ...] = DEFAULT
    for _ in range(data.draw(st.integers(1, 4))):
        wished = [
            Reason(r.code, data.draw(st.sampled_from([r.label, "Leak", "é", "x y"])), retired)
            for r, retired in zip(
                data.draw(st.permutations(present)),
                data.draw(st.lists(st.booleans(), min_size=len(present), max_size=len(present))),
                strict=True,
            )
        ]
        added = data.draw(st.lists(st.sampled_from(["Leak", "Új ok", "other", ""]), max_size=2))
        try:
            after = reasons.changed(present, wished, added)
        except CurationError:
            continue
        codes = [reason.code for reason in after]
        assert len(codes) == len(set(codes))
        assert {reason.code for reason in present} <= set(codes)
        assert reasons.from_text(reasons.to_text(after)) == after
        assert 1 <= len(reasons.in_use(after)) <= 9
        present = after


def test_a_reason_is_known_by_code_and_by_label() -> None:
    codes, unknown = reasons.known(["leak", "wrong ANSWER", "typo", "wrong_answer"], DEFAULT)
    assert codes == ("leak", "wrong_answer", "typo")
    assert unknown == ["typo"]
