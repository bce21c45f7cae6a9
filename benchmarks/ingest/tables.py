"""Tables in Markdown."""

from collections.abc import Iterable

from benchmarks.ingest.load import Sample


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table; figures are formatted by the caller."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def times(figure: float) -> str:
    return f"{figure:.2f}"


def quantiles(sample: Sample) -> list[str]:
    """p50 and p99 in milliseconds."""
    return [ms(sample.quantile(0.5)), ms(sample.quantile(0.99))]
