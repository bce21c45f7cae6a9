"""The rule that extracts the prompt of a trace; all code that needs a prompt calls `prompt_of`.

A prompt has two parts, system and user, either of which may be empty:

- system: `instructions`; without them the system and developer messages of the input.
- user: the first run of user messages. Later ones are answers within a conversation, not the prompt.
- Several texts (messages of a run, text parts of a message) are joined by one blank line. An empty text counts, so that
  an empty value does not change the template; a part without text (an image, null beside tool calls) does not count.

A *follow-up turn* repeats its prompt: its input already holds answers of the model.

*Few-shot by messages* looks like one: pairs of user and assistant messages, then the real input. There the first user
message is an example and the input would be lost, so it becomes a third part. It differs from a conversation in all of:

- no tools and no conversation id;
- strictly user, assistant, user, ... user, each with text;
- either every user message was rendered from one frame (they begin or end with the same 12 characters or more), or there
  are at least two pairs and every answer is a label (one line of at most 40 characters).

Known weakness: a chat without conversation id that wraps every turn in the same words, or whose model only ever gave
one-word answers, is read as few-shot; its later turns then make a template of their own beside that of its first turns.
One call alone does not show the difference. Few-shot with free-form examples and answers is read as a follow-up turn.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from templating import BARRIER

INPUT_FIELDS = ("instructions", "input", "messages")
"""Fields of a trace that hold what was sent to the model."""

_BLANK_LINE = "\n\n"
_FRAME_CHARACTERS = 12
"""Characters of the least common beginning or end of user messages that were rendered from one frame."""

_LABEL_CHARACTERS = 40
"""Characters of the longest answer that counts as a label."""

_TEXT_PARTS = ("text", "input_text", "output_text", None)
"""Types of content parts that hold text; no set, since a type may be any JSON, also a list."""

PLAIN_ROLES = ("system", "user", "assistant")
"""Roles of messages that hold a text and nothing else; no set, since a role may be any JSON."""

_DICT_OR_MAPPING = (dict, Mapping)
"""Most objects are dicts, and a check for a Mapping takes longer."""

Speaker = Literal["system", "user", "assistant", "tool"]


class Prompt(NamedTuple):
    """The part of a trace that mining and matching read."""

    parts: tuple[str, ...] | None
    source: str
    follow_up: bool

    @property
    def text(self) -> str | None:
        """The parts as one text, as `templating` takes it."""
        return None if self.parts is None else BARRIER.join(self.parts)

    @property
    def columns(self) -> dict[str, Any]:
        """The stored columns of the prompt."""
        parts = None if self.parts is None else list(self.parts)
        return {"prompt_parts": parts, "prompt_source": self.source, "follow_up": self.follow_up}


class Message(NamedTuple):
    """Who speaks, and the text; None for a message without one."""

    speaker: Speaker
    text: str | None


_Turn = tuple[Speaker, str | None]
"""Who speaks, and the text; a plain tuple, since every message of every call becomes one."""


def prompt_of(body: Mapping[str, Any]) -> Prompt:
    """The prompt of a trace body (`instructions`, `input` or `messages`); parts is None when it has no text."""
    turns, field = _turns_of(body)
    instructions = body.get("instructions")
    dialogue = [turn for turn in turns if turn[0] != "system"]
    system = instructions or ("" if len(dialogue) == len(turns) else _system_of(turns))
    user = _joined(_first_run(dialogue))
    source = "+".join(filter(None, ("instructions", field))) if instructions else field
    if not system and not user:
        return Prompt(None, source, follow_up=False)
    if len(dialogue) > 2 and _is_few_shot(body, dialogue):
        return Prompt((system, user, dialogue[-1][1] or ""), source, follow_up=False)
    return Prompt((system, user), source, _is_follow_up(dialogue))


def _system_of(turns: Iterable[_Turn]) -> str:
    return _joined([text for speaker, text in turns if speaker == "system"])


def texts_of(body: Mapping[str, Any]) -> Iterator[str]:
    """Every text sent to the model, in order: instructions, then each turn with a text."""
    if instructions := body.get("instructions"):
        yield instructions
    yield from (text for _, text in _turns_of(body)[0] if text)


def messages_outside(body: Mapping[str, Any]) -> list[Message]:
    """The messages of a trace body that are no part of its prompt, in order: examples, later turns, and those without a text.

    Such a message is in no template.
    """
    turns, _ = _turns_of(body)
    dialogue = [turn for turn in turns if turn[0] != "system"]
    begin = next((place for place, turn in enumerate(dialogue) if turn[0] == "user"), 0)
    within = set(range(begin, begin + len(_first_run(dialogue))))
    if len(dialogue) > 2 and _is_few_shot(body, dialogue):
        within.add(len(dialogue) - 1)
    outside = [turn for turn in turns if turn[0] == "system"] if body.get("instructions") else []
    outside += [turn for place, turn in enumerate(dialogue) if place not in within or turn[1] is None]
    return [Message(*turn) for turn in outside]


def _turns_of(body: Mapping[str, Any]) -> tuple[list[_Turn], str]:
    """The turns of the input and the field that holds it."""
    for field in ("input", "messages"):
        value = body.get(field)
        if isinstance(value, str):
            return [("user", value)], field
        if value:
            return [_turn(item) for item in value if isinstance(item, _DICT_OR_MAPPING)], field
    return [], ""


def _turn(item: Mapping[str, Any]) -> _Turn:
    content, role = item.get("content"), item.get("role")
    if len(item) == 2 and type(content) is str and role in PLAIN_ROLES:  # true of most messages
        return role, content
    if item.get("tool_calls") or item.get("function_call"):
        return "assistant", None
    return _speaker(item), _text(content)


def _speaker(item: Mapping[str, Any]) -> Speaker:
    role = item.get("role")
    if role in ("system", "developer"):
        return "system"
    if role in ("user", "assistant"):
        return role
    if role is not None:
        return "tool"
    kind = item.get("type")
    if kind in (None, "message"):
        return "user"  # a message without a role
    # An item of the Responses API (function_call, reasoning) is the model's own.
    return "tool" if str(kind).endswith("_output") else "assistant"


def _text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [text for text in map(_part_text, parts) if text is not None]
    return _BLANK_LINE.join(texts) if texts else None


def _part_text(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
        return part["text"]
    return None


def _first_run(dialogue: Iterable[_Turn]) -> list[str | None]:
    """The texts of the first user turns in a row."""
    texts: list[str | None] = []
    for speaker, text in dialogue:
        if speaker == "user":
            texts.append(text)
        elif texts:
            break
    return texts


def _is_follow_up(dialogue: Iterable[_Turn]) -> bool:
    return any(speaker != "user" for speaker, _ in dialogue)


def _joined(texts: Iterable[str | None]) -> str:
    return _BLANK_LINE.join([text for text in texts if text is not None])


def _is_few_shot(body: Mapping[str, Any], dialogue: list[_Turn]) -> bool:
    if body.get("tools") or body.get("conversation_id") or not _alternates(dialogue):
        return False
    questions = [text or "" for _, text in dialogue[0::2]]
    answers = [text or "" for _, text in dialogue[1::2]]
    return _share_frame(questions) or (len(answers) > 1 and all(map(_is_label, answers)))


def _alternates(dialogue: list[_Turn]) -> bool:
    speakers = [speaker for speaker, _ in dialogue]
    pairs, remainder = divmod(len(speakers), 2)
    return (
        pairs > 0 and remainder == 1 and speakers == ["user", "assistant"] * pairs + ["user"] and _all_texts(dialogue)
    )


def _all_texts(dialogue: list[_Turn]) -> bool:
    return all(text for _, text in dialogue)


def _share_frame(texts: list[str]) -> bool:
    backwards = [text[::-1] for text in texts]
    return max(len(_common_start(texts).strip()), len(_common_start(backwards).strip())) >= _FRAME_CHARACTERS


def _common_start(texts: list[str]) -> str:
    """The longest common prefix of the texts: the first and the last in sorted order share it, hence all texts do."""
    first, last = min(texts), max(texts)
    differs = (index for index, (earlier, later) in enumerate(zip(first, last, strict=False)) if earlier != later)
    return first[: next(differs, len(first))]


def _is_label(answer: str) -> bool:
    answer = answer.strip()
    return len(answer) <= _LABEL_CHARACTERS and "\n" not in answer
