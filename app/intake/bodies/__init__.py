"""Bodies of providers' APIs as bodies of `POST /api/v1/traces`. Pure: plain values in, plain values out.

values     access to JSON of any shape
messages   messages of every provider as messages of the Chat Completions API
requests   a request of any provider: model, prompt, settings and tools
answers    a response of any provider: output and usage; `chunks` joins a streamed one
usage      token counts of every provider by our names
native     `POST /api/v1/traces` with a provider's body
odd        side fields of a wrong type: converted where the meaning is plain, else kept under metadata

Supported: OpenAI (Chat Completions, Responses, Completions), Anthropic, Gemini, Bedrock (Converse, Titan), Ollama, Cohere, LangChain's
serialised messages, and the Vercel AI SDK.
"""
