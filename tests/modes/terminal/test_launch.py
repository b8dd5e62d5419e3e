"""Every process of a session finds the same folders, variables and way out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from boxes.needs import needs_linux
from terminal_sessions import make_launcher

from evalkit.modes.terminal.agent import DUMMY_KEY
from evalkit.modes.terminal.launch import Launcher, WayOut
from evalkit.modes.terminal.streams import OutputReader, open_nothing
from evalkit.sandbox.session import Streams

pytestmark = needs_linux
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"


async def show(launcher: Launcher, *args: str, prompt: str = "") -> tuple[list[str], dict[str, str], str]:
    """Return what a process of the session is given."""
    out, nothing = OutputReader(100_000), open_nothing()
    session = launcher.launch(args, Streams(nothing, out.their_end, out.their_end), prompt=prompt)
    out.release()
    await out.ended.wait()
    await session.end()
    os.close(nothing)
    given, environment, folder = json.loads(bytes(out.data))
    return given, environment, folder


async def test_a_process_is_told_its_session_its_model_and_its_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By placeholders; the key is none, and nothing of the user's own variables is there."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    profile = {"environment": {"BASE": "{gateway}/v1", "OPENAI_API_KEY": "{key}", "MODEL": "{model}", "TERM": "dumb"}}
    launcher = make_launcher(tmp_path, "headless", SHOW, **profile)
    launcher.model, launcher.canary = "m-1", "canary-1"
    launcher.way_out = WayOut(tmp_path / "sock", "http://127.0.0.1:9", "/w/abc", b"")
    given, environment, folder = await show(launcher, "-s", "{session_id}", "{prompt}", prompt="say {key} ; $HOME")
    assert given == ["-s", launcher.session_id, "say {key} ; $HOME"]
    assert folder == str(launcher.workspace)
    assert environment["BASE"] == "http://127.0.0.1:9/w/abc/v1"
    assert (environment["OPENAI_API_KEY"], environment["MODEL"], environment["TERM"]) == (DUMMY_KEY, "m-1", "dumb")
    assert (environment["EVALKIT_CANARY"], environment["HOME"]) == ("canary-1", str(launcher.home))
    assert environment["XDG_CACHE_HOME"] == f"{launcher.home}/.cache"
    assert "sk-real" not in environment.values()
    allowed = {
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "TERM",
        "COLORTERM",
        "EVALKIT_CANARY",
        "BASE",
        "OPENAI_API_KEY",
        "MODEL",
    }
    assert {name for name in environment if not name.startswith(("XDG_", "EVALKIT_", "LC_"))} <= allowed


def test_folders_are_made_with_what_the_case_and_the_profile_put_there(tmp_path: Path) -> None:
    """Files of the profile are filled in; those of a proof lie over them."""
    launcher = make_launcher(tmp_path, "pty", SHOW, files={".x/conf": "key={key} ws={workspace}", "b": "b"})
    assert (launcher.home / ".x" / "conf").read_text() == f"key={DUMMY_KEY} ws={launcher.workspace}"
    other = Launcher(launcher.agent, launcher.sandbox, launcher.limits, tmp_path / "other")
    other.prepare({"d/a": b"\0"}, {"b": b"c"})
    assert (other.workspace / "d" / "a").read_bytes() == b"\0"
    assert (other.home / "b").read_bytes() == b"c"
    assert other.session_id != launcher.session_id
