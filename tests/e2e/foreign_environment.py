"""Packages of others, each in an environment of its own: they pin what evalkit must not depend on."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class ForeignEnvironment:
    """A virtual environment among others in a folder that a variable names.

    Attributes:
        name: Its own folder's.
        installs: The arguments of one ``pip install`` after the other.
        variable: The environment variable that names the folder of all.
        maker: The script that makes them, for whoever has none.
        has_ours: Whether evalkit is there too, with all that it is installed with here.

    """

    name: str
    installs: tuple[tuple[str, ...], ...]
    variable: str
    maker: str
    has_ours: bool = False

    def python(self) -> Path:
        """Return its interpreter; skips the test where there is none, and says how to make one."""
        folder = os.environ.get(self.variable)
        if not folder:
            pytest.skip(f"{self.name} needs ${self.variable}; {self.maker} makes it")
        python = Path(folder) / self.name / "bin" / "python"
        if not python.exists():
            pytest.skip(f"{python} does not exist; {self.maker} makes it")
        return python

    def make(self, folder: Path) -> None:
        """Install it anew in `folder`; raises CalledProcessError where something cannot be had."""
        place = folder / self.name
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        if self.has_ours:  # its own packages come first
            (site,) = place.glob("lib/python*/site-packages")
            (site / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        for arguments in self.installs:
            subprocess.run([str(place / "bin" / "pip"), "install", "-q", *arguments], check=True)
