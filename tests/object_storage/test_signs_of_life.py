"""Who works on a run is seen from other machines, and whoever was killed is not waited for without end."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from fake_clock import FakeClock

from evalkit.errors import ConfigError

pytest.importorskip("fsspec", reason="object storage needs the extra s3")

from evalkit.object_storage.objects import ObjectStore
from evalkit.object_storage.signs_of_life import LOST_AFTER_S, living, require_nobody_else


@pytest.fixture
def store() -> ObjectStore:
    """An address that nobody has written to."""
    return ObjectStore(f"memory://bucket-{uuid.uuid4().hex}/folder")


def _until(is_so: object) -> None:
    until = time.monotonic() + 10
    while not is_so() and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.005)


def test_a_sign_changes_while_somebody_works_and_then_goes(store: ObjectStore) -> None:
    """It names machine and process, and never comes into a copy of the run."""
    with living(store, "here:1", every_s=0.01):
        _until(lambda: store.read(".alive.json"))
        first = store.read(".alive.json")
        _until(lambda: store.read(".alive.json") != first)
        assert store.read(".alive.json") != first
        assert json.loads(first or b"")["host"] == "here:1"
    assert store.read(".alive.json") is None


def test_whoever_lives_keeps_others_away(store: ObjectStore) -> None:
    """As soon as the sign changes; whose it is, is said."""
    clock, said = FakeClock(), []
    store.write(".alive.json", b'{"host": "other:2", "count": 0}')

    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        store.write(".alive.json", b'{"host": "other:2", "count": 1}')

    with pytest.raises(ConfigError, match="a process on other works on it; wait for its end, or end it first"):
        require_nobody_else(store, "here:1", clock, said.append, sleep)
    assert len(said) == 1


def test_whoever_was_killed_is_waited_for_once(store: ObjectStore) -> None:
    """For a bounded time; nobody at all, or a process of this machine, not at all."""
    clock = FakeClock()
    said: list[str] = []

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    require_nobody_else(store, "here:1", clock, said.append, sleep)
    store.write(".alive.json", b'{"host": "here:1"}')
    require_nobody_else(store, "here:1", clock, said.append, sleep)
    assert (clock.now_s, said) == (100.0, [])
    store.write(".alive.json", b'{"host": "other:2"}')
    require_nobody_else(store, "here:1", clock, said.append, sleep)
    assert clock.now_s == 100.0 + LOST_AFTER_S
    assert "looking for up to 45 s whether the process on other" in said[0]


def test_whoever_ends_meanwhile_is_not_waited_for(store: ObjectStore) -> None:
    """The sign is gone, and so is the reason to wait."""
    clock = FakeClock()
    store.write(".alive.json", b'{"host": "other:2"}')

    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        store.remove(".alive.json")

    require_nobody_else(store, "here:1", clock, lambda _: None, sleep)
    assert clock.now_s < 100.0 + LOST_AFTER_S
