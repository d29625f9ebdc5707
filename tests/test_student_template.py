"""What a chat template makes of a conversation: what is kept, what is gone, what is learnt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import StudentError
from curation.student.template import ChatTemplate
from tests.templates import GPT_OSS, MINIMAL, QWEN3, R1
from tests.tiny import CHATML, a_folder, a_tokenizer

ASK = {"role": "user", "content": "What is 2 + 2?"}
INLINE = {"role": "assistant", "content": "<think>\nWait, two and two.\n</think>\n\nIt is 4."}
QWEN = {"role": "assistant", "content": "It is 4.", "reasoning_content": "Wait, two and two."}
OSS = {"role": "assistant", "content": "It is 4.", "thinking": "Wait, two and two."}
PLAIN = {"role": "assistant", "content": "It is 4.", "thinking": None, "reasoning_content": None}


@pytest.mark.parametrize(
    ("template", "answer", "status"),
    [
        (MINIMAL, INLINE, "kept"),
        (MINIMAL, QWEN, "dropped"),
        (MINIMAL, OSS, "dropped"),
        (QWEN3, INLINE, "kept"),
        (QWEN3, QWEN, "kept"),
        (QWEN3, OSS, "dropped"),
        (GPT_OSS, INLINE, "kept"),
        (GPT_OSS, QWEN, "dropped"),
        (GPT_OSS, OSS, "kept"),
        (R1, INLINE, "dropped"),
        (R1, PLAIN, "kept"),
    ],
)
def test_reasoning_is_kept_or_its_loss_is_noticed(
    template: str, answer: dict[str, Any], status: str
) -> None:
    found = ChatTemplate(template, "a student").look([ASK, answer])
    assert found.status == status
    if status == "dropped":
        assert "drops the reasoning" in found.said
        # "Wait, two and two." has 18 characters; inside its think block two line breaks more.
        assert ("(18 characters)" if answer is not INLINE else "(20 characters)") in found.said
        assert found.diff == "- Wait, two and two."


def test_earlier_turns_are_looked_at_too() -> None:
    found = ChatTemplate(QWEN3).look([ASK, INLINE, ASK, PLAIN])
    assert found.status == "dropped"
    assert "- Wait, two and two." in found.diff


def test_what_stands_elsewhere_does_not_hide_a_loss() -> None:
    # The answer says the same words as the reasoning that is gone.
    answer = {"role": "assistant", "content": "It is 4.", "thinking": "It is 4."}
    assert ChatTemplate(MINIMAL).look([ASK, answer]).status == "dropped"
    # And so does the question.
    asked = {"role": "user", "content": "Say: Hm. It is 4."}
    answer = {"role": "assistant", "content": "It is 4.", "thinking": "Hm."}
    assert ChatTemplate(MINIMAL).look([asked, answer]).status == "dropped"


def test_changed_white_space_is_no_loss_of_words() -> None:
    answer = {"role": "assistant", "content": "<think>\n\n\nWait.\n</think>\nIt is 4."}
    found = ChatTemplate(QWEN3, "a student").look([ASK, answer])
    assert (found.status, found.diff) == ("respaced", "")
    assert found.said == "a student changes white space and no words."


def test_a_think_block_of_the_template_s_own_is_noticed() -> None:
    template = ChatTemplate(QWEN3)
    assert template.look([ASK, PLAIN]).adds_think
    assert not template.look([ASK, INLINE]).adds_think
    assert not template.look([ASK, QWEN]).adds_think


def test_a_template_that_refuses_says_why() -> None:
    refusing = "{{ raise_exception('No user message here, please.') }}"
    found = ChatTemplate(refusing, "a student").look([ASK, PLAIN])
    assert found.status == "failed"
    assert "template of a student cannot render" in found.said
    assert "No user message here, please." in found.said
    with pytest.raises(StudentError, match="is no Jinja template"):
        ChatTemplate("{% if %}")


@given(
    thought=st.text(st.sampled_from("ab \n<>/k."), min_size=1).filter(str.strip),
    answer=st.text(st.sampled_from("ab \n.")),
)
@settings(max_examples=100, deadline=None)
def test_a_template_that_shows_all_keys_is_never_said_to_drop(thought: str, answer: str) -> None:
    shows = "{% for m in messages %}{{ m.thinking }}|{{ m.content }}{% endfor %}"
    row = {"role": "assistant", "content": answer, "thinking": thought}
    assert ChatTemplate(shows).look([row]).status == "kept"
    assert ChatTemplate(GPT_OSS).look([ASK, row]).status == "kept"


def test_a_preview_shows_the_tokens_and_which_of_them_are_learnt() -> None:
    tokenizer = a_tokenizer(chat_template=CHATML)
    template = ChatTemplate(CHATML, "tiny", tokenizer=tokenizer)
    answer = {"role": "assistant", "content": "The answer is forty two."}
    pieces = template.preview([ASK, answer], masked={"content": [(10, 13)]})
    assert "".join(piece.text for piece in pieces) == template.render([ASK, answer])
    # "The answer" ends at 10, " is" at 13: masked. What ends the turn is learnt.
    learnt = "".join(piece.text for piece in pieces if piece.has_loss)
    assert learnt == "The answer forty two.<|im_end|>\n"
    everything = template.preview([ASK, answer], loss_on="everything")
    assert all(piece.has_loss for piece in everything)
    assert [piece.token_id for piece in pieces] == tokenizer(
        template.render([ASK, answer]), add_special_tokens=False
    )["input_ids"]


def test_masked_words_that_a_template_moves_are_not_guessed_at() -> None:
    template = ChatTemplate(QWEN3, "tiny", tokenizer=a_tokenizer())
    answer = {"role": "assistant", "content": "<think>Wait.</think>It is 4."}
    with pytest.raises(StudentError, match="changes the `content` in which something is masked"):
        template.preview([ASK, answer], masked={"content": [(0, 3)]})
    with pytest.raises(StudentError, match="has no tokenizer"):
        ChatTemplate(MINIMAL).preview([ASK, answer])


@pytest.mark.slow
def test_a_student_s_own_template_is_read_without_its_weights(tmp_path: Any) -> None:
    from curation.student import template as templates

    a_folder(tmp_path / "tiny", a_tokenizer(chat_template=CHATML))
    read = templates.of_student(str(tmp_path / "tiny"))
    assert read.look([ASK, INLINE]).status == "kept"
    assert read.look([ASK, OSS]).status == "dropped"
    assert read.tokenizer_hash is not None
    assert read.tokenizer_hash.startswith("sha256:")
    for weights in (tmp_path / "tiny").glob("*.safetensors"):
        weights.unlink()
    assert templates.of_student(str(tmp_path / "tiny")).sha256 == read.sha256
    with pytest.raises(StudentError, match="There is no student"):
        templates.of_student("no-such-student")
