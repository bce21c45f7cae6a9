"""LiteLLM with the callback of Promptlode's own client: completion, a stream, responses, awaited, and an embedding."""

import asyncio
import time

import litellm
import promptlode_client as promptlode
from calls import MODEL, SYSTEM, mail, messages

litellm.callbacks = [promptlode.litellm_callback("/mail/triage")]
streamed = {"stream": True, "stream_options": {"include_usage": True}}
litellm.completion(model=f"openai/{MODEL}", messages=messages(1), metadata={"session_id": "mail-7"})
for _ in litellm.completion(model=f"openai/{MODEL}", messages=messages(2), **streamed):
    pass
litellm.responses(model=f"openai/{MODEL}", instructions=SYSTEM, input=mail(3))


async def awaited():
    await litellm.acompletion(model=f"openai/{MODEL}", messages=messages(4))
    async for _ in await litellm.acompletion(model=f"openai/{MODEL}", messages=messages(5), **streamed):
        pass
    await litellm.aembedding(model="openai/text-embedding-3-small", input=[mail(6)])
    await asyncio.sleep(2)  # its callbacks run beside the call


asyncio.run(awaited())
time.sleep(2)
promptlode.flush()
