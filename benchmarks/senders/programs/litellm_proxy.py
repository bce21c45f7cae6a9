"""LiteLLM's proxy with its OpenTelemetry callback, asked by OpenAI's client."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from asking import ask
from openai import AsyncOpenAI, OpenAI

CONFIG = f"""
model_list:
  - model_name: gpt-5-mini
    litellm_params: {{model: openai/gpt-5-mini, api_base: "{os.environ["OPENAI_BASE_URL"]}", api_key: none}}
litellm_settings:
  callbacks: ["otel"]
general_settings:
  master_key: sk-none
"""

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
Path("config.yaml").write_text(CONFIG, encoding="utf-8")
proxy = subprocess.Popen(["litellm", "--config", "config.yaml", "--port", str(port), "--host", "127.0.0.1"])


def answers():
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2).status == 200
    except OSError:
        return False


until = time.monotonic() + 240
while not answers() and proxy.poll() is None and time.monotonic() < until:
    time.sleep(0.5)
url = {"base_url": f"http://127.0.0.1:{port}", "api_key": "sk-none"}
try:
    ask(OpenAI(**url), AsyncOpenAI(**url))
    time.sleep(8)  # its exporter sends every five seconds
finally:
    proxy.terminate()
    proxy.wait(30)
