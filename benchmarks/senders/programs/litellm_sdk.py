"""LiteLLM with its OpenTelemetry callback: completion, a stream, awaited, a stream awaited, responses, Anthropic, and embeddings."""

import asyncio
import time

import litellm
from calls import MODEL, SYSTEM, mail, messages

litellm.callbacks = ["otel"]
litellm.completion(model=f"openai/{MODEL}", messages=messages(1), metadata={"session_id": "mail-7"})
for _ in litellm.completion(
    model=f"openai/{MODEL}", messages=messages(2), stream=True, stream_options={"include_usage": True}
):
    pass
litellm.responses(model=f"openai/{MODEL}", instructions=SYSTEM, input=mail(3))
litellm.completion(model="anthropic/claude-sonnet-4-5", messages=messages(4))


async def awaited():
    await litellm.acompletion(model=f"openai/{MODEL}", messages=messages(5))
    chunks = await litellm.acompletion(
        model=f"openai/{MODEL}", messages=messages(6), stream=True, stream_options={"include_usage": True}
    )
    async for _ in chunks:
        pass
    await litellm.aembedding(model="openai/text-embedding-3-small", input=[mail(7)])
    await asyncio.sleep(2)  # its callbacks run beside the call


asyncio.run(awaited())
time.sleep(2)
