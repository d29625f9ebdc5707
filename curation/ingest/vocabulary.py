"""What the words of a source mean here: teacher contexts, and the family a teacher comes from.

Two small tables, looked up by the lower-cased word. What they do not know becomes `unknown` (a
context) or None (a family): never a guess. The source's own word is kept beside it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from curation.records import TeacherContext

_CONTEXTS: dict[str, TeacherContext] = {
    "unguided": "unguided",
    "none": "unguided",
    "no_context": "unguided",
    "base": "unguided",
    "baseline": "unguided",
    "plain": "unguided",
    "vanilla": "unguided",
    "uncued": "unguided",
    "unconditioned": "unguided",
    "prompt_only": "unguided",
    "answer": "answer",
    "solution": "solution",
    "rationale": "solution",
    "verifier": "verifier",
    "verified": "verifier",
    "hint": "hint",
    "cue": "hint",
    "cued": "hint",
    "feedback": "feedback",
    "critique": "feedback",
    "refined": "refined",
    "refine": "refined",
    "refinement": "refined",
    "revised": "refined",
    "revision": "refined",
    "self_refined": "refined",
    "edited": "refined",
    "rewritten": "refined",
}
_CONTEXT_PREFIXES: tuple[tuple[str, TeacherContext], ...] = (
    ("no_", "unguided"),
    ("without_", "unguided"),
    ("hint", "hint"),
    ("cue_", "hint"),
    ("authority_cue", "hint"),
    ("verifier_", "verifier"),
    ("feedback_", "feedback"),
    ("critique_", "feedback"),
    ("refined_", "refined"),
)
_QUALIFIER = re.compile(
    r"^(?:with|given|gold|reference|ground_truth)_|_(?:conditioned|guided|given)$"
)

# A distilled or fine-tuned model goes by its base where the name tells it: what is inherited
# without words passes between models of a shared base (arXiv 2507.14805). So bases come first, and
# names that several bases carry (DeepSeek-R1-Distill-…) after them.
_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![a-z])(?:{names})"), family)
    for names, family in (
        ("qwen|qwq|qvq|sky-t1|s1-32b|s1\\.1-32b|openthinker", "Qwen"),
        ("smollm", "SmolLM"),
        ("llama|vicuna|alpaca", "Llama"),
        ("mistral|mixtral|ministral|magistral|codestral|devstral", "Mistral"),
        ("gemma", "Gemma"),
        ("phi(?![a-z])", "Phi"),
        ("deepseek", "DeepSeek"),
        ("gemini", "Gemini"),
        ("claude", "Claude"),
        ("gpt-j|gpt-neo|pythia", "EleutherAI"),
        ("gpt|chatgpt|davinci|o[134](?![a-z0-9])", "GPT"),
        ("grok", "Grok"),
        ("kimi|moonshot", "Kimi"),
        ("glm|chatglm", "GLM"),
        ("command(?![a-z])|aya(?![a-z])", "Command"),
        ("olmo", "OLMo"),
        ("granite", "Granite"),
        ("nemotron", "Nemotron"),
        ("falcon", "Falcon"),
        ("minimax", "MiniMax"),
    )
)


@lru_cache(maxsize=4096)
def teacher_context(word: str) -> TeacherContext:
    """What a source's `word` says the teacher saw beyond the prompt; `unknown` for other words."""
    plain = re.sub(r"[\s-]+", "_", word.strip().lower())
    known = _CONTEXTS.get(plain) or _CONTEXTS.get(_QUALIFIER.sub("", plain))
    if known is not None:
        return known
    for prefix, context in _CONTEXT_PREFIXES:
        if plain.startswith(prefix):
            return context
    return "unknown"


@lru_cache(maxsize=4096)
def teacher_family(teacher: str) -> str | None:
    """The family of base models that a teacher's name tells of, or None."""
    name = teacher.lower()
    for pattern, family in _FAMILIES:
        if pattern.search(name):
            return family
    return None
