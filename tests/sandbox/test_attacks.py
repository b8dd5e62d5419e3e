"""Nothing gets out of a box, and nothing is left of it: the attacks of `boxes/attacks.py`, one after the other."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from boxes.attacks import ATTACKS, CANARY, Attack, run_attack
from boxes.needs import SYSTEM_PYTHON, needs_bubblewrap
from boxes.ordinary_user import ORDINARY_ID, run_as_ordinary_user

from evalkit.sandbox.finding import find_sandbox

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
