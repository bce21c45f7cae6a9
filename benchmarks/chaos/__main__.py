"""Run the plan, audit, print one table; exit code 1 when a guarantee does not hold."""

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path

from app.errors import DatabaseDownError
from benchmarks.chaos import audit
from benchmarks.chaos.audit import Findings
from benchmarks.chaos.faults import Faults
from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.plan import FULL, RECOVERY_SECONDS, SMALL, TIMES, Plan
from benchmarks.chaos.traffic import Sent, Traffic
from tasks.pacer import TICK_SECONDS
from tasks.snapshot import pipeline

BACKLOG_SECONDS = 120
"""Seconds of work that the queue may still hold after the last fault, on a slow machine."""

STILL_SECONDS = 8


@dataclasses.dataclass(frozen=True)
class Result:
    findings: Findings
    sent: Sent
    faults: int
    settled_in: float

    @property
    def broken(self) -> list[str]:
        return self.findings.broken(self.faults)


def run(plan: Plan) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="promptlode-chaos-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when we are root
    fleet = Fleet(folder, plan.scheme)
    try:
        fleet.start()
        return under_fire(fleet, plan, Faults(fleet, plan))
    finally:
        fleet.stop()
        shutil.rmtree(folder, ignore_errors=True)


def under_fire(fleet: Fleet, plan: Plan, faults: Faults) -> Result:
    """Runs traffic and faults at the same time, then audits the rows."""
    traffic = Traffic(plan, fleet.urls, fleet.key)
    faults.start()
    traffic.send_all()
    faults.wait()
    settled_in = _wait_until_settled(fleet) if plan.scheme == "ours" else _wait_until_nothing_moves(fleet)
    counts = pipeline(fleet.engine, None, fleet.settings)
    enqueued = fleet.logged("enqueued")
    findings = audit.audit(fleet.engine, fleet.valkey.url(), traffic.sent.accepted, counts, enqueued)
    faults.end()
    return Result(findings, traffic.sent, len(plan.schedule()), settled_in)


def _wait_until_settled(fleet: Fleet) -> float:
    """Waits until no trace is owed and no message is under way, at most the recovery time and the backlog."""
    started_at = time.monotonic()
    while (waited := time.monotonic() - started_at) < RECOVERY_SECONDS + BACKLOG_SECONDS:
        if _is_settled(fleet):
            return waited
        time.sleep(0.5)
    return waited


def _wait_until_nothing_moves(fleet: Fleet) -> float:
    """Waits until no trace was read for a while: the plain scheme may never settle."""
    started_at = moved_at = time.monotonic()
    before = None
    while time.monotonic() - moved_at < STILL_SECONDS:
        if (now := audit.owed_now(fleet.engine)) != before:
            before, moved_at = now, time.monotonic()
        time.sleep(0.5)
    return time.monotonic() - started_at


def _is_settled(fleet: Fleet) -> bool:
    try:
        now = pipeline(fleet.engine, None, fleet.settings)
    except DatabaseDownError:
        return False
    return not now["owed"] and now["queue_depth"] == 0 and audit.at_rest(fleet.valkey.url())


def show(plan: Plan, result: Result) -> None:
    findings, seconds = result.findings, sorted(result.sent.seconds)
    print(
        f"seed {plan.seed}, scheme {plan.scheme}, {result.faults} faults, {len(result.sent.accepted)} traces accepted\n"
    )
    print("| figure | found | to reach |\n| --- | --- | --- |")
    rows = {
        "answered 2xx and missing from the database": (findings.missing, 0),
        "owed at the end": (findings.owed, 0),
        "traces in more than one implementation": (findings.shared, 0),
        "traces read by more than one committed run": (findings.read_again, 0),
        "overlapping commits": (findings.overlapping_commits, 0),
        "overlapping runs, fenced ones apart": (findings.overlapping_runs, 0),
        "stuck groups": (len(findings.stuck_groups), 0),
        "leaked Redis keys": (findings.leaked_keys, 0),
        "wasted claims": (
            f"{findings.wasted}: {', '.join(f'{count} {why}' for why, count in findings.skips.items() if count)}",
            f"<= {3 * result.faults + 0.01 * findings.runs:.0f}"),
        "runs / optimum (runs); lag p99, p50": (
            f"{findings.runs / max(1, findings.optimum):.2f} ({findings.runs}); {findings.lag_p99:.2f} s, {findings.lag_p50:.2f} s",
            f"{'reported; calm' if result.faults else 'lag p99'} <= max_wait + longest run + tick + queue p99 ="
            f" {TIMES['GROUPING_MAX_WAIT']} + {findings.longest_run:.2f} + {TICK_SECONDS} + {findings.queue_p99:.2f} s"),
        "settled after the last fault in": (f"{result.settled_in:.1f} s", f"<= {RECOVERY_SECONDS:.0f} s + backlog"),
        "POST of ten p50, p99": (
            f"{seconds[len(seconds) // 2]:.3f} s, {seconds[int(0.99 * len(seconds))]:.3f} s", "reported"),
        "answers other than 2xx (PostgreSQL down)": (result.sent.refused, "reported"),
    }  # fmt: skip
    for name, (value, goal) in rows.items():
        print(f"| {name} | {value} | {goal} |")


def reported(plan: Plan, result: Result) -> int:
    """Print the table and the broken promises; the exit code."""
    show(plan, result)
    if result.broken:
        print("\nBROKEN: " + "; ".join(result.broken), file=sys.stderr)
    return 1 if result.broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--small", action="store_true", help="what make test runs")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--scheme", choices=["ours", "plain"], default="ours")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    plan = dataclasses.replace(SMALL if options.small else FULL, seed=options.seed, scheme=options.scheme)
    if options.calm:
        plan = dataclasses.replace(plan, faults={})
    result = run(plan)
    return reported(plan, result)


if __name__ == "__main__":
    sys.exit(main())
