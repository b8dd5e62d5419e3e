"""``git apply`` in a guarded call: a new folder outside of every repository, and no configuration but the defaults."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from evalkit.errors import ConfigError

_TIMEOUT_S = 20.0
_PLAIN_FILE = stat.S_IFREG | 0o644


def find_git() -> str:
    """Return the path of git; raises ConfigError where it is missing."""
    found = shutil.which("git")
    if found is None:
        raise ConfigError(
            "mode.edit_format=diff needs git, which is not on PATH: install the package git, "
            "or ask for mode.edit_format=whole or search_replace"
        )
    return found


def git_apply(files: Mapping[str, bytes], diff: str, *, recount: bool, strip: int) -> dict[str, bytes] | str:
    """Return the files after ``git apply`` took `diff`, or its reason for refusing it in one sentence.

    Args:
        files: Relative path -> content.
        diff: The diff as it was written.
        recount: Whether to pass ``--recount``, which counts the lines of a hunk instead of believing its header.
        strip: How many leading parts of the names in the diff are prefixes.

    """
    with TemporaryDirectory(prefix="evalkit-patch-") as name:
        folder = Path(name).resolve()
        work = folder / "work"
        work.mkdir()
        _write(work, files)
        command = [find_git(), "apply", "--whitespace=nowarn", f"-p{strip}", *(["--recount"] if recount else []), "-"]
        try:
            done = subprocess.run(
                command,
                input=diff.encode(),
                capture_output=True,
                cwd=work,
                env=_environment(folder),
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"git apply took longer than {_TIMEOUT_S:g} s"
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return next(
                (line for line in words if line.startswith("error:")), words[-1] if words else "git apply failed"
            )
        return _read(work)


def _environment(folder: Path) -> dict[str, str]:
    """Return git's whole environment: without it git would find the repository around, and skip every file."""
    return {
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CEILING_DIRECTORIES": str(folder),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def _write(work: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o644)


def _read(work: Path) -> dict[str, bytes] | str:
    """Return the files, or which of them is no plain file."""
    found: dict[str, bytes] = {}
    for path in sorted(work.rglob("*")):
        about = path.lstat()
        name = path.relative_to(work).as_posix()
        if stat.S_ISDIR(about.st_mode):
            continue
        if about.st_mode & ~0o022 != _PLAIN_FILE & ~0o022:
            return f"{name} would be a link, or a file with a mode of its own"
        found[name] = path.read_bytes()
    return found
