"""Traceloop's SDK around OpenAI's client, with a workflow and a conversation."""

from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import workflow

Traceloop.init(app_name="shop")
Traceloop.set_association_properties({"session_id": "mail-7", "user_id": "u-7"})


@workflow(name="triage")
def triage():
    from asking import ask
    from openai import AsyncOpenAI, OpenAI

    ask(OpenAI(), AsyncOpenAI())


triage()
