from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.plan import Plan

SITE = NextHop(Protocol.SMTP, "world.test")


def plan(**times: float) -> Plan:
    made = Plan()
    for queue_id, time in times.items():
        made.add(queue_id, time)
    return made


def test_due_messages_come_earliest_first_and_once() -> None:
    made = plan(c=30, a=10, b=20)
    assert made.take_due(25, 10) == ["a", "b"]
    assert made.take_due(25, 10) == []
    assert len(made) == 1


def test_no_more_are_taken_than_there_is_room_for() -> None:
    assert plan(a=1, b=2, c=3).take_due(9, 2) == ["a", "b"]


def test_many_that_are_planned_at_once_come_earliest_first_too_and_change_no_plan() -> None:
    made = plan(c=5)
    made.fill({"b": 20, "c": 30, "a": 10})
    assert made.take_due(25, 10) == ["c", "a", "b"]


def test_the_newest_plan_for_a_message_counts() -> None:
    made = plan(a=10)
    made.add("a", 50)
    assert made.take_due(20, 10) == []
    assert made.take_due(50, 10) == ["a"]


def test_removed_message_never_comes_due() -> None:
    made = plan(a=10)
    assert made.remove("a")
    assert not made.remove("a")
    assert made.take_due(99, 10) == []
    assert made.time("a") == 0


def test_hastened_messages_are_due_now_and_unknown_ones_are_not_counted() -> None:
    made = plan(a=100, b=200)
    assert made.hasten(["b", "x"], 5) == 1
    assert made.take_due(5, 10) == ["b"]


def test_what_waits_for_a_site_is_hastened_with_it_and_nothing_else() -> None:
    made = plan(other=100)
    made.add("waiting", 100, SITE)
    assert made.hasten_site(SITE, 5) == 1
    assert made.take_due(5, 10) == ["waiting"]
    assert made.hasten_site(SITE, 5) == 0


def test_plans_that_were_changed_often_do_not_pile_up() -> None:
    made = plan(a=1)
    for time in range(10_000):
        made.add("a", 10_000 - time)
    assert made.take_due(10_001, 10) == ["a"]
    assert len(made) == 0
