"""Removes secrets: keys, passwords, card numbers, and a project's own patterns. Pure: values in, values out.

A kind of secret always becomes the same text, `[redacted:card]`, so that the prompts around it keep one template. A secret is recognised by
its shape (`_SHAPES`, `_CARD`) or by the name of its field (`_NAMES`), in JSON and in JSON within a text. A shape that ordinary text may
have is checked again: `check` holds the condition.

All patterns run on RE2, whose time is linear in the text: a project's own pattern cannot stop the process.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from app.errors import CallerError

MOST_PATTERNS = 50
"""Patterns of a project: each is searched in every text."""

LONGEST_PATTERN = 1_000
"""Characters of a pattern."""

_PATTERN_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST_GROUPS = 5
"""Groups of digits in a card number: 4-4-4-4-3 at most."""

_PATTERN_MEMORY = 1 << 20
"""Bytes of memory that RE2 may use for a project's pattern: 48 letters of any script compile, 56 do not."""


class PatternError(CallerError):
    """A pattern of a project cannot be used."""


@dataclass(frozen=True)
class SecretPattern:
    """A kind of secret. The pattern's group is passed to `part`, and the text that `part` returns is replaced; "" replaces nothing."""

    kind: str
    pattern: Any
    group: int = 0
    part: Callable[[str], str] = str


def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def _word(pattern: str) -> Any:
    """The pattern as group 1, at the beginning of a word."""
    return re2.compile(f"{_EDGE}({pattern})")


def _if_random(text: str) -> str:
    """The text if it has digits among its letters, as keys have (sk-learn-some-long-name has none)."""
    body = text.split("-", 1)[-1]
    is_random = sum(letter.isdigit() for letter in body) >= 2 and any(letter.isalpha() for letter in body)
    return text if is_random else ""


def _card_in(text: str) -> str:
    """The first card number among groups of digits; month and year may follow it."""
    groups = list(re.finditer(r"\d+", text))
    for place, first in enumerate(groups):
        for last in reversed(groups[place : place + _MOST_GROUPS]):
            candidate = text[first.start() : last.end()]
            if is_card(candidate):
                return candidate
    return ""


def is_card(text: str) -> bool:
    """A number of a card scheme, with its length and the right check digit (Luhn, ISO/IEC 7812)."""
    digits = re.sub(r"[^0-9]", "", text)
    return _is_of_scheme(digits) and _has_check_digit(digits)


