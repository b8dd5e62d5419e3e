"""Commands that check run on a copy of what the agent left, with files over it that the agent cannot have changed."""

from __future__ import annotations

from typing import Any

from boxes.needs import make_open_folder, needs_linux
from terminal_sessions import make_check

from evalkit.modes.terminal.agent import find_python
from evalkit.modes.terminal.commands import run_commands
from evalkit.modes.terminal.workspace import Entry
from evalkit.sandbox.host_box import HostBox

__all__ = ["make_open_folder"]
pytestmark = needs_linux


def entry(text: str) -> Entry:
    """Return a file."""
    return Entry("file", len(text), text.encode())


def run(tree: dict[str, Entry], *argv: str, **options: Any) -> dict[str, Any]:
    """Return what a command came to."""
    spec = make_check("command", argv=list(argv), **options)
    found: Any = run_commands(
        [make_check("file_exists", "x", path="a"), spec], tree, HostBox("none", confined=False), find_python()
    )
    assert found.keys() == {"c"}
    result: dict[str, Any] = found["c"]
    return result


def test_a_command_sees_the_workspace_and_nothing_that_is_no_file() -> None:
    """Links and pipes are left out: a check that followed one could be fooled."""
    tree = {"a.txt": entry("A"), "d": Entry("folder"), "d/b": entry("B"), "link": Entry("link", target="/etc/passwd"),
            "pipe": Entry("fifo"), "big": Entry("file", 99_999_999), "bad\nname": entry("x")}  # fmt: skip
    found = run(tree, "sh", "-c", "ls; cat a.txt d/b; exit 3")
    assert found == {"ending": "exited", "exit_code": 3, "stdout": "a.txt\nd\nAB", "stderr": ""}


def test_files_of_the_check_lie_over_the_agent_s() -> None:
    """Also where it made a folder of one, or a file of a folder they stand in."""
    tree = {"check.py/fake": entry("x"), "tests": entry("x"), "a": entry("forged")}
    files = {"check.py": "print('checked')", "tests/one.txt": "1", "a": "right"}
    found = run(tree, "sh", "-c", "cat a tests/one.txt check.py", files=files)
    assert found["stdout"] == "right1print('checked')"


def test_a_command_that_takes_too_long_is_ended() -> None:
    """It counts as what it is."""
    found = run({}, "{python}", "-c", "print('up', flush=True); import time; time.sleep(60)", timeout_s=0.5)
    assert found["ending"] != "exited"
    assert found["stdout"] == "up\n"


def test_a_box_that_cannot_be_made_is_said() -> None:
    """Nobody is blamed for it."""
    assert run({}, "no-such-program-here")["problem"].startswith("no box for it: ")
    assert "problem" in run({}, "true", files={"../up": "x"})
