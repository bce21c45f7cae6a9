"""The transitions one by one, on the scripts and on the double. Given that ... If I ... I expect ..."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from redis import Redis

from tasks.coalescing.pace import Pace
from tasks.coalescing.protocol import SKIPS, Answer, Coalescing, RedisCoalescing, Terms
from tests.coalescing.worlds import MemoryWorld, ScriptWorld

TERMS = Terms(ttl=5000, ticket=60, lease=20, grace=10, pace=Pace(quiet=5, max_wait=50, gap=3, crowd=20))
GROUP = UUID("00000000-0000-7000-8000-000000000001")

World = ScriptWorld | MemoryWorld


@pytest.fixture(params=["scripts", "double"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "double":
        yield MemoryWorld(TERMS)
    else:
        yield ScriptWorld(request.getfixturevalue("redis_client"), TERMS)


@pytest.fixture
def protocol(world: World) -> Coalescing:
    return world.coalescing


def queued(protocol: Coalescing) -> None:
    assert protocol.request(GROUP, urgent=True).word == "send"


def running(protocol: Coalescing, owner: str = "me") -> Answer:
    queued(protocol)
    answer = protocol.claim(GROUP, owner)
    assert answer.word == "run"
    return answer


def moments(world: World, answer: Answer) -> tuple[int, int]:
    """The time of an answer and its `until`, on a clock that the test moves too; to be asked at once.

    Sums of these times are exact to the millisecond, however slow the test.
    """
    return answer.at + world.shift, answer.until + world.shift


class TestRequest:
    def test_the_first_request_of_a_cold_group_waits_for_company(self, protocol: Coalescing) -> None:
        answer = protocol.request(GROUP)
        assert answer.word == "park"
        assert answer.until - answer.at == 5000

    def test_every_further_request_joins_it_and_moves_its_due_time(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(4)
        answer = protocol.request(GROUP)
        assert answer.word == "coalesced"
        assert answer.until - answer.at == 5000

    def test_a_group_that_is_never_quiet_is_due_after_max_wait(self, world: World, protocol: Coalescing) -> None:
        first, _ = moments(world, protocol.request(GROUP))
        for _ in range(12):
            world.advance(4)
            _, due = moments(world, protocol.request(GROUP))
        assert due - first == 50_000

    def test_a_person_does_not_wait(self, protocol: Coalescing) -> None:
        assert protocol.request(GROUP, urgent=True).word == "send"

    def test_a_person_ends_the_wait_of_a_parked_group(self, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        assert protocol.request(GROUP, urgent=True).word == "send"

    def test_a_queued_message_covers_it(self, protocol: Coalescing) -> None:
        queued(protocol)
        assert protocol.request(GROUP).word == "coalesced"

    def test_a_live_run_covers_it(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.request(GROUP).word == "coalesced"

    def test_it_never_extends_a_ticket(self, world: World, protocol: Coalescing) -> None:
        queued(protocol)
        world.advance(40)
        protocol.request(GROUP)
        world.advance(40)
        assert protocol.request(GROUP, urgent=True).word == "send"

    def test_a_ticket_holds_longer_while_many_messages_are_before_its_own(
        self, world: World, protocol: Coalescing
    ) -> None:
        queued(protocol)
        world.advance(61)
        assert protocol.request(GROUP, urgent=True, patience=30).word == "coalesced"
        world.advance(30)
        assert protocol.request(GROUP, urgent=True, patience=30).word == "send"

    def test_a_group_that_every_pacer_forgot_is_sent_by_the_next_request(
        self, world: World, protocol: Coalescing
    ) -> None:
        protocol.request(GROUP)
        world.advance(5 + 10 + 1)
        assert protocol.request(GROUP).word == "send"

    def test_it_remembers_the_latest_trace_and_whether_the_group_has_a_template(self, protocol: Coalescing) -> None:
        protocol.request(GROUP, fresh=True, trace="one")
        answer = protocol.request(GROUP, fresh=False, trace="two")
        assert (answer.fresh, answer.trace) == (False, "two")


class TestClaim:
    def test_a_message_starts_the_run(self, protocol: Coalescing) -> None:
        queued(protocol)
        assert protocol.claim(GROUP, "me").word == "run"

    def test_a_second_message_finds_it_busy(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.claim(GROUP, "other").word == "busy"

    def test_a_call_that_was_retried_by_the_network_layer_keeps_the_run(self, protocol: Coalescing) -> None:
        running(protocol, "me")
        assert protocol.claim(GROUP, "me").word == "run"

    def test_a_message_before_the_due_time_is_early(self, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        assert protocol.claim(GROUP, "me").word == "early"

    def test_a_message_after_the_due_time_runs_although_no_pacer_came(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(6)
        assert protocol.claim(GROUP, "me").word == "run"

    def test_a_message_after_a_run_that_read_everything_is_covered(self, protocol: Coalescing) -> None:
        running(protocol)
        protocol.finish(GROUP, "me", "committed")
        assert protocol.claim(GROUP, "other").word == "covered"

    def test_a_message_of_a_group_that_nobody_asked_for_is_covered(self, protocol: Coalescing) -> None:
        assert protocol.claim(GROUP, "me").word == "covered"

    def test_a_message_without_a_ticket_asks_for_itself(self, protocol: Coalescing) -> None:
        assert protocol.claim(GROUP, "me", ticketless=True).word == "run"

    def test_a_message_without_a_ticket_during_a_run_is_covered_by_the_next(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.claim(GROUP, "other", ticketless=True).word == "busy"
        assert protocol.finish(GROUP, "me", "committed").word == "send"

    def test_a_message_without_a_ticket_does_not_wait_for_a_back_off(self, protocol: Coalescing) -> None:
        running(protocol)
        protocol.finish(GROUP, "me", "failed", pause=100)
        assert protocol.claim(GROUP, "person", ticketless=True).word == "run"

    def test_a_dead_run_gives_way_when_its_lease_ends(self, world: World, protocol: Coalescing) -> None:
        running(protocol, "dead")
        world.advance(21)
        assert protocol.claim(GROUP, "other").word == "run"

    def test_after_a_flush_a_message_finds_nothing_and_does_no_harm(self, world: World, protocol: Coalescing) -> None:
        queued(protocol)
        world.flush()
        assert protocol.claim(GROUP, "me").word == "covered"


class TestHeartbeat:
    def test_it_keeps_the_lease(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        for _ in range(3):
            world.advance(15)
            assert protocol.heartbeat(GROUP, "me").word == "held"
        assert protocol.claim(GROUP, "other").word == "busy"

    def test_it_does_not_bring_an_ended_lease_back(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        world.advance(21)
        assert protocol.heartbeat(GROUP, "me").word == "lost"

    def test_it_is_lost_when_another_run_has_the_lease(self, world: World, protocol: Coalescing) -> None:
        running(protocol, "slow")
        world.advance(21)
        protocol.claim(GROUP, "quick")
        assert protocol.heartbeat(GROUP, "slow").word == "lost"

    def test_it_is_lost_after_a_flush(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        world.flush()
        assert protocol.heartbeat(GROUP, "me").word == "lost"


class TestFinish:
    def test_a_run_that_covered_everything_rests(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.finish(GROUP, "me", "committed").word == "rest"

    def test_requests_that_came_during_the_run_get_one_more_run(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        for _ in range(10):
            protocol.request(GROUP)
        world.advance(4)
        assert protocol.finish(GROUP, "me", "committed").word == "park"

    def test_requests_that_waited_together_as_long_as_a_crowd_get_it_at_once(
        self, world: World, protocol: Coalescing
    ) -> None:
        running(protocol)
        for _ in range(100):
            protocol.request(GROUP)
        world.advance(2)
        assert protocol.finish(GROUP, "me", "committed").word == "send"

    def test_the_pause_is_three_runs(self, world: World, protocol: Coalescing) -> None:
        begun, _ = moments(world, running(protocol))
        world.advance(4)
        ended, _ = moments(world, protocol.finish(GROUP, "me", "committed"))
        _, due = moments(world, protocol.request(GROUP))
        assert due - ended == 3 * (ended - begun) >= 12_000

    def test_the_pause_is_one_and_a_half_runs_when_ten_wait(self, world: World, protocol: Coalescing) -> None:
        begun, _ = moments(world, running(protocol))
        for _ in range(10):
            protocol.request(GROUP)
        world.advance(4)
        ended, due = moments(world, protocol.finish(GROUP, "me", "committed"))
        took = ended - begun
        assert due - ended == (20 * took - 10 * took // 2) // 10 >= 6_000

    def test_a_slow_run_does_not_make_anyone_wait_longer_than_max_wait(
        self, world: World, protocol: Coalescing
    ) -> None:
        running(protocol)
        for _ in range(4):
            world.advance(15)
            protocol.heartbeat(GROUP, "me")
        protocol.finish(GROUP, "me", "committed")
        answer = protocol.request(GROUP)
        assert answer.until - answer.at == 50_000

    def test_leftovers_go_to_the_tail_of_the_queue_at_once(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.finish(GROUP, "me", "committed", has_more=True).word == "send"

    def test_a_failed_run_waits_and_no_trace_shortens_its_wait(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        ended, _ = moments(world, protocol.finish(GROUP, "me", "failed", pause=100))
        world.advance(30)
        answer = protocol.request(GROUP)
        _, due = moments(world, answer)
        assert (answer.word, due - ended) == ("coalesced", 100_000)

    def test_a_failed_run_covers_nothing(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        protocol.finish(GROUP, "me", "failed", pause=1)
        world.advance(2)
        assert protocol.wake(GROUP).word == "send"

    def test_a_stopped_run_is_sent_again_at_once(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.finish(GROUP, "me", "stopped").word == "send"

    def test_a_fenced_run_leaves_its_requests_to_another(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.finish(GROUP, "me", "fenced").word == "send"  # a person asked for the group

    def test_a_run_that_lost_its_lease_touches_nothing(self, world: World, protocol: Coalescing) -> None:
        running(protocol, "slow")
        world.advance(21)
        protocol.claim(GROUP, "quick")
        before = protocol.snapshot(GROUP)
        assert protocol.finish(GROUP, "slow", "committed").word == "lost"
        assert protocol.snapshot(GROUP) == before

    def test_a_person_who_asks_during_a_run_does_not_wait_for_the_pause(
        self, world: World, protocol: Coalescing
    ) -> None:
        running(protocol)
        protocol.request(GROUP, urgent=True)
        world.advance(4)
        assert protocol.finish(GROUP, "me", "committed").word == "send"


class TestWake:
    def test_a_due_group_gets_its_message(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(6)
        assert protocol.take_due() == [GROUP]
        assert protocol.wake(GROUP).word == "send"

    def test_two_pacers_send_one_message(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(6)
        assert [protocol.wake(GROUP).word for _ in range(2)] == ["send", "live"]

    def test_a_group_whose_due_time_moved_is_noted_again(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(4)
        protocol.request(GROUP)
        world.advance(2)
        assert protocol.take_due() == [GROUP]
        assert protocol.wake(GROUP).word == "park"
        world.advance(4)
        assert protocol.take_due() == [GROUP]

    def test_a_group_that_is_owed_but_forgotten_is_sent(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        protocol.finish(GROUP, "me", "committed")
        world.flush()
        assert protocol.wake(GROUP, owed=True).word == "send"
        assert protocol.claim(GROUP, "me").word == "run"

    def test_a_group_that_is_owed_while_it_runs_is_left_alone(self, protocol: Coalescing) -> None:
        running(protocol)
        assert protocol.wake(GROUP, owed=True).word == "live"

    def test_a_group_at_rest_is_left_alone(self, protocol: Coalescing) -> None:
        assert protocol.wake(GROUP).word == "rest"

    def test_a_lost_run_is_sent_again(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        world.advance(21)
        assert protocol.wake(GROUP).word == "send"


class TestCounters:
    def test_every_request_ends_in_one_counter_and_every_message_in_one(
        self, world: World, protocol: Coalescing
    ) -> None:
        running(protocol)
        protocol.request(GROUP)
        protocol.claim(GROUP, "other", redelivered=True)
        protocol.finish(GROUP, "me", "committed")
        world.advance(6)
        protocol.wake(GROUP)
        protocol.claim(GROUP, "me")
        protocol.finish(GROUP, "me", "empty")
        counters = protocol.snapshot(GROUP).counters
        assert counters["requests"] == counters["coalesced"] + counters["messages"] == 3
        assert (
            counters["messages"] + counters["redelivered"]
            == counters["runs"] + sum(counters[skip] for skip in SKIPS)
            == 3
        )

    def test_a_run_that_died_is_counted_once(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        world.advance(21)
        protocol.wake(GROUP)
        protocol.wake(GROUP)
        counters = protocol.snapshot(GROUP).counters
        assert (counters["runs"], counters["lost"]) == (1, 1)

    def test_a_flush_is_told_by_when_the_counters_began(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        before = protocol.snapshot(GROUP).born
        world.flush()
        world.advance(0.001)
        protocol.request(GROUP)
        assert protocol.snapshot(GROUP).born != before


HOUR = 3600


class TestAClockThatIsSetBack:
    def test_a_run_that_died_before_does_not_keep_its_lease_until_the_clock_is_there_again(
        self, world: World, protocol: Coalescing
    ) -> None:
        running(protocol)
        world.advance(-HOUR)
        assert protocol.wake(GROUP, owed=True).word == "live"
        world.advance(TERMS.lease + 1)
        assert protocol.wake(GROUP, owed=True).word == "send"

    def test_a_message_that_was_lost_before_is_sent_again(self, world: World, protocol: Coalescing) -> None:
        queued(protocol)
        world.advance(-HOUR)
        assert protocol.wake(GROUP, owed=True).word == "live"
        world.advance(TERMS.ticket + 1)
        assert protocol.wake(GROUP, owed=True).word == "send"

    def test_a_parked_group_is_due_as_soon_as_it_would_have_been(self, world: World, protocol: Coalescing) -> None:
        protocol.request(GROUP)
        world.advance(-HOUR)
        assert protocol.wake(GROUP, owed=True).word == "park"
        world.advance(TERMS.pace.quiet + 1)
        assert protocol.take_due() == [GROUP]

    def test_the_pause_after_a_run_is_not_longer(self, world: World, protocol: Coalescing) -> None:
        begun, _ = moments(world, running(protocol))
        world.advance(4)
        ended, _ = moments(world, protocol.finish(GROUP, "me", "committed"))
        world.advance(-HOUR)
        requested_at, due = moments(world, protocol.request(GROUP))
        assert due - requested_at == 3 * (ended - begun)

    def test_a_live_run_keeps_its_lease(self, world: World, protocol: Coalescing) -> None:
        running(protocol)
        world.advance(-HOUR)
        assert protocol.heartbeat(GROUP, "me").word == "held"
        world.advance(TERMS.lease - 5)
        assert protocol.claim(GROUP, "other").word == "busy"
        assert protocol.finish(GROUP, "me", "committed").word == "rest"


def test_the_reconciler_looks_after_groups_whose_clock_was_set_back(redis_client: Redis) -> None:
    world = ScriptWorld(redis_client, TERMS)
    protocol = RedisCoalescing(redis_client, TERMS)
    running(protocol)
    assert protocol.unattended({GROUP: 0.0}) == set()
    world.advance(-HOUR)
    assert protocol.unattended({GROUP: 0.0}) == {GROUP}
    protocol.wake(GROUP, owed=True)
    assert protocol.unattended({GROUP: 0.0}) == set()


def test_groups_share_nothing(protocol: Coalescing) -> None:
    running(protocol)
    assert protocol.claim(uuid4(), "other").word == "covered"


def test_every_key_expires(redis_client: Redis) -> None:
    world = ScriptWorld(redis_client, TERMS)
    running(world.coalescing)
    world.coalescing.request(uuid4())
    assert len(list(redis_client.scan_iter())) == 3
    assert world.keys_without_expiry() == []
