"""Langfuse's SDK of version 2, which sends batches of its own, around OpenAI's client."""

from calls import MODEL, messages
from langfuse.decorators import langfuse_context, observe
from langfuse.openai import OpenAI


@observe()
def triage():
    langfuse_context.update_current_trace(session_id="mail-7", user_id="u-7")
    OpenAI().chat.completions.create(model=MODEL, messages=messages(1))
    chat = {"model": MODEL, "stream": True, "stream_options": {"include_usage": True}}
    for _ in OpenAI().chat.completions.create(messages=messages(2), **chat):
        pass


triage()
langfuse_context.flush()
