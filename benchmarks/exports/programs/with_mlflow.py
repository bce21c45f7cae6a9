import json

from common import count
from mlflow.entities.model_registry import PromptVersion


def prepare(item):
    body = json.loads(item["file"])
    prompt = PromptVersion(name=body["name"], version=1, template=body["template"], tags=body["tags"])
    constants = {
        name.removeprefix("constant."): text for name, text in body["tags"].items() if name.startswith("constant.")
    }
    return lambda values: [message["content"] for message in prompt.format(**values, **constants)]


count(prepare)
