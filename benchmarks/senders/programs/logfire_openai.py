"""Logfire around OpenAI's client."""

import logfire
from asking import ask
from openai import AsyncOpenAI, OpenAI

logfire.configure(send_to_logfire=False, service_name="shop", console=False)
logfire.instrument_openai()
with logfire.span("triage"):
    ask(OpenAI(), AsyncOpenAI())
logfire.force_flush()
