"""The throttle: halves under pressure, grows by one, pauses for all, hands on every place."""

from __future__ import annotations

import asyncio

from fake_clock import FakeClock

from evalkit.engine.throttle import LimitChange, Throttle


def test_pressure_halves_once_for_all_that_were_under_way() -> None:
    """Ten refusals of one burst are one congestion; a later burst is another."""
    clock = FakeClock()
    changes: list[LimitChange] = []
    throttle = Throttle(16, clock, changes.append)
    began = clock.now()
    clock.now_s += 1
    for _ in range(10):
        throttle.note_pressure("429", began, None)
    assert throttle.limit == 8
    throttle.note_pressure("429", clock.now(), None)
    assert throttle.limit == 4
    assert [change.limit for change in changes] == [8, 4]
    assert changes[0].at_s == 1.0


def test_it_never_falls_below_one() -> None:
    """Somebody always gets through."""
    clock = FakeClock()
    throttle = Throttle(2, clock)
    for _ in range(5):
        clock.now_s += 1
        throttle.note_pressure("429", clock.now(), None)
    assert throttle.limit == 1


def test_it_grows_by_one_for_each_limit_of_good_attempts_up_to_the_most() -> None:
    """Additive increase: from 2 to 3 takes two, from 3 to 4 takes three."""
    clock = FakeClock()
    throttle = Throttle(4, clock)
    throttle.note_pressure("429", clock.now(), None)
    limits = []
    for _ in range(9):
        throttle.note_success()
        limits.append(throttle.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4]


async def test_a_pause_holds_back_everybody_up_to_a_minute() -> None:
    """What one attempt was told holds for the next ones too."""
    clock = FakeClock()
    throttle = Throttle(4, clock)
    throttle.note_pressure("429", clock.now(), 7.0)
    async with throttle.slot():
        assert clock.now() == 107.0
    throttle.pause(3600, "tokens")
    async with throttle.slot():
        assert clock.now() == 167.0


def test_pauses_that_say_the_same_are_told_once() -> None:
    """Every response of a burst says that a limit is spent; the history has one line for it."""
    clock = FakeClock()
    changes: list[LimitChange] = []
    throttle = Throttle(4, clock, changes.append)
    for _ in range(20):
        throttle.pause(1.0, "tokens are spent")
        clock.now_s += 0.01
    assert [(change.reason, change.pause_s, change.limit) for change in changes] == [("tokens are spent", 1.0, 4)]


async def test_at_most_the_limit_are_inside_and_places_are_handed_on() -> None:
    """Also when somebody who waits gives up."""
    throttle = Throttle(2, FakeClock())
    inside = peak = 0

    async def stay() -> None:
        nonlocal inside, peak
        async with throttle.slot():
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0)
            inside -= 1

    tasks = [asyncio.create_task(stay()) for _ in range(12)]
    await asyncio.sleep(0)
    for task in tasks[4:8]:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert peak == 2
    assert [isinstance(end, asyncio.CancelledError) for end in ends] == [4 <= n < 8 for n in range(12)]
    async with throttle.slot():
        pass


async def test_a_place_given_to_somebody_who_gave_up_goes_to_the_next() -> None:
    """No place is lost between being handed over and being taken."""
    throttle = Throttle(1, FakeClock())
    entered = asyncio.Event()

    async def wait_and_enter() -> None:
        async with throttle.slot():
            entered.set()

    async with throttle.slot():
        first, second = asyncio.create_task(wait_and_enter()), asyncio.create_task(wait_and_enter())
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 1)
    assert entered.is_set()
