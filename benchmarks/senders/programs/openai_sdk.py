"""OpenAI's own client; its embeddings are no call of a model that writes."""

from asking import ask
from calls import mail
from openai import AsyncOpenAI, OpenAI

ask(OpenAI(), AsyncOpenAI())
OpenAI().embeddings.create(model="text-embedding-3-small", input=mail(6))
