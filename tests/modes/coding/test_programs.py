"""Which program runs in which box, for each language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from coding_tasks import write_task

from evalkit.modes.coding.programs import build_limits, harness_sha256, plan_program, run_limits, with_built
from evalkit.modes.coding.task import Language, Task, TaskLimits
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return read_task(write_task(tmp_path))


def _plan(task: Task, language: Language, **files: bytes):
    toolchain = Toolchain(language, "/opt/tool", "1", {"/opt": "/opt"})
    return plan_program(replace(task, language=language), {**task.workspace, **files}, toolchain)


@pytest.mark.parametrize(("language", "driver"), [(Language.PYTHON, "driver.py"), (Language.JAVASCRIPT, "driver.js")])
def test_an_interpreted_language_has_one_box(task: Task, language: Language, driver: str) -> None:
    """With the workspace as files to change, and harness and driver as files that cannot be."""
    program = _plan(task, language)
    assert program.build is None
    assert program.run.workspace == task.workspace
    assert program.run.files[f"/box/{driver}"] == task.judge.driver.encode()
    assert program.run.command[0] == "/opt/tool"
    assert program.run.read_only == {"/opt": "/opt"}


def test_python_takes_nothing_from_its_surroundings(task: Task) -> None:
    """No user site, no variables, no bytecode: a sitecustomize of the candidate is never loaded."""
    assert _plan(task, Language.PYTHON).run.command[1:3] == ("-I", "-B")


@pytest.mark.parametrize("language", [Language.GO, Language.RUST, Language.CPP])
def test_a_compiled_language_has_two(task: Task, language: Language) -> None:
    """The toolchain is in the first only."""
    program = _plan(task, language)
    assert program.build is not None
    assert program.build.collect is not None
    assert program.build.read_only == {"/opt": "/opt"}
    run = with_built(program.run, b"ELF")
    assert run.command == (f"/ws/{program.build.collect}",)
    assert dict(run.workspace) == {program.build.collect: b"ELF"}
    assert not run.read_only


@pytest.mark.parametrize("language", list(Language))
def test_no_box_sees_the_tasks(task: Task, language: Language) -> None:
    """A package of the system would have them below /usr, which every box sees."""
    program = _plan(task, language)
    for job in (program.build, program.run):
        assert job is None or job.hidden == (str(task.folder.parent),)


def test_go_builds_offline_with_the_harness_as_a_package(task: Task) -> None:
    """Beside the candidate's packages, which cannot replace it: a patch may not touch that folder."""
    build = _plan(task, Language.GO).build
    assert build is not None
    assert {"evalkit_box/harness.go", "evalkit_box/driver.go"} <= build.workspace.keys()
    assert (build.environment["GOPROXY"], build.environment["CGO_ENABLED"]) == ("off", "0")


def test_every_source_of_a_cpp_task_is_compiled(task: Task) -> None:
    """Headers are included, sources are named, in a fixed order, as paths that no option can be mistaken for."""
    build = _plan(task, Language.CPP, **{"b.cpp": b"", "-o a.cc": b"", "a.hpp": b""}).build
    assert build is not None
    assert build.command[-2:] == ("/ws/-o a.cc", "/ws/b.cpp")
    assert not any("hpp" in word for word in build.command)


def test_what_ends_a_hog_is_the_watch_on_all_of_its_memory() -> None:
    """A process may ask for more than may be in use, so that a refused request does not come first."""
    limits = run_limits(TaskLimits(run_s=2, memory_mb=100), 1.5)
    assert limits.memory_bytes == 100 * 2**20
    assert limits.data_bytes > limits.memory_bytes
    assert (limits.wall_s, limits.cpu_s) == (3.0, 4)
    assert build_limits(TaskLimits(build_s=10), 2).wall_s == 20


def test_another_harness_is_another_fingerprint() -> None:
    """Node runs javascript and html by one harness, go by another."""
    assert harness_sha256(Language.JAVASCRIPT) == harness_sha256(Language.HTML)
    assert len({harness_sha256(language) for language in Language}) == len(Language) - 1
