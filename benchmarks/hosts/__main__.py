"""A plan of network faults, on the fleet of `benchmarks.chaos` and with the audit of `benchmarks.chaos`."""

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.chaos.__main__ import reported, under_fire
from benchmarks.chaos.faults import Faults
from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.plan import TIMES, Plan
from benchmarks.hosts.network import POSTGRES, REDIS, Doors, Network, missing

HOSTS = {
    "pl-web1": "10.77.0.11",
    "pl-web2": "10.77.0.12",
    "pl-work1": "10.77.0.21",
    "pl-work2": "10.77.0.22",
    "pl-work3": "10.77.0.23",
}
PROCESSES = {
    "web 1": "pl-web1",
    "web 2": "pl-web2",
    "worker 1": "pl-work1",
    "worker 2": "pl-work2",
    "worker 3": "pl-work3",
    "reconciler 1": "pl-work1",
    "reconciler 2": "pl-web2",
}
CUT_SECONDS = 2 * TIMES["GROUPING_LEASE"]
FAULTS = {
    "cut off Redis": 2,
    "cut off PostgreSQL": 2,
    "cut off both": 2,
    "hears and does not speak": 1,
    "speaks and does not hear": 1,
    "slow and lossy": 2,
    "host dies": 2,
}


class HostFleet(Fleet):
    """Each process on a host of its own; the databases are reached by their addresses on the bridge."""

    def __init__(self, folder: Path, network: Network) -> None:
        super().__init__(folder, "ours")
        self.network = network
        commands = self._commands
        web = ["0.0.0.0" if word == "127.0.0.1" else word for word in commands["web"]]
        worker = commands["worker 1"][:-1]
        self._commands = {
            "web 1": web,
            "web 2": web,
            **{f"worker {number}": [*worker, f"host{number}@%h"] for number in (1, 2, 3)},
            "reconciler 1": commands["reconciler 1"],
            "reconciler 2": commands["reconciler 2"],
        }

    @property
    def urls(self) -> list[str]:
        return [f"http://{HOSTS[name]}:{self.port}" for name in ("pl-web1", "pl-web2")]

    def command_of(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", PROCESSES[name], *self._commands[name]]

    def environment_of(self, name: str) -> dict[str, str]:
        doors = {"DATABASE_URL": (self.postgres.port, POSTGRES), "REDIS_URL": (self.valkey.port, REDIS)}
        addresses = {
            setting: self.environment[setting].replace(f"127.0.0.1:{port}", f"{address}:{port}")
            for setting, (port, address) in doors.items()
        }
        return self.environment | addresses

    def before_processes(self) -> None:
        ports = {(POSTGRES, self.postgres.port): self.postgres.port, (REDIS, self.valkey.port): self.valkey.port}
        Doors(ports).open()


class HostFaults(Faults):
    """The faults of a worker's host; each is over after a while."""

    def __init__(self, fleet: HostFleet, plan: Plan) -> None:
        super().__init__(fleet, plan)
        self._hosts = fleet
        self._network = fleet.network

    def _lasts(self, name: str) -> bool:
        return name in FAULTS

    def _host(self) -> str:
        return PROCESSES[self._worker()]

    def _cut_off_redis(self) -> None:
        self._cut_off((REDIS,))

    def _cut_off_postgresql(self) -> None:
        self._cut_off((POSTGRES,))

    def _hears_and_does_not_speak(self) -> None:
        self._cut_off((REDIS, POSTGRES))

    def _cut_off(self, addresses: tuple[str, ...]) -> None:
        host = self._host()
        for address in addresses:
            self._network.silence(host, address)
        time.sleep(CUT_SECONDS)
        for address in addresses:
            self._network.let_speak(host, address)

    def _cut_off_both(self) -> None:
        host = self._host()
        self._network.cut(host)
        time.sleep(CUT_SECONDS)
        self._network.plug(host)

    def _speaks_and_does_not_hear(self) -> None:
        host = self._host()
        self._network.deafen(host)
        time.sleep(CUT_SECONDS)
        self._network.let_hear(host)

    def _slow_and_lossy(self) -> None:
        host = self._host()
        self._network.slow(host)
        time.sleep(CUT_SECONDS)
        self._network.fast(host)

    def _host_dies(self) -> None:
        """The host vanishes: its connections stay open on the other side, since no packet ends them."""
        worker = self._worker()
        host = PROCESSES[worker]
        self._network.cut(host)
        for name in [host_name for host_name, processes in PROCESSES.items() if processes == host]:
            for process in self._hosts.family(name):
                try:
                    process.kill()
                except psutil.Error:
                    continue
        time.sleep(CUT_SECONDS)
        self._network.plug(host)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    if why := missing():
        print(f"SKIPPED: {why}.")
        return 0
    network = Network(HOSTS)
    folder = Path(tempfile.mkdtemp(prefix="promptlode-hosts-"))
    folder.chmod(0o711)
    try:
        network.build()
        plan = Plan(int(100 * options.seconds), 150, options.seconds, dict(FAULTS), options.seed)
        if not network.can_be_slow:
            print("SKIPPED: slow and lossy: this kernel has no sch_netem.")
            plan = dataclasses.replace(plan, faults={name: n for name, n in FAULTS.items() if name != "slow and lossy"})
        print("SKIPPED: a clock 90 s off: namespaces share the machine's clock.")
        return _run(network, folder, plan)
    finally:
        network.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _run(network: Network, folder: Path, plan: Plan) -> int:
    fleet = HostFleet(folder, network)
    try:
        fleet.start()
        result = under_fire(fleet, plan, HostFaults(fleet, plan))
    finally:
        fleet.stop()
    return reported(plan, result)


if __name__ == "__main__":
    sys.exit(main())
