"""The memory of a web process while traces come in: memory must not grow with the number of traces.

    python -m benchmarks.flat [TRACES]

One web process takes batches of 1,000 of 2 KB each, a tenth of them of no template, on 40 paths; no worker runs, so all
unmatched traces stay owed. The first tenth of the traces is the warm-up: buffers and the cache of known groups fill.
"""

import argparse
import itertools

from benchmarks.ingest import traffic
from benchmarks.ingest.__main__ import PRODUCT
from benchmarks.ingest.load import generator
from benchmarks.ingest.tables import table, times
from benchmarks.ingest.world import world

PATHS, TEMPLATES, STEPS, BATCH = 40, 10, 10, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="?", type=int, default=100_000)
    per_step = max(BATCH, parser.parse_args().traces // STEPS)
    with world() as servers, generator() as load:
        known_templates = traffic.templates(TEMPLATES)
        for path in range(PATHS):
            servers.know(f"/{path}", known_templates)
        web = servers.serve(PRODUCT)
        batches = [
            traffic.batches(traffic.calls(f"/{path}", known_templates, BATCH, 2_000, seed=path))[0]
            for path in range(PATHS)
        ]
        waiting, sizes = itertools.cycle(batches), []
        for _ in range(STEPS):
            load.send(web, list(itertools.islice(waiting, per_step // BATCH)), connections=1)
            sizes.append(servers.memory()[PRODUCT])
    rows = [(f"{(step + 1) * per_step:,}", f"{size:.0f}", times(size / sizes[0])) for step, size in enumerate(sizes)]
    print(table(("traces", "MB", "x after the first tenth"), rows))


if __name__ == "__main__":
    main()
