"""A chain of LangChain with the callback of Promptlode's own client: invoked, streamed, awaited."""

import asyncio

import promptlode_client as promptlode
from calls import MODEL, SYSTEM, mail
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

system = SYSTEM.replace("{", "{{").replace("}", "}}")
prompt = ChatPromptTemplate.from_messages([("system", system), ("user", "{mail}")])
chain = prompt | ChatOpenAI(model=MODEL, stream_usage=True)
config = {"metadata": {"session_id": "mail-7"}, "callbacks": [promptlode.langchain_callback("/mail/triage")]}
chain.invoke({"mail": mail(1)}, config)
for _ in chain.stream({"mail": mail(2)}, config):
    pass
asyncio.run(chain.ainvoke({"mail": mail(3)}, config))
promptlode.flush()
