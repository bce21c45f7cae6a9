"""The pipeline of Haystack with the connector of its own integration with OpenTelemetry."""

from haystack_integrations.components.connectors.opentelemetry import OpenTelemetryConnector
from haystack_pipeline import pipeline, run

pipeline.add_component("tracer", OpenTelemetryConnector())
run()
