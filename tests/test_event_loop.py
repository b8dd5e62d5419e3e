"""Everything runs on one kind of event loop, whichever the machine has."""

from __future__ import annotations

import asyncio
import sys

import pytest

from evalkit import event_loop


async def _name_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist for Windows")
def test_the_quick_loop_is_taken_where_there_is_one() -> None:
    """It is a dependency everywhere but on Windows."""
    assert event_loop.run(_name_loop()).startswith("uvloop")


def test_the_standard_loop_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uvloop everything runs all the same."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop.run(_name_loop()).startswith("asyncio")
