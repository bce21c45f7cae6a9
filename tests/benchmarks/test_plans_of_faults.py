"""Every fault of a plan can be carried out: a name without its method would fail minutes into a run."""

import pytest

from benchmarks.chaos.faults import LASTING, Faults, method_of
from benchmarks.chaos.plan import FULL, SMALL
from benchmarks.hosts.__main__ import FAULTS, HOSTS, PROCESSES, HostFaults


@pytest.mark.parametrize(("faults", "names"), [(Faults, {*FULL.faults, *SMALL.faults, *LASTING}), (HostFaults, FAULTS)])
def test_every_fault_of_the_plan_has_its_method(faults: type[Faults], names: set[str]) -> None:
    assert [name for name in names if not hasattr(faults, method_of(name))] == []


def test_every_process_has_a_host() -> None:
    assert set(PROCESSES.values()) == set(HOSTS)
