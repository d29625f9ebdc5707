from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.compatibility.provenance import family_of, same_family

NAMES = [
    ("smollm2-135m-instruct", "smollm"),
    ("HuggingFaceTB/SmolLM3-3B", "smollm"),
    ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
    ("QwQ-32B-Preview", "qwen"),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen"),
    ("DeepSeek-R1-Distill-Llama-8B", "llama"),
    ("deepseek_r1_distill_qwen_1.5b", "qwen"),
    ("DeepSeek-R1-0528-Qwen3-8B", "qwen"),
    ("deepseek-ai/DeepSeek-R1", "deepseek"),
    ("meta-llama/Llama-3.1-8B", "llama"),
    ("CodeLlama-7b", "llama"),
    ("TinyLlama-1.1B", "tinyllama"),
    ("Llama-3.1-Nemotron-70B", "llama"),
    ("mistralai/Mixtral-8x7B", "mistral"),
    ("google/gemma-2-2b-it", "gemma"),
    ("gemini-2.5-pro", "gemini"),
    ("microsoft/phi-4", "phi"),
    ("allenai/OLMoE-1B-7B", "olmo"),
    ("tiiuae/Falcon3-7B", "falcon"),
    ("ibm-granite/granite-3.1", "granite"),
    ("claude-3-7-sonnet", "claude"),
    ("gpt-4o-2024-08-06", "gpt"),
    ("openai/gpt-oss-120b", "gpt"),
    ("o3-mini", "gpt"),
    ("gpt2-medium", "gpt-2"),
    ("distilgpt2", "gpt-2"),
    ("EleutherAI/gpt-neo-125m", "gpt-neo"),
    ("01-ai/Yi-34B", "yi"),
]


@pytest.mark.parametrize(("name", "family"), NAMES)
def test_a_model_goes_by_its_base(name: str, family: str) -> None:
    assert family_of(name) == family


@pytest.mark.parametrize(
    "name", ["human", "", "dolphin", "sapphire-7b", "optimus", "yielding", None]
)
def test_names_that_tell_nothing_have_no_family(name: str | None) -> None:
    assert family_of(name) is None


def test_one_family_is_flagged_with_the_reason() -> None:
    got = same_family("Qwen2.5-0.5B", "DeepSeek-R1-Distill-Qwen-32B", "DeepSeek")
    assert (got.is_same, got.student_family, got.teacher_family) == (True, "qwen", "qwen")
    assert "2507.14805" in got.why


def test_what_the_record_says_can_make_it_the_same() -> None:
    assert same_family("smollm2-135m", "house-teacher", "SmolLM").is_same is True
    assert same_family("smollm2-135m", "gpt-4o", "SmolLM").is_same is True


def test_different_families_are_told() -> None:
    got = same_family("smollm2-135m", "gpt-4o")
    assert (got.is_same, got.why) == (False, "The teacher is gpt, the student smollm.")
    assert same_family("smollm2-135m", "house-teacher", "House").teacher_family == "house"


def test_what_is_not_known_is_not_said() -> None:
    assert same_family("my-model", "gpt-4o").is_same is None
    assert same_family("smollm2-135m", "someone").is_same is None
    assert same_family("smollm2-135m", None, " ").why == (
        "The teacher's name (not given) tells no family."
    )


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_the_relation_has_no_direction(a: tuple[str, str], b: tuple[str, str]) -> None:
    assert same_family(a[0], b[0]).is_same == same_family(b[0], a[0]).is_same == (a[1] == b[1])


@given(st.sampled_from(NAMES))
def test_a_family_is_its_own(name: tuple[str, str]) -> None:
    assert family_of(name[1]) == name[1]
