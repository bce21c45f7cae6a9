"""promptfoo: a configuration with the prompt as chat messages and a test case for each sampled call. YAML that is JSON."""

import json

from app.exporting import jinja
from app.exporting.version import ExportedVersion, SampleCall


def write(version: ExportedVersion) -> str:
    """promptfooconfig.yaml: promptfoo renders each message with Nunjucks, which reads Jinja's expressions."""
    messages = [{"role": message.role, "content": jinja.body(message)} for message in version.messages]
    config = {
        "description": f"{version.name}, version {version.version} at {version.path}. {version.note}".rstrip(". "),
        "prompts": [{"id": version.slug, "label": version.name, "raw": json.dumps(messages, ensure_ascii=False)}],
        "providers": [version.model],
        "tests": [_test(sample) for sample in version.samples],
    }
    return json.dumps(config, ensure_ascii=False, indent=2) + "\n"


def _test(sample: SampleCall) -> dict[str, object]:
    """The values of a call; the model's answer is kept for assertions."""
    test: dict[str, object] = {"vars": dict(sample.values), "options": {"disableVarExpansion": True}}
    return test if sample.output is None else test | {"metadata": {"output": sample.output}}
