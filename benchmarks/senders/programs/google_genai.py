"""Google's client of Gemini: a text, a stream, an awaited call."""

import asyncio

from calls import SYSTEM, mail
from google import genai

client = genai.Client()
config = genai.types.GenerateContentConfig(system_instruction=SYSTEM, temperature=0.2)
asked = {"model": "gemini-2.5-flash", "config": config}
client.models.generate_content(contents=mail(1), **asked)
for _ in client.models.generate_content_stream(contents=mail(2), **asked):
    pass
asyncio.run(client.aio.models.generate_content(contents=mail(3), **asked))
