"""OpenLIT around OpenAI's client."""

import openlit
from asking import ask
from openai import AsyncOpenAI, OpenAI

openlit.init(application_name="shop")
ask(OpenAI(), AsyncOpenAI())
