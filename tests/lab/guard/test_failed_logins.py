"""Who is wrong about the token too often has to wait."""

from __future__ import annotations

from evalkit.lab.guard.failed_logins import ALLOWED, WINDOW_S, FailedLogins


def test_a_guesser_waits_and_nobody_else() -> None:
    """Until the oldest of the failures that count is as old as the window."""
    now = [0.0]
    failed = FailedLogins(lambda: now[0])
    for _ in range(ALLOWED):
        assert failed.wait_s("10.0.0.1") == 0
        failed.add("10.0.0.1")
        now[0] += 1
    assert failed.wait_s("10.0.0.1") == WINDOW_S - ALLOWED
    assert failed.wait_s("10.0.0.2") == 0
    now[0] = WINDOW_S
    assert failed.wait_s("10.0.0.1") == 0


def test_what_it_remembers_is_bounded() -> None:
    """A million addresses do not fill the memory; the newest are kept."""
    failed = FailedLogins(lambda: 0.0)
    for number in range(3000):
        for _ in range(ALLOWED):
            failed.add(str(number))
    assert len(failed._failures) == 1000
    assert failed.wait_s("2999") == WINDOW_S
