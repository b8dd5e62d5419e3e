"""What a script has a process ignore, the programs that it starts take all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest
from boxes.needs import needs_linux

from evalkit.sandbox.default_signals import default_signals

pytestmark = needs_linux
OF_A_TERMINAL = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def _ignoring() -> Iterator[None]:
    """Ignore them, as what nohup and a script's & start does."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in OF_A_TERMINAL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", OF_A_TERMINAL)
def test_a_program_takes_what_this_process_goes_on_ignoring(number: signal.Signals) -> None:
    """Before, during and after; and whatever is started later ignores it again."""
    with default_signals():
        taking = subprocess.Popen(["sleep", "60"])
        os.kill(os.getpid(), number)
    ignoring = subprocess.Popen(["sleep", "0.5"])
    os.kill(os.getpid(), number)
    taking.send_signal(number)
    ignoring.send_signal(number)
    assert taking.wait(10) == -number
    assert ignoring.wait(10) == 0
    assert signal.getsignal(number) is signal.SIG_IGN


def test_what_is_not_ignored_is_left_alone() -> None:
    """A handler of one's own stays."""
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    with default_signals():
        assert signal.getsignal(signal.SIGHUP) is signal.default_int_handler


def test_another_thread_may_ask_for_it_in_vain() -> None:
    """Python lets the main thread alone change what signals do; nothing is raised."""
    found = []

    def look() -> None:
        with default_signals():
            found.append(signal.getsignal(signal.SIGHUP))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_IGN]
