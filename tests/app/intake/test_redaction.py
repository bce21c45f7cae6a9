"""Secrets, and texts that only look like secrets."""

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake import redaction
from app.intake.redaction import PatternError, Redactor, checked_pattern, checked_patterns, is_card, is_secret_name

PLAIN = Redactor()
SECRETS = {
    "sk-abcDEF1234567890abcdefgh": "api_key",
    "sk-proj-" + "a1B2" * 12: "api_key",
    "sk-ant-api03-" + "a1_B-" * 12 + "x": "api_key",
    "AIza" + "a1B2" * 8 + "abc": "api_key",
    "gsk_" + "a1" * 20: "api_key",
    "hf_" + "a1" * 17: "api_key",
    "AKIAIOSFODNN7EXAMPLE": "aws_key",
    "ghp_" + "a1B2" * 9: "github_token",
    "github_pat_" + "a1B2" * 9: "github_token",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "jwt",
    "pl_" + "a1" * 21 + "b": "promptlode_key",
    "pl_eu-1." + "a1" * 21 + "b": "promptlode_key",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----": "private_key",
    "4111 1111 1111 1111": "card",
    "5500-0055-5555-5559": "card",
    "378282246310005": "card",
    "4111\u00a01111\u202f1111\u20111111": "card",
    "4111 2222 3333 4444 551": "card",
}


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
@pytest.mark.parametrize("around", ["{}", "Use {}", "({})", "Grüße 日本 {}.", "x={}"])
def test_a_known_shape_becomes_the_word_for_its_kind(secret: str, kind: str, around: str) -> None:
    assert PLAIN.text(around.format(secret)) == around.format(f"[redacted:{kind}]")


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-ensemble-random-forest-classifier",
        "sk-learn-ensemble-random-forest-version2",  # one digit is no random text
        "task-abcdefghijklmnopqrstuvwxyz0123456789",
        "4111 1111 1111 1112",  # a wrong check digit
        "1700000000000",  # a time in milliseconds
        "41111111111111111111111111",  # too long for a card
        "the password: is {password}",
        "max_tokens: 4096, secret garden, basic mathematics",
        "AKIAI",
        "https://example.com:8080/a@b",
        "anna@example.com",
        "[redacted:card]",
    ],
)
def test_a_text_that_only_looks_like_a_secret_stays(text: str) -> None:
    assert PLAIN.text(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("-----BEGIN PRIVATE KEY-----\ncut off", "[redacted:private_key]"),
        ("4111 1111 1111 1111 12/27 123", "[redacted:card] 12/27 123"),
        ("1234567890123 4111-1111-1111-1111", "1234567890123 [redacted:card]"),
        ("postgres://shop:hunter2@db/shop", "postgres://shop:[redacted:password]@db/shop"),
        ("Authorization: Bearer abcdef0123456789xyz", "Authorization: Bearer [redacted:secret]"),
        ('{"password": "hun\\"ter2", "max_tokens": 5}', '{"password": "[redacted:secret]", "max_tokens": 5}'),
        ('{"a": "To:\\nanna@example.com 4111111111111111"}', '{"a": "To:\\nanna@example.com [redacted:card]"}'),
        ("api_key: [redacted:card]", "api_key: [redacted:card]"),
        ('{"api_key": "[redacted:card]"}', '{"api_key": "[redacted:card]"}'),
        ('{"a": "{\\"api_key\\": \\"x\\"}"}', '{"a": "{\\"api_key\\": \\"[redacted:secret]\\"}"}'),
    ],
)
def test_the_text_around_a_secret_stays(text: str, redacted: str) -> None:
    assert PLAIN.text(text) == redacted


def card(beginning: str, length: int) -> str:
    """A number with this beginning and the right check digit."""
    (number,) = [
        number for digit in "0123456789" if has_check_digit(number := beginning.ljust(length - 1, "0") + digit)
    ]
    return number


def has_check_digit(number: str) -> bool:
    """The check digit of Luhn as ISO/IEC 7812 writes the rule: from the right, every second digit doubled."""
    digits = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in digits) % 10 == 0


@pytest.mark.parametrize(
    ("beginnings", "lengths"),
    [
        ("4", (13, 16, 19)),  # Visa
        ("5100 5599 2221 2720", (16,)),  # Mastercard
        ("34 37", (15,)),  # American Express
        ("6011 6440 6599 62 3528 3589", (16, 19)),  # Discover, UnionPay, JCB
        ("3000 3059 36 38", (14,)),  # Diners
    ],
)
def test_every_scheme_has_its_beginnings_and_lengths(beginnings: str, lengths: tuple[int, ...]) -> None:
    assert [length for begun in beginnings.split() for length in lengths if not is_card(card(begun, length))] == []


@pytest.mark.parametrize(
    ("beginning", "length"),
    [("4", 15), ("5099", 16), ("5600", 16), ("5100", 19), ("2220", 16), ("2721", 16), ("35", 15), ("6439", 16),
     ("6600", 16), ("3527", 16), ("3590", 16), ("3060", 14), ("36", 15)],
)  # fmt: skip
def test_beside_its_beginnings_and_lengths_a_number_is_no_card(beginning: str, length: int) -> None:
    assert not is_card(card(beginning, length))


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "API_KEY",
        "x-api-key",
        "openaiApiKey",
        "client_secret",
        "db.password",
        "Cookie",
        "api__key",
        "apiKeys",
    ],
)
def test_a_field_may_have_a_secret_name(name: str) -> None:
    assert is_secret_name(name)
    assert PLAIN.value({name: "hunter2"}) == {name: "[redacted:secret]"}


