"""Agents of Pydantic AI under Logfire: one turn, a stream, awaited."""

import asyncio

import logfire
from calls import MODEL, SYSTEM, mail
from pydantic_ai import Agent

logfire.configure(send_to_logfire=False, service_name="shop", console=False)
logfire.instrument_pydantic_ai()
agent = Agent(f"openai-chat:{MODEL}", instructions=SYSTEM, name="triage")
agent.run_sync(mail(1))


async def streamed():
    async with agent.run_stream(mail(2)) as result:
        async for _ in result.stream_text():
            pass
    await Agent(f"openai-responses:{MODEL}", system_prompt=SYSTEM, name="triage").run(mail(3))


asyncio.run(streamed())
logfire.force_flush()
