"""What a request asks, and when two ask the same."""

from __future__ import annotations

from typing import Any

import pytest
from gateway_partner import PROTOCOLS, request_of
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.gateway.protocols import recognise
from evalkit.gateway.requests import ModelRequest


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_model_and_stream_are_read(protocol: str) -> None:
    """From the body, or from the path where the protocol has them there."""
    assert request_of(protocol).model == "m"
    assert not request_of(protocol).wants_stream
    assert request_of(protocol, stream=True).wants_stream


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_nobody_meant_makes_no_other_request(protocol: str) -> None:
    """Ids, dates and durations differ from one session to the next, and so do settings that are no messages."""
    one = (
        "id 123e4567-e89b-12d3-a456-426614174000 on 2026-11-28T10:00:00Z, Saturday, November 28, 2026 took 0.25 seconds"
    )
    two = "id 00000000-e89b-12d3-a456-426614174999 on 2027-01-02T11:22:33.5Z, Monday, January 4, 2027 took 13.5 seconds"
    assert request_of(protocol, one).sha256 == request_of(protocol, two, temperature=1, metadata={"user": 5}).sha256


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_said_makes_another_request(protocol: str) -> None:
    """Every word counts, the system's too; so does the protocol."""
    system = {"chat": "messages", "responses": "instructions", "messages": "system", "gemini": "systemInstruction"}
    hashes = {request_of(protocol, text).sha256 for text in ("hi", "hi!", "wait 5 s", "wait 6 s", "")}
    assert len(hashes) == 5
    if protocol != "chat":
        assert request_of(protocol, **{system[protocol]: "be kind"}).sha256 not in hashes
    assert len({request_of(other).sha256 for other in PROTOCOLS}) == 4


@settings(max_examples=60)
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_any_body_has_a_hash(content: Any) -> None:
    """Numbers that are none, halves of letters, lists where words belong."""
    request = request_of("chat", messages=content, model=content)
    assert request.sha256 == request_of("chat", messages=content, model=content).sha256


def test_half_a_letter_can_be_hashed() -> None:
    """JSON may hold a lone surrogate, which has no bytes."""
    kind = recognise("POST", "/v1/messages", {})
    assert kind is not None
    assert len(ModelRequest(kind, "", "", rb'{"messages": ["\ud800"], "model": "\ud800"}').sha256) == 64
