"""MLflow's own client reads each prompt from a stand-in of its server, to which the prompt was pushed by the server's API."""

import itertools
import json
import os
import urllib.request

from common import count, standin

TOKEN = "mlflow-token"


def post(url, endpoint, body):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{endpoint}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def keep(url, name, prompt):
    """Pushes a prompt as `promptlode export --push mlflow` does. Returns the number of the version."""
    marks = {"mlflow.prompt.is_prompt": "true", "_mlflow_prompt_type": "chat"}
    tags = marks | {"mlflow.prompt.text": json.dumps(prompt["template"])} | prompt["tags"]
    post(url, "registered-models/create", {"name": name, "tags": listed(marks)})
    version = post(url, "model-versions/create", {"name": name, "source": "prompt-template", "tags": listed(tags)})
    return version["model_version"]["version"]


def listed(tags):
    return [{"key": key, "value": value} for key, value in tags.items()]


with standin().serving() as server:
    os.environ |= {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": TOKEN}
    import mlflow

    names = (f"prompt-{number}" for number in itertools.count())

    def prepare(item):
        body, name = json.loads(item["file"]), next(names)
        prompt = mlflow.genai.load_prompt(f"prompts:/{name}/{keep(server.url, name, body)}")
        constants = {
            name.removeprefix("constant."): text for name, text in prompt.tags.items() if name.startswith("constant.")
        }
        return lambda values: [message["content"] for message in prompt.format(**values, **constants)]

    count(prepare)
