"""Signatures are those of the provider's own documentation."""

from __future__ import annotations

import pytest

from evalkit.realtime.media_stream.signature import sign_request


@pytest.mark.parametrize(
    ("number", "signature"),
    [("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="), ("+14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc=")],
)
def test_a_request_is_signed_as_the_provider_signs_it(number: str, signature: str) -> None:
    """The two examples of Twilio's documentation, old and new."""
    form = {"CallSid": "CA1234567890ABCDE", "Caller": number, "Digits": "1234", "From": number, "To": "+18005551212"}
    assert sign_request("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form) == signature


def test_every_part_is_signed() -> None:
    """Another token, address or field gives another signature."""
    known = sign_request("token", "wss://bot.example/ws", {})
    others = [
        sign_request("other", "wss://bot.example/ws", {}),
        sign_request("token", "wss://bot.example/", {}),
        sign_request("token", "wss://bot.example/ws", {"To": "1"}),
    ]
    assert known not in others
