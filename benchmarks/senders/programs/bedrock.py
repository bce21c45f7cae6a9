"""AWS's client of Bedrock: Converse."""

import boto3
from calls import SYSTEM, mail

client = boto3.client("bedrock-runtime")
for number in (1, 2):
    client.converse(
        modelId="amazon.nova-lite-v1:0",
        system=[{"text": SYSTEM}],
        messages=[{"role": "user", "content": [{"text": mail(number)}]}],
        inferenceConfig={"maxTokens": 300, "temperature": 0.2},
    )
