"""What tests of boxes need of the machine, with the reason why they are skipped without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.sandbox.finding import find_sandbox


def _why_no_box(sandbox: str) -> str:
    try:
        find_sandbox(sandbox)
    except ConfigError as error:
        return str(error)
    return ""


_WHY = {sandbox: _why_no_box(sandbox) for sandbox in ("auto", "bubblewrap")}
needs_sandbox = pytest.mark.skipif(bool(_WHY["auto"]), reason=_WHY["auto"])
needs_bubblewrap = pytest.mark.skipif(bool(_WHY["bubblewrap"]), reason=_WHY["bubblewrap"])
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="boxes are Linux's")


@pytest.fixture(name="open_folder")
def make_open_folder() -> Iterator[Path]:
    """Give a folder that every user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def find_system_python() -> str | None:
    """Return a Python that every user may run and that is new enough for evalkit."""
    program = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if program is None:
        return None
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return None if subprocess.run([program, "-c", check], check=False).returncode else program


SYSTEM_PYTHON = find_system_python()
