"""A file system that lacks what a sweep relies on is named in one sentence, and nothing is left there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.store.file_system import require_shared, require_sound

fcntl = pytest.importorskip("fcntl")


def test_a_good_one_is_taken_and_nothing_is_left_there(tmp_path: Path) -> None:
    """Also where the folder is still to be made: the one above it is asked."""
    require_sound(tmp_path / "not" / "made" / "yet")
    require_sound(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_written_is_somebody_elses_concern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes the sweep's folder says so, as it always has."""
    monkeypatch.setattr(os, "mkdir", _refuse(errno.EROFS))
    require_sound(tmp_path)


def _refuse(code: int) -> Callable[..., object]:
    def refuse(*_: object, **__: object) -> object:
        raise OSError(code, os.strerror(code))

    return refuse


def _mkdir_twice() -> Callable[..., object]:
    mkdir = os.mkdir

    def make(path: Path, mode: int = 0o777) -> None:
        if not os.path.isdir(path):  # noqa: PTH112  pathlib asks os.mkdir
            mkdir(path, mode)

    return make


def _copy_only(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


_rename = os.rename


def _rename_over_full_folders(source: Path, target: Path) -> None:
    if Path(source).is_dir() and Path(target).is_dir():
        shutil.rmtree(target)
    _rename(source, target)


def _rename_over_no_folder(source: Path, target: Path) -> None:
    if Path(source).is_dir() and Path(target).is_dir():
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    _rename(source, target)


def _rename_with_another_error(source: Path, target: Path) -> None:
    try:
        _rename(source, target)
    except OSError as error:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM)) from error


_open = os.open


def _open_at_the_beginning(path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    return _open(path, flags & ~os.O_APPEND, mode, dir_fd=dir_fd)


def _open_at_the_end(path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    return _open(path, flags | (os.O_APPEND if Path(path).name == "counter" else 0), mode, dir_fd=dir_fd)


LACKING = {
    "folders can be made twice": ("os.mkdir", _mkdir_twice(), "a folder is made only once"),
    "renaming copies": ("os.replace", _copy_only, "a file renamed over another one replaces it"),
    "no renaming over files": ("os.replace", _refuse(errno.EEXIST), "File exists"),
    "full folders go": ("os.rename", _rename_over_full_folders, "a folder is never renamed over one that holds"),
    "empty folders stay": ("os.rename", _rename_over_no_folder, "File exists"),
    "nobody says why": ("os.rename", _rename_with_another_error, "refused with 'Operation not permitted' instead of"),
    "no appending": ("os.open", _open_at_the_beginning, "what is appended stands at the end"),
    "only appending": ("os.open", _open_at_the_end, "what is written over in place is seen"),
    "no fsync": ("os.fsync", _refuse(errno.EINVAL), "what is written can be forced to the disk"),
    "no locks": ("fcntl.flock", _refuse(errno.ENOLCK), "No locks available"),
    "locks for everybody": ("fcntl.flock", lambda *_: None, "it was held twice"),
}


@pytest.mark.parametrize(("where", "instead", "words"), LACKING.values(), ids=LACKING)
def test_what_is_lacking_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, instead: Callable[..., object], words: str
) -> None:
    """One sentence: the key, the folder, what does not hold, what was found, what to do."""
    monkeypatch.setattr(where, instead)
    with pytest.raises(ConfigError) as refused:
        require_sound(tmp_path)
    monkeypatch.undo()
    (message,) = refused.value.problems
    assert message.startswith(
        f"output_dir: {tmp_path}: a sweep relies on its file system for this, and it does not hold: "
    )
    assert words in message
    assert message.endswith("choose an output_dir on another one (docs/sweeps.md says which will do)")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_do_not_see_is_named(tmp_path: Path) -> None:
    """By the machine that was to run a job there."""
    (tmp_path / "plan.json").touch()
    require_shared(tmp_path)
    with pytest.raises(ConfigError, match=r"output_dir: .* has no plan.json on .*; expected a folder that all"):
        require_shared(tmp_path / "elsewhere")
