"""What a line started for all its jobs: found in the environment, by jobs on the same machine."""

from __future__ import annotations

import pytest

from evalkit.peers import shared_addresses
from evalkit.peers.shared_addresses import read_shared, sharing

_VARIABLE = "EVALKIT_TEST_SHARED"


@pytest.fixture(autouse=True)
def _none_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_VARIABLE, raising=False)


def test_what_is_shared_is_found_until_the_block_ends() -> None:
    """A block inside shares something else, and afterwards the outer one is as it was."""
    assert read_shared(_VARIABLE) == {}
    with sharing(_VARIABLE, {"a": "http://127.0.0.1:1/v1"}):
        with sharing(_VARIABLE, {"b": {"models": ["m"]}}):
            assert read_shared(_VARIABLE) == {"b": {"models": ["m"]}}
        assert read_shared(_VARIABLE) == {"a": "http://127.0.0.1:1/v1"}
    assert _VARIABLE not in shared_addresses.os.environ


def test_nothing_is_left_behind_by_a_block_that_failed() -> None:
    """The next line starts what it needs."""
    with pytest.raises(KeyError), sharing(_VARIABLE, {"a": "http://127.0.0.1:1/v1"}):
        raise KeyError
    assert read_shared(_VARIABLE) == {}


def test_another_machine_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loopback address means something else there."""
    with sharing(_VARIABLE, {"a": "http://127.0.0.1:1/v1"}):
        monkeypatch.setattr(shared_addresses, "host_identity", lambda: "another")
        assert read_shared(_VARIABLE) == {}
