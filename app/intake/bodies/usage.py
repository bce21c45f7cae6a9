"""Token counts of every provider by our names."""

from typing import Any

from app.intake.bodies.values import Body, as_object, is_count, member, present

NAMES: dict[str, tuple[str, ...]] = {
    "input_tokens": (
        "input_tokens",
        "prompt_tokens",
        "promptTokens",
        "inputTokens",
        "promptTokenCount",
        "prompt_token_count",
        "inputTokenCount",
        "prompt_eval_count",
        "tokens.input_tokens",
        "input",
    ),
    "output_tokens": (
        "output_tokens",
        "completion_tokens",
        "completionTokens",
        "outputTokens",
        "candidatesTokenCount",
        "candidates_token_count",
        "outputTokenCount",
        "eval_count",
        "tokens.output_tokens",
        "output",
    ),
    "total_tokens": ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count", "total"),
    "cached_tokens": (
        "cached_tokens",
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "inputTokenDetails.cacheReadTokens",
        "input_token_details.cache_read",
        "cache_read_input_tokens",
        "cacheReadInputTokens",
        "cachedInputTokens",
        "cachedContentTokenCount",
        "cached_content_token_count",
    ),
    "reasoning_tokens": (
        "reasoning_tokens",
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "outputTokenDetails.reasoningTokens",
        "output_token_details.reasoning",
        "reasoningTokens",
        "thoughtsTokenCount",
        "thoughts_token_count",
    ),
}

_BESIDE = {
    "input_tokens": ("cache_read_input_tokens", "cache_creation_input_tokens"),
    "inputTokens": ("cacheReadInputTokens", "cacheWriteInputTokens"),
}
"""Tokens read from a cache or written to it, which Anthropic and Bedrock do not count as input."""

_WHOLE = ("prompt_tokens", "promptTokens", "input_tokens_details", "inputTokenDetails", "input_token_details")


def usage_of(counts: Any) -> Body | None:
    """The token counts by our names, then counts without a name of ours; None where nothing is counted.

    Our input count includes all tokens that the model read, so cached tokens counted apart are added to it.
    """
    provider_counts = present(as_object(counts))
    if not provider_counts:
        return None
    counts_by_name = {name: _first_count(provider_counts, paths) for name, paths in NAMES.items()}
    counts_by_name["input_tokens"] = _with_cache(provider_counts, counts_by_name["input_tokens"])
    paths_used = {path for paths in NAMES.values() for path in paths}
    other_counts = {
        name: value for name, value in provider_counts.items() if name not in paths_used or name in _CACHE_COUNTS
    }
    return present(counts_by_name) | {
        name: value for name, value in other_counts.items() if name not in present(counts_by_name)
    }


_CACHE_COUNTS = {name for names in _BESIDE.values() for name in names}


def _first_count(provider_counts: Body, paths: tuple[str, ...]) -> Any:
    return next((value for path in paths if (value := member(provider_counts, path)) is not None), None)


def _with_cache(provider_counts: Body, count: Any) -> Any:
    """The input count plus the cached tokens, where a provider counts these apart."""
    if any(name in provider_counts for name in _WHOLE) or not is_count(count):
        return count
    beside = next((names for name, names in _BESIDE.items() if name in provider_counts), ())
    return count + sum(provider_counts[name] for name in beside if is_count(provider_counts.get(name)))