def _is_card_number(value: Any) -> bool:
    """Whether a JSON number is a card number; it may be written as 4111111111111111.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e12 <= abs(value) < 1e19:
        return False
    return value == int(value) and is_card(str(abs(int(value))))


def _is_of_scheme(digits: str) -> bool:
    """Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, by their first digits and lengths."""
    if not 13 <= len(digits) <= 19:
        return False
    four = int(digits[:4])
    return (
        (digits[0] == "4" and len(digits) in (13, 16, 19))
        or ((5100 <= four <= 5599 or 2221 <= four <= 2720) and len(digits) == 16)
        or (four // 100 in (34, 37) and len(digits) == 15)
        or ((four == 6011 or 6440 <= four <= 6599 or four // 100 == 62 or 3528 <= four <= 3589) and len(digits) >= 16)
        or ((3000 <= four <= 3059 or four // 100 in (36, 38)) and len(digits) == 14)
    )


def _has_check_digit(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "bearertoken",
    "clientsecret",
    "authorization",
    "cookie",
    "connectionstring",
)
"""Names of fields whose value is a secret, without case, hyphens and underscores; also as the end of a longer name (openai_api_key,
DB_PASSWORD). Not `token`: a model's answer is full of tokens, and max_tokens is a number.
"""

_IN_TEXT = (
    r"pass[-_. ]*(?:word|wd|phrase)|pwd|secret|(?:api|private|secret|access)[-_. ]*key|"
    r"(?:access|refresh|id|auth|session|bearer)[-_. ]*token|authorization|connection[-_. ]*string"
)

_EDGE = r"(?:\b|\\[bfnrt]|\\u[0-9A-Fa-f]{4})"
r"""The beginning of a word, also behind an escape sequence: in JSON a line end is the letters `\\n`."""

_GAP = r"[ \-\x{a0}\x{2009}\x{2011}\x{2013}\x{202f}]?"
"""Separators between two digits of a card number; text copied from a page has other characters than a plain blank or hyphen."""

_SCHEMA = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum"})

_SHAPES = (
    SecretPattern(
        "private_key",
        _compiled(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\z)"),
    ),
    SecretPattern("jwt", _word(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"), group=1),
    SecretPattern("aws_key", _word(r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Z0-9]{16}\b"), group=1),
    SecretPattern(
        "aws_key", _compiled(rf"(?i){_EDGE}aws.{{0,20}}secret.{{0,20}}?[\s\"':=]+([A-Za-z0-9/+]{{40}})\b"), group=1
    ),
    SecretPattern("github_token", _word(r"(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})"), group=1),
    SecretPattern("promptlode_key", _word(r"pl_(?:[a-z0-9-]{1,20}\.)?[A-Za-z0-9_-]{43}"), group=1, part=_if_random),
    SecretPattern("api_key", _word(r"(?:sk|pk)-(?:lf-|ant-|proj-|or-)?[A-Za-z0-9_-]{20,}"), group=1, part=_if_random),
    SecretPattern("api_key", _word(r"AIza[0-9A-Za-z_-]{35}"), group=1),
    SecretPattern(
        "api_key",
        _word(
            r"(?:gsk_|hf_|r8_|xai-|pplx-|nvapi-|npm_|glpat-|dop_v1_|[sr]k_(?:live|test)_|xox[abeoprs]-)[A-Za-z0-9_-]{16,}"
        ),
        group=1,
        part=_if_random,
    ),
    SecretPattern("api_key", _word(r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"), group=1),
    SecretPattern("password", _compiled(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']*:([^\s/@\"']{1,200})@"), group=1),
    SecretPattern(
        "secret", _compiled(rf"(?i){_EDGE}(?:bearer|basic)\s+([A-Za-z0-9._~+/-]{{16,}}=*)"), group=1, part=_if_random
    ),
    SecretPattern("secret", _compiled(rf'(?i)(?:{_IN_TEXT})s?"\s*:\s*"((?:[^"\\]|\\.)+)"'), group=1),
    # JSON in a text of JSON.
    SecretPattern("secret", _compiled(rf'(?i)(?:{_IN_TEXT})s?\\"\s*:\s*\\"([^"\\]+)\\"'), group=1),
)
_CARD = SecretPattern("card", _word(rf"\d(?:{_GAP}\d){{12,}}\b"), group=1, part=_card_in)
_EMAIL = SecretPattern("email", _word(r"(?i:[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+\b)"), group=1)

_HINTS = (
    rf"{_EDGE}(?:eyJ|(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Z0-9]{{16}}|gh[pousr]_|pl_|[sp]k-|"
    r"gsk_|hf_|r8_|xai-|pplx-|nvapi-|npm_|glpat-|dop_v1_|[sr]k_|xox|SG\.|(?i:bearer|basic)[\s\\])|"
    r"PRIVATE KEY|github_pat_|AIza|://[^\s/:@]*:[^\s/@]+@|"
    rf"(?i:aws.{{0,60}}secret|{_IN_TEXT}|cookie)|{_EDGE}\d(?:{_GAP}\d){{12}}"
)
"""One pattern of all signs of a secret, for one search over a whole call as JSON: most calls contain none."""


class Redactor:
    """Removes secrets by the rules of one project."""

    def __init__(self, *, email: bool = False, patterns: Mapping[str, str] | None = None) -> None:
        """Raises PatternError."""
        self._own = [SecretPattern(name, checked_pattern(name, pattern)) for name, pattern in (patterns or {}).items()]
        self._shapes = (*_SHAPES, _CARD, *([_EMAIL] if email else []))
        self._hints = _compiled(_HINTS + ("|@" if email else ""))

    def is_clean(self, text: bytes) -> bool:
        """A quick check of values as JSON that recognises most clean calls; False is no proof of a secret."""
        return not self._own and self._hints.search(text) is None

    def value(self, value: Any) -> Any:
        """The JSON value without secrets; names of fields stay, and so do numbers other than card numbers."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self._member(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return placeholder("card") if _is_card_number(value) else value

    def text(self, text: str) -> str:
        """The text without secrets."""
        hinted = self._hints.search(text) is not None
        for shape in (*(self._shapes if hinted else ()), *self._own):
            text = _redacted(shape, text)
        return text

    def _member(self, name: str, value: Any) -> Any:
        return self._placeholder(value) if is_secret_name(name) else self.value(value)

    def _placeholder(self, value: Any) -> Any:
        """The value of a field with a secret name, replaced. An object that describes such a field (a tool's schema) holds no secret."""
        if isinstance(value, bool) or value is None or value == "":
            return value
        if isinstance(value, list | tuple):
            return [self._placeholder(inner) for inner in value]
        if isinstance(value, Mapping):
            described = not _SCHEMA.isdisjoint(value)
            return self.value(value) if described else {name: self._placeholder(inner) for name, inner in value.items()}
        return placeholder("secret")


def placeholder(kind: str) -> str:
    """The text that replaces a secret."""
    return f"[redacted:{kind}]"


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: api_key, X-Api-Key, openaiApiKey; not max_tokens."""
    plain = re.sub(r"[-_. ]", "", name).lower()
    return plain.endswith(_NAMES) or plain.removesuffix("s").endswith(_NAMES)


def _redacted(shape: SecretPattern, text: str) -> str:
    def replace(match: Any) -> str:
        text_matched, start = match.group(0), match.start(shape.group) - match.start(0)
        secret = shape.part(match.group(shape.group))
        if not secret or secret.startswith("[redacted:"):
            return text_matched
        return text_matched[:start] + text_matched[start:].replace(secret, placeholder(shape.kind), 1)

    return shape.pattern.sub(replace, text)


# --- patterns of a project


def checked_pattern(name: str, pattern: str) -> Any:
    """The pattern, compiled. Raises PatternError, which says what is wrong with it."""
    if not _PATTERN_NAME.fullmatch(name):
        raise PatternError(f"The name {name!r} must be a lower-case letter and then letters, digits or _, up to 32.")
    if not 0 < len(pattern) <= LONGEST_PATTERN:
        raise PatternError(f"The pattern {name} must have 1 to {LONGEST_PATTERN} characters.")
    try:
        compiled = re2.compile(pattern, options=_options())
    except re2.error as error:
        raise PatternError(
            f"The pattern {name} is no RE2 pattern: {_words(error)}. See https://github.com/google/re2/wiki/Syntax."
        ) from None
    if compiled.search("") is not None:
        raise PatternError(f"The pattern {name} matches the empty text, so it would match everywhere.")
    return compiled


def checked_patterns(patterns: Mapping[str, str]) -> None:
    """Raises PatternError when one of them, or their number, is wrong."""
    if len(patterns) > MOST_PATTERNS:
        raise PatternError(f"A project may have {MOST_PATTERNS} patterns; these are {len(patterns)}.")
    for name, pattern in patterns.items():
        checked_pattern(name, pattern)


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    return options


def _words(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    return message.decode() if isinstance(message, bytes) else str(message)
