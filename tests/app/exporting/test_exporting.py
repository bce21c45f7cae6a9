"""A version as a file: the format's own library renders the file to the call, byte for byte.

Jinja2 and Python are tried here; `python -m benchmarks.exports` tries all formats, each with the real library.
"""

import json
from keyword import kwlist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from app.exporting import FORMATS, ExportedVersion, exported
from app.exporting.jinja import block_names
from templating import BARRIER, Template
from templating.portable import RESERVED_NAMES

HOSTILE = [
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "\\",
    '"',
    "'",
    "\n",
    "\r\n",
    " ",
    "$",
    "%s",
    "{x}",
    "é",
    "😀",
    '"""',
    "{{slot}}",
]


def version_of(*templates: Template, **fields: Any) -> ExportedVersion:
    """A version of these messages: the last is the user's, the one before the system's."""
    literals = list(templates[0].literals)
    for template in templates[1:]:
        literals[-1] += BARRIER + template.literals[0]
        literals += template.literals[1:]
    slots = tuple(name for template in templates for name in template.slots)
    roles = ("system", "user")[-len(templates) :]
    return ExportedVersion(
        "Sort mail", "/mail", 2, "gpt-5", {"temperature": 0.5}, Template(tuple(literals), slots), roles, **fields
    )


texts = st.lists(st.sampled_from(HOSTILE) | st.text("ab ", max_size=3), max_size=6).map("".join)


@st.composite
def versions(draw: st.DrawFn) -> tuple[ExportedVersion, dict[str, str]]:
    """A version with hostile fixed text, and values for it."""
    values = {name: draw(texts) for name in ("slot", "other", "class_")}
    templates = []
    for _ in range(draw(st.integers(1, 2))):
        names = tuple(draw(st.lists(st.sampled_from(sorted(values)), max_size=3)))
        inner = [draw(texts) or "-" for _ in names[1:]]
        literals = ("x" + draw(texts), *inner, draw(texts)) if names else ("x" + draw(texts),)
        templates.append(Template(literals, names))
    return version_of(*templates), values


def prompt(version: ExportedVersion, values: dict[str, str]) -> list[str]:
    return [message.render(values) for message in version.messages]


@given(versions())
def test_jinja_gives_the_call_back(version_and_values: tuple[ExportedVersion, dict[str, str]]) -> None:
    version, values = version_and_values
    template = Environment(undefined=StrictUndefined).from_string(exported(version, "jinja2"))
    blocks = [template.blocks[name] for name in block_names(version)]
    assert ["".join(block(template.new_context(values))) for block in blocks] == prompt(version, values)


@given(versions())
def test_python_gives_the_call_back(version_and_values: tuple[ExportedVersion, dict[str, str]]) -> None:
    version, values = version_and_values
    module: dict[str, Any] = {}
    exec(exported(version, "python"), module)
    given_values = {name: values[name] for name in version.slots}
    assert [message["content"] for message in module["messages"](**given_values)] == prompt(version, values)
    assert module["MODEL"] == "gpt-5"


@given(versions())
def test_bodies_of_apis_hold_the_text_form(version_and_values: tuple[ExportedVersion, dict[str, str]]) -> None:
    version, values = version_and_values
    for name in ("openai", "anthropic"):
        body = json.loads(exported(version, name))
        system = [body["system"]] if "system" in body else []
        shown = system + [message["content"] for message in body["messages"]]
        assert [Template.parse(text).render(values) for text in shown] == prompt(version, values)


@given(versions())
def test_every_format_writes_every_version(version_and_values: tuple[ExportedVersion, dict[str, str]]) -> None:
    for name in FORMATS:
        assert exported(version_and_values[0], name).strip()


