"""Measure ingest: POST /api/v1/traces beside the best that the same machine and servers can do in the same minute.

    python -m benchmarks.ingest [PART ...]

Starts a PostgreSQL that is durable (fsync and synchronous_commit as by default), a Valkey, granian servers and the product's own
processes; a load generator in a process of its own sends over four kept connections. Compared things are measured in turns, so
that a busy neighbour slows both; a ratio is the median of its rounds. All processes end with the command.
"""

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import orjson
import psycopg2

from benchmarks.ingest import traffic
from benchmarks.ingest.load import Generator, Sample, Target, generator
from benchmarks.ingest.tables import quantiles, table, times
from benchmarks.ingest.world import WSGI, World, until, world
from templating import Template

PLAIN = "app.web:create_app"
PRODUCT, BARE, INSIDE = "app.front:create", "benchmarks.ingest.apps:bare", "benchmarks.ingest.apps:inside"
TWO = "two web processes"
ROUNDS = 6
VERSION_ROUNDS = 3
MINED = 100_000
"""Traces for the worker to mine during the measurement: more than the worker can finish."""

ONE_BY_ONE = 16_000
"""Calls in the part about runs, of templates that are unknown at first."""

NEW = 50
"""Calls of new templates in a round: few, since mining before the answer takes long."""

STORED = "SELECT count(*) FROM trace"
QUIET, FLOOD, FLOODERS = 100, 1_500, 32
"""Per round: calls of the quiet project, one after the other; calls of the flood; connections of the flood, which lasts longer."""

WIDTHS = (1, 16, 64)
"""Numbers of connections that send at the same time."""

SIZES = {"2 KB": (2_000, 300), "20 KB": (20_000, 100)}
"""Name -> bytes of a body, and requests in a round."""


