"""Runs the attacks as a user who is not root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path

from boxes.needs import SYSTEM_PYTHON

import evalkit

ORDINARY_ID = 64002  # nobody's, and not the one that boxes of root have


def run_as_ordinary_user(sandbox: str, package: ModuleSpec | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script of the attacks as another user, from a copy that this user can read; of `package` too."""
    source = Path(evalkit.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(source / "sandbox", folder / "evalkit/sandbox", ignore=shutil.ignore_patterns("__pycache__"))
        for module in ("__init__.py", "errors.py"):
            shutil.copy(source / module, folder / "evalkit")
        shutil.copy(Path(__file__).with_name("attacks.py"), folder)
        if package is not None and package.origin is not None:
            shutil.copytree(Path(package.origin).parent, folder / package.name)
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        return subprocess.run(
            [str(SYSTEM_PYTHON), "-B", f"{name}/attacks.py", sandbox],
            cwd="/", env={"PYTHONPATH": name, "PATH": "/usr/local/bin:/usr/bin:/bin"}, text=True,
            capture_output=True, timeout=240, check=False, user=ORDINARY_ID, group=ORDINARY_ID, extra_groups=[],
        )  # fmt: skip
