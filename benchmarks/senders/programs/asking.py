"""The five calls that all programs with OpenAI's client under some SDK make."""

import asyncio

from calls import MODEL, SYSTEM, mail, messages


def ask(client, awaited):
    """Chat, a stream, the Responses API and its stream, an awaited call."""
    client.chat.completions.create(model=MODEL, messages=messages(1))
    chat = {"model": MODEL, "stream": True, "stream_options": {"include_usage": True}}
    for _ in client.chat.completions.create(messages=messages(2), **chat):
        pass
    client.responses.create(model=MODEL, instructions=SYSTEM, input=mail(3))
    for _ in client.responses.create(model=MODEL, instructions=SYSTEM, input=mail(4), stream=True):
        pass
    asyncio.run(awaited.chat.completions.create(model=MODEL, messages=messages(5)))
