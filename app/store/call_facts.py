"""Usage of calls: what one call adds to a cell of `call_usage`, and sums over several calls."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

LATENCY_MS = tuple(round(50 * 2 ** (step / 2)) for step in range(27))
"""Bounds of the latency buckets: 50 ms to seven minutes, each 1.41 times the one before; a quantile is exact to some 10 %."""

BUCKETS = len(LATENCY_MS) + 1

MOST_MS = 86_400_000
"""A longer latency counts as unknown: the clocks of start and end differed. A call that ended before it began counts as unknown, too."""

BYTES_PER_TOKEN = 4
"""Bytes per token of a text without a stated count: English has some 4 characters a token, Japanese one character of 3 bytes."""

SUMS = (
    "calls",
    "failures",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "answered",
    "output_characters",
    "timed",
)
ALL = (*SUMS, "fastest_ms", "slowest_ms", "latency")


class Usage(NamedTuple):
    """The usage of some calls; a tuple, since lists make hundreds.

    estimated: calls whose token counts were missing or implausible; their tokens were estimated from their texts and are in the sums.
    failures: calls with an error. answered: calls with an output; these have `output_characters` together. timed: calls with a latency,
    counted by bucket in `latency`.
    """

    calls: int = 0
    failures: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    answered: int = 0
    output_characters: int = 0
    timed: int = 0
    fastest_ms: int | None = None
    slowest_ms: int | None = None
    latency: Sequence[int] = (0,) * BUCKETS

    @classmethod
    def of(cls, columns: Sequence[Any]) -> "Usage":
        """From columns in the order of `ALL`, which is that of the fields."""
        return cls(*columns)

    def __add__(self, other: "Usage") -> "Usage":  # type: ignore[override]
        return Usage.together([self, other])

    @classmethod
    def together(cls, usages: Sequence["Usage"]) -> "Usage":
        """The sum of several usages, column by column, since lists add up hundreds."""
        if len(usages) == 1:
            return usages[0]
        timed = [usage for usage in usages if usage.timed] or usages[:1]
        return (
            cls.of(
                [
                    *map(sum, zip(*(usage[: len(SUMS)] for usage in usages), strict=True)),
                    _of_known(min, [usage.fastest_ms for usage in timed]),
                    _of_known(max, [usage.slowest_ms for usage in timed]),
                    list(map(sum, zip(*(usage.latency for usage in timed), strict=True))),
                ]
            )
            if usages
            else cls()
        )

    def latency_ms(self, share: float) -> float | None:
        """The latency that this share of the calls does not exceed; None where no call has one."""
        rank, calls_below = share * self.timed, 0
        for bucket, calls in enumerate(self.latency):
            if calls and calls_below + calls >= rank:
                return self._within(bucket, (rank - calls_below) / calls)
            calls_below += calls
        return None

    def _within(self, bucket: int, share: float) -> float:
        """The latency within a bucket, bounded by the smallest and the largest seen, on a logarithmic scale."""
        fastest, slowest = self.fastest_ms or 0, self.slowest_ms or 0
        low = max(LATENCY_MS[bucket - 1] if bucket else 1, fastest, 1)
        high = min(LATENCY_MS[bucket] if bucket < len(LATENCY_MS) else MOST_MS, slowest)
        return float(high if high <= low else low * (high / low) ** share)


def _of_known(choose: Any, values: Iterable[int | None]) -> int | None:
    numbers = [value for value in values if value is not None]
    return choose(numbers) if numbers else None


# --- one call


def facts(calls: str) -> str:
    """SQL for the usage of each call in `calls` (a name or a subquery of ours over trace).

    A failed call without output and stated usage costs nothing: providers bill no error.
    """
    return f"""
      SELECT call.id, call.project_id, call.implementation_id, call.seen_at, 1 AS calls,
             (call.error IS NOT NULL)::int AS failures,
             (stated.input IS NULL AND NOT told.free OR stated.output IS NULL AND call.output IS NOT NULL)::int AS estimated,
             tokens.input AS input_tokens, tokens.output AS output_tokens,
             least(stated.cached, tokens.input) AS cached_tokens, least(stated.reasoning, tokens.output) AS reasoning_tokens,
             (call.output IS NOT NULL)::int AS answered, coalesce(char_length(told.output), 0) AS output_characters,
             (told.ms IS NOT NULL)::int AS timed, told.ms, width_bucket(told.ms, ARRAY{list(LATENCY_MS)}) AS bucket
        FROM {calls} AS call
       CROSS JOIN LATERAL (
             SELECT coalesce(token_count(usage ->> 'input_tokens'), token_count(usage ->> 'prompt_tokens')) AS input,
                    coalesce(token_count(usage ->> 'output_tokens'), token_count(usage ->> 'completion_tokens')) AS output,
                    coalesce(token_count(usage ->> 'cached_tokens'),
                             token_count(usage #>> '{{input_tokens_details,cached_tokens}}'),
                             token_count(usage #>> '{{prompt_tokens_details,cached_tokens}}'), 0) AS cached,
                    coalesce(token_count(usage ->> 'reasoning_tokens'),
                             token_count(usage #>> '{{output_tokens_details,reasoning_tokens}}'),
                             token_count(usage #>> '{{completion_tokens_details,reasoning_tokens}}'), 0) AS reasoning
             OFFSET 0) AS stated
       CROSS JOIN LATERAL (
             SELECT call.output #>> '{{}}' AS output, call.error IS NOT NULL AND call.output IS NULL AS free,
                    CASE WHEN call.completed_at >= call.started_at AND call.completed_at <= call.started_at + interval '1 day'
                         THEN round(1000 * extract(epoch FROM call.completed_at - call.started_at))::int END AS ms
             OFFSET 0) AS told
       CROSS JOIN LATERAL (
             SELECT coalesce(stated.input, CASE WHEN told.free THEN 0 ELSE {_IN_TOKENS.format(_BYTES_SENT)} END) AS input,
                    coalesce(stated.output, {_IN_TOKENS.format("coalesce(octet_length(told.output), 0)")}) AS output
             OFFSET 0) AS tokens
    """  # noqa: S608  ours


_IN_TOKENS = f"(({{}}) + {BYTES_PER_TOKEN - 1}) / {BYTES_PER_TOKEN}"

_BYTES_SENT = """
    coalesce((SELECT sum(octet_length(part)) FROM unnest(call.prompt_parts) AS part), 0)
  + coalesce((SELECT sum(octet_length(value)) FROM unnest(call.variables) AS value), 0)
  + CASE WHEN call.prompt_parts IS NULL THEN coalesce((
        SELECT sum(octet_length(literal)) FROM template, json_array_elements(template.parts) AS part,
               json_array_elements_text(part -> 'literals') AS literal
         WHERE template.id = call.template_id), 0) ELSE 0 END
  + CASE WHEN json_typeof(call.input) = 'number' THEN 0 ELSE octet_length(call.input::text) END
  + coalesce(octet_length(call.tools::text), 0)
"""
"""Bytes of a request: its prompt (its own, or template and values), the rest of the input, and tools."""

SUMS_OF_FACTS = (
    ", ".join(f"sum({name})::bigint AS {name}" for name in SUMS)
    + ", min(ms) AS fastest_ms, max(ms) AS slowest_ms, ARRAY["
    + ", ".join(f"count(*) FILTER (WHERE bucket = {bucket})" for bucket in range(BUCKETS))
    + "] AS latency"
)
"""Sums over rows of `facts`."""


def _of_cells(summed: str) -> str:
    """SQL for sums over cells, with latencies. summed: the SQL that adds up a column."""
    latencies = ", ".join(summed.format(f"latency[{place}]") for place in range(1, BUCKETS + 1))
    return f"{_sums(SUMS, summed)}, min(fastest_ms) AS fastest_ms, max(slowest_ms) AS slowest_ms, ARRAY[{latencies}] AS latency"


def _sums(names: Sequence[str], summed: str) -> str:
    return ", ".join(f"{summed.format(name)} AS {name}" for name in names)


TOGETHER = _of_cells("sum({})::bigint")

BILLED, CALLS_ALONE = SUMS[:6], SUMS[:1]
"""The columns that a cost needs, and those that a small line needs. Indexes have these columns, so lists of hundreds of versions read no others."""

_READ = "sum({}::float8)::bigint"
"""A sum in floating point, which is exact up to 2^53 and takes a third of the time."""

READ: Mapping[Sequence[str], str] = {
    ALL: _of_cells(_READ),
    BILLED: _sums(BILLED, _READ),
    CALLS_ALONE: _sums(CALLS_ALONE, _READ),
}
"""Sums over cells for lists and pages, by the columns that are added up."""
