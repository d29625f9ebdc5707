"""The language of a trace: told well enough to refuse, and never from code or formulas."""

from __future__ import annotations

import json

import pytest

from curation.hedging.language import FEWEST_LETTERS, UNDETERMINED, read_language
from curation.settings import ROOT

FOREIGN = {
    "de": "Vielleicht sind es vier Kugeln, aber ich bin mir nicht sicher. Ich prüfe es nochmal.",
    "fr": "Soit n le nombre de billes dans le sac. Attendez, je vérifie encore une fois.",
    "es": "Quizás el resultado sea cuatro, pero debo comprobarlo otra vez.",
    "it": "Forse la risposta è quattro, ma devo controllare di nuovo.",
    "pt": "Talvez a resposta seja quatro, mas preciso verificar novamente.",
    "nl": "Misschien is het antwoord vier, maar ik ga het nog eens nakijken.",
    "ru": "Возможно, ответ четыре, но нужно проверить ещё раз.",
    "zh": "我们来看一下这个问题，首先需要计算总数，可能是四。等一下，让我检查一下。",
    "ja": "この問題を考えてみましょう。おそらく答えは四です。",
    "ko": "아마도 답은 4일 것입니다. 다시 확인해 보겠습니다.",
}


@pytest.mark.parametrize(("language", "text"), FOREIGN.items())
def test_a_few_sentences_are_enough_to_tell_a_language(language: str, text: str) -> None:
    assert read_language(text).language == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "Vielleicht vier.",
        r"\begin{align} x &= \text{donc le nombre de billes} \end{align} $\text{soit encore}$",
        "```\nsoit = donc; für_immer = der_die_das\n# Vielleicht ist das noch nicht richtig\n```",
        "sin cos tan log exp lim max min det arg sup inf mod gcd lcm sin cos tan ln",
        "km h min cm kg euro litre metre gram mol Pa atm kJ Joule Newton Volt Ampere",
        "Natalia Weng Julie Betty Ken Alice Mark Tobias Randy James Jan Karla Tina",
        "https://de.wikipedia.org/wiki/Vielleicht_ist_das_richtig/und/noch/einmal ok",
    ],
)
def test_what_has_too_few_words_is_undetermined(text: str) -> None:
    assert read_language(text).language == UNDETERMINED


@pytest.mark.parametrize(
    "text",
    [
        "def foo(x):\n    return np.array([1, 2])\nfor i in range(10):\n    print(foo(i))\n"
        "class Bar(object):\n    def __init__(self, value):\n        self.value = value\n",
        "Let a, b, c be roots. Vieta: a+b+c = 3, ab+bc+ca = 2. Sum of squares = 9 - 4 = 5.",
        "Okay, let me think about this. Perhaps the answer is four. " * 3 + "让我检查一下。",
    ],
)
def test_english_stays_english_beside_code_formulas_and_other_scripts(text: str) -> None:
    assert read_language(text).language in ("en", UNDETERMINED)


def test_no_trace_of_the_demo_is_taken_for_another_language() -> None:
    lines = (ROOT / "data/demo/traces.jsonl").read_text("utf-8").splitlines()
    found = [read_language(json.loads(line)["trace"]).language for line in lines]
    assert set(found) <= {"en", UNDETERMINED}
    assert found.count("en") > 100


def test_what_was_looked_at_is_told() -> None:
    # "Perhaps" and "four": 7 + 4 letters; x and 2 are no words.
    assert read_language("Perhaps x = 2, four").n_letters == 11
    assert read_language("Perhaps x = 2, four").probability == 0
    # Ideographs count as three letters each: 可能 and 是四, 12.
    assert read_language("可能，是四").n_letters == 12
    assert read_language(FOREIGN["de"]).n_letters >= FEWEST_LETTERS
    assert read_language(FOREIGN["de"]) == read_language(FOREIGN["de"])
