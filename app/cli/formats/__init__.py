"""Kinds of log that `promptlode import` reads, behind one interface.

base        the interface: how surely a record is of a kind, and its calls
promptlode  bodies of our own API
openai      requests and responses of Chat Completions and Responses
anthropic   requests and responses of the Messages API
langfuse    observations, as Langfuse exports them
otlp        lines of the OpenTelemetry collector's file exporter
detect      the kind of a file
"""
