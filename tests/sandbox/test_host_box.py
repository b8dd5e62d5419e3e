"""Boxes in a folder of this machine: with sandlock they hold the same attacks; with nothing they only run and end."""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from pathlib import Path

import pytest
from boxes.attacks import (
    ASKED,
    CANARY,
    COLLECTING,
    TALKING,
    WITHOUT_NAMESPACES,
    Attack,
    adopting_orphans,
    find_children,
    open_descriptors,
    quick,
    run_attack,
)
from boxes.needs import SYSTEM_PYTHON, make_open_folder, needs_linux
from boxes.ordinary_user import ORDINARY_ID, run_as_ordinary_user

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, Ending
from evalkit.sandbox.host_box import HostBox

pytestmark = needs_linux
__all__ = ["make_open_folder"]
needs_sandlock = pytest.mark.skipif(
    importlib.util.find_spec("sandlock") is None, reason="needs the package sandlock: pip install '.[sandbox]'"
)
NONE = HostBox("none", confined=False)


@pytest.fixture(name="temporary", autouse=True)
def _temporary(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whatever a test leaves in the folder of temporary files is seen."""
    folder = open_folder / "temporary"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(temporary: Path) -> list[str]:
    """Return what was left in the folder of temporary files."""
    return sorted(path.name for path in temporary.iterdir())


@needs_sandlock
@pytest.mark.parametrize("attack", WITHOUT_NAMESPACES, ids=lambda attack: attack.name)
def test_sandlock_holds(attack: Attack, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no file, no process and no network of the machine; nothing left, no file either."""
    monkeypatch.setenv("EVALKIT_CANARY_KEY", CANARY)
    host_file = temporary.with_name("key.txt")
    host_file.write_text(CANARY)
    assert run_attack(HostBox("sandlock", confined=True), attack, host_file) == []
    assert left(temporary) == []


@needs_sandlock
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; for that user, see the test above")
@pytest.mark.skipif(SYSTEM_PYTHON is None, reason="needs a Python that every user may run")
def test_sandlock_holds_for_an_ordinary_user() -> None:
    """Whoever is not root gets the same box."""
    run = run_as_ordinary_user("sandlock", importlib.util.find_spec("sandlock"))
    said = json.loads(run.stdout or "{}")
    assert said == {"user": ORDINARY_ID, "ran": len(WITHOUT_NAMESPACES), "wrong": {}}, run.stderr[-2000:]


@needs_sandlock
def test_sandlock_hides_what_is_to_be_hidden(temporary: Path) -> None:
    """A folder within one that may be read."""
    shown = temporary / "shown"
    (shown / "judge").mkdir(parents=True)
    (shown / "judge" / "cases").write_text("expected")
    (shown / "tool").write_text("tool")
    for path in (shown, shown / "judge"):
        path.chmod(0o755)
    script = "cat /box/shown/tool; cat /box/shown/judge/cases 2>/dev/null || echo closed"
    job = BoxJob(("sh", "-c", script), read_only={str(shown): "/box/shown"}, hidden=(str(shown / "judge"),))
    assert HostBox("sandlock", confined=True).run(job, BoxLimits()).stdout == b"toolclosed\n"


@pytest.mark.parametrize("attack", [*TALKING[::3], *COLLECTING[::3]], ids=lambda attack: attack.name)
def test_without_a_box_the_exchange_is_the_same(attack: Attack, temporary: Path) -> None:
    """Answers, endings and what is collected do not depend on what keeps a program in."""
    host_file = temporary.with_name("key.txt")
    host_file.write_text(CANARY)
    assert run_attack(NONE, attack, host_file) == []
    assert left(temporary) == []


def test_folders_of_a_box_are_found_elsewhere(temporary: Path) -> None:
    """In command and environment; a folder of the machine stands below /box by a link, or at its own place."""
    brought = temporary / "brought"
    brought.mkdir(mode=0o755)
    (brought / "f").write_text("machine\n")
    script = "cat a /box/b /box/m/f; echo $WHERE; test -x run && echo x; echo /wsx /boxes a/box"
    job = BoxJob(
        ("sh", "-c", script),
        {"a": b"ws\n", "run": b""},
        executable_paths=frozenset({"run"}),
        files={"/box/b": b"box\n"},
        environment={"WHERE": "A=/ws/x:/tmp"},
        read_only={str(brought): "/box/m"},
    )
    said = NONE.run(job, BoxLimits()).stdout.decode().splitlines()
    folder = said[3].removeprefix("A=").split("/ws/x:")[0]
    assert said == ["ws", "box", "machine", f"A={folder}/ws/x:{folder}/tmp", "x", "/wsx /boxes a/box"]
    assert left(temporary) == ["brought"]
    with pytest.raises(SandboxError, match="cannot stand at /opt/m"):
        NONE.run(BoxJob(("true",), read_only={str(brought): "/opt/m"}), BoxLimits())


def test_what_lives_on_is_ended() -> None:
    """Daemons, and all of a fork bomb that ran out of time; descriptors too."""
    before = open_descriptors()
    with adopting_orphans():
        script = "setsid sleep 100 & (setsid sleep 100 &) ; echo done"
        result = NONE.run(BoxJob(("sh", "-c", script)), BoxLimits())
        assert (result.ending, result.stdout) == (Ending.EXITED, b"done\n")
        late = NONE.run(BoxJob(("sh", "-c", "while true; do sleep 100 & sleep 0.05; done")), quick())
        assert (late.ending, late.exit_code) == (Ending.TIMEOUT, None)
        assert find_children() == []
    assert open_descriptors() == before


def test_folders_that_are_hard_to_remove_are_removed(temporary: Path) -> None:
    """Closed ones, and ones deeper than any path may be long."""
    script = """
import os
os.makedirs('closed/in')
open('closed/in/f', 'w').close()
os.chmod('closed/in', 0)
os.chmod('closed', 0)
for _ in range(1500):
    os.mkdir('deepdeepdeep')
    os.chdir('deepdeepdeep')
"""
    assert NONE.run(BoxJob(("/usr/bin/python3", "-c", script)), BoxLimits(wall_s=60)).exit_code == 0
    assert left(temporary) == []


def test_a_folder_that_grows_too_large_ends_the_box(temporary: Path) -> None:
    """Nothing mounts a folder of limited size here, so it is watched."""
    limits = BoxLimits(wall_s=60, workspace_bytes=2 << 20, temp_bytes=1 << 20)
    script = "i=0; while true; do head -c 100000 /dev/urandom >f$i; i=$((i+1)); done"
    assert NONE.run(BoxJob(("sh", "-c", script)), limits).ending is Ending.MEMORY
    assert left(temporary) == []


def test_an_honest_partner_takes_no_harm() -> None:
    """Requests come through standard input here; the program does not notice."""
    script = 'r=${EVALKIT_PIPES%,*} w=${EVALKIT_PIPES#*,}; while read -r line <&$r; do echo "$line" >&$w; done; wc -c'
    result = NONE.run(BoxJob(("bash", "-c", script)), BoxLimits(), list(ASKED))
    assert (result.answers, result.stdout, result.exit_code) == (ASKED, b"0\n", 0)
