"""Whether a teacher and the student come from one family of base models.

Owns the families that names tell of. Why it matters: traits pass from teacher to student through
data that say nothing of them, and filters on words do not stop it, where the two share a base
(subliminal learning, https://arxiv.org/abs/2507.14805; few tokens carry it,
https://arxiv.org/abs/2509.23886). And a student finds its own family's text likely, whatever that
is worth, so likelihood scores are biased towards it.

A family is coarser than a base: Qwen2.5 and Qwen3 share a name, not their weights. So "same" is a
reason to look, and "not same" no proof of difference (a name may hide its base).
"""

from __future__ import annotations

import re
from typing import NamedTuple

SOURCE = "subliminal learning, arXiv 2507.14805"

# Open bases first: a distilled or tuned model goes by the base its name tells, not by its teacher
# (DeepSeek-R1-Distill-Qwen-7B is a qwen). Among them, derivatives before what they are made of
# only where their own weights were trained anew (smollm has Llama's shape and none of its weights).
_FAMILIES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (family, re.compile(rf"(?<![a-z])(?:{names})"))
    for family, names in (
        ("smollm", r"smollm|smolvlm"),
        ("tinyllama", r"tinyllama"),
        ("qwen", r"(?:code)?qwen|qwq|qvq|sky-t1|s1(?:\.1)?-32b|openthinker"),
        ("llama", r"(?:code|meta)?-?llama|vicuna|alpaca"),
        ("mistral", r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|mathstral"),
        ("gemma", r"(?:code|med|shield)?gemma"),
        ("olmo", r"olmoe?"),
        ("falcon", r"falcon"),
        ("granite", r"granite"),
        ("phi", r"phi(?![a-z])"),
        ("pythia", r"pythia"),
        ("gpt-neo", r"gpt-?(?:neo|j)(?![a-z])"),
        ("gpt-2", r"(?:distil)?gpt-?2(?![0-9])"),
        ("internlm", r"internlm"),
        ("yi", r"yi(?![a-z])"),
        ("stablelm", r"stablelm"),
        ("glm", r"(?:chat)?glm"),
        ("command", r"command(?![a-z])|aya(?![a-z])"),
        ("nemotron", r"nemotron"),
        ("exaone", r"exaone"),
        ("minimax", r"minimax"),
        ("deepseek", r"deepseek"),
        ("kimi", r"kimi|moonlight|moonshot"),
        ("grok", r"grok"),
        ("gemini", r"gemini"),
        ("claude", r"claude"),
        ("gpt", r"gpt|chatgpt|davinci|o[134](?![a-z0-9])"),
    )
)


class SameFamily(NamedTuple):
    """Whether teacher and student share a family, and on what grounds."""

    is_same: bool | None
    """None where either family is not known."""
    student_family: str | None
    teacher_family: str | None
    why: str
    """For a person to read."""


def family_of(model_name: str | None) -> str | None:
    """The family of base models that a model's name tells of, lower case; None where it tells none.

    A distilled or tuned model goes by its base (`DeepSeek-R1-Distill-Qwen-7B` is "qwen"). "gpt"
    are OpenAI's later models; GPT-2 and GPT-Neo stand alone, as they share no weights with them.
    """
    name = (model_name or "").lower().replace("_", "-")
    for family, pattern in _FAMILIES:
        if pattern.search(name):
            return family
    return None


def same_family(
    student_name: str, teacher: str | None, teacher_family: str | None = None
) -> SameFamily:
    """Whether the student shares a family with a trace's teacher.

    `teacher_family` is what the record says; where it and the teacher's name tell two families,
    either one makes it the same, since a flag costs a look and a miss costs more. A recorded family
    that is not in the list stands for itself.
    """
    student = family_of(student_name)
    recorded = family_of(teacher_family) or (teacher_family or "").strip().lower() or None
    named = family_of(teacher)
    if student is None:
        why = f"The student's name ({student_name}) tells no family."
        return SameFamily(None, None, named or recorded, why)
    if named is None and recorded is None:
        why = f"The teacher's name ({teacher or 'not given'}) tells no family."
        return SameFamily(None, student, None, why)
    if student in (named, recorded):
        why = (
            f"Teacher and student are both {student}: traits the traces do not spell out may pass "
            f"({SOURCE}), and the student finds its family's text likely whatever its worth."
        )
        return SameFamily(True, student, student, why)
    found = named or recorded
    return SameFamily(False, student, found, f"The teacher is {found}, the student {student}.")
