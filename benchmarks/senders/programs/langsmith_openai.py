"""LangSmith's wrapper of OpenAI's client, exported by OpenTelemetry, in a function that it traces."""

from asking import ask
from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai
from openai import AsyncOpenAI, OpenAI

client = Client()


@traceable(client=client, metadata={"session_id": "mail-7"})
def triage():
    ask(wrap_openai(OpenAI()), wrap_openai(AsyncOpenAI()))


triage()
client.flush()
