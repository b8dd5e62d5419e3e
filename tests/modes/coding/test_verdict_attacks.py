"""No verdict is forged: every attack of `verdicts` ends as it must, learns nothing, writes nowhere, leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from boxes.attacks import ATTACKS as BOX_ATTACKS
from boxes.needs import needs_bubblewrap
from boxes.ordinary_user import ORDINARY_ID
from verdicts.every import ATTACKS
from verdicts.running import CANARY, TIME_SCALE, Attacked, read_attacked, run_attack
from verdicts.table import VerdictAttack

import evalkit
from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import MissingToolchain, find_toolchain
from evalkit.records.code_answers import judge_answers
from evalkit.sandbox.finding import find_sandbox

QUICK = (Language.PYTHON, Language.JAVASCRIPT)  # the others build, or open pages: a minute of processor time
ROOT = Path(evalkit.__file__).parents[1]

pytestmark = needs_bubblewrap


def need(language: Language) -> None:
    """Skip the test where the language cannot be run here."""
    found = find_toolchain(language)
    if isinstance(found, MissingToolchain):
        pytest.skip(found.reason)


@cache
def attacked(language: Language, folder: Path) -> Attacked:
    """Return the task that is attacked in a language, read once."""
    return read_attacked(language, folder)


@pytest.mark.parametrize(
    "attack",
    [pytest.param(attack, marks=pytest.mark.slow if attack.slow else (), id=str(attack)) for attack in ATTACKS],
)
def test_the_verdict_holds(attack: VerdictAttack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It has the one status it must have, the canary is in no file, and nothing is written outside or left running."""
    need(attack.language)
    assert run_attack(attack, attacked(attack.language, tmp_path_factory.getbasetemp())) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; for that user, see the test above")
@pytest.mark.parametrize(
    "language",
    [
        *QUICK,
        *(pytest.param(language, marks=pytest.mark.slow) for language in Language if language not in QUICK),
    ],
)
@pytest.mark.timeout(900)
def test_the_verdict_holds_for_an_ordinary_user(language: Language) -> None:
    """Whoever is not root gets the same verdicts."""
    need(language)
    run = subprocess.run(
        [sys.executable, "-B", "-m", "verdicts.running", language], cwd=ROOT, text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}, timeout=850, check=False,
    )  # fmt: skip
    expected = {"user": ORDINARY_ID, "ran": sum(attack.language is language for attack in ATTACKS), "wrong": {}}
    assert json.loads(run.stdout or "{}") == expected, run.stderr[-2000:]


# One that forks until it may no more, and one that kills whoever it can reach, however often it is made.
FORKING = """\
import os
while True:
    try:
        os.fork()
    except OSError:
        os._exit(0)
"""
KILLING = """\
import os, signal
for pid in (1, os.getppid(), -1, *range(2, 70)):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
os._exit(0)
"""


def test_neighbours_are_not_harmed(tmp_path: Path) -> None:
    """Right code passes beside programs that fork and kill, in boxes of the same user at the same time."""
    task = attacked(Language.PYTHON, tmp_path)
    calls = task.task.judge.calls
    workspaces = [task.right, *({**task.right, "bookings.py": source.encode()} for source in (FORKING, KILLING))] * 4
    with ThreadPoolExecutor(6) as pool:
        boxes = Boxes(find_sandbox("bubblewrap"), pool, TIME_SCALE)
        found = list(pool.map(lambda files: boxes.execute(task.task, files, task.toolchain, calls), workspaces))
    expected = {call.call_id: call.expected for call in calls}
    statuses = [str(judge_answers(execution.observation, expected).status) for execution in found]
    assert statuses == ["pass", "crash", "crash"] * 4


def test_what_goes_wrong_is_seen(tmp_path: Path) -> None:
    """A pass where none may be, a key in a file and a hidden call that came out are each told."""
    task = attacked(Language.PYTHON, tmp_path)
    source = f"print({task.secrets[0].decode()!r})\n# {CANARY}\n<<right>>"
    honest = VerdictAttack(Language.PYTHON, "honest", "fail", {"bookings.py": source}, prints=b"never")
    found = run_attack(honest, task)
    assert [problem.split(":")[0] for problem in found] == [
        "must end as fail, but",
        "did not print b'never'",
        *["the canary is in patch.diff", "the canary is in response.md", "the canary is in record.json"],
        "a hidden call came out",
    ]


def test_there_are_enough() -> None:
    """With the attacks on the box: more than the 54 that were tried first and 20 others, some in every language."""
    assert len(ATTACKS) + len(BOX_ATTACKS) >= 74
    assert {attack.language for attack in ATTACKS} == set(Language)
    assert len({str(attack) for attack in ATTACKS}) == len(ATTACKS)
