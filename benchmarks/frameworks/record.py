"""Record the requests of LlamaIndex, LangChain, DSPy, Haystack and DeepEval.

    python -m venv .venv-frameworks && .venv-frameworks/bin/pip install -r benchmarks/frameworks/requirements.txt
    .venv-frameworks/bin/python -m benchmarks.frameworks.record

Runs the frameworks' own chains over Python's language reference against a stand-in server on this machine and writes
`recording.jsonl.gz` ({"path", "request", "response"} a line: what `promptlode import` reads) and `templates.json`, the
frameworks' own templates with `<<variable>>` where a value goes. No request leaves the machine.
"""

import gzip
import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RECORDING, TEMPLATES = HERE / "recording.jsonl.gz", HERE / "templates.json"
PACKAGES = ("llama-index-core", "llama-index-llms-openai", "langchain-classic", "langchain-core", "langchain-openai",
            "dspy", "haystack-ai", "deepeval")  # fmt: skip
QUIET = {
    "LANGSMITH_TRACING": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}


def main() -> None:
    os.environ |= QUIET | {"TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": "none"}
    # Imported here: the frameworks read the environment at import.
    from benchmarks.frameworks import deepeval, dspy, haystack, langchain, llamaindex
    from benchmarks.frameworks.standin import running

    frameworks = (llamaindex, langchain, dspy, haystack, deepeval)
    with running() as server:
        for framework in frameworks:
            framework.prepare()
            for chain in framework.CHAINS:
                chain(server.url)
    # mtime 0: the same exchanges make the same file.
    with gzip.GzipFile(RECORDING, "wb", mtime=0) as file:
        file.writelines(json.dumps(exchange, ensure_ascii=False).encode() + b"\n" for exchange in server.exchanges)
    own_entries = [{"name": name, "path": path, "parts": parts}
           for framework in frameworks for name, path, parts in framework.own_templates()]  # fmt: skip
    packages = {name: version(name) for name in PACKAGES}
    TEMPLATES.write_text(
        json.dumps({"packages": packages, "templates": own_entries}, indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    for path, calls in sorted(Counter(exchange["path"] for exchange in server.exchanges).items()):
        print(f"{calls:5} {path}")
    print(f"{len(server.exchanges):5} in all, Python {sys.version.split()[0]}, {packages}")


if __name__ == "__main__":
    main()
