"""What is installed is complete: a wheel is built as an installer would, and looked into."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_says_that_it_is_typed(wheel_files: set[str]) -> None:
    """A type checker reads our annotations: PEP 561's marker is in it."""
    assert "evalkit/py.typed" in wheel_files


@pytest.mark.parametrize("folder", ["conf", "schemas", "data"])
def test_the_wheel_holds_what_a_run_reads(wheel_files: set[str], folder: str) -> None:
    """Every shipped option, schema, case and recording."""
    shipped = {f"evalkit/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert shipped
    assert shipped - wheel_files == set()


def test_the_wheel_holds_every_module(wheel_files: set[str]) -> None:
    """And nothing of the tests."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "evalkit").rglob("*.py")}
    assert modules - wheel_files == set()
    assert [name for name in wheel_files if name.startswith(("tests/", "benchmarks/", "docs/"))] == []


def test_the_wheel_holds_the_voice_detector(wheel_files: set[str]) -> None:
    """The network is in it, with its licence beside it and among the wheel's licences."""
    shipped = {f"evalkit/service/turns/silero_vad.{kind}" for kind in ("onnx", "LICENSE")}
    assert shipped - wheel_files == set()
    assert any(name.endswith("licenses/evalkit/service/turns/silero_vad.LICENSE") for name in wheel_files)


def test_the_wheel_holds_what_the_labs_pages_load(wheel_files: set[str]) -> None:
    """Templates, scripts, styles, and the libraries with their licences: nothing is fetched when it runs."""
    web = ROOT / "evalkit" / "lab" / "web"
    folders = ("templates", "assets", "vendored")
    shipped = {str(path.relative_to(ROOT)) for name in folders for path in (web / name).rglob("*") if path.is_file()}
    assert len(shipped) > 30
    assert shipped - wheel_files == set()
