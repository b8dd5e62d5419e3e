"""A lab that is killed while it writes its index leaves nothing that the next one does not put right."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab

from evalkit.lab.index.queries import rebuild
from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.store.run_directory import RunDirectory

_LAB = """
import sys
from pathlib import Path
from evalkit.lab.application import open_lab
from evalkit.lab.index import follower
from evalkit.lab.settings import LabSettings

follower._COMMIT_S = 0.0
lab = open_lab(LabSettings((Path(sys.argv[1]),), Path(sys.argv[2]), Path(sys.argv[1])))
print("up", flush=True)
while True:
    lab.follower.catch_up()
"""


def _answers(lab: Lab) -> list[object]:
    runs = lab.index.list_runs(RunQuery(sort="name", size=1000)).rows
    sets = lab.index.list_case_sets()
    return [
        runs, [lab.index.list_trials(run.id) for run in runs], sets,
        [lab.index.list_model_cases(found.case_set) for found in sets],
    ]  # fmt: skip


@pytest.mark.slow
def test_the_index_is_right_after_any_kill(tmp_path: Path) -> None:
    """Equal to one that is made from nothing, whenever the lab was killed while runs came, changed and went."""
    chance, out = random.Random(3), tmp_path / "outputs"
    runs: list[RunDirectory] = []
    numbers = count()
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", _LAB, str(out), str(tmp_path / ".lab")], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        until_s = time.monotonic() + chance.random()
        while time.monotonic() < until_s:
            number = next(numbers)
            runs.append(stored_runs.write_crawl(out / f"run-{number}", f"m{number % 3}", passing=(True, False)))
            again = chance.choice(runs)
            stored_runs.store_trial(again, stored_runs.make_call("order-2"), {"tool_call": 1.0, "tool_call_args": 1.0})
            if len(runs) > 1 and chance.random() < 0.3:
                shutil.rmtree(runs.pop(chance.randrange(len(runs))).root)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        lab = make_lab(tmp_path)
        found = _answers(lab)
        lab.index.close()
        rebuild(lab.settings)
        afresh = make_lab(tmp_path)
        assert found == _answers(afresh)
        afresh.index.close()
