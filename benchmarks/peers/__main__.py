"""What Promptlode, Phoenix and MLflow keep of the same calls, at what cost, and what they lose to SIGKILL.

    python -m benchmarks.peers [PRODUCT ...] [--install] [--environments FOLDER] [--calls N]

Each product runs as its documentation starts it, on its default database, and takes OTLP exports in protobuf at its own endpoint over four
connections: exports of one span, then exports of 100, each on new data. In the first pass the exports are timed, the visible calls are
counted by the product's own API, and CPU time is read once all calls are visible. In the second pass all processes get SIGKILL after the last
answer, are started again on the same data, and the visible calls are counted again.

Phoenix and MLflow have virtual environments of their own, a gigabyte together. --install makes the missing ones; without that a product that
is not installed is named, and the others are measured.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.local.errors import LocalError
from app.local.processes import wait_until
from benchmarks import environments
from benchmarks.ingest import traffic
from benchmarks.ingest.load import Generator, Sample, Target, generator
from benchmarks.ingest.tables import table
from benchmarks.peers import figures
from benchmarks.peers.figures import Figures
from benchmarks.peers.products import FOREIGN, OWN, OWN_VERSION, Foreign, Product, Promptlode, Software

PROMPT = 2_000
"""Bytes of a call, most of them prompt."""

TEMPLATES = 20
"""Templates of the calls; one call in ten has none. No product knows the templates before."""

SPANS_AN_EXPORT = (1, 100)
"""An exporter without a queue, and one with a queue."""

WARM = 100
"""Calls before the first pass: they make the server load the modules that it loads late."""

SECONDS_TO_SETTLE = 60
"""Seconds for accepted calls to become visible and for the work on them to end; calls that are not visible then count as missing."""

SECONDS_AFTER_RESTART = 15
"""Seconds for calls to become visible after a restart: a product that kept a call shows the call as soon as it answers."""


@dataclass(frozen=True)
class Candidate:
    """An installed product, which `make` makes on data in an empty folder."""

    name: str
    version: str
    make: Callable[[Path], Product]


def main() -> int:
    options = _options()
    names = options.products or [OWN, *(software.name for software in FOREIGN)]
    rows: list[list[object]] = []
    with generator() as load:
        for name in names:
            rows += _rows(name, options, load)
    print(f"{datetime.now(UTC):%d %B %Y}, {options.calls:,} calls a pass.\n\n{table(figures.HEAD, rows)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names_known = [OWN, *(software.name for software in FOREIGN)]
    parser.add_argument(
        "products", nargs="*", metavar="PRODUCT", help=f"some of {', '.join(names_known)}; all by default"
    )
    parser.add_argument("--install", action="store_true", help="make the missing environments (the network, a minute)")
    folder = Path(tempfile.gettempdir()) / "promptlode-peers"
    parser.add_argument("--environments", type=Path, default=folder, metavar="FOLDER", help=f"of both; {folder}")
    parser.add_argument("--calls", type=_hundreds, default=2_000, metavar="N", help="calls a pass; 2,000 by default")
    options = parser.parse_args()
    if unknown := set(options.products) - set(names_known):
        parser.error(f"no such product: {', '.join(sorted(unknown))}; there are {', '.join(names_known)}")
    return options


def _hundreds(text: str) -> int:
    """A number of calls that fills the exports."""
    number = int(text)
    if number < 1 or number % max(SPANS_AN_EXPORT):
        raise argparse.ArgumentTypeError(f"{number} is not a multiple of {max(SPANS_AN_EXPORT)}")
    return number


# --- installed products


def _rows(name: str, options: argparse.Namespace, load: Generator) -> Iterator[list[object]]:
    """The rows of a product, or one row that says why there are no figures."""
    candidate = _candidate(name, options)
    if candidate is None:
        yield figures.row_without_figures(name, "not installed")
        return
    try:
        yield from _measured_rows(candidate, load, options.calls)
    except (LocalError, OSError, RuntimeError) as error:  # requests' errors are OSErrors, the generator's RuntimeErrors
        _say(f"{name} {candidate.version} failed: {error}")
        yield figures.row_without_figures(name, f"{candidate.version} failed")


def _measured_rows(candidate: Candidate, load: Generator, number: int) -> Iterator[list[object]]:
    """One row for each kind of export."""
    with _product(candidate) as product:
        empty = _bytes_when_empty(product)
    for spans in SPANS_AN_EXPORT:
        with _product(candidate) as product:
            measured = _measured(product, load, number, spans)
        measured = replace(measured, bytes_on_disk=measured.bytes_on_disk - empty)
        cells = figures.row(candidate.name, candidate.version, spans, measured)
        _say(f"{cells}")
        yield cells


def _candidate(name: str, options: argparse.Namespace) -> Candidate | None:
    if name == OWN:
        return Candidate(OWN, OWN_VERSION, Promptlode)
    software = next(software for software in FOREIGN if software.name == name)
    environment = options.environments / software.package
    version = _installed(software, environment, may_install=options.install)
    if version is None:
        command = f"python -m benchmarks.peers {name} --install --environments {options.environments}"
        _say(f"{name} is not installed and is left out. Install and measure it: {command}")
        return None
    return Candidate(name, version, partial(Foreign, software, environment))


def _installed(software: Software, environment: Path, *, may_install: bool) -> str | None:
    """The version in the environment, which is made first where it is missing and may be installed."""
    version = environments.version(environment, software.package)
    if version is None and may_install:
        _say(f"{software.name}: installing {software.requirement} into {environment}")
        try:
            environments.install(environment, [software.requirement])
        except subprocess.CalledProcessError as error:
            _say(f"{software.name}: {error}")
        version = environments.version(environment, software.package)
    return version


@contextmanager
def _product(candidate: Candidate) -> Iterator[Product]:
    """The product on new data, which is deleted at the end of the block; no process stays."""
    with tempfile.TemporaryDirectory(prefix="promptlode-peers-") as home:
        product = candidate.make(Path(home))
        try:
            yield product
        finally:
            product.stop()


# --- measuring


def _measured(product: Product, load: Generator, number: int, spans: int) -> Figures:
    """Both passes on one set of data; the bytes include those of a product without calls."""
    target, calls = product.start(), _calls(number)
    _sent(product, load, target, calls[:WARM], 1)
    warm = _settled(product, WARM)
    before = product.cpu()
    sample = _sent(product, load, target, calls, spans)
    first = figures.accepted(sample.statuses, spans)
    visible_before = _settled(product, warm + first)
    used = product.cpu() - before
    second = figures.accepted(_sent(product, load, target, calls, spans).statuses, spans)
    product.kill()
    product.start()
    after = _shown(product, visible_before + second)
    product.stop()
    return Figures(
        sent=number,
        accepted=first,
        seconds=sample.wall,
        visible=visible_before - warm,
        cpu_seconds=used,
        accepted_before_kill=second,
        visible_after_kill=after - visible_before,
        bytes_on_disk=product.bytes_on_disk(),
        stored=after,
    )


def _bytes_when_empty(product: Product) -> int:
    """Bytes of the data without calls, after a stop in order, which empties write-ahead logs."""
    product.start()
    product.stop()
    return product.bytes_on_disk()


def _calls(number: int) -> list[traffic.Call]:
    return traffic.calls("/peers", traffic.templates(TEMPLATES), number, PROMPT)


def _sent(product: Product, load: Generator, target: Target, calls: list[traffic.Call], spans: int) -> Sample:
    """Sends the calls with new ids; answers that are not 2xx are counted, and are no error."""
    sample = load.start(target, traffic.exports(calls, spans, product.conventions))()
    _say(f"  answers: {dict(sample.statuses)}")
    return sample


def _settled(product: Product, expected: int) -> int:
    """The number of visible calls once the expected ones are visible and no work is owed, or after SECONDS_TO_SETTLE."""
    return _counted(product, lambda: product.visible() >= expected and product.is_settled(), SECONDS_TO_SETTLE)


def _shown(product: Product, expected: int) -> int:
    """The number of visible calls once the expected ones are visible, or after SECONDS_AFTER_RESTART."""
    return _counted(product, lambda: product.visible() >= expected, SECONDS_AFTER_RESTART)


def _counted(product: Product, is_over: Callable[[], bool], seconds: float) -> int:
    with suppress(LocalError):
        wait_until(is_over, seconds, lambda: "calls are missing", pause=0.5)
    return product.visible()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
