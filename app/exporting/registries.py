"""Bodies for registries of prompts: Langfuse (POST /api/public/v2/prompts) and MLflow (mlflow.genai.register_prompt)."""

from app.exporting.messages import as_json
from app.exporting.mustache import Mustache
from app.exporting.version import Version


def write_langfuse(version: Version) -> str:
    """A chat prompt of Langfuse; its configuration names the constants that `compile` needs besides the slots."""
    mustache = Mustache(version)
    config = {"model": version.model, **version.settings}
    if mustache.constants:
        config["constants"] = mustache.constants
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


def write_mlflow(version: Version) -> str:
    """The arguments of mlflow.genai.register_prompt; tags name the constants that `format` needs besides the slots."""
    mustache = Mustache(version)
    tags = {"path": version.path, "version": str(version.version), "model": version.model}
    tags |= {f"constant.{name}": held for name, held in mustache.constants.items()}
    return as_json({"name": version.slug, "template": _messages(version, mustache), "tags": tags})


def _messages(version: Version, mustache: Mustache) -> list[dict[str, str]]:
    return [{"role": each.role, "content": text} for each, text in zip(version.messages, mustache.texts, strict=True)]
