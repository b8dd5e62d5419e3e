"""Nothing gets out of a box, and nothing is left of it: the attacks of `attacks.py`, one after the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from sandbox.attacks import ATTACKS, CANARY, Attack, run_attack
from sandbox.needs import SYSTEM_PYTHON, needs_bubblewrap

import evalkit
from evalkit.sandbox import find_sandbox

ORDINARY_ID = 64002  # nobody's, and not the one that boxes of root have

pytestmark = needs_bubblewrap


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_box_holds(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as it must, says nothing it should not know, writes nothing outside, and leaves no process behind."""
    monkeypatch.setenv("EVALKIT_CANARY_KEY", CANARY)
    host_file = tmp_path / "key.txt"
    host_file.write_text(CANARY)
    assert run_attack(find_sandbox("bubblewrap"), attack, host_file) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; for that user, see the test above")
@pytest.mark.skipif(SYSTEM_PYTHON is None, reason="needs a Python that every user may run")
def test_the_box_holds_for_an_ordinary_user() -> None:
    """Whoever is not root gets the same box."""
    run = run_as_ordinary_user("bubblewrap")
    said = json.loads(run.stdout or "{}")
    assert said == {"user": ORDINARY_ID, "ran": len(ATTACKS), "wrong": {}}, run.stderr[-2000:]


def run_as_ordinary_user(sandbox: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the attacks as another user, from a copy that this user can read."""
    source = Path(evalkit.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(source / "sandbox", folder / "evalkit/sandbox", ignore=shutil.ignore_patterns("__pycache__"))
        for module in ("__init__.py", "errors.py"):
            shutil.copy(source / module, folder / "evalkit")
        shutil.copy(Path(__file__).with_name("attacks.py"), folder)
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        return subprocess.run(
            [str(SYSTEM_PYTHON), "-B", f"{name}/attacks.py", sandbox],
            cwd="/", env={"PYTHONPATH": name, "PATH": "/usr/local/bin:/usr/bin:/bin"}, text=True,
            capture_output=True, timeout=240, check=False, user=ORDINARY_ID, group=ORDINARY_ID, extra_groups=[],
        )  # fmt: skip
