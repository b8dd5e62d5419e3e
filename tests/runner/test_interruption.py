"""Signals while cases run."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from evalkit.engine.scheduler import Stop
from evalkit.runner.interruption import ONE_REQUEST_S, Interruption


class FakeEngine:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def stop(self, reason: Stop) -> None:
        self.told.append(reason)

    def cancel(self) -> None:
        self.told.append("cancel")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_stops_and_the_second_cancels(number: int) -> None:
    """One waits for what is under way, two do not, unless they come as one; a person is told once."""
    engine, said = FakeEngine(), []
    with Interruption(30, said.append).watch(engine):
        for _ in range(2):
            signal.raise_signal(number)
            await asyncio.sleep(0.05)
        assert engine.told == [Stop.INTERRUPTED]
        await asyncio.sleep(ONE_REQUEST_S)
        signal.raise_signal(number)
        await asyncio.sleep(0.05)
    assert engine.told == [Stop.INTERRUPTED, Stop.INTERRUPTED, "cancel"]
    assert len(said) == 1
    assert "30 s" in said[0]


async def test_the_grace_time_ends() -> None:
    """Whoever does not finish in time is given up without a second signal."""
    engine = FakeEngine()
    with Interruption(0.05, lambda _: None).watch(engine):
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
    assert engine.told == [Stop.INTERRUPTED, "cancel"]


async def test_the_signals_go_back_to_who_had_them() -> None:
    """After the cases a Ctrl-C is what it was before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interruption(1, lambda _: None).watch(FakeEngine()):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_shell_that_made_us_deaf_to_ctrl_c_is_heeded() -> None:
    """A job in the background keeps running when its terminal gets a Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        engine = FakeEngine()
        with Interruption(1, lambda _: None).watch(engine):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.05)
        assert engine.told == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_that_gets_no_signals_runs_without() -> None:
    """Only the main thread has them; elsewhere the watch does nothing and harms nothing."""
    ended: list[str] = []

    async def run() -> None:
        with Interruption(1, lambda _: None).watch(FakeEngine()):
            ended.append("inside")

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join(10)
    assert ended == ["inside"]
