"""Langfuse's client of OpenAI, in a function that it observes and with a session."""

from asking import ask
from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import AsyncOpenAI, OpenAI


@observe()
def triage():
    with propagate_attributes(session_id="mail-7", user_id="u-7"):
        ask(OpenAI(), AsyncOpenAI())


triage()
get_client().flush()
