"""The kind of a slot, told from its values: an integer, a date, one of four words, JSON, free text ...

Plain tests of one value at a time with the standard library's own parsers; no pattern is run over text of any length.
A kind is claimed when nearly all values have it, since real traffic has an odd value everywhere.  The idea of column
types by share of conforming values is that of data profiling (Abedjan, Golab, Naumann, "Profiling Relational Data",
VLDB Journal 2015).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from itertools import islice
from urllib.parse import urlsplit
from uuid import UUID

from templating.languages import CODES, NAMES


class Kind(StrEnum):
    """The kinds of slot; the value is the word for people and for the API."""

    INTEGER = "integer"
    NUMBER = "number"
    DATE_TIME = "date/time"
    ID = "id"
    EMAIL = "e-mail"
    URL = "URL"
    ENUM = "enum"
    JSON = "JSON"
    CODE = "code"
    LIST = "list"
    LANGUAGE = "language"
    TEXT = "free text"


@dataclass(frozen=True)
class SlotKind:
    """The kind of a slot, with the facts that a reader of the template needs.

    kind:     see Kind.
    values:   of an enum, its values, the most frequent first; else empty.
    optional: some calls leave the slot empty.
    """

    kind: Kind
    values: tuple[str, ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        """In words: "date/time", "one of: low, high", "free text, may be empty"."""
        words = f"one of: {', '.join(self.values)}" if self.values else str(self.kind)
        return f"{words}, may be empty" if self.optional else words


SHARE = 0.95
"""Of the distinct values, as many must have the kind: all of up to 19, all but one of 20 to 39, and so on."""

SAMPLE = 500
"""Distinct values that are read, which with CHARACTERS bounds the time of a call to some 0.1 s."""

CHARACTERS = 1_000_000
"""Characters of all values that are read."""

ENUM_SIZE = 20
"""Values of an enum at most: a person can still read them."""

ENUM_LENGTH = 60
"""Characters of a value of an enum at most."""

ENUM_REPEATS = 4
"""Calls for each value of an enum on average, at least: with fewer, the next call may well bring a new value."""


def slot_kind(values: Iterable[str]) -> SlotKind:
    """The kind of a slot that held these values, one per call, in any order; free text when nothing else is plain.

    White space around a value is not looked at.  Values of white space only count as empty; a slot that was never
    filled is free text.  Raises TypeError for a bare str, which is a sequence of its characters and never meant.
    """
    if isinstance(values, str):
        raise TypeError("values must be a sequence of str, not one str")
    counts = Counter(value.strip() for value in values)
    optional = counts.pop("", 0) > 0
    sample = list(_bounded(counts))
    kind = next((kind for kind, test in TESTS if _nearly_all(test, sample)), None)
    if kind is None and _is_enum(counts):
        return SlotKind(Kind.ENUM, tuple(sorted(counts, key=lambda value: (-counts[value], value))), optional)
    return SlotKind(kind or next((kind for kind, test in LOOSE if _nearly_all(test, sample)), Kind.TEXT), (), optional)


def _bounded(values: Iterable[str]) -> Iterable[str]:
    characters_left = CHARACTERS
    for value in islice(values, SAMPLE):
        characters_left -= len(value)
        if characters_left >= 0:
            yield value


def _nearly_all(test: Callable[[str], bool], values: list[str]) -> bool:
    allowed = int(len(values) * (1 - SHARE) + 1e-9)
    for value in values:
        allowed -= not test(value)
        if allowed < 0:
            return False
    return bool(values)


def _is_enum(counts: Counter[str]) -> bool:
    few = 0 < len(counts) <= ENUM_SIZE and counts.total() >= ENUM_REPEATS * len(counts)
    return few and all(len(value) <= ENUM_LENGTH and "\n" not in value for value in counts)


# ---- tests of one value, stripped and not empty ----


def is_integer(value: str) -> bool:
    """-12, 1500; not 007, which is an id."""
    digits = value.removeprefix("-").removeprefix("+")
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")


def is_number(value: str) -> bool:
    """-1.5, 2e-3, 1,500.00, 3,14, 12 %, $9.99; integers too, yet not 007."""
    digits = value.strip("%$€£¥ ")
    zeros_first = digits[:1] == "0" and digits[1:2].isdigit()
    if len(digits) > 64 or zeros_first or not set(digits) <= set("0123456789+-.,eE"):
        return False
    groups = digits.partition(".")[0].split(",")
    if len(groups) == 2 and "." not in digits:
        return _parses(float, digits.replace(",", "."))  # a decimal comma, or thousands: a number both ways
    return all(len(group) == 3 for group in groups[1:]) and _parses(float, digits.replace(",", ""))


FORMATS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y",
    "%A, %B %d, %Y", "%A, %d %B %Y", "%a, %d %b %Y %H:%M:%S %z", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%I:%M %p",
    "%Y年%m月%d日",
)  # fmt: skip
"""Beside ISO 8601.  Month and weekday names are English (the C locale)."""


def is_date_time(value: str) -> bool:
    """2024-05-01, 2024-05-01T10:00:00Z, 10:30, 01.05.2024, May 1, 2024; not 20240501, which is an integer."""
    if len(value) > 40 or not any(mark in value for mark in "-:./年, "):  # the longest format has 36 characters
        return False
    return _parses(datetime.fromisoformat, value) or _is_time(value) or any(_has_format(value, way) for way in FORMATS)


def _is_time(value: str) -> bool:
    return ":" in value and _parses(time.fromisoformat, value)


def _has_format(value: str, way: str) -> bool:
    return _parses(lambda text: datetime.strptime(text, way), value)  # noqa: DTZ007  (only whether it parses)


def is_email(value: str) -> bool:
    local, _, domain = value.partition("@")
    return bool(local) and _is_token(value) and "@" not in domain and "." in domain.strip(".")


def is_url(value: str) -> bool:
    """A scheme, :// and a host or path: https://example.org/x, s3://bucket/key."""
    scheme, mark, rest = value.partition("://")
    return (
        bool(mark and rest) and scheme.isascii() and scheme.isalnum() and _is_token(value) and _parses(urlsplit, value)
    )


