"""Lines of projects on a real Valkey: the messages of a project under way, and the project whose turn is next."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from app.store.ids import new_id
from tasks.coalescing.turns import FRESH, INDEX_KEY, URGENT, Turns, key_of_line

FAR = 1000.0
SHARE = 2
ONE, TWO, THREE, FOUR = (UUID(int=number) for number in range(1, 5))


@pytest.fixture
def turns(redis_client: Redis) -> Turns:
    return Turns(redis_client, SHARE, ttl=FAR)


def enter(turns: Turns, *groups: UUID, project: str = "shop", fresh: bool = False) -> list[list[UUID]]:
    return [turns.enter(project, group, fresh=fresh, hold=FAR) for group in groups]


def waiting(turns: Turns) -> dict[str, int]:
    return {project: line.wait for project, line in turns.lines().items()}


def test_a_project_has_its_share_at_once_and_the_rest_wait(turns: Turns) -> None:
    assert enter(turns, ONE, TWO, THREE, FOUR) == [[ONE], [TWO], [], []]
    assert waiting(turns) == {"shop": 2}


def test_a_message_that_is_delivered_lets_the_next_in(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE, FOUR)
    assert turns.leave("shop", TWO, hold=FAR) == [THREE]
    assert turns.leave("shop", ONE, hold=FAR) == [FOUR]
    assert waiting(turns) == {}


def test_another_project_does_not_wait(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE)
    assert enter(turns, FOUR, project="cafe") == [[FOUR]]


def test_a_group_without_a_template_goes_before_the_others_of_its_project(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE)
    enter(turns, FOUR, fresh=True)
    assert turns.leave("shop", ONE, hold=FAR) == [FOUR]


def test_a_group_that_waits_and_comes_again_keeps_its_place(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE, FOUR, THREE)
    assert waiting(turns) == {"shop": 2}
    assert turns.leave("shop", ONE, hold=FAR) == [THREE]


def test_a_message_whose_ticket_ended_is_sent_again_in_its_own_place(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE)
    assert enter(turns, TWO) == [[TWO]]
    assert waiting(turns) == {"shop": 1}


def test_a_second_message_of_a_group_that_waits_again_takes_no_place_away(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE)
    assert turns.leave("shop", THREE, hold=FAR) == []
    assert waiting(turns) == {"shop": 1}


def test_messages_that_are_lost_make_room_after_a_while(turns: Turns, redis_client: Redis) -> None:
    enter(turns, ONE, TWO, THREE, FOUR)
    assert turns.replace_lost("shop", hold=FAR) == []
    for group in (ONE, TWO):
        redis_client.zincrby(key_of_line("shop"), -2000 * FAR, str(group))
    assert turns.replace_lost("shop", hold=FAR) == [THREE, FOUR]


def test_a_line_that_the_index_has_and_nobody_waits_in_is_forgotten(turns: Turns, redis_client: Redis) -> None:
    enter(turns, ONE)
    redis_client.hset(INDEX_KEY, "shop", "1:0")
    redis_client.expire(INDEX_KEY, 100)
    assert turns.replace_lost("shop", hold=FAR) == []
    assert waiting(turns) == {}


def test_a_message_of_an_unknown_project_and_a_share_of_nothing_wait_for_nobody(
    turns: Turns, redis_client: Redis
) -> None:
    assert enter(turns, ONE, TWO, THREE, project="") == [[ONE], [TWO], [THREE]]
    unbound = Turns(redis_client, 0, ttl=FAR)
    assert enter(unbound, ONE, TWO, THREE) == [[ONE], [TWO], [THREE]]
    assert unbound.leave("shop", ONE, hold=FAR) == []
    assert redis_client.keys("promptlode*") == []


def test_a_line_is_as_old_as_the_one_that_waits_longest(turns: Turns, redis_client: Redis) -> None:
    enter(turns, ONE, TWO, THREE, FOUR)
    redis_client.zincrby(key_of_line("shop"), -40_000, str(FOUR))
    turns.replace_lost("shop", hold=FAR)
    assert 37 <= turns.lines()["shop"].age < 100


def test_every_key_expires(turns: Turns, redis_client: Redis) -> None:
    enter(turns, ONE, TWO, THREE)
    assert [redis_client.ttl(key) > 0 for key in (INDEX_KEY, key_of_line("shop"))] == [True, True]


def test_an_urgent_group_goes_before_all_of_its_project_and_waits_for_its_turn(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE, fresh=True)
    assert turns.enter("shop", FOUR, fresh=False, urgent=True, hold=FAR) == []
    assert turns.leave("shop", ONE, hold=FAR) == [FOUR]


def test_a_group_that_waits_already_goes_to_the_front_in_a_hurry(turns: Turns) -> None:
    enter(turns, ONE, TWO, THREE, FOUR)
    assert turns.hurry("shop", FOUR, hold=FAR) == []
    assert turns.leave("shop", ONE, hold=FAR) == [FOUR]


def test_a_hurry_sends_nothing_for_a_group_that_does_not_wait(turns: Turns) -> None:
    enter(turns, ONE, TWO)
    assert [turns.hurry("shop", group, hold=FAR) for group in (ONE, THREE)] == [[], []]
    assert waiting(turns) == {}


class Line:
    """The slow oracle of lines: the groups under way, and the waiting groups in order, by rank."""

    def __init__(self) -> None:
        self.under_way: set[UUID] = set()
        self.ranks: list[list[UUID]] = [[], [], []]

    @property
    def waiting(self) -> list[UUID]:
        return [group for rank in self.ranks for group in rank]

    def enter(self, group: UUID, rank: int) -> list[UUID]:
        if group in self.under_way:
            return [group]
        if group not in self.waiting:
            self.ranks[rank].append(group)
        self._forward(group, rank)
        return self._let_in()

    def hurry(self, group: UUID) -> list[UUID]:
        self._forward(group, 0)
        return self._let_in()

    def _forward(self, group: UUID, rank: int) -> None:
        for behind in self.ranks[rank + 1 :]:
            if group in behind:
                behind.remove(group)
                self.ranks[rank].append(group)

    def leave(self, group: UUID) -> list[UUID]:
        self.under_way.discard(group)
        return self._let_in()

    def _let_in(self) -> list[UUID]:
        let_in = self.waiting[: SHARE - len(self.under_way)]
        self.under_way |= set(let_in)
        self.ranks = [[group for group in rank if group not in let_in] for rank in self.ranks]
        return let_in


moves = st.tuples(st.sampled_from(["enter", "enter", "leave", "hurry"]), st.integers(1, 6), st.integers(0, 2))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(moves, min_size=10, max_size=40))
def test_a_line_moves_as_the_plain_one_does(redis_client: Redis, steps: list[tuple[str, int, int]]) -> None:
    turns, project, plain = Turns(redis_client, SHARE, ttl=FAR), str(new_id()), Line()
    for action, number, rank in steps:
        group = UUID(int=number)
        if action == "enter":
            place = turns.enter(project, group, fresh=rank == FRESH, urgent=rank == URGENT, hold=FAR)
            assert place == plain.enter(group, rank)
        elif action == "hurry":
            assert turns.hurry(project, group, hold=FAR) == plain.hurry(group)
        else:
            assert turns.leave(project, group, hold=FAR) == plain.leave(group)
        assert waiting(turns).get(project, 0) == len(plain.waiting)
