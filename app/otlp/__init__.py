"""OTLP over HTTP in: spans and events of LLM calls become the same incoming traces that the JSON API takes.

wire         bytes <-> protobuf messages, in both encodings
spans        a protobuf span as plain values
logs         events in logs that tell of a call, as spans
genai        what a span says by the GenAI semantic conventions, of today and before
openinference  what a span says by OpenInference
translate    one export: what becomes a trace, what is refused and why, what is no LLM call
routes       POST /v1/traces, POST /v1/logs
"""
