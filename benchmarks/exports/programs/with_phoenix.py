import json

from common import count
from phoenix.client.types import PromptVersion


def prepare(item):
    body = json.loads(item["file"])
    version = PromptVersion._loads(body["version"] | {"id": "1"})
    constants = body["prompt"]["metadata"].get("constants", {})
    return lambda values: [
        message["content"] for message in version.format(variables=values | constants, sdk="openai").messages
    ]


count(prepare)
