import json

from common import count
from phoenix.client.types import PromptVersion


def prepare(item):
    body = json.loads(item["file"])
    version = PromptVersion._loads(body["version"] | {"id": "1"})
    constants = body["prompt"]["metadata"].get("constants", {})
    slots = body["prompt"]["metadata"].get("slots", {})

    def render(values):
        renamed = {name: values[old] for name, old in slots.items() if old in values}
        variables = values | renamed | constants
        return [message["content"] for message in version.format(variables=variables, sdk="openai").messages]

    return render


count(prepare)
