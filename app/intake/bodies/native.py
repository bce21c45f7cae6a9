"""A provider's body, sent unchanged to `POST /api/v1/traces` with a path, as a trace.

Our own fields win: a provider's name is looked for only where our field is missing, and a body of our own fields is not touched. A field
that holds a prompt is mapped or refused by name: kept under metadata, its prompt would never be grouped.
"""

from collections.abc import Iterator
from typing import Any

from app.errors import CallerError
from app.intake.bodies.answers import response_of
from app.intake.bodies.messages import is_ours, messages_of, system_message
from app.intake.bodies.requests import SYSTEM, from_request, settings_by_our_names, with_system
from app.intake.bodies.usage import NAMES, usage_of
from app.intake.bodies.values import Body, take
from app.intake.prompts import PLAIN_ROLES
from app.intake.trace_fields import FIELDS

OWN = FIELDS

_FIELDS_OF_PROMPTS = ("messages", "input")

_ONLY_PROMPTS = ("contents", "prompt", "prompts")
"""Fields of providers that always hold prompts."""

_RESPONSES = ("response", "choices", "candidates", "generations")
_BESIDE_RESPONSES = ("usageMetadata", "usage_metadata")


class UnmappedPromptError(CallerError):
    """A field holds a prompt that cannot be mapped."""

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(f"{field}: {remedy}")
        self.field = field
        self.remedy = remedy


def native(body: Body) -> Body:
    """The body by our names; the same object where no name differs. Raises UnmappedPromptError."""
    if body.keys() <= OWN and _has_our_usage(body) and _has_our_messages(body):
        return body
    native_fields = dict(body)
    own_fields = {
        name: native_fields.pop(name)
        for name in (OWN - set(_FIELDS_OF_PROMPTS) - {"instructions"}) & native_fields.keys()
    }
    fields = _prompt_in(native_fields) | _response_in(native_fields) | settings_by_our_names(native_fields)
    return _settled(fields | {name: value for name, value in own_fields.items() if value is not None})


def _prompt_in(fields: Body) -> Body:
    """The prompt, taken out of the body; our own fields come first."""
    prompt = {name: fields.pop(name) for name in (*_FIELDS_OF_PROMPTS, "instructions") if name in fields}
    has_own = any(prompt.get(name) not in (None, "", []) for name in _FIELDS_OF_PROMPTS)
    if not has_own:
        return _foreign_prompt(fields, prompt)
    for name in _ONLY_PROMPTS:
        if isinstance(fields.get(name), str | list):
            raise UnmappedPromptError(name, "The body holds another prompt too; send one of them.")
    return _with_system(_in_our_words(prompt), fields)


def _foreign_prompt(fields: Body, prompt: Body) -> Body:
    request = from_request({name: value for name, value in fields.items() if name not in SYSTEM})
    if request is None:
        _refuse_unread(fields)
        return _with_system(prompt, fields)
    for name in list(fields):
        if name not in request and name not in SYSTEM:
            del fields[name]
    prompts = {name: request.pop(name) for name in (*_FIELDS_OF_PROMPTS, "instructions") if name in request}
    fields.update(request)
    return _with_system(prompts | {name: value for name, value in prompt.items() if value}, fields)


def _refuse_unread(fields: Body) -> None:
    for name in _ONLY_PROMPTS:
        if isinstance(fields.get(name), list) and fields[name]:
            raise UnmappedPromptError(name, "Must be a text or a list of messages: what was sent to the model.")


def _with_system(prompt: Body, fields: Body) -> Body:
    """The prompt with the system text that stands beside it."""
    for name in SYSTEM:
        value = take(fields, (name,))
        if value is None:
            continue
        if not isinstance(value, str) and not system_message(value):
            fields[name.rpartition(".")[2]] = value  # a field of the caller's own with that name
        elif prompt.get("instructions"):
            raise UnmappedPromptError(name, "The body holds instructions too; send one of them.")
        else:
            prompt = with_system(prompt, value)
    return prompt


def _in_our_words(prompt: Body) -> Body:
    """The prompt with its messages in our form; a list that holds no messages is refused later."""
    foreign = {name: prompt[name] for name in _FIELDS_OF_PROMPTS if name in prompt and not _is_ours(prompt[name])}
    for name, items in foreign.items():
        _refuse_content(name, items)
    return prompt | {name: messages_of(items) or items for name, items in foreign.items()}


def _refuse_content(field: str, items: list[Any]) -> None:
    """Refuse content that no API has: mapped, it would be stored without a prompt."""
    for number, item in enumerate(items):
        if isinstance(item, dict) and not _may_be_content(item.get("content")):
            raise UnmappedPromptError(
                field, f"Item {number} has content that is neither a text, null, nor a list of texts and objects."
            )


def _may_be_content(content: Any) -> bool:
    parts = content if isinstance(content, list) else [content]
    return all(part is None or isinstance(part, str | dict) for part in parts)


def _response_in(fields: Body) -> Body:
    """The response, taken out of the body: a nested response of a provider, or its fields among those of the body."""
    response = fields.get("response")
    body = response if isinstance(response, dict) else {name: fields[name] for name in _parts_of_response(fields)}
    answer = response_of(body)
    if answer:
        for name in list(body) if body is not response else ["response"]:
            fields.pop(name, None)
    return answer


def _parts_of_response(fields: Body) -> Iterator[str]:
    return (name for name in (*_RESPONSES, *_BESIDE_RESPONSES) if isinstance(fields.get(name), list | dict))


def _settled(body: Body) -> Body:
    """The body with token counts by our names."""
    usage = body.get("usage")
    return body if not isinstance(usage, dict) or _has_our_usage(body) else body | {"usage": usage_of(usage)}


def _has_our_usage(body: Body) -> bool:
    usage = body.get("usage")
    return not isinstance(usage, dict) or usage.keys() <= NAMES.keys()


def _has_our_messages(body: Body) -> bool:
    """Whether no message is in another provider's form: most have a role of ours and a text."""
    return _is_ours(body.get("messages")) and _is_ours(body.get("input"))


def _is_ours(messages: Any) -> bool:
    return not isinstance(messages, list) or all(map(_is_plain, messages))


def _is_plain(item: Any) -> bool:
    if not isinstance(item, dict):
        # A list may be a conversation; other values are refused later, with their place.
        return not isinstance(item, list)
    if len(item) == 2 and type(item.get("content")) is str and item.get("role") in PLAIN_ROLES:
        return True  # true of most messages
    if is_ours(item):
        return True
    return item.get("role") is None and not any(name in item for name in ("content", "kwargs", "data", "parts"))
