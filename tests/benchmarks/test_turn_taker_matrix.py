"""Models that take turns badly, in real calls: each is shown by its own metrics of turn-taking, and by no other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evalkit.service.turns.manners import BAD_MANNERS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "turn_taking.md"


@pytest.fixture
def matrix(load_benchmark: Any) -> Any:
    """The script."""
    return load_benchmark("turn_taker_matrix")


def measured(matrix: Any, **means: float) -> Any:
    """Return metrics of those means."""
    return {name: matrix.Measured(mean, 10) for name, mean in means.items()}


def test_what_is_worse(matrix):
    """More than the tolerance, in the direction that is worse; a metric without events says nothing."""
    base = measured(matrix, response_latency=1.0, yield_rate=1.0, talk_over=0.1)
    found = measured(matrix, response_latency=2.1, yield_rate=0.8, talk_over=0.0, resume_rate=0.0)
    assert matrix.worsened(found, base) == ["response_latency"]
    assert matrix.worsened(measured(matrix, yield_rate=0.7), base) == ["yield_rate"]
    assert matrix.worsened(base, base) == []


def test_what_is_a_fault(matrix):
    """A model that its own metrics do not show, and one that another metric shows too."""
    assert matrix.find_faults("local-sluggish", ["response_latency"]) == []
    assert matrix.find_faults("local-slow-yield", ["yield_latency"]) == []
    assert matrix.find_faults("local-sluggish", ["yield_rate"]) == [
        "local-sluggish: response_latency does not show it",
        "local-sluggish: yield_rate is worse too",
    ]


def test_the_documented_models(matrix):
    """The table of the documentation says of each model what the script demands."""
    rows = re.findall(r"^\| `(local-[a-z-]+)` \| [^|]+ \| ([^|]+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {model: tuple(re.findall(r"`(\w+)`", metrics)) for model, metrics in rows}
    assert documented == matrix.OWN
    assert set(matrix.OWN) == set(BAD_MANNERS)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # fifteen calls with each model, in real time
def test_the_matrix(tmp_path):
    """Each model is worse than `local-agent` in its own metrics and in no other."""
    line = [sys.executable, str(ROOT / "benchmarks" / "turn_taker_matrix.py")]
    done = subprocess.run(line, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