ODD_NAMES = sorted(
    RESERVED_NAMES | {*kwlist, "__debug__", "_id", "_1", "ｉｄ", "ｶﾅ", "ſ", "ﬁle", "प्रश्न", "str_", "output"}
)
"""Names that some tool keeps for itself or reads otherwise, as templates may have them that are stored already."""


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_jinja_and_python_give_the_call_back_for_any_name_of_a_slot(odd: str) -> None:
    version = version_of(Template(("Label: ", ", ", "\n", ""), (odd, "s", "class_")))
    names = version.with_allowed_names().slots
    assert len(set(names)) == 3
    values = dict(zip(names, ("0.123", "{{ s }}", "x"), strict=True))
    template = Environment(undefined=StrictUndefined).from_string(exported(version, "jinja2"))
    module: dict[str, Any] = {}
    exec(exported(version, "python"), module)
    expected = "Label: 0.123, {{ s }}\nx"
    assert "".join(template.blocks["user"](template.new_context(values))) == expected
    assert module["messages"](**values)[0]["content"] == expected


@pytest.mark.parametrize(
    ("format_", "name"), [("langchain", "stop"), ("mlflow", "prompt"), ("dspy", "instructions"), ("dspy", "config")]
)
def test_a_name_that_one_library_keeps_is_another_in_its_files_alone(format_: str, name: str) -> None:
    version = version_of(Template(("a ", ""), (name,)))
    assert f"{name}_ is {name}" in exported(version, format_) or f'"slot.{name}_": "{name}"' in exported(
        version, format_
    )
    assert f"{{{{ {name} }}}}" in exported(version, "jinja2")


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"openai", "anthropic"}))
def test_a_file_says_which_slot_is_called_otherwise_in_it(name: str) -> None:
    text = exported(version_of(Template(("a ", ""), ("ﬁle",))), name)
    assert "file" in text
    assert "ﬁle" in text


def test_phoenix_which_takes_no_vowel_signs_gets_letters_alone() -> None:
    body = json.loads(exported(version_of(Template(("a ", ""), ("प्रश्न",))), "phoenix"))
    assert body["version"]["template"]["messages"][0]["content"] == "a {{परशन}}"
    assert body["prompt"]["metadata"]["slots"] == {"परशन": "प्रश्न"}


def test_dotprompt_looks_for_the_value_where_it_has_a_helper_of_the_name() -> None:
    assert exported(version_of(Template(("a ", ""), ("json",))), "dotprompt").endswith("a {{this.json}}")


def test_the_output_of_a_signature_is_not_the_slot_of_its_name() -> None:
    assert "output_: str = dspy.OutputField()" in exported(version_of(Template(("a ", ""), ("output",))), "dspy")


@pytest.mark.parametrize("name", ["langfuse", "mlflow"])
def test_constants_are_named_where_fixed_braces_would_be_a_variable(name: str) -> None:
    text = exported(version_of(Template(("Keep {{price}} of ", ""), ("open_braces",))), name)
    assert "{{open_braces_}}price}} of {{open_braces}}" in text
    assert '"{{"' in text


def test_a_message_that_is_a_slot_alone_is_written_too() -> None:
    version = ExportedVersion("Chat", "/chat", 1, "m", {}, Template(("Be brief." + BARRIER, ""), ("message",)))
    assert [(message.role, message.text) for message in version.messages] == [
        ("system", "Be brief."),
        ("user", "{{message}}"),
    ]
    for name in FORMATS:
        assert "message" in exported(version, name)


def test_files_with_comments_say_that_examples_sent_as_messages_are_not_whole() -> None:
    version = ExportedVersion(
        "Mood", "/mood", 1, "m", {}, Template((f"Mood?{BARRIER}Text: Fine.{BARRIER}Text: ", ""), ("text",))
    )
    for name in ("python", "jinja2", "promptfoo", "dotprompt"):
        assert "few-shot examples as messages" in exported(version, name)
    assert "few-shot" not in exported(version_of(Template(("Text: ", ""), ("text",))), "python")


def test_the_name_of_a_file_is_one_that_every_system_takes() -> None:
    version = version_of(Template(("x",)))
    assert version.slug == "sort-mail"
    assert ExportedVersion("../..\\/:*?", "/", 1, "m", {}, version.template).slug == "task"
