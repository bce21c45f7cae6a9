"""Mining switches Python's collector of cycles off, since mining makes no cycles, and restores the collector's state."""

import gc
import subprocess
import sys
from contextlib import suppress

import pytest

from templating.collecting import keep_old, uncollected

MINING = """
import gc
from templating import mine

prompts = [f"Translate to {to}: word {n} of the list\\nAnswer:" for n in range(40) for to in ("French", "Danish", "Welsh")]
for _ in range(2):  # the first time modules are loaded
    gc.collect()
    gc.disable()
    found = mine(prompts)
    mine([*prompts, "Translate to Basque: one more"], known=[group.template for group in found])
    mine(prompts, sessions=[number // 4 for number in range(len(prompts))])
print(len(found), gc.collect())
"""


@pytest.fixture(autouse=True)
def collector_as_it_was():
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()


def test_mining_makes_no_cycles():
    """The mining runs in a process of its own, since threads of other tests would add to the figure."""
    groups, cycles = subprocess.run(
        [sys.executable, "-c", MINING], capture_output=True, text=True, check=True
    ).stdout.split()
    assert (groups, cycles) == ("1", "0")


def test_a_collector_that_is_on_is_off_inside_and_on_afterwards():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_on_again_after_an_error():
    with suppress(RuntimeError), uncollected():
        raise RuntimeError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_an_old_cycle_is_collected_once_it_is_garbage():
    cycle: list[object] = []
    cycle.append(cycle)
    gc.disable()
    keep_old()
    assert not any(cycle is tracked for tracked in gc.get_objects(generation=0))
    del cycle
    assert gc.collect() > 0


def test_objects_that_a_caller_has_frozen_stay_frozen():
    """One object of ours is the witness: the number of frozen objects falls by itself when another thread lets go of
    one.
    """
    frozen: list[object] = []
    gc.freeze()
    keep_old()
    assert not any(frozen is tracked for tracked in gc.get_objects())
