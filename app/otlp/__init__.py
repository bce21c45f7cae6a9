"""OTLP over HTTP: spans and log events of LLM calls become the same incoming traces as bodies of the JSON API.

wire         bytes <-> protobuf messages, in both encodings
spans        a protobuf span as plain values
logs         log events that describe a call, as spans
dialects     readers of spans, one for each way in which instrumentations write them; a registry
messages     messages written as attributes, events or parts
attributes   attributes that are read one by one
translate    one export: its traces, its refused spans with reasons, its spans that are no LLM calls
same         several spans that describe one call
known        the stored calls of the same OpenTelemetry traces
paths        the call site of a span
ignored      kinds of spans that are no calls
refusal      reasons why a span does not become a trace, with remedies
counting     counters and the line in the log
ingestion    events of Langfuse's older SDKs
langfuse_api further requests of Langfuse's SDKs
routes       POST /v1/traces, /v1/logs, /v1/metrics, /api/public/otel/v1/traces
"""
