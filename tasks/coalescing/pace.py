"""The pace of a group's runs: soon, but not for every trace.

A run costs about the same for one trace as for fifty, so a request waits a little for others to join it:

* `quiet`: a cold group runs after this long without a request, so a burst costs one run;
* `max_wait`: no request waits longer than this for a message, however busy the group is;
* `gap`: after a run the group pauses for at most this many times the length of that run.  The pause is shorter the more requests came
  during the run.  `crowd` requests that wait as long as a run takes cost as much as the run.  Where n come during each run, runs that
  begin sqrt(2 * crowd / n) lengths apart cost least: the cost of runs then equals the cost of waiting (the rule of economic order
  quantities).

The rule is carried out inside the scripts, on Redis' clock (`state.lua`: due, `finish.lua`: rest_until). This Python form of it serves the
double against which the scripts are checked, and the simulation in `benchmarks/pace.py` that chose the numbers.
"""

import math
from dataclasses import dataclass

from app.config import default_of


@dataclass(frozen=True)
class Pace:
    """All times in seconds of one clock.

    The defaults cost at most 1.3 times the offline optimum on slow (1/s), fast (20/s) and bursty arrivals when a run
    takes a second and a waiting trace costs a twentieth of one.  A pause of `gap` runs that `crowd` requests halve cost 1.4.

    least: the least length of a run in this rule: its message, its claim and its two transactions cost time whatever it finds.
    """

    quiet: float = default_of("grouping_quiet")
    max_wait: float = default_of("grouping_max_wait")
    gap: float = default_of("grouping_gap_factor")
    crowd: float = 20.0
    least: float = 0.25

    def due(self, now: float, first: float, rest_until: float) -> float:
        """The due time of a message for requests, the first of which came at `first` and the last at `now`."""
        due = rest_until if rest_until > now else now + self.quiet
        return min(due, first + self.max_wait)

    def pause(self, took: float, waiting: int) -> float:
        """The pause of the group after a run of length `took` during which `waiting` requests came."""
        return max(took, self.least) * self._rest(waiting)

    def _rest(self, waiting: int) -> float:
        """The pause in lengths of the run."""
        return min(self.gap, max(0.0, math.sqrt(2 * self.crowd / waiting) - 1)) if waiting else self.gap
