"""Checks of single values in any body: names, counts, dates, and values that PostgreSQL or JSON cannot hold.

A `Problem` names the error, its place and the remedy; it never shows the value.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from unicodedata import category

import orjson
from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

MAX_NAME = 512
"""Characters of a name, a path or an id."""

MAX_BIGINT = 2**63 - 1
"""The largest bigint of PostgreSQL."""

MAX_TOKENS = 999_999_999
"""Tokens of one call: a hundred times the longest context of any model; rollups take nine digits (`token_count`)."""

MAX_AHEAD = timedelta(hours=24)
"""Time by which a call may be ahead of our clock: its clock may be wrong by its time zone."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Categories of Unicode: controls, formats (characters without width), and separators."""

NOT_IN_A_NAME = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
"""Characters that a name given by a person must not have, as in the brackets of a regular expression: control characters and line ends.
A name appears in lines of tables, feeds and logs.
"""

ONE_LINE = "one line without control characters"
"""What a name must be, for the sentence that refuses another one."""

_BREAKS_A_NAME = re.compile(f"[{NOT_IN_A_NAME}]")

_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)

_LISTS = (("input",), ("messages",), ("tools",))

_FIND_ABOVE_BYTES = 4096
"""Bytes of a text above which its brackets are found one by one, some 100 ns for each."""

_MOST_BRACKETS_FOUND = 32
"""Brackets found one by one; the further ones are counted, which looks at each byte."""

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One error, its place, and the remedy. Never shows the value."""

    loc: Loc
    message: str


@dataclass(frozen=True)
class TraceLimits:
    """The bounds of one trace (see Settings)."""

    text_bytes: int = 1024 * 1024
    depth: int = 64
    items: int = 10_000


DEFAULT_LIMITS = TraceLimits()


def _check_date(value: datetime) -> datetime:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    if moment < EPOCH:
        raise PydanticCustomError("date", "Must not be before 1970-01-01T00:00:00Z.")
    if moment > datetime.now(UTC) + MAX_AHEAD:
        raise PydanticCustomError("date", "Is more than 24 hours ahead of the server's clock; send the time in UTC.")
    return moment.astimezone(UTC)


def is_blank(text: str) -> bool:
    """Whether a person would see nothing of the text: it has only spaces, control characters and characters without width, or none."""
    if "!" <= text[:1] <= "~":  # true of most texts, and found in a tenth of the time
        return False
    return all(category(character) in _INVISIBLE for character in text)


def is_one_line(name: str) -> bool:
    """Whether a name has none of the characters `NOT_IN_A_NAME`."""
    return _BREAKS_A_NAME.search(name) is None


def is_whole(text: str) -> bool:
    """Whether a text is a whole number in ASCII digits; `int` also takes signs, blanks, underscores and digits of every script."""
    return text.isascii() and text.isdigit()


def number_of(text: str) -> float | None:
    """The number that a text says in decimal notation; None for another text, as `nan`, `inf`, `1_000`, or digits of another script."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _not_blank(remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if is_blank(value):
            raise PydanticCustomError("blank", "Must not be blank; {remedy}.", {"remedy": remedy})
        return value

    return AfterValidator(check)


Name = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_NAME)]
Path = Annotated[Name, _not_blank("name the call site")]
Model = Annotated[Name, _not_blank("name the model")]
ExternalId = Annotated[Name, _not_blank("leave it out where the call has no id")]
Text = Annotated[str, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_BIGINT)]
TokenCount = Annotated[int, Field(strict=True, ge=0, le=MAX_TOKENS)]
Moment = Annotated[datetime, AfterValidator(_check_date)]


# --- values that cannot be stored, in any field


def is_surely_storable(body: object, limits: TraceLimits) -> bool:
    """A quick proof that `unstorable` would find nothing, which holds for most traces at a tenth of its time."""
    text = json_of(body)
    return text is not None and is_storable_json(body, text, limits)


