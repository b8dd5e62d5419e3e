"""What a process of a session is started with."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from boxes.needs import needs_linux

from evalkit.modes.terminal.agent import find_agent
from evalkit.modes.terminal.launch import Launcher, WayOut
from evalkit.modes.terminal.proving import read_demo_profile
from evalkit.modes.terminal.streams import OutputReader, open_nothing
from evalkit.sandbox.session import HostSessions, SessionLimits, Streams

pytestmark = needs_linux

_SHOW = "import os; print({name: os.environ.get(name) for name in ('BASE', 'PLAIN')})"


@pytest.mark.parametrize("has_model", [True, False])
async def test_without_a_way_out_no_variable_names_one(has_model: bool, tmp_path: Path) -> None:
    profile = replace(
        read_demo_profile("headless"),
        argv=("{python}", "-c", _SHOW),
        environment={"BASE": "{gateway}/v1", "PLAIN": "{model}"},
    )
    way_out = WayOut(tmp_path / "socket", "http://127.0.0.1:1", "/w/abc", b"") if has_model else None
    launcher = Launcher(find_agent(profile), HostSessions(), SessionLimits(), tmp_path, model="m", way_out=way_out)
    launcher.prepare({}, {})
    out, nothing = OutputReader(10_000), open_nothing()
    try:
        session = launcher.launch((), Streams(nothing, out.their_end, out.their_end))
        out.release()
        await session.wait()
        await session.end()
        await out.ended.wait()
    finally:
        os.close(nothing)
        out.close()
    base = "http://127.0.0.1:1/w/abc/v1" if has_model else None
    assert bytes(out.data).decode().strip() == str({"BASE": base, "PLAIN": "m"})
