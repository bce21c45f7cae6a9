"""LlamaIndex's model of OpenAI: chat, a stream, awaited, and a query of an index with its own prompts."""

import asyncio

from calls import SYSTEM, mail
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

Settings.llm = llm = OpenAI(model="gpt-4o-mini")


def request(number):
    return [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=mail(number))]


llm.chat(request(1))
for _ in llm.stream_chat(request(2)):
    pass
asyncio.run(llm.achat(request(3)))
SummaryIndex.from_documents([Document(text="Refunds take five days.")]).as_query_engine().query(mail(4))
