"""A session says whose it is, on this machine only."""

from __future__ import annotations

import pytest

from evalkit.realtime.introduction import HEADER, Introduction


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:8080", "127.8.9.1"])
def test_it_is_said_on_this_machine(host: str) -> None:
    """Source, attempt, seed and case, the case as in a URL."""
    headers = Introduction("a/b", 2, 17).headers(f"ws://{host}/v1/realtime?model=m", "assistant")
    assert headers == {HEADER: "assistant/2/17/a%2Fb"}


@pytest.mark.parametrize("host", ["api.openai.com", "10.0.0.1", "localhost.example", "[2001:db8::1]"])
def test_it_is_said_nowhere_else(host: str) -> None:
    """What a case is called is nobody's business elsewhere."""
    assert Introduction("c", 1, 1).headers(f"wss://{host}/v1/realtime", "assistant") == {}
