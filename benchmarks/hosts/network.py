"""Network namespaces, their links, and faults of the links."""

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping

BRIDGE = "plb0"
POSTGRES, REDIS = "10.77.0.1", "10.77.0.2"


def missing() -> str:
    """Why this machine cannot make namespaces; empty when it can."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root on Linux, and the command ip"
    process = subprocess.run(["ip", "netns", "add", "pl-probe"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", "pl-probe"], capture_output=True, check=False)
    return "" if process.returncode == 0 else "this machine allows no network namespaces"


def ip(*words: str, check: bool = True) -> bool:
    return subprocess.run(["ip", *words], capture_output=True, check=check).returncode == 0


class Network:
    """Hosts by name, each with an address. `ports` of 127.0.0.1 are served on the addresses of the databases."""

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self.hosts = dict(hosts)
        self.can_be_slow = False

    def build(self) -> None:
        self.remove()
        ip("link", "add", BRIDGE, "type", "bridge")
        for address in (POSTGRES, REDIS):
            ip("address", "add", f"{address}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, (name, address) in enumerate(self.hosts.items()):
            ip("netns", "add", name)
            ip("link", "add", f"plv{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"plv{number}", "master", BRIDGE, "up")
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for link in ("eth0", "lo"):
                ip("-n", name, "link", "set", link, "up")
        self.can_be_slow = self.slow(next(iter(self.hosts))) and self.fast(next(iter(self.hosts)))

    def remove(self) -> None:
        for name in self.hosts:
            ip("netns", "del", name, check=False)
        ip("link", "del", BRIDGE, check=False)

    # Faults of networks

    def silence(self, host: str, address: str) -> None:
        """Drops packets from the host to this address; packets to the host arrive."""
        ip("-n", host, "route", "add", "blackhole", f"{address}/32", check=False)

    def let_speak(self, host: str, address: str) -> None:
        ip("-n", host, "route", "del", "blackhole", f"{address}/32", check=False)

    def deafen(self, host: str) -> None:
        """Drops all packets to the host; packets from the host arrive."""
        ip("route", "add", "blackhole", f"{self.hosts[host]}/32", check=False)

    def let_hear(self, host: str) -> None:
        ip("route", "del", "blackhole", f"{self.hosts[host]}/32", check=False)

    def cut(self, host: str) -> None:
        """Takes the link down, as a pulled cable: connections stay open on both sides."""
        ip("-n", host, "link", "set", "eth0", "down", check=False)

    def plug(self, host: str) -> None:
        ip("-n", host, "link", "set", "eth0", "up", check=False)

    def slow(self, host: str) -> bool:
        """Delays packets by 300 ms and drops one in twenty. False where the kernel lacks the module sch_netem."""
        return self._netem(host, "add", "root", "netem", "delay", "300ms", "loss", "5%")

    def fast(self, host: str) -> bool:
        return self._netem(host, "del", "root")

    def _netem(self, host: str, action: str, *words: str) -> bool:
        command = ["ip", "netns", "exec", host, "tc", "qdisc", action, "dev", "eth0", *words]
        return (
            shutil.which("tc") is not None and not subprocess.run(command, capture_output=True, check=False).returncode
        )


class Doors:
    """Proxies from an address that hosts reach to the databases, which listen on 127.0.0.1 alone."""

    def __init__(self, doors: Mapping[tuple[str, int], int]) -> None:
        self._doors = doors
        self._loop = asyncio.new_event_loop()
        self._open = threading.Event()

    def open(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()
        if not self._open.wait(10):
            raise RuntimeError("the doors of the databases did not open")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for (address, port), inner in self._doors.items():
            self._loop.run_until_complete(asyncio.start_server(self._through(inner), address, port))
        self._open.set()
        self._loop.run_forever()

    def _through(self, inner: int):
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner)
            except OSError:
                writer.close()
                return
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

        return serve


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