class Bench:
    """The servers and processes, the load generator, and the compared web processes."""

    def __init__(self, servers: World, load: Generator) -> None:
        self.at = servers
        self.load = load
        self.web = servers.serve(PRODUCT)
        self._seed = 0

    def start_the_rest(self) -> None:
        """Starts worker, reconciler and Flower, unless they run."""
        if "worker" in self.at.names:
            return
        self.at.forget_owed()
        self.at.start_the_rest()

    # --- one trace at a time

    def single(self) -> str:
        """The product's POST against a bare view with one INSERT."""
        bare = self.at.serve(BARE, WSGI)
        known_templates = traffic.templates(1000)
        self.at.know("/single", known_templates)
        rows = []
        for name, (size, number) in SIZES.items():
            bodies = traffic.singles(traffic.calls("/single", known_templates, number, size))
            senders = {
                "bare view": partial(self.load.send, bare, bodies),
                "product": partial(self.load.send, self.web, bodies),
            }
            rows += _compared(name, in_turns(senders))
        self.at.end(BARE)
        return table(("body", "POST of one trace", "requests/s", "x bare", "p50 ms", "p99 ms", "p99 x bare"), rows)

    def connections(self) -> str:
        """Single POSTs over different numbers of connections."""
        bare = self.at.serve(BARE, WSGI)
        known_templates = traffic.templates(1000)
        self.at.know("/connections", known_templates)
        rows = []
        for name, (size, number) in SIZES.items():
            bodies = traffic.singles(traffic.calls("/connections", known_templates, 2 * number, size))
            for connections in WIDTHS:
                rows += self._at_once(name, connections, {"bare view": bare, "product": self.web}, bodies)
        self.at.end(BARE)
        head = ("body", "POST of one trace", "connections", "requests/s", "x bare", "p50 ms", "p99 ms", "p99 x bare")
        return table(head, rows)

    def _at_once(
        self, name: str, connections: int, targets: dict[str, Target], bodies: list[bytes]
    ) -> list[list[object]]:
        bodies = bodies if connections > 1 else bodies[: len(bodies) // 2]
        senders = {
            title: partial(self.load.send, target, bodies, connections=connections) for title, target in targets.items()
        }
        rows = _compared(name, in_turns(senders, rounds=3))
        return [[body, title, connections, *figures] for body, title, *figures in rows]

    def processes(self) -> str:
        """Single POSTs to one web process and to two on one port, with the CPU time of all processes."""
        two = self.at.serve(PRODUCT, name=TWO, GRANIAN_WORKERS="2")
        known_templates = traffic.templates(1000)
        self.at.know("/processes", known_templates)
        bodies = traffic.singles(traffic.calls("/processes", known_templates, 1_000, 2_000))
        rows = []
        for connections in WIDTHS[1:]:
            senders = {
                number: partial(self._send, target, lambda: bodies, connections)
                for number, target in (("1", self.web), ("2", two))
            }
            samples_by_number = in_turns(senders)
            for row, samples in zip(_compared("2 KB", samples_by_number), samples_by_number.values(), strict=True):
                row.insert(2, connections)
                rows.append([*row, f"{statistics.mean(sample.cpu / len(bodies) for sample in samples) * 1e3:.2f}"])
        self.at.end(TWO)
        head = ("body", "web processes", "connections", "requests/s", "x one", "p50 ms", "p99 ms", "p99 x one")
        return table((*head, "ms on the processor a request"), rows)

    # --- batches

    def batch(self) -> str:
        """A batch of 1,000 against COPY of the same rows, and against single POSTs."""
        rows = [self._batch(number) for number in (10, 1000)]
        head = ("known templates", "COPY rows/s", "batch rows/s", "x COPY", "single POSTs/s", "batch x single")
        return table(head, rows)

    def _batch(self, number: int) -> list[object]:
        path, known_templates = f"/batch/b{number}", traffic.templates(number)
        self.at.know(path, known_templates)
        calls = traffic.calls(path, known_templates, 1000, 2_000)
        singles, batches = traffic.singles(calls[:200]), traffic.batches(calls)
        senders = {
            "batch": partial(self.load.send, self.web, batches, connections=1),
            "copy": partial(copy, self.at, path),
            "single": partial(self.load.send, self.web, singles),
        }
        samples_by_name = in_turns(senders)
        rate = {name: statistics.median(1000 / s.wall for s in samples_by_name[name]) for name in ("copy", "batch")}
        single = statistics.median(s.rate for s in samples_by_name["single"])
        copied = _ratio(samples_by_name["copy"], samples_by_name["batch"], _wall)
        return [
            number,
            f"{rate['copy']:.0f}",
            f"{rate['batch']:.0f}",
            times(copied),
            f"{single:.0f}",
            times(rate["batch"] / single),
        ]

    def versions(self) -> str:
        """A batch whose calls are all of new versions against the same batch again, and single POSTs of new versions meanwhile."""
        samples_by_name: dict[str, list[Sample]] = {"new": [], "known": []}
        longest = []
        for number in range(VERSION_ROUNDS):
            path, known_templates = f"/versions/v{number}", traffic.templates(10)
            self.at.know(path, known_templates)
            calls = traffic.calls(path, known_templates, 1000, 2_000)
            batch, singles = traffic.with_tools(calls), traffic.with_tools(calls[:100])
            whole_batch = [orjson.dumps({"traces": batch})]
            with generator() as other:
                other.send(self.web, traffic.singles(calls[:1]))  # until the other generator sends
                end_batch = other.start(self.web, whole_batch, connections=1)
                longest.append(max(self.load.send(self.web, list(map(orjson.dumps, singles)), connections=1).seconds))
                samples_by_name["new"].append(end_batch())
            samples_by_name["known"].append(self.load.send(self.web, whole_batch, connections=1))
        rows = [
            [
                name,
                f"{statistics.median(sample.wall for sample in samples):.2f}",
                times(_ratio(samples, samples_by_name["known"], _wall)),
            ]
            for name, samples in samples_by_name.items()
        ]
        rows[0].append(f"{statistics.median(longest):.2f}")
        rows[1].append("")
        return table(("1,000 versions in a batch", "s", "x known", "longest POST of a new version meanwhile, s"), rows)

    def otlp(self) -> str:
        """An export of OpenTelemetry in protobuf against a batch of the same calls, both uncompressed."""
        known_templates = traffic.templates(1000)
        self.at.know("/otlp", known_templates)
        calls = traffic.calls("/otlp", known_templates, 1000, 2_000)
        spans = replace(self.web, path="/v1/traces", content_type="application/x-protobuf")
        ways: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
            "batch": (self.web, lambda: traffic.batches(calls)),
            "batch with external ids": (self.web, lambda: [traffic.named_batch(calls)]),
            "OTLP": (spans, lambda: traffic.exports(calls, len(calls))),
            "OTLP, 10 spans a request, 16 connections": (spans, lambda: traffic.exports(calls, 10)),
            "OTLP, one span a request, 16 connections": (spans, lambda: traffic.exports(calls, 1)),
        }
        before = self.at.number(STORED)
        samples_by_name = in_turns({name: partial(self._send, *send) for name, send in ways.items()})
        stored = self.at.number(STORED) - before
        assert stored == len(calls) * len(ways) * (ROUNDS + 1), f"{stored} stored"
        rows = [
            [
                name,
                f"{sum(map(len, ways[name][1]())) / 1e6:.1f}",
                f"{statistics.median(len(calls) / sample.wall for sample in samples):.0f}",
                times(_ratio(samples_by_name["batch"], samples, _wall)),
                f"{statistics.mean(sample.cpu for sample in samples):.2f}",
            ]
            for name, samples in samples_by_name.items()
        ]
        return table(("1,000 calls as", "MB", "rows/s", "x batch", "s on the processor"), rows)

    def _send(self, target: Target, bodies: Callable[[], list[bytes]], connections: int = 16) -> Sample:
        """Sends new bodies, which are written before the clock starts."""
        bodies_written, before = bodies(), self.at.cpu()
        sample = self.load.send(target, bodies_written, connections=min(connections, len(bodies_written)))
        sample.cpu = self.at.cpu() - before
        return sample

    # --- beside others

    def tenants(self) -> str:
        """One project's calls, one after the other, while another project sends all it can; with our front and without."""
        rows = []
        unguarded = self.at.serve(PLAIN, WSGI)
        for name, target in (("product", self.web), ("without turns", unguarded)):
            rows += self._beside_a_flood(name, target)
        self.at.end(PLAIN)
        head = (
            "web process",
            "another project",
            "requests/s",
            "x alone",
            "p50 ms",
            "p99 ms",
            "p99 x alone",
            "flood, stored/s",
        )
        return table(head, rows)

    def _beside_a_flood(self, name: str, target: Target) -> list[list[object]]:
        quiet = replace(target, key=self.at.new_key("quiet"))
        bodies = traffic.singles(traffic.calls("/quiet", traffic.templates(100), QUIET, 2_000))
        flood = traffic.singles(traffic.calls("/flood", traffic.templates(100, seed=2), FLOOD, 2_000))
        samples_by_name: dict[str, list[Sample]] = {"sends nothing": [], "floods": []}
        stored = []
        for _ in range(ROUNDS):
            samples_by_name["sends nothing"].append(self.load.send(quiet, bodies, connections=1))
            with generator() as flooding:
                end_flood = flooding.start(target, flood, FLOODERS)
                self.load.send(quiet, bodies[:10], connections=1)  # until the flood's generator sends
                samples_by_name["floods"].append(self.load.send(quiet, bodies, connections=1))
                flood_sample = end_flood()
            stored.append(flood_sample.statuses[201] / flood_sample.wall)
        rows = _compared(name, samples_by_name)
        return [[*row, figure] for row, figure in zip(rows, ("", f"{statistics.median(stored):.0f}"), strict=True)]

    # --- with the product's other processes

    def grouping(self) -> str:
        """Grouping asked for after the COMMIT, against grouping before the answer."""
        inside, known_templates = self.at.serve(INSIDE), traffic.templates(20, seed=2)
        senders = {
            title: partial(self._new_calls, target, f"/{title}", known_templates, 2_000)
            for title, target in (("asynchronous", self.web), ("in the request", inside))
        }
        rows = _compared("2 KB", in_turns(senders, rounds=3))
        self.at.end(INSIDE)
        return table(("body", "grouping", "requests/s", "x", "p50 ms", "p99 ms", "p99 x"), rows)

    def _new_calls(self, target: Target, path: str, known_templates: list[Template], size: int) -> Sample:
        """Sends calls: half of unknown templates, half of none.

        The calls are sent one after the other: overlapping runs of one group would fence each other off.
        """
        self._seed += 1
        calls = traffic.calls(path, known_templates, NEW // 2, size, self._seed)
        chats = traffic.chats(path, NEW // 2, size, self._seed)
        bodies = traffic.singles(call for pair in zip(calls, chats, strict=True) for call in pair)
        return self.load.send(target, bodies, connections=1)

    def burst(self) -> str:
        """100 traces of one path while a run of the path's group is under way."""
        known_templates = traffic.templates(100, seed=3)
        self.load.send(self.web, traffic.batches(traffic.calls("/burst", known_templates, 5_000, 1_000)))
        until(lambda: self.at.runs("/burst", "running"), 60, "a run of /burst")
        before = self.at.counters(self.web)
        self.load.send(self.web, traffic.singles(traffic.chats("/burst", 100, 2_000)))
        still = self.at.runs("/burst", "running")
        self._settle()
        after = self.at.counters(self.web)
        names = ("requests", "coalesced", "messages", "runs")
        counts = [after[name] - before[name] for name in names]
        skipped = sum(after["skips"].values()) - sum(before["skips"].values())
        head = ("traces", *names, "skips", "owed at the end", "run still on after the last POST")
        return table(head, [[100, *counts, skipped, after["owed"], "yes" if still else "no"]])

    def runs(self) -> str:
        """The number of runs that group calls of new templates, sent one after the other to one path."""
        bodies = traffic.singles(traffic.calls("/runs", traffic.templates(1000, seed=4), ONE_BY_ONE, 2_000))
        sample = self.load.send(self.web, bodies, connections=1)
        self._settle()
        rows = [[f"{ONE_BY_ONE:,}", f"{sample.rate:.0f}", self.at.runs("/runs", "committed")]]
        return table(("calls, one after the other", "calls/s", "runs"), rows)

    def mining(self) -> str:
        """Single POSTs while the worker is idle, and while the worker mines."""
        bodies = traffic.singles(traffic.calls("/mining", traffic.templates(100), 600, 2_000))
        self.load.send(self.web, bodies)
        self._settle()
        idle = self.load.send(self.web, bodies)
        self._settle()
        backlog = traffic.calls("/backlog", traffic.templates(100, seed=2), MINED, 1_000)
        self.load.send(self.web, traffic.batches(backlog))
        until(lambda: self.at.runs("/backlog", "running"), 60, "a run of /backlog")
        busy = self.load.send(self.web, bodies)
        is_mining = self.at.runs("/backlog", "running")
        self._settle()
        samples_by_name = {"idle": [idle], "mining" if is_mining else "mining, done before the last POST": [busy]}
        return table(
            ("body", "worker", "requests/s", "x idle", "p50 ms", "p99 ms", "p99 x idle"),
            _compared("2 KB", samples_by_name),
        )

    def _settle(self) -> None:
        until(self.at.is_settled, 120, "everything is grouped")

    # --- without Redis

    def redis(self) -> str:
        """Single POSTs with Redis, and without it, from a second after Redis has ended."""
        bodies = traffic.singles(traffic.chats("/redis", 1_000, 2_000))
        self.load.send(self.web, bodies)
        normal = self.load.send(self.web, bodies)
        self.at.valkey.stop()
        first = self.load.send(self.web, bodies[:1])
        without_redis = self.load.send(self.web, bodies)
        samples_by_name = {"up": [normal], "down, the first POST": [first], "down": [without_redis]}
        return table(
            ("body", "Redis", "requests/s", "x up", "p50 ms", "p99 ms", "p99 x up"), _compared("2 KB", samples_by_name)
        )

    # --- memory

    def memory(self) -> str:
        """The memory of each process after all parts above, as PSS: a shared page counts in part for each of its processes."""
        sizes = self.at.memory()
        return table(
            ("process", "MB"), [[name, f"{size:.0f}"] for name, size in {**sizes, "all": sum(sizes.values())}.items()]
        )


def in_turns(senders: dict[str, Callable[[], Sample]], rounds: int = ROUNDS) -> dict[str, list[Sample]]:
    """Runs each sender in every round, after one round of warm-up."""
    rounds_done = [{name: send() for name, send in senders.items()} for _ in range(rounds + 1)]
    return {name: [samples[name] for samples in rounds_done[1:]] for name in senders}


def _wall(sample: Sample) -> float:
    return sample.wall


def _ratio(of: list[Sample], to: list[Sample], figure: Callable[[Sample], float]) -> float:
    return statistics.median(figure(sample) / figure(base) for sample, base in zip(of, to, strict=True))


def _compared(body: str, samples_by_name: dict[str, list[Sample]]) -> list[list[object]]:
    base = next(iter(samples_by_name.values()))
    p99 = sum(base, Sample()).quantile(0.99)
    return [
        [
            body,
            name,
            f"{statistics.median(sample.rate for sample in samples):.0f}",
            times(_ratio(samples, base, lambda sample: sample.rate)),
            *quantiles(sum(samples, Sample())),
            times(sum(samples, Sample()).quantile(0.99) / p99),
        ]
        for name, samples in samples_by_name.items()
    ]


_COLUMNS = """SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_name = 'trace' AND column_name <> 'id'"""


def copy(servers: World, path: str) -> Sample:
    """COPY the last 1,000 rows of a path into the same table once more, from ready text; only COPY and COMMIT count."""
    connection = psycopg2.connect(servers.postgres.url())
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        (columns,) = cursor.fetchone()
        rows = io.BytesIO()
        cursor.copy_expert(
            f"COPY (SELECT uuidv7(), {columns} FROM trace WHERE group_id = (SELECT id FROM grouping_key WHERE path = '{path}')"
            " ORDER BY id DESC LIMIT 1000) TO STDOUT",
            rows,
        )
        connection.commit()
        rows.seek(0)
        start = time.perf_counter()
        cursor.copy_expert(f"COPY trace (id, {columns}) FROM STDIN", rows)
        connection.commit()
        seconds = time.perf_counter() - start
    connection.close()
    return Sample(seconds, [seconds])


ALONE = {
    "single": Bench.single,
    "connections": Bench.connections,
    "processes": Bench.processes,
    "batch": Bench.batch,
    "versions": Bench.versions,
    "otlp": Bench.otlp,
    "tenants": Bench.tenants,
}
"""Measured with the web process and the servers alone."""

TOGETHER = {
    "mining": Bench.mining,
    "grouping": Bench.grouping,
    "burst": Bench.burst,
    "runs": Bench.runs,
    "memory": Bench.memory,
    "redis": Bench.redis,
}
"""Measured with worker, reconciler and Flower; the last one takes Redis away."""

PARTS = ALONE | TOGETHER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; all by default")
    parts = parser.parse_args().parts or PARTS
    with world() as servers, generator() as load:
        bench = Bench(servers, load)
        for part in (part for part in PARTS if part in parts):
            if part in TOGETHER:
                bench.start_the_rest()
            start = time.perf_counter()
            print(f"{PARTS[part](bench)}\n", flush=True)
            print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
