r"""Message lists: which part is the prompt, which the trace, and where the reasoning stands.

The last turn must be the assistant's; it becomes the trace. One user turn before it is the prompt,
word for word; several turns become one prompt in which each is headed by its speaker. A system
message is no part of the prompt, since most sets repeat one over every row: it is kept in
`extra.system`, and all turns before the trace in `extra.messages` where there are several.

Reasoning that the source keeps apart (`reasoning_content`, `thinking`, `reasoning`, or parts of
these types) goes inline: `<think>\n…\n</think>\n\nanswer`. Reasoning that is inline stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from curation.ingest.texts import RowError

_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "developer": "system",
}
_HEADINGS = {"user": "User", "assistant": "Assistant", "system": "System"}
_TEXT_PARTS = ("text", "input_text", "output_text")
_REASONING = ("reasoning_content", "thinking", "reasoning")


class Turn(NamedTuple):
    """One message: who speaks, and what, reasoning inline."""

    role: str
    text: str
    given: Mapping[str, Any]
    """The message as it stood."""


class Exchange(NamedTuple):
    """A conversation seen as a prompt and the answer to it."""

    prompt: str
    trace: str
    extra: dict[str, Any]
    """`system` and `messages` where there are any; what else the last message held."""


def with_reasoning(reasoning: str | None, answer: str) -> str:
    """Reasoning and answer as one text; `answer` alone where it has the reasoning in it already."""
    if not reasoning or reasoning in answer:
        return answer
    return f"<think>\n{reasoning}\n</think>" + (f"\n\n{answer}" if answer else "")


def is_turns(value: object) -> bool:
    """Whether `value` looks like a list of messages."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def turns(value: object, field: str) -> list[Turn]:
    """The messages of a list, roles in one vocabulary (user, assistant, system, others)."""
    if not isinstance(value, list):
        raise RowError(field, f"expected a list of messages, found {kind(value)}")
    return [turn(message, f"{field}[{i}]") for i, message in enumerate(value)]


def turn(message: object, field: str) -> Turn:
    """One message: `role` and `content`, or `from` and `value`."""
    if not isinstance(message, Mapping):
        raise RowError(field, f"expected a message with role and content, found {kind(message)}")
    role = message.get("role") or message.get("from")
    if not isinstance(role, str):
        raise RowError(f"{field}.role", "missing; a message needs a role (or from)")
    key = "value" if message.get("content") is None and "value" in message else "content"
    content, reasoning = _content(message.get(key), f"{field}.{key}")
    for name in _REASONING:
        apart = message.get(name)
        if apart is None or apart == "":
            continue
        if not isinstance(apart, str):
            raise RowError(f"{field}.{name}", f"expected text, found {kind(apart)}")
        reasoning = apart
        break
    plain = role.strip().lower()
    return Turn(_ROLES.get(plain, plain), with_reasoning(reasoning, content), message)


def _content(value: object, field: str) -> tuple[str, str | None]:
    """A message's text, and its reasoning where that is a part of its own."""
    if value is None:
        return "", None
    if isinstance(value, str):
        return value, None
    if not isinstance(value, list):
        raise RowError(field, f"expected text or a list of parts, found {kind(value)}")
    texts: list[str] = []
    reasoning: list[str] = []
    for i, part in enumerate(value):
        if isinstance(part, str):
            texts.append(part)
            continue
        shape = part.get("type") if isinstance(part, Mapping) else None
        if shape in _TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif shape in ("thinking", "reasoning") and isinstance(
            apart := part.get("thinking", part.get("text")), str
        ):
            reasoning.append(apart)
        else:
            raise RowError(f"{field}[{i}]", "is no text; only text and thinking can be taken in")
    return "".join(texts), "\n\n".join(reasoning) or None


def exchange(value: object, field: str, system: object = None) -> Exchange:
    """A message list as prompt and trace; `system` is a system text kept beside the list."""
    said = turns(value, field)
    if not said or said[-1].role != "assistant":
        last = f"the last is from {said[-1].role!r}" if said else "it is empty"
        raise RowError(field, f"expected the assistant's message at the end; {last}")
    if len(said) < 2:
        raise RowError(field, "expected a prompt before the assistant's message; there is none")
    prompt, extra = prompt_of(said[:-1], field, system)
    left = {
        key: item
        for key, item in said[-1].given.items()
        if key not in ("role", "from", "content", "value")
        and item is not None
        and not (key in _REASONING and isinstance(item, str) and item in said[-1].text)
    }
    if left:
        extra["message"] = left
    return Exchange(prompt, said[-1].text, extra)


def prompt_of(said: list[Turn], field: str, system: object = None) -> tuple[str, dict[str, Any]]:
    """The prompt that the turns before a trace make, and what of them is kept beside it."""
    extra: dict[str, Any] = {}
    systems = [system] if isinstance(system, str) and system else []
    systems += [one.text for one in said if one.role == "system" and one.text]
    if systems:
        extra["system"] = "\n\n".join(systems)
    spoken = [one for one in said if one.role != "system"]
    if not any(one.role == "user" for one in spoken):
        raise RowError(field, "expected a user's message before the assistant's; there is none")
    if len(spoken) == 1:
        return spoken[0].text, extra
    extra["messages"] = [dict(one.given) for one in said]
    heads = [f"{_HEADINGS.get(one.role, one.role.capitalize())}: {one.text}" for one in spoken]
    return "\n\n".join(heads), extra


def kind(value: object) -> str:
    """What a value is, in JSON's words, for a message to a person."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return f"a {type(value).__name__}"