def is_uuid(value: str) -> bool:
    return len(value) == 36 and value.count("-") == 4 and _parses(UUID, value)


def is_id(value: str) -> bool:
    """One token of letters, digits and -_:#./ with at least two digits: ORD-1042, 007, 9f86d081884c."""
    core = value.translate(_ID_MARKS)
    return 3 <= len(value) <= 64 and core.isascii() and core.isalnum() and sum(map(str.isdigit, core)) >= 2


_ID_MARKS = dict.fromkeys(map(ord, "-_:#./"))


def is_language(value: str) -> bool:
    """A language by its English or own name, or its code: French, 日本語, pt-BR."""
    code, _, region = value.replace("_", "-").partition("-")
    is_region = len(region) <= 4 and region in (region.upper(), region.title())
    return value.casefold() in NAMES or (code in CODES and is_region)


def is_json(value: str) -> bool:
    """An object or an array; a bare number or word is not called JSON."""
    return value[0] + value[-1] in ("{}", "[]") and _parses(json.loads, value)


BULLETS = ("- ", "* ", "+ ", "• ", "・", "– ")


def is_list(value: str) -> bool:
    """Two or more lines that all begin with a bullet or a number, or three or more short items between commas.

    Two are not enough: "Paris, France" is one thing.
    """
    lines = [line.strip() for line in value.split("\n") if line.strip()]
    if len(lines) > 1:
        return all(line.startswith(BULLETS) or _is_numbered(line) for line in lines)
    items = value.strip("[]").replace("、", ",").split(",")
    return len(items) > 2 and len(value) <= 1000 and all(_is_item(item) for item in items)


def _is_numbered(line: str) -> bool:
    number, _, rest = line.replace(")", ".", 1).partition(".")
    return bool(rest) and len(number) <= 4 and number.isdigit()


def _is_item(item: str) -> bool:
    words = item.split()
    return 0 < len(words) <= 3 and not item.rstrip().endswith((".", "!", "?", ":"))


CODE_STARTS = (
    "def ", "class ", "import ", "from ", "return ", "async ", "function ", "const ", "let ", "var ", "public ",
    "private ", "#include", "package ", "func ", "fn ", "SELECT ", "INSERT ", "UPDATE ", "CREATE ", "WITH ", "FROM ",
    "WHERE ", "diff --git", "@@ ", "--- a/", "+++ b/", "#!/", "//", "/*", "$ ", "<?", "<!",
)  # fmt: skip
CODE_ENDS = (";", "{", "}", "()", "):", "],", "/>", "->", "\\")
CODE_MARKS = (" = ", "==", "=>", "();", "->", "::", "</", "+=", "&&", "||")


def is_code(value: str) -> bool:
    """Program text: a fence, or two signs of it in five lines (how a line begins, ends, and what stands in it)."""
    lines = [line.strip() for line in value.split("\n") if line.strip()]
    return value.startswith("```") or sum(map(_code_signs, lines)) >= max(2, 0.4 * len(lines))


def _code_signs(line: str) -> int:
    return line.startswith(CODE_STARTS) + line.endswith(CODE_ENDS) + any(mark in line for mark in CODE_MARKS)


def _is_token(value: str) -> bool:
    return len(value) <= 2048 and len(value.split()) == 1


def _parses(parser: Callable[[str], object], value: str) -> bool:
    try:
        parser(value)
    except (ValueError, RecursionError, OverflowError):
        return False
    return True


TESTS: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    (Kind.EMAIL, is_email),
    (Kind.URL, is_url),
    (Kind.ID, is_uuid),
    (Kind.LANGUAGE, is_language),
    (Kind.INTEGER, is_integer),
    (Kind.NUMBER, is_number),
    (Kind.DATE_TIME, is_date_time),
    (Kind.JSON, is_json),
)
"""Kinds that say more than that a value is one of a few, the strictest first."""

LOOSE: tuple[tuple[Kind, Callable[[str], bool]], ...] = ((Kind.ID, is_id), (Kind.CODE, is_code), (Kind.LIST, is_list))
"""Kinds that a handful of fixed words may resemble: asked after enum."""
