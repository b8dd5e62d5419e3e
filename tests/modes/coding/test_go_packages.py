"""Go's own packages are built once, kept, and given to every build; where that fails, builds only take longer."""

from __future__ import annotations

import io
import logging
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from boxes.needs import needs_bubblewrap
from scripted_sandbox import ScriptedSandbox, box_result

from evalkit.modes.coding import go_packages
from evalkit.modes.coding.edits import AppliedEdit, DiffEdit
from evalkit.modes.coding.execution import Boxes, open_boxes
from evalkit.modes.coding.go_packages import with_go_packages
from evalkit.modes.coding.patch import apply_edit
from evalkit.modes.coding.programs import plan_program
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.records.code_answers import ANSWERED
from evalkit.sandbox.box import BoxResult
from evalkit.sandbox.finding import find_sandbox
from evalkit.settings.resources import resource_dir

WORDCOUNT = resource_dir("data") / "coding" / "go_feature_wordcount"


def _go(version: str = "1.27.3") -> Toolchain:
    return Toolchain(Language.GO, "/usr/bin/go", version)


@pytest.fixture
def scripted() -> Iterator[Callable[[BoxResult], Boxes]]:
    with ThreadPoolExecutor(1) as pool:
        yield lambda result: Boxes(ScriptedSandbox(lambda _: result), pool)


def test_they_are_built_once_and_every_build_has_them(tmp_path: Path, scripted: Callable[[BoxResult], Boxes]) -> None:
    """Another run finds them; another version has its own."""
    boxes = scripted(box_result(collected=b"built"))
    first, second, other = (
        with_go_packages({Language.GO: go}, boxes, tmp_path)[Language.GO] for go in (_go(), _go(), _go("1.28"))
    )
    assert (first.packages, second.packages, other.packages) == (b"built",) * 3
    assert isinstance(boxes.sandbox, ScriptedSandbox)
    assert len(boxes.sandbox.asked) == len(list(tmp_path.iterdir())) == 2
    task = read_task(WORDCOUNT)
    build = plan_program(task, task.workspace, first).build
    assert build is not None
    assert build.files == {"/box/packages.tar": b"built"}
    assert "b'built'" not in repr(first)


def test_go_that_brings_them_is_left_alone(tmp_path: Path, scripted: Callable[[BoxResult], Boxes]) -> None:
    """And so is a machine without Go."""
    boxes = scripted(box_result(collected=b"built"))
    assert with_go_packages({Language.GO: _go("1.19.8")}, boxes, tmp_path) == {Language.GO: _go("1.19.8")}
    assert with_go_packages({}, boxes, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_built_only_costs_time(
    tmp_path: Path, scripted: Callable[[BoxResult], Boxes], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, and the next run tries again."""
    boxes = scripted(box_result(exit_code=1, stderr=b"no space left on device"))
    with caplog.at_level(logging.WARNING):
        assert with_go_packages({Language.GO: _go()}, boxes, tmp_path)[Language.GO].packages == b""
    assert "no space left on device" in caplog.text
    assert list(tmp_path.iterdir()) == []


@needs_bubblewrap
def test_a_real_build_uses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever Go there is here: what comes of the box is a cache that the next build takes."""
    monkeypatch.setattr(go_packages, "_BRINGS_THEM_BUILT", (1, 0))
    found = find_toolchain(Language.GO)
    if not isinstance(found, Toolchain):
        pytest.skip(found.reason)
    task = read_task(WORDCOUNT)
    edited = apply_edit(DiffEdit(task.judge.oracle), task.workspace, task.editable, lenient=False)
    assert isinstance(edited, AppliedEdit)
    with open_boxes(find_sandbox("bubblewrap")) as boxes:
        toolchain = with_go_packages({Language.GO: found}, boxes, tmp_path)[Language.GO]
        with tarfile.open(fileobj=io.BytesIO(toolchain.packages)) as packages:
            assert {name.partition("/")[0] for name in packages.getnames()} == {"packages"}
        done = boxes.execute(task, edited.files, toolchain, task.judge.calls)
    assert (done.status, len(done.answers)) == (ANSWERED, len(task.judge.calls)), done.build_log
