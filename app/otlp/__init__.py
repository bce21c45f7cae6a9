"""OTLP over HTTP in: spans and events of LLM calls become the same incoming traces that the JSON API takes.

wire         bytes <-> protobuf messages, in both encodings
spans        a protobuf span as plain values
logs         events in logs that tell of a call, as spans
dialects     what a span says, by whichever instrumentation it was written; a registry
messages     messages that are written as attributes, events or parts
attributes   attributes that are read one by one
translate    one export: what becomes a trace, what is refused and why, what is no LLM call
same         one call that several spans tell of
known        what is stored already of such a call
paths        which call site a span belongs to
ignored      what spans are that are no calls
refusal      why a span does not become a trace, and what to do
counting     counters and the line in the log
ingestion    events of Langfuse's older SDKs
langfuse_api what Langfuse's SDKs ask of their server
routes       POST /v1/traces, /v1/logs, /v1/metrics, /api/public/otel/v1/traces
"""
