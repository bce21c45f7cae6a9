"""Invocation logs of Amazon Bedrock, as CloudWatch and S3 hold them: `{"schemaType": "ModelInvocationLog", ...}`.

The bodies are those of the model's own API or of Converse; a streamed answer is a list of its events. Bodies over 100 KB are in separate S3
objects, so their prompt is missing here.
"""

from collections.abc import Iterable

from app.cli.formats.base import Body, Fit, LogFormat, LoggedCall
from app.intake.bodies.answers import answer_of
from app.intake.bodies.requests import request_of
from app.intake.bodies.usage import usage_of
from app.intake.bodies.values import as_object, filled, member, parsed, present

_KEPT = ("operation", "region", "accountId", "errorCode", "inferenceRegion", "requestMetadata")
_OTHERS = ("embed", "rerank", "image", "canvas", "reel", "sonic", "stable-")


class Bedrock(LogFormat):
    """Amazon Bedrock's invocation logs."""

    name = "bedrock"

    def fit(self, value: Body) -> Fit:
        is_log = value.get("schemaType") == "ModelInvocationLog"
        has_body = "modelId" in value and any(name.startswith("input") for name in as_object(value.get("input")))
        return Fit.CERTAIN if is_log or has_body else Fit.NO

    def calls(self, value: Body) -> Iterable[LoggedCall | None]:
        model = str(value.get("modelId") or "").rpartition("/")[2]
        if any(word in model for word in _OTHERS):
            return [None]
        request_body, answered = as_object(value.get("input")), as_object(value.get("output"))
        request = request_of(request_body.get("inputBodyJson")) or {}
        answer = answer_of(answered.get("outputBodyJson"))
        body = request | answer | present(_beside(value, request_body, answered, answer) | {"model": model or None})
        return [LoggedCall(body, value.get("requestId"), "bedrock", _why(request_body))]


def _why(request: Body) -> str:
    if request.get("inputBodyS3Path"):
        return "The body lies in S3, at inputBodyS3Path: put it into the line as inputBodyJson."
    return "inputBodyJson holds no prompt: switch on text in the invocation logging of Bedrock."


def _beside(value: Body, request: Body, answered: Body, answer: Body) -> Body:
    counts = present({"inputTokens": request.get("inputTokenCount"), "outputTokens": answered.get("outputTokenCount")})
    metadata = as_object(parsed(value.get("requestMetadata")))
    return {
        "path": metadata.get("promptlode.path"),
        "usage": answer.get("usage") or usage_of(counts),
        "user_id": metadata.get("user_id"),
        "started_at": value.get("timestamp"),
        "error": {"type": str(value["errorCode"])} if value.get("errorCode") else None,
        "metadata": filled(
            {f"bedrock.{name}": value.get(name) for name in _KEPT} | {"bedrock.identity": member(value, "identity.arn")}
        ),
    }
