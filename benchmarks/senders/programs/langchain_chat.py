"""A chain of LangChain: a template and a model, invoked, streamed, awaited."""

import asyncio

from calls import MODEL, SYSTEM, mail
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_openai import ChatOpenAI

system = SYSTEM.replace("{", "{{").replace("}", "}}")
prompt = ChatPromptTemplate.from_messages([("system", system), ("user", "{mail}")])
chain = prompt | ChatOpenAI(model=MODEL, stream_usage=True)
config = {"metadata": {"session_id": "mail-7"}, "run_name": "triage"}
chain.invoke({"mail": mail(1)}, config)
for _ in chain.stream({"mail": mail(2)}, config):
    pass
asyncio.run(chain.ainvoke({"mail": mail(3)}, config))
wait_for_all_tracers()
