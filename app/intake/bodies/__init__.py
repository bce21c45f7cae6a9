"""Bodies of providers' APIs as bodies of `POST /api/v1/traces`.  Pure: plain values in, plain values out.

values     looking into JSON of any shape
messages   messages of every provider as the Chat Completions API writes them
requests   a request: model, prompt, settings and tools, by whichever provider it is written for
answers    a response: output and usage; `chunks` puts a streamed one together
usage      token counts of every provider by our names
native     what `POST /api/v1/traces` does with a provider's body
odd        side fields of a wrong kind: mended where their meaning is plain, else kept under metadata

Known are OpenAI (Chat Completions, Responses, Completions), Anthropic, Gemini, Bedrock (Converse, Titan), Ollama, Cohere,
LangChain's serialised messages, and the Vercel AI SDK.
"""
