"""An agent of Strands with its own telemetry."""

import os

from calls import MODEL, SYSTEM, mail
from strands import Agent
from strands.models.openai import OpenAIModel
from strands.telemetry import StrandsTelemetry

StrandsTelemetry().setup_otlp_exporter()
model = OpenAIModel(client_args={"api_key": "none", "base_url": os.environ["OPENAI_BASE_URL"]}, model_id=MODEL)
for number in (1, 2):
    Agent(model=model, system_prompt=SYSTEM, callback_handler=None, trace_attributes={"session.id": "mail-7"})(
        mail(number)
    )
