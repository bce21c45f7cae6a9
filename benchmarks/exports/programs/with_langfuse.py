"""Langfuse's own client reads each prompt from a stand-in of its server, to which the prompt was pushed by the server's API."""

import base64
import json
import urllib.request

from common import count, standin
from langfuse import Langfuse

PUBLIC_KEY, SECRET_KEY = "pk-lf-1", "sk-lf-1"


def keep(url, body):
    keys = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
    headers = {"Authorization": f"Basic {keys}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/public/v2/prompts", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request).close()


with standin().serving() as server:
    client = Langfuse(public_key=PUBLIC_KEY, secret_key=SECRET_KEY, host=server.url, tracing_enabled=False)

    def prepare(item):
        body = json.loads(item["file"])
        keep(server.url, body)
        prompt = client.get_prompt(body["name"], type="chat", cache_ttl_seconds=0)
        constants = prompt.config.get("constants", {})
        return lambda values: [message["content"] for message in prompt.compile(**values, **constants)]

    count(prepare)
