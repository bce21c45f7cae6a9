"""Versions are pushed to prompt registries; a stand-in plays the registries' APIs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.remote.pushing import REGISTRIES, PushError, name_in_registry, registry
from app.exporting import ExportedVersion, exported
from templating import BARRIER, Template
from tests.app.cli.registry_standin import KEYS, Standin, serving

NAMES = sorted(REGISTRIES)
VERSION = ExportedVersion(
    "Sort the mail",
    "/support/triage",
    3,
    "gpt-5",
    {"temperature": 0.2},
    Template.parse(f'You sort {{{{shop}}}}\'s mail.{BARRIER}Mail: {{{{mail}}}}\n\nAnswer as {{"kind": …}} — é'),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with serving() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """Empty registries of each kind, with the keys of all registries in the environment."""
    for prompts in server.kept.values():
        prompts.clear()
    server.redirect_to = ""
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    return server


def body(name: str, version: ExportedVersion = VERSION) -> Any:
    return json.loads(exported(version, REGISTRIES[name].form))


def messages(name: str, prompt: Any) -> list[tuple[str, str]]:
    """The messages of a registry's prompt, with values in place of the slots."""
    tags = {tag["key"]: tag["value"] for tag in prompt.get("tags", []) if isinstance(tag, dict)}
    texts = {
        "langfuse": lambda: prompt["prompt"],
        "mlflow": lambda: json.loads(tags["mlflow.prompt.text"]),
        "phoenix": lambda: prompt["template"]["messages"],
    }[name]()
    return [
        (message["role"], message["content"].replace("{{shop}}", "Fernhill").replace("{{mail}}", "where is it?"))
        for message in texts
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_kept_once_however_often_it_is_pushed_and_again_when_it_changed(
    standin: Standin, name: str
) -> None:
    push = registry(name, standin.url + "/").push
    changed = body(name, ExportedVersion("Sort", "/support", 4, "gpt-6", {}, VERSION.template))
    outcomes = [push("triage", version_body) for version_body in (body(name), body(name), changed, changed, body(name))]
    assert outcomes == ["new", "the same", "changed", "the same", "changed"]
    assert len(standin.kept[name]["triage"]) == 3
    assert messages(name, standin.kept[name]["triage"][0]) == [
        ("system", "You sort Fernhill's mail."),
        ("user", 'Mail: where is it?\n\nAnswer as {"kind": …} — é'),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_registry_without_the_right_key_keeps_nothing_and_no_key_follows_a_redirect(
    standin: Standin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as elsewhere:
        standin.redirect_to = f"{elsewhere.url}/api/public/v2/prompts"
        with pytest.raises(PushError, match="redirects to another address"):
            registry(name, standin.url).push("triage", body(name))
    standin.redirect_to = ""
    for variable in KEYS:
        monkeypatch.setenv(variable, "wrong")
    with pytest.raises(PushError, match="refuses the keys"):
        registry(name, standin.url).push("triage", body(name))
    assert standin.kept[name] == {}


def test_a_registry_that_does_not_answer_is_named(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as closed:
        address = closed.url
    with pytest.raises(PushError, match="does not answer"):
        registry("langfuse", address).push("triage", body("langfuse"))
    with pytest.raises(PushError, match="404"):
        registry("langfuse", f"{standin.url}/else").push("triage", body("langfuse"))
    for name in ("LANGFUSE_BASE_URL", "LANGFUSE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for wrong in (None, "file:///etc/passwd", "langfuse.example"):
        with pytest.raises(PushError, match="Give the address of Langfuse"):
            registry("langfuse", wrong)
    monkeypatch.setenv("LANGFUSE_HOST", standin.url)
    assert registry("langfuse", None).push("triage", body("langfuse")) == "new"


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("/support/triage", "Sort the mail", "support-triage-sort-the-mail"),
        ("/../etc", "a/b\r\nX: y", "etc-a-b-x-y"),
        ("/客户", "分类", "task-89abcdef"),
        ("/é", "Straße", "e-strae"),
        ("/a", "x" * 300, f"a-{'x' * 98}"),
    ],
)
def test_a_name_is_one_that_every_registry_takes(path: str, name: str, expected: str) -> None:
    assert name_in_registry(path, name, "01234567-0000-7000-8000-000089abcdef") == expected
