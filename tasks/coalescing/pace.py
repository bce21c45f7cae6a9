"""When a group runs: soon, but not for every trace.

A run costs about the same for one trace as for fifty, so a request waits a little for others to join it:

* `quiet`: a cold group runs once nobody has asked for this long, so a burst costs one run;
* `max_wait`: nobody waits longer than this for a message, however busy the group is;
* `gap`: after a run the group pauses for this many times the length of that run, so a slow group cannot keep a worker
  to itself.  The pause is shorter the more requests came during the run: with `crowd` of them their waiting costs as
  much as a run, and the pause is halved.

The rule is carried out inside the scripts, on Redis' clock (`state.lua`: due, `finish.lua`: rest_until).  Here it is in
Python for whoever needs to think about it: the double that the scripts are checked against, and the simulation in
`benchmarks/pace.py` that chose the numbers.
"""

from dataclasses import dataclass

from app.config import default_of


@dataclass(frozen=True)
class Pace:
    """All times in seconds of one clock.

    The defaults cost at most 1.5 times the offline optimum on slow (1/s), fast (20/s) and bursty arrivals when a run
    takes a second and a waiting trace costs a twentieth of one.  The plain gap of three runs costs 1.8 on the fast
    stream, a gap of two costs 1.6 on the slow one; `crowd` takes the better half of each.
    """

    quiet: float = default_of("grouping_quiet")
    max_wait: float = default_of("grouping_max_wait")
    gap: float = default_of("grouping_gap_factor")
    crowd: float = 20.0

    def due(self, now: float, first: float, rest_until: float) -> float:
        """When a message is due for requests of which the first came at `first` and the last `now`."""
        due = rest_until if rest_until > now else now + self.quiet
        return min(due, first + self.max_wait)

    def pause(self, took: float, waiting: int) -> float:
        """How long the group pauses after a run of this length during which `waiting` requests came."""
        return took * self.gap / (1 + waiting / self.crowd)
