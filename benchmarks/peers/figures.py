"""The figures of one product and one kind of export, counted from answers and from what the product shows."""

from collections.abc import Mapping
from dataclasses import dataclass

HEAD = (
    "product",
    "version",
    "spans an export",
    "accepted",
    "accepted/s",
    "visible",
    "lost after SIGKILL",
    "CPU s a 1,000",
    "bytes a call",
)


@dataclass(frozen=True)
class Figures:
    """What one product did with `sent` calls in each of two passes; the product was killed after the second one."""

    sent: int
    accepted: int
    seconds: float
    visible: int
    cpu_seconds: float
    accepted_before_kill: int
    visible_after_kill: int
    bytes_on_disk: int
    stored: int
    """Calls that the bytes hold, the first ones included, which are sent to warm the product up."""

    @property
    def lost(self) -> int:
        """Calls that were answered 2xx and are not there after the restart."""
        return self.accepted_before_kill - self.visible_after_kill

    def cells(self) -> list[str]:
        """The cells of a row from the number of accepted calls on."""
        return [
            f"{self.accepted:,} of {self.sent:,}",
            f"{self.accepted / self.seconds:,.0f}",
            f"{self.visible:,}",
            f"{self.lost:,} of {self.accepted_before_kill:,}",
            _each(self.cpu_seconds * 1000, self.accepted, ".2f"),
            _each(self.bytes_on_disk, self.stored, ",.0f"),
        ]


def accepted(statuses: Mapping[int, int], spans_an_export: int) -> int:
    """Spans of the exports that were answered 2xx."""
    return spans_an_export * sum(number for status, number in statuses.items() if status // 100 == 2)


def row(product: str, version: str, spans_an_export: int, figures: Figures) -> list[object]:
    """A row of the table."""
    return [product, version, spans_an_export, *figures.cells()]


def row_without_figures(product: str, reason: str) -> list[object]:
    """The row of a product that is not installed on this machine, or failed."""
    return [product, reason, *[""] * (len(HEAD) - 2)]


def _each(total: float, number: int, digits: str) -> str:
    """The total for each of a number, and nothing where there is none."""
    return format(total / number, digits) if number else ""
