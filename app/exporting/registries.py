"""Bodies for registries of prompts: Langfuse (POST /api/public/v2/prompts), MLflow (mlflow.genai.register_prompt), Phoenix (POST /v1/prompts)."""

import re
from typing import Any

from app.exporting.messages import MOST_TOKENS, as_json
from app.exporting.mustache import Mustache, free_name
from app.exporting.version import ExportedVersion


def write_langfuse(version: ExportedVersion) -> str:
    """A chat prompt of Langfuse; its configuration names the constants that `compile` needs beside the slots."""
    mustache = Mustache(version)
    config = {"model": version.model, **version.settings}
    if mustache.constants:
        config["constants"] = mustache.constants
    if version.renamed:
        config["slots"] = version.renamed
    return as_json(
        {
            "type": "chat",
            "name": version.slug,
            "prompt": _messages(version, mustache),
            "config": config,
            "labels": [],
            "tags": ["promptlode"],
            "commitMessage": f"Version {version.version} at {version.path}",
        }
    )


def write_mlflow(version: ExportedVersion) -> str:
    """The arguments of mlflow.genai.register_prompt; tags name the constants that `format` needs beside the slots."""
    mustache = Mustache(version)
    tags = {"path": version.path, "version": str(version.version), "model": version.model}
    tags |= {f"constant.{name}": constant for name, constant in mustache.constants.items()}
    tags |= {f"slot.{name}": old for name, old in version.renamed.items()}
    return as_json({"name": version.slug, "template": _messages(version, mustache), "tags": tags})


PROVIDERS = {"claude": "ANTHROPIC", "gemini": "GOOGLE", "deepseek": "DEEPSEEK", "grok": "XAI"}
"""Providers of Phoenix by a part of the model's name; every other model counts as one of OpenAI's API."""


def write_phoenix(version: ExportedVersion) -> str:
    """A prompt with a version; metadata name the constants that `format` needs beside the slots."""
    version = version.renaming(_names_of_phoenix(version))
    mustache = Mustache(version)
    provider = next((name for word, name in PROVIDERS.items() if word in version.model.lower()), "OPENAI")
    metadata: dict[str, Any] = {"path": version.path, "version": version.version}
    if mustache.constants:
        metadata["constants"] = mustache.constants
    if version.renamed:
        metadata["slots"] = version.renamed
    return as_json(
        {
            "prompt": {"name": version.slug, "description": f"{version.name} at {version.path}", "metadata": metadata},
            "version": {
                "description": f"Version {version.version} at {version.path}",
                "model_provider": provider,
                "model_name": version.model,
                "template": {"type": "chat", "messages": _messages(version, mustache)},
                "template_type": "CHAT",
                "template_format": "MUSTACHE",
                "invocation_parameters": {"type": provider.lower(), provider.lower(): _invocation(version, provider)},
            },
        }
    )


def _names_of_phoenix(version: ExportedVersion) -> dict[str, str]:
    """Names of slots for Phoenix, which accepts letters and digits but no combining marks (vowel signs of Devanagari, Thai)."""
    names: dict[str, str] = {}
    for name in version.slots:
        plain = re.sub(r"\W", "", name)
        if plain != name:
            names[name] = free_name(plain, [*version.slots, *names.values()])
    return names


def _invocation(version: ExportedVersion, provider: str) -> dict[str, Any]:
    limits = {"max_tokens": MOST_TOKENS} if provider == "ANTHROPIC" else {}
    return limits | {name: version.settings[name] for name in ("temperature",) if name in version.settings}


def _messages(version: ExportedVersion, mustache: Mustache) -> list[dict[str, str]]:
    return [
        {"role": message.role, "content": text} for message, text in zip(version.messages, mustache.texts, strict=True)
    ]