@pytest.mark.parametrize("name", redaction._NAMES)
def test_the_quick_look_sees_every_secret_name(name: str) -> None:
    assert not PLAIN.is_clean(orjson.dumps({f"X-{name.title()}": "hunter2"}))


@pytest.mark.parametrize("name", ["max_tokens", "token", "tokens", "input_tokens", "secretary", "keyword", "passage"])
def test_a_name_that_only_sounds_secret_is_none(name: str) -> None:
    assert PLAIN.value({name: "hunter2"}) == {name: "hunter2"}


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        ({"secrets": ["a", 5]}, {"secrets": ["[redacted:secret]"] * 2}),
        ({"secrets": {"db": "a"}}, {"secrets": {"db": "[redacted:secret]"}}),
        ({"password": {"type": "string"}}, {"password": {"type": "string"}}),  # a schema of a tool
        (
            {"password": {"type": "string", "default": "AKIAIOSFODNN7EXAMPLE"}},
            {"password": {"type": "string", "default": "[redacted:aws_key]"}},
        ),
        ({"is_secret": True, "secret": None, "password": ""}, {"is_secret": True, "secret": None, "password": ""}),
        ({"n": 4111111111111111, "m": 4111111111111112}, {"n": "[redacted:card]", "m": 4111111111111112}),
        ({"n": 4111111111111111.0, "m": 4111111111111111.5}, {"n": "[redacted:card]", "m": 4111111111111111.5}),
        ({"AKIAIOSFODNN7EXAMPLE": 1}, {"[redacted:aws_key]": 1}),
    ],
)
def test_values_of_json(value: Any, redacted: Any) -> None:
    assert PLAIN.value(value) == redacted


def test_e_mail_addresses_are_removed_where_that_is_wanted() -> None:
    assert Redactor(email=True).text("To anna.b+c@mail.example.co.uk, please") == "To [redacted:email], please"
    assert Redactor(email=True).text(r'{"a": "To\nanna@example.com"}') == r'{"a": "To\n[redacted:email]"}'


def test_a_project_has_patterns_of_its_own() -> None:
    redactor = Redactor(patterns={"customer": r"\bKD-\d{6}\b"})
    assert redactor.text("for KD-123456 and AKIAIOSFODNN7EXAMPLE") == "for [redacted:customer] and [redacted:aws_key]"
    assert not redactor.is_clean(b"{}")


SEPARATORS = [" ", "\n", "\t", "\r\n", "\f", "\x01", "\x1b", "\u2028", '"', "é", "\\", "="]


@given(
    st.sampled_from([*SECRETS]),
    st.text(max_size=50),
    st.sampled_from(SEPARATORS),
    st.text(max_size=50),
    st.integers(0, 2),
)
def test_the_quick_look_overlooks_nothing_that_the_rules_would_remove(
    secret: str, before: str, separator: str, after: str, nested: int
) -> None:
    """The look also covers the beginning of a line, and JSON within the text, where a letter stands before the
    secret: \n.
    """
    text = f"{before}{separator}{secret} {after}"
    for _ in range(nested):
        text = json.dumps({"arguments": text}, ensure_ascii=secret.isascii())
        secret = json.dumps(secret, ensure_ascii=False)[1:-1]
    assert secret not in PLAIN.text(text)
    assert not PLAIN.is_clean(orjson.dumps({"x": [text]}))


def test_the_quick_look_takes_no_digits_within_an_id_for_a_card() -> None:
    assert PLAIN.is_clean(b'{"external_id":"4bf92f3577b34da6a3ce929d0e0e4736:a1234567890123450"}')


@given(st.from_regex(r"\A(x[-_. ]{1,3})?(api|private|secret)[-_. ]{0,3}(key|Key)s?\Z"))
def test_the_quick_look_overlooks_no_secret_name(name: str) -> None:
    assert PLAIN.value({name: "hunter2"}) == {name: "[redacted:secret]"}
    assert not PLAIN.is_clean(orjson.dumps({name: "hunter2"}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_clean_text_is_not_touched_and_redacting_twice_is_redacting_once(value: Any) -> None:
    redacted = PLAIN.value(value)
    assert PLAIN.value(redacted) == redacted


@pytest.mark.parametrize(
    ("number", "is_one"),
    [
        ("4242424242424242", True),
        ("6011111111111117", True),
        ("3530111333300000", True),
        ("30569309025904", True),
        ("0000000000000000", False),
    ],
)
def test_a_card_has_a_scheme_a_length_and_a_check_digit(number: str, is_one: bool) -> None:
    assert is_card(number) is is_one


@pytest.mark.parametrize(
    ("name", "pattern", "reason"),
    [
        ("a", "(", "missing )"),
        ("a", "(?=x)", "no RE2 pattern"),
        ("a", r"\pL{64}", "too large"),
        ("a", "x*", "matches the empty text"),
        ("a", "", "1 to 1000"),
        ("a", "x" * 1001, "1 to 1000"),
        ("A b", "x", "lower-case"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(name: str, pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason.replace("(", "\\(").replace(")", "\\)")):
        checked_pattern(name, pattern)


def test_a_project_has_so_many_patterns_at_most() -> None:
    with pytest.raises(PatternError, match="50"):
        checked_patterns({f"p{number}": "x" for number in range(51)})


def test_no_pattern_takes_longer_than_the_text() -> None:
    """With backtracking this pattern would take longer than the world has stood; here the match ends within the
    test's time.
    """
    started = time.monotonic()
    Redactor(patterns={"slow": "(a+)+$"}).text("a" * 10_000 + "b")
    assert time.monotonic() - started < 100
