"""What of this machine a box sees: whether a program is there, whether folders can be read, what must be hidden."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob

_SYSTEM = {"/usr": "/usr"}


def check_program(job: BoxJob) -> None:
    """Raise SandboxError when the command's program is surely not in the box: that is no fault of the candidate."""
    program = job.command[0]
    if "/" not in program:
        if "PATH" in job.environment:
            return
        places = [f"/usr/local/bin/{program}", f"/usr/bin/{program}"]
        found = next((place for place in places if os.path.lexists(place)), None)
        if found is None:
            raise SandboxError(
                f"{program} is not in /usr/local/bin or /usr/bin, where a box looks for programs; install it there"
            )
        program = found
    outside = _find_outside(program, job.read_only)
    if outside is None:
        return
    if not Path(outside).exists():
        raise SandboxError(f"{outside} does not exist on this machine; install it, or name another program")
    real = os.path.realpath(outside)
    if not any(_is_below(real, source) for source in (*_SYSTEM, *map(os.path.realpath, job.read_only))):
        raise SandboxError(
            f"{program} is a link to {real}, which a box does not see; install it below /usr, "
            f"or name its folder in read_only"
        )


def check_readable(folders: Iterable[str], *, as_other: bool) -> None:
    """Raise SandboxError when a folder cannot be read by the box's user: nobody in particular, or else ourselves."""
    for folder in folders:
        path = Path(os.path.realpath(folder))
        if not path.exists():
            raise SandboxError(f"{folder} does not exist, and a box was to see it")
        if not as_other:
            if not os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK):
                raise SandboxError(f"{folder} cannot be read by this user, and a box was to see it; change its mode")
            continue
        for part in (*reversed(path.parents), path):
            wanted = stat.S_IXOTH if part.is_dir() else stat.S_IROTH
            if not part.stat().st_mode & wanted:
                raise SandboxError(
                    f"{folder} cannot be seen in a box, because {part} is closed to other users and root gives up its "
                    f"rights before a box starts; move it to a folder that everybody can read, or run as another user"
                )


def find_masks(hidden: Iterable[str], read_only: Mapping[str, str]) -> Iterator[str]:
    """Yield where in the box folders would appear that it must not see."""
    shown = {os.path.realpath(source): inside for source, inside in (_SYSTEM | dict(read_only)).items()}
    for folder in {os.path.realpath(path) for path in hidden}:
        for source, inside in shown.items():
            if _is_below(folder, source) and Path(folder).is_dir():
                yield inside + folder.removeprefix(source)


def _find_outside(program: str, read_only: Mapping[str, str]) -> str | None:
    """Return where a program of the box lies on this machine, or None when it lies only in the box."""
    if _is_below(program, "/ws") or _is_below(program, "/tmp"):  # noqa: S108
        return None
    for source, inside in read_only.items():
        if _is_below(program, inside):
            return source + program.removeprefix(inside)
    return None if _is_below(program, "/box") or not program.startswith("/") else program


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
