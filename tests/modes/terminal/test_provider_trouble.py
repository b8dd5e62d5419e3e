"""What the gateway counted, as evidence of whose fault the end of a session was."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_clock import FakeClock
from gateway_partner import cents, request_of

from evalkit.gateway.calls import GAVE_UP, SESSION_CLOSED
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.provider_errors import ProviderError
from evalkit.gateway.sessions import GatewaySession
from evalkit.modes.terminal.blame import SessionEnding
from evalkit.modes.terminal.launch import WayOut
from evalkit.modes.terminal.link import AgentStop, StopKind
from evalkit.modes.terminal.model_access import ModelTraffic

TURN_S = 30.0


def _blamed(*calls: tuple[str, float], kind: StopKind = StopKind.BUSY_TIMEOUT, open_s: float | None = None) -> str:
    """Return the trouble after calls that ended so, each after so many seconds; `open_s`: one goes on since then."""
    clock = FakeClock()
    session = GatewaySession("s", clock=clock, price=cents, key_filter=KeyFilter(()))
    for error, seconds in calls:
        call = session.begin(request_of("chat"))
        clock.now_s += seconds
        session.end(call, ProviderError(error, "x") if error else None)
    if open_s is not None:
        session.begin(request_of("chat"))
        clock.now_s += open_s
    traffic = ModelTraffic(session, WayOut(Path("s"), "", "/w/s", b""), Path("log"))
    trouble = traffic.blame(SessionEnding(AgentStop(kind, "timeout", elapsed_ms=TURN_S * 1000))).trouble
    return trouble.error_type if trouble else ""


@pytest.mark.parametrize("kind", [StopKind.READY, StopKind.EXITED, StopKind.BUSY_TIMEOUT, StopKind.SILENT_TIMEOUT])
def test_a_failure_that_no_answer_made_good_is_the_providers(kind: StopKind) -> None:
    assert _blamed(("server_error", 1), kind=kind) == "server_error"
    assert _blamed(("", 1), ("rate_limited", 1), kind=kind) == "rate_limited"
    assert _blamed(("server_error", 1), ("", 1), kind=kind) == ""
    assert _blamed(("budget", 1), kind=kind) == ""


@pytest.mark.parametrize("left", [GAVE_UP, SESSION_CLOSED])
def test_a_new_try_that_was_cut_off_hides_no_failure(left: str) -> None:
    """An agent is ended in the middle of trying again."""
    assert _blamed(("request_timeout", 2), (left, 0.2)) == "request_timeout"


def test_a_call_that_took_most_of_the_turn_is_the_providers_silence() -> None:
    for kind in (StopKind.BUSY_TIMEOUT, StopKind.SILENT_TIMEOUT):
        assert _blamed(open_s=28, kind=kind) == "request_timeout"
        assert _blamed((GAVE_UP, 28), kind=kind) == "request_timeout"
    assert _blamed(open_s=28, kind=StopKind.EXITED) == ""


def test_an_agent_that_asks_again_and_again_has_used_up_its_own_time() -> None:
    assert _blamed(*[("", 1.0)] * 28, open_s=1) == ""
    assert _blamed(*[("", 1.0)] * 28, (GAVE_UP, 1)) == ""
    assert _blamed() == ""