def json_of(body: object) -> bytes | None:
    """The body as JSON; None where JSON cannot hold it: lone surrogates, and numbers above 64 bits."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return None


def is_storable_json(body: object, text: bytes, limits: TraceLimits, *, is_json: bool = False) -> bool:
    """Whether the body is within the limits and contains neither NUL nor NaN.

    orjson writes NUL as an escape and NaN as null, so a text with neither proves it. is_json: the body was read from JSON, which has no NaN.
    """
    brackets = _number_of(b"{", text) + _number_of(b"[", text)
    return (
        len(text) <= limits.text_bytes
        and brackets <= limits.items
        and b"\\u0000" not in text
        and (is_json or b"null" not in text or _is_read_back(body, text))
        and (brackets <= limits.depth or _is_shallow(body, limits.depth))
    )


def _is_read_back(body: object, text: bytes) -> bool:
    """Whether the text has every value of the body; the times of a call, among its fields, are texts there."""
    values = orjson.loads(text)
    if not isinstance(body, dict):
        return bool(values == body)
    return all(type(value) is datetime or values[name] == value for name, value in body.items())


def _number_of(mark: bytes, text: bytes) -> int:
    """As `text.count(mark)`, which looks at each byte alone: to find the few brackets of a long text takes a third of the time."""
    number, place = 0, -1
    if len(text) > _FIND_ABOVE_BYTES:
        while number < _MOST_BRACKETS_FOUND and (place := text.find(mark, place + 1)) >= 0:
            number += 1
        if place < 0:
            return number
    return number + text.count(mark, place + 1)


def _is_shallow(body: object, depth: int) -> bool:
    """Whether nothing is nested deeper than `unstorable` allows: looks at objects and lists only, level by level."""
    level = [body]
    for _ in range(depth):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def unstorable(body: object, limits: TraceLimits) -> Iterator[Problem]:
    """Texts, numbers and nesting that PostgreSQL or JSON cannot hold, or that are over a limit.

    Looks at every value once, with its own stack: a body may be nested deeper than Python's.
    """
    stack: list[tuple[Any, Loc]] = [(body, ())]
    while stack:
        value, loc = stack.pop()
        if isinstance(value, dict | list):
            if len(loc) >= limits.depth:
                yield Problem(loc[:3], f"Is nested deeper than {limits.depth} levels; send it as a text.")
                continue
            if loc in _LISTS and len(value) > limits.items:
                yield Problem(loc, f"Has {len(value)} items; send at most {limits.items}.")
                continue
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            stack.extend((inner, (*loc, key)) for key, inner in entries)
            if isinstance(value, dict):
                yield from (
                    Problem(loc, f"A field name {wrong}") for key in value if (wrong := _wrong_text(key, limits))
                )
        elif wrong := _wrong_scalar(value, limits):
            yield Problem(loc, wrong[0].upper() + wrong[1:])


def _wrong_scalar(value: Any, limits: TraceLimits) -> str | None:
    if isinstance(value, str):
        return _wrong_text(value, limits)
    if isinstance(value, float) and not math.isfinite(value):
        return "is not a number that JSON has (NaN or infinite); send null."
    if isinstance(value, int) and not -MAX_BIGINT - 1 <= value <= 2 * MAX_BIGINT + 1:
        return "does not fit in 64 bits; send it as a text."
    return None


def _wrong_text(text: str, limits: TraceLimits) -> str | None:
    if "\x00" in text:
        return "holds a NUL character, which PostgreSQL cannot store; remove it."
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is not valid Unicode; send complete characters."
    if size > limits.text_bytes:
        return f"is longer than {limits.text_bytes} bytes; shorten it or send it as several texts."
    return None


# --- pydantic's errors in our words

_REMEDIES = {
    "missing": "Is required.",
    "string_type": "Must be a string.",
    "int_type": "Must be a whole number.",
    "float_type": "Must be a number.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "model_attributes_type": "Must be an object.",
    "list_type": "Must be a list.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "uuid_type": "Must be an id: a UUID, as the API answers it.",
    "uuid_parsing": "Must be an id: a UUID, as the API answers it.",
    "datetime_parsing": "Must be a date, like 2026-03-01 or 2026-03-01T12:00:00Z.",
    "datetime_from_date_parsing": "Must be a date, like 2026-03-01 or 2026-03-01T12:00:00Z.",
    "finite_number": "Must be a finite number.",
    "extra_forbidden": "Is an unknown field; remove it.",
    "string_unicode": "Holds a lone surrogate, which is not valid Unicode; send complete characters.",
}


def problems_of(error: ValidationError) -> list[Problem]:
    """Every field that pydantic refused, without its value."""
    return [
        Problem(tuple(fault["loc"]), _REMEDIES.get(fault["type"]) or _sentence(fault["msg"]))
        for fault in error.errors(include_input=False, include_context=False, include_url=False)
    ]


def _sentence(message: str) -> str:
    ours = message.replace("Input should be", "Must be").replace("Value error, ", "")
    ours = re.sub("^(String|List|Dictionary) should have", "Must have", ours)
    return re.sub(" after validation, not .*", "", ours).rstrip(".") + "."
