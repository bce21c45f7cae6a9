"""The pace of a group's runs: soon, but not for every trace.

A run costs about the same for one trace as for fifty, so a request waits a little for others to join it:

* `quiet`: a cold group runs after this long without a request, so a burst costs one run. Where more than `crowd` requests wait, this time
  is shorter in proportion, since all of them wait for it;
* `max_wait`: no request waits longer than this for a message, however busy the group is;
* `gap`: after a run the group pauses for at most this many times the length of that run. The pause ends earlier when waiting costs as
  much as a run: `crowd` requests that wait as long as a run takes do (where requests come evenly, this is the rule of economic order
  quantities). n requests that came evenly since the run began have waited n / 2 times the time since then.

The rule is carried out inside the scripts, on Redis' clock (`state.lua`: due, `finish.lua`: rest_until and enough). This Python form of it
serves the double against which the scripts are checked, and the simulation in `benchmarks/pace.py` that chose the numbers.
"""

from dataclasses import dataclass
from typing import NamedTuple

from app.config import default_of


class Pause(NamedTuple):
    """The pause after a run.

    began: when the run began. until: the latest end of the pause. enough: the sum of all requests' waiting times that ends it earlier.
    """

    began: float = 0.0
    until: float = 0.0
    enough: float = 0.0


@dataclass(frozen=True)
class Pace:
    """All times in seconds of one clock.

    The defaults cost at most 1.25 times the offline optimum on slow (1/s), fast (20/s) and bursty arrivals when a run
    takes a second and a waiting trace costs a twentieth of one. With a pause that is fixed at its begin they cost 1.3. Within `max_wait`
    no rule is much better: whoever knew the rate of 1/s, and ran at each sixth request, would pay 1.24.

    least: the least length of a run in this rule: its message, its claim and its two transactions cost time whatever it finds.
    """

    quiet: float = default_of("grouping_quiet")
    max_wait: float = default_of("grouping_max_wait")
    gap: float = default_of("grouping_gap_factor")
    crowd: float = 17.0
    least: float = 0.25

    def due(self, now: float, first: float, waiting: int, pause: Pause) -> float:
        """The due time of a message for the `waiting` requests since the last run began.

        first: the time of the first request that no run has claimed. now: the time of the last.
        """
        due_at = self._end_of(pause, now, waiting) if pause.until > now else now + self._quiet(waiting)
        return min(due_at, first + self.max_wait)

    def rest(self, began: float, ended: float) -> Pause:
        """The pause of the group after a run."""
        took = max(ended - began, self.least)
        return Pause(began, ended + took * self.gap, took * self.crowd)

    def _end_of(self, pause: Pause, now: float, waiting: int) -> float:
        waited = waiting * (now - pause.began) / 2
        return min(pause.until, now + max(0.0, pause.enough - waited) / waiting)

    def _quiet(self, waiting: int) -> float:
        return self.quiet * min(1.0, self.crowd / waiting)
