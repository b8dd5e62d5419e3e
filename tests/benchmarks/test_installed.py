"""A script whose packages are not all installed says in one line what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
HELPERS = {"held_at_once", "installed", "local_crawl", "own_postgres"}

# Python imports this module by itself when it starts: what is named in HIDDEN is as if it were not installed.
HIDING = """
import os
from importlib.machinery import PathFinder

found = PathFinder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == os.environ["HIDDEN"] else found(name, path, target)


PathFinder.find_spec = find_spec
"""

# Script -> a package that it does not do without.
IMPORTED = {
    "channels": "evalkit",
    "compare_power": "numpy",
    "coverage": "scipy",
    "demo_sessions": "psutil",
    "duplex_sessions": "psutil",
    "fault_matrix": "evalkit",
    "hosted_tools": "mcp",
    "killed_sweep": "psutil",
    "lab_index": "psutil",
    "lab_live": "psutil",
    "launchers": "evalkit",
    "overhead": "psutil",
    "paced_sessions": "psutil",
    "preparation": "numpy",
    "record_answers": "evalkit",
    "quick_loop": "psutil",
    "report_page": "psutil",
    "sandbox": "evalkit",
    "soak": "psutil",
    "sweep_scale": "psutil",
    "terminal_sessions": "evalkit",
    "turn_detection": "onnxruntime",
    "turn_taker_matrix": "numpy",
    "turn_taking_accuracy": "numpy",
}
# Script that starts the embedded provider -> its arguments.
STARTED = {
    "channels": ["1"],
    "defect_matrix": ["1"],
    "duplex_sessions": [],
    "fault_matrix": [],
    "launchers": [],
    "overhead": [],
    "paced_sessions": [],
    "quick_loop": [],
    "soak": [],
}


def _run(script: str, hidden: str, args: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "sitecustomize.py").write_text(HIDING, encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": str(folder), "HIDDEN": hidden}
    environ.pop("EVALKIT_SERVICES", None)  # a provider that other tests have started would do without the package
    line = [sys.executable, str(FOLDER / f"{script}.py"), *args]
    return subprocess.run(line, env=environ, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_every_script_is_tried() -> None:
    """A new one is told here how it can lack something."""
    assert {path.stem for path in FOLDER.glob("*.py")} == {*IMPORTED, *STARTED, *HELPERS}


@pytest.mark.parametrize("script", IMPORTED)
def test_a_package_that_cannot_be_imported_is_named(script: str, tmp_path: Path) -> None:
    """With what installs it: exit 2, and no traceback."""
    package = IMPORTED[script]
    done = _run(script, package, [], tmp_path)
    expected = f"{package} cannot be imported; what benchmarks need is installed with: pip install -e '.[local,dev]'\n"
    assert (done.returncode, done.stderr) == (2, expected)


@pytest.mark.parametrize("script", STARTED)
def test_an_engine_that_is_not_installed_is_named(script: str, tmp_path: Path) -> None:
    """Where the extra with the embedded provider is missing, last and in evalkit's own words; no traceback."""
    done = _run(script, "uvicorn", STARTED[script], tmp_path)
    assert done.returncode == 2, done.stderr
    expected = (
        "provider=local needs packages that are not installed: uvicorn; install them with: pip install '.[local]'"
    )
    assert done.stderr.splitlines()[-1].removeprefix("evalkit: ") == expected
    assert "Traceback" not in done.stderr
