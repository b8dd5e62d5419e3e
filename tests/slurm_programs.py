"""Stand-ins for Slurm's programs: each prints what a file of its name says, and notes how it was called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_PROGRAM = """#!{python}
import pathlib, sys, time
here = pathlib.Path({folder!r})
name = pathlib.Path(sys.argv[0]).name
with (here / "calls").open("a") as file:
    file.write(" ".join([name, *sys.argv[1:]]) + "\\n")
time.sleep(float((here / f"{{name}}.takes_s").read_text()) if (here / f"{{name}}.takes_s").exists() else 0)
print((here / f"{{name}}.out").read_text() if (here / f"{{name}}.out").exists() else "", end="")
failure = here / f"{{name}}.err"
if failure.exists():
    sys.exit(failure.read_text())
"""


class SlurmPrograms:
    """Programs in `folder` that answer as they are told to.

    They are the only ones on the PATH.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.setenv("PATH", str(folder))

    def answer(self, name: str, out: str = "", *, failure: str = "", takes_s: float = 0.0) -> None:
        """Let program `name` print `out`, after so long, and fail where there is a `failure` to tell."""
        program = self.folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(self.folder)))
        program.chmod(0o755)
        (self.folder / f"{name}.out").write_text(out)
        (self.folder / f"{name}.takes_s").write_text(str(takes_s))
        failing = self.folder / f"{name}.err"
        failing.write_text(failure)
        if not failure:
            failing.unlink()

    @property
    def calls(self) -> list[str]:
        """How they were called."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []
