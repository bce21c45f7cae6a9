"""MLflow's autologging of OpenAI's client, exported by OpenTelemetry."""

import mlflow
from asking import ask
from openai import AsyncOpenAI, OpenAI

mlflow.openai.autolog()
ask(OpenAI(), AsyncOpenAI())
mlflow.flush_trace_async_logging()
