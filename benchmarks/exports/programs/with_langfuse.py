import json

from common import count
from langfuse.api import Prompt_Chat
from langfuse.model import ChatPromptClient


def prepare(item):
    body = json.loads(item["file"])
    known = {
        "version": 1,
        "labels": body["labels"],
        "tags": body["tags"],
        "config": body["config"],
        "name": body["name"],
    }
    prompt = ChatPromptClient(Prompt_Chat(prompt=[{"type": "chatmessage", **each} for each in body["prompt"]], **known))
    constants = body["config"].get("constants", {})
    return lambda values: [message["content"] for message in prompt.compile(**values, **constants)]


count(prepare)
