"""Anthropic's own client: a message, a stream of each kind, an awaited message, a system prompt of two blocks."""

import asyncio

from anthropic import Anthropic, AsyncAnthropic
from calls import SYSTEM, mail

client = Anthropic()
model = {"model": "claude-sonnet-4-5", "max_tokens": 300}


def request(number):
    return {**model, "messages": [{"role": "user", "content": mail(number)}]}


client.messages.create(system=SYSTEM, **request(1))
for _ in client.messages.create(system=SYSTEM, stream=True, **request(2)):
    pass
with client.messages.stream(system=SYSTEM, **request(3)) as stream:
    for _ in stream.text_stream:
        pass
asyncio.run(AsyncAnthropic().messages.create(system=SYSTEM, **request(4)))
blocks = [{"type": "text", "text": SYSTEM}, {"type": "text", "text": "Be kind."}]
client.messages.create(system=blocks, **request(5))
